"""Files of people into the store: every row checked, every mistake told with its line and column, all of it or nothing.

    outcome = await bring_in(desk, Kind.RESIDENTS, Path("residents.csv"), facilities, who="badge-1", dry_run=True)
    print(outcome.added, outcome.changed, outcome.unchanged)

Raises DocumentError. A second import of the same file changes nothing.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from gateway.documents import DocumentError, Problem, in_words
from gateway.errors import PeopleError
from gateway.people.desk import PeopleDesk, check_room
from gateway.people.rows import MODELS, ContactRow, Kind, ListRow, NumberRow, PeopleRow, ResidentRow
from gateway.policy.people import People
from gateway.policy.plan import Dialplan
from gateway.store import By
from gateway.store.people import Peoples


@dataclass(frozen=True, slots=True)
class Outcome:
    """Rows of a file: what became of them, or would with a dry run."""

    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Line:
    """A row and where it stands."""

    number: int
    row: PeopleRow


async def bring_in(
    desk: PeopleDesk, kind: Kind, path: Path, facilities: Mapping[str, int | None], *, who: str, dry_run: bool = False
) -> Outcome:
    """facilities: `most_contacts` of the dialplan. Raises DocumentError with each mistake; nothing is changed then.

    Rows that say what is there already stay out of the transaction: most of a nightly file, while visits want to begin.
    """
    lines = read(kind, path, facilities)
    hashes = {} if dry_run else await _hashed(desk, lines, path)
    present = await desk.snapshot()
    others = [each for each in lines if each.number in hashes or not _is_so(present, each.row)]

    def apply(people: Peoples, by: By) -> Outcome:
        tried = _Bringing(people, facilities, hashes, by).all(others, path)
        outcome = replace(tried, unchanged=tried.unchanged + len(lines) - len(others))
        if dry_run:
            raise _OnlyTried(outcome)
        return outcome

    try:
        return await desk.change(apply, who)
    except _OnlyTried as tried:
        return tried.outcome


def _is_so(people: People, row: PeopleRow) -> bool:
    match row:
        case ResidentRow():
            return people.residents.get((row.facility, row.id)) == row.resident()
        case ContactRow():
            return not row.email and people.contacts.get(row.id) == row.contact()
        case ListRow():
            there = people.standings.get((row.facility, row.resident, row.contact))
            return there is not None and there == row.value()
        case _:
            return False


class _OnlyTried(Exception):
    """Ends the transaction of a dry run."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


# ---- reading ----


def read(kind: Kind, path: Path, facilities: Collection[str]) -> tuple[Line, ...]:
    """Raises DocumentError with every mistake that the file has in itself."""
    problems: list[Problem] = []
    lines: list[Line] = []
    seen: dict[tuple[str, ...], int] = {}
    for number, cells in _records(kind, path, problems):
        row = _row(kind, path, number, cells, problems)
        if row is None:
            continue
        facility = getattr(row, "facility", "")
        if facility and facility not in facilities:
            problems.append(Problem(str(path), number, "facility", _unknown("facility", facility, facilities)))
        before = seen.setdefault(row.key, number)
        if before != number:
            problems.append(Problem(str(path), number, "", f"says again what line {before} says; take one away"))
        lines.append(Line(number, row))
    if problems:
        raise DocumentError(problems)
    return tuple(lines)


def _records(kind: Kind, path: Path, problems: list[Problem]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column; what is wrong with the file as a whole is raised at once."""
    columns = tuple(MODELS[kind].model_fields)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [each.strip() for each in next(reader, [])]
            _check_header(kind, path, header, columns)
            last = reader.line_num
            for cells in reader:
                number, last = last + 1, reader.line_num  # of its first line: a quoted cell may hold several
                if not any(each.strip() for each in cells):
                    continue
                if len(cells) != len(header):
                    message = f"has {len(cells)} cells where the header has {len(header)}; quote cells that hold commas"
                    problems.append(Problem(str(path), number, "", message))
                    continue
                yield number, {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    except OSError as error:
        raise DocumentError([Problem(str(path), 0, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise DocumentError([Problem(str(path), 0, "", f"is not UTF-8 (byte {error.start})")]) from None
    except csv.Error as error:
        raise DocumentError([Problem(str(path), reader.line_num, "", f"is not CSV: {error}")]) from None


def _check_header(kind: Kind, path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    problems = []
    for name in header:
        if name not in columns:
            problems.append(Problem(str(path), 1, name, _unknown("column", name, columns)))
        elif list(header).count(name) > 1:
            problems.append(Problem(str(path), 1, name, "stands twice in the header"))
    for name, field in MODELS[kind].model_fields.items():
        if field.is_required() and name not in header:
            problems.append(Problem(str(path), 1, name, f"this column is missing; {kind} have: {', '.join(columns)}"))
    if problems:
        raise DocumentError(problems)


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(known)) or 'none'}"
    return f"there is no {what} {name!r}; {remedy}"


def _row(kind: Kind, path: Path, number: int, cells: dict[str, str], problems: list[Problem]) -> PeopleRow | None:
    try:
        return MODELS[kind].model_validate(cells)
    except ValidationError as error:
        for each in error.errors():
            column = str(each["loc"][0]) if each["loc"] else ""
            problems.append(Problem(str(path), number, column, in_words(each)))
        return None


# ---- writing ----


async def _hashed(desk: PeopleDesk, lines: Sequence[Line], path: Path) -> dict[int, str]:
    """The hashes of the PINs that the rows bring, by line. Slow on purpose: each takes some hundredths of a second."""
    hashes: dict[int, str] = {}
    problems: list[Problem] = []
    for line in lines:
        if isinstance(line.row, ResidentRow) and line.row.pin:
            try:
                hashes[line.number] = await desk.pin_hash(line.row.pin)
            except PeopleError as error:
                problems.append(Problem(str(path), line.number, "pin", str(error)))
    if problems:
        raise DocumentError(problems)
    return hashes


class _Bringing:
    """One transaction. hashes: of PINs, by line. most: how many contacts a list may have, by facility."""

    def __init__(self, people: Peoples, most: Mapping[str, int | None], hashes: dict[int, str], by: By) -> None:
        self._people = people
        self._most = most
        self._hashes = hashes
        self._by = by

    def all(self, lines: Sequence[Line], path: Path) -> Outcome:
        """Each row against what those before it left. Raises DocumentError with every mistake."""
        counts: dict[bool | None, int] = {True: 0, False: 0, None: 0}
        problems: list[Problem] = []
        for line in lines:
            try:
                counts[self._put(line)] += 1
            except PeopleError as error:
                problems.append(Problem(str(path), line.number, "", str(error)))
        if problems:
            raise DocumentError(problems)
        return Outcome(added=counts[True], changed=counts[False], unchanged=counts[None])

    def _put(self, line: Line) -> bool | None:
        """True: it is new; False: it has changed; None: it says what was there already."""
        people, by = self._people, self._by
        match line.row:
            case ResidentRow() as row:
                new = people.put_resident(row.resident(), by)
                pin_hash = self._hashes.get(line.number)
                if pin_hash is None:
                    return new
                people.set_pin(row.facility, row.id, pin_hash, by)
                return bool(new)
            case ContactRow() as row:
                new = people.put_contact(row.contact(), by)
                written = bool(row.email) and people.set_email(row.id, row.email.removeprefix("-"), by)
                return bool(new) if written else new
            case ListRow() as row:
                return set_standing(people, row, self._most.get(row.facility), by)
            case NumberRow(act="free") as row:
                taken = [people.take_barrier(row.barrier(watched=each), by) for each in (False, True)]
                return None if taken == [None, None] else False
            case NumberRow() as row:
                return people.put_barrier(row.barrier(watched=row.act == "watch"), by)


def set_standing(people: Peoples, row: ListRow, most: int | None, by: By) -> bool | None:
    """Raises PeopleError for somebody unknown, and for a list that would be too long."""
    changed = people.set_standing(row.facility, row.resident, row.contact, row.value(), by=by)
    if changed is not None and row.value() is not None:
        check_room(people, row.facility, row.resident, most)
    return changed


def most_contacts(plan: Dialplan) -> dict[str, int | None]:
    """Of each facility of the plan; None: no limit."""
    return {each.id: each.most_contacts for each in plan.facilities.values()}
