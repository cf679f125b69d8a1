"""Our records beside a carrier's: what agrees, what nearly does, what differs, and what only one of us has.

    carrier's CSV  -->  index on disk  --------\\
    our records, the latest of each visit  ----+-->  an outcome for each: by key, then by number and time

Both sides are read a page at a time: memory does not grow with them.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import compress
from typing import Any, NamedTuple

from gateway.exports.carrier import Carrier, Ours, Theirs
from gateway.exports.columns import figures
from gateway.exports.mapping import Column, MappingDocument, Value, columns_of, nearness, shown
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


class Outcome(NamedTuple):  # made for every row, as Ours and Theirs
    """One key. cdr_id empty: we have none; line 0: they have none. what: what is wrong, or how they were paired."""

    verdict: Verdict
    key: str
    cdr_id: str = ""
    line: int = 0
    ours: tuple[Value, ...] = ()
    theirs: tuple[Value, ...] = ()
    what: str = ""


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
        verdict, ours, theirs = outcome.verdict, outcome.ours, outcome.theirs
        self.counts[verdict] += 1
        for index in self.positions:
            if ours:
                self.ours[verdict, index] += _figure(ours[index])
            if theirs:
                self.theirs[verdict, index] += _figure(theirs[index])

    @property
    def agree(self) -> bool:
        return not set(self.counts) - {Verdict.MATCHED, Verdict.TOLERANCE}


def _figure(value: Value) -> int:
    return value if isinstance(value, int) else 0


async def reconcile(
    store: Store, carrier: Carrier, mapping: MappingDocument, period: Period, progress: Callable[[int], None]
) -> AsyncIterator[Outcome]:
    """Uses the carrier's rows up. progress: told of each page of ours, how many records it had."""
    near = nearness(mapping)
    columns = columns_of(mapping)
    async for page in _pages(store, period, partial(_ours, mapping=mapping, trunk=period.trunk)):
        for each in _by_key(carrier, page.ours, columns, leave=near is not None):
            yield each
        progress(page.records)
    for each in _the_rest(carrier, columns):
        yield each


def _by_key(carrier: Carrier, ours: Sequence[Ours], columns: Sequence[Column], *, leave: bool) -> Iterator[Outcome]:
    """A page of ours. leave: what no key finds is kept for a second look."""
    found = carrier.found(each.key for each in ours)
    used: set[int] = set()
    left: list[Ours] = []
    for each in ours:
        theirs = found.get(each.key) if each.key else None
        if theirs is None:
            left.append(each)
        elif theirs.used or theirs.line in used:
            yield Outcome(Verdict.DUPLICATE, each.key, each.cdr_id, ours=each.values)
        else:
            used.add(theirs.line)
            yield _pair(each, theirs, columns)
    carrier.use(used)
    if leave:
        carrier.leave(left)
    else:
        yield from map(_ours_alone, left)


def _the_rest(carrier: Carrier, columns: Sequence[Column]) -> Iterator[Outcome]:
    for ours, theirs in carrier.near():
        yield _pair(ours, theirs, columns, "by number and time")
    yield from map(_ours_alone, carrier.ours_alone())
    for each in carrier.theirs_alone():
        yield Outcome(Verdict.MISSING_HERE, each.key, line=each.line, theirs=each.values)
    for each in carrier.repeats():
        yield Outcome(Verdict.DUPLICATE, each.key, line=each.line, theirs=each.values)
    for line, what in carrier.unreadable:
        yield Outcome(Verdict.UNREADABLE, "", line=line, what=what)


@dataclass(frozen=True, slots=True)
class _Compared:
    """Of a page of `records`, what counts."""

    ours: list[Ours]
    records: int


def _ours(documents: Sequence[str], mapping: MappingDocument, trunk: str) -> _Compared:
    """Column by column: a record as an object would cost more than all the rest."""
    if not documents:
        return _Compared([], 0)
    columns, near = columns_of(mapping), nearness(mapping)
    key = mapping.key.ours if mapping.key else ""
    names = {"cdr_id", "trunk", "answer_at", *(each.source for each in columns)}
    names |= ({key} if key else set()) | ({near.source, "dialled"} if near else set())
    found = figures(documents, sorted(names))
    blank = [""] * len(documents)
    values = zip(*(_values(each, found[each.source]) for each in columns), strict=True)
    numbers = map(near.number, found["dialled"]) if near else blank
    times = found[near.source] if near else [None] * len(documents)
    keys = found[key] if key else blank
    made = map(Ours, keys, found["cdr_id"], values, numbers, times)
    counts = (
        (not trunk or on == trunk) and (at is not None or not mapping.answered)
        for on, at in zip(found["trunk"], found["answer_at"], strict=True)
    )
    return _Compared(list(compress(made, counts)), len(documents))


def _values(column: Column, found: list[Any]) -> Iterable[Value]:
    return found if column.ours is None else map(column.ours, found)


def _ours_alone(ours: Ours) -> Outcome:
    return Outcome(Verdict.MISSING_THERE, ours.key, ours.cdr_id, ours=ours.values)


def _pair(ours: Ours, theirs: Theirs, columns: Sequence[Column], what: str = "") -> Outcome:
    verdict = _verdict(ours.values, theirs.values, columns)
    return Outcome(verdict, ours.key or theirs.key, ours.cdr_id, theirs.line, ours.values, theirs.values, what)


async def _pages(store: Store, period: Period, parse: Callable[[Sequence[str]], _Compared]) -> AsyncIterator[_Compared]:
    """The next one is read and parsed while this one is compared."""

    async def fetch(after: Place | None) -> tuple[_Compared, Place | None]:
        page: Page = await store.read(partial(_page, period=period, after=after))
        return await asyncio.to_thread(parse, page.documents), page.next

    coming = asyncio.ensure_future(fetch(None))
    try:
        while True:
            page, place = await coming
            if place is None:
                yield page
                return
            coming = asyncio.ensure_future(fetch(place))
            yield page
    finally:
        coming.cancel()


def _page(work: Work, period: Period, after: Place | None) -> Page:
    return work.latest.page(period.since, period.until, after=after, limit=PAGE)


def _verdict(ours: tuple[Value, ...], theirs: tuple[Value, ...], columns: Sequence[Column]) -> Verdict:
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
