"""Our records beside a carrier's: what agrees, what nearly does, what differs, and what only one of us has.

    carrier's CSV  -->  a row for each key  --\\
    our records, the latest of each visit  ----+-->  an outcome for each key, in one pass over ours

The carrier's rows are in memory, a few hundred bytes each; ours are read a page at a time.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from gateway.errors import BillingError
from gateway.exports.mapping import Column, MappingDocument, Value, columns_of, shown
from gateway.store import Page, Place, Store, Work

PAGE = 2000
_FORMULA = re.compile(r"\s*[=+\-@]")


class Verdict(StrEnum):
    MATCHED = "matched"  # every figure is the same
    TOLERANCE = "tolerance"  # some are not, but near enough
    DIFFERENT = "different"
    MISSING_HERE = "missing_here"  # the carrier has it, we have not
    MISSING_THERE = "missing_there"  # we have it, the carrier has not
    DUPLICATE = "duplicate"  # a key that stood before: on the carrier's side a line, on ours a record
    UNREADABLE = "unreadable"  # a line of the carrier's with a figure that is none


@dataclass(frozen=True, slots=True)
class Theirs:
    line: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One key. cdr_id empty: we have none; line 0: they have none. what: of an unreadable line, what is wrong."""

    verdict: Verdict
    key: str
    cdr_id: str = ""
    line: int = 0
    ours: tuple[Value, ...] = ()
    theirs: tuple[Value, ...] = ()
    what: str = ""


@dataclass(slots=True)
class Carrier:
    """Their file, read. aside: lines that cannot be compared."""

    rows: dict[str, Theirs] = field(default_factory=dict)
    aside: list[Outcome] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Period:
    """Our visits that ended at `since` or later and before `until`, of one trunk or of all."""

    since: datetime
    until: datetime
    trunk: str = ""


@dataclass(slots=True)
class Sums:
    """How many of each verdict, and what both sides add up to, by verdict and position of the column: micro-units."""

    positions: tuple[int, ...]
    counts: Counter[Verdict] = field(default_factory=Counter)
    ours: Counter[tuple[Verdict, int]] = field(default_factory=Counter)
    theirs: Counter[tuple[Verdict, int]] = field(default_factory=Counter)

    @classmethod
    def over(cls, columns: Sequence[Column]) -> Sums:
        return cls(tuple(index for index, each in enumerate(columns) if each.adds_up))

    def add(self, outcome: Outcome) -> None:
        verdict = outcome.verdict
        self.counts[verdict] += 1
        for sums, values in ((self.ours, outcome.ours), (self.theirs, outcome.theirs)):
            if values:
                for index in self.positions:
                    value = values[index]
                    sums[verdict, index] += value if isinstance(value, int) else 0

    @property
    def agree(self) -> bool:
        return not set(self.counts) - {Verdict.MATCHED, Verdict.TOLERANCE}


def read_carrier(path: Path, mapping: MappingDocument) -> Carrier:
    """Raises BillingError for a file that cannot be read or lacks a column."""
    columns = columns_of(mapping)
    found = Carrier()
    try:
        with path.open(encoding=mapping.encoding, newline="") as file:
            rows = csv.reader(file, delimiter=mapping.delimiter, strict=True)
            header = next(rows, [])
            places = _places(path, header, [mapping.key.theirs, *(each.header for each in columns), *mapping.only])
            for row in rows:
                _take(found, row, rows.line_num, places=places, mapping=mapping, columns=columns)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BillingError(f"{path} cannot be read as a carrier's CSV: {error}") from None
    return found


def _places(path: Path, header: list[str], wanted: list[str]) -> dict[str, int]:
    places = {name.strip(): index for index, name in enumerate(header)}
    for name in wanted:
        if name not in places:
            raise BillingError(f"{path}:1: there is no column {name!r}; it has: {', '.join(places)}")
    return places


def _take(
    found: Carrier,
    row: list[str],
    line: int,
    *,
    places: Mapping[str, int],
    mapping: MappingDocument,
    columns: tuple[Column, ...],
) -> None:
    if not row:
        return
    try:
        if any(row[places[name]] not in values for name, values in mapping.only.items()):
            return
        key = row[places[mapping.key.theirs]].strip()
        values = tuple(each.theirs(row[places[each.header]]) for each in columns)
    except (ValueError, IndexError) as error:
        what = "has fewer columns than the header" if isinstance(error, IndexError) else str(error)
        found.aside.append(Outcome(Verdict.UNREADABLE, "", line=line, what=what))
        return
    if key in found.rows:
        found.aside.append(Outcome(Verdict.DUPLICATE, key, line=line, theirs=values))
    else:
        found.rows[key] = Theirs(line, values)


async def reconcile(
    store: Store, carrier: Carrier, mapping: MappingDocument, period: Period, progress: Callable[[int], None]
) -> AsyncIterator[Outcome]:
    """Uses the carrier's rows up. progress: told of each page of ours, how many records it had."""
    columns = columns_of(mapping)
    seen: set[str] = set()
    place: Place | None = None
    while True:
        page: Page = await store.read(partial(_page, period=period, after=place))
        for document in page.documents:
            record = orjson.loads(document)
            if (period.trunk and record["trunk"] != period.trunk) or (mapping.answered and record["answer_at"] is None):
                continue
            yield _outcome(record, carrier, seen, columns, mapping.key.ours)
        progress(len(page.documents))
        if page.next is None:
            break
        place = page.next
    for key, theirs in carrier.rows.items():
        yield Outcome(Verdict.MISSING_HERE, key, line=theirs.line, theirs=theirs.values)
    for each in carrier.aside:
        yield each


def _page(work: Work, period: Period, after: Place | None) -> Page:
    return work.latest.page(period.since, period.until, after=after, limit=PAGE)


def _outcome(
    record: Mapping[str, Any], carrier: Carrier, seen: set[str], columns: tuple[Column, ...], name: str
) -> Outcome:
    key = str(record[name])
    ours = tuple(each.ours(record) for each in columns)
    cdr_id = str(record["cdr_id"])
    theirs = carrier.rows.pop(key, None)
    if theirs is None:
        verdict = Verdict.DUPLICATE if key in seen else Verdict.MISSING_THERE
        return Outcome(verdict, key, cdr_id, ours=ours)
    seen.add(key)
    return Outcome(_verdict(ours, theirs.values, columns), key, cdr_id, theirs.line, ours, theirs.values)


def _verdict(ours: tuple[Value, ...], theirs: tuple[Value, ...], columns: tuple[Column, ...]) -> Verdict:
    if ours == theirs:
        return Verdict.MATCHED
    for one, other, column in zip(ours, theirs, columns, strict=True):
        if one == other:
            continue
        if not (isinstance(one, int) and isinstance(other, int)) or abs(one - other) > column.tolerance:
            return Verdict.DIFFERENT
    return Verdict.TOLERANCE


def report_header(columns: Sequence[Column]) -> list[str]:
    pairs = [f"{side}_{each.name}" for each in columns for side in ("ours", "theirs")]
    return ["verdict", "key", "cdr_id", "line", *pairs, "what"]


def report_row(outcome: Outcome, columns: Sequence[Column]) -> list[str]:
    """Text that a spreadsheet would run as a formula gets an apostrophe in front: a carrier's file is not ours."""
    cells = [str(outcome.verdict), _text(outcome.key), outcome.cdr_id, str(outcome.line or "")]
    for index, column in enumerate(columns):
        for values in (outcome.ours, outcome.theirs):
            value = values[index] if values else None
            cells.append(_text(value) if isinstance(value, str) else shown(value, column.name))
    return [*cells, _text(outcome.what)]


def _text(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def told(sums: Sums, columns: Sequence[Column]) -> Iterator[str]:
    """One line for each verdict that there is: how many, and what both sides add up to."""
    for verdict in Verdict:
        if not sums.counts[verdict]:
            continue
        figures = [
            f"{columns[index].name} {shown(sums.ours[verdict, index], columns[index].name)} ours, "
            f"{shown(sums.theirs[verdict, index], columns[index].name)} theirs"
            for index in sums.positions
        ]
        yield "; ".join([f"{verdict.replace('_', ' ')}: {sums.counts[verdict]}", *figures])
