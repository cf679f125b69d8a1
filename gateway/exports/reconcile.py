"""Our records beside a carrier's: what agrees, what nearly does, what differs, and what only one of us has.

    carrier's CSV  -->  index on disk  --------\\
    our records, the latest of each visit  ----+-->  an outcome for each: by key, then by number and time

Both sides are read a page at a time: memory does not grow with them, but for the carrier's plain rows (exports.lane).
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
from typing import Any, NamedTuple

import numpy as np

from gateway.exports.carrier import Carrier, Ours, Theirs
from gateway.exports.columns import figures_of
from gateway.exports.lane import Compared, Flags, Lane, counting, integers, picked
from gateway.exports.mapping import Column, MappingDocument, Value, columns_of, nearness, shown
from gateway.store import FigurePage, Place, Store, Work

PAGE = 20_000
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
class Agreed:
    """Many that are the same on both sides. sums: position of the column, ours, theirs."""

    rows: int
    sums: tuple[tuple[int, int, int], ...]
    verdict: Verdict = Verdict.MATCHED


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

    def add(self, outcome: Outcome | Agreed) -> None:
        if isinstance(outcome, Agreed):
            self.counts[outcome.verdict] += outcome.rows
            for index, ours_sum, theirs_sum in outcome.sums:
                self.ours[outcome.verdict, index] += ours_sum
                self.theirs[outcome.verdict, index] += theirs_sum
            return
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
) -> AsyncIterator[Outcome | Agreed]:
    """Uses the carrier's rows up. progress: told of each page of ours, how many records it had."""
    near = nearness(mapping)
    columns = columns_of(mapping)
    async for page in _pages(store, mapping, period):
        if page.records:
            left = page.counts
            if carrier.lane is not None:
                left, found = _in_lane(carrier.lane, page, mapping, columns)
                for outcome in found:
                    yield outcome
            for each in _by_key(carrier, _ours(page, left, mapping), columns, leave=near is not None):
                yield each
        progress(page.records)
    carrier.leave_the_lane()
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
class _Columns:
    """A page of `records`: the fields that matter as columns, and which rows count."""

    fields: dict[str, Any]
    counts: Flags
    records: int


def _parsed(page: FigurePage, mapping: MappingDocument, trunk: str) -> _Columns:
    if not page.records:
        return _Columns({}, np.zeros(0, np.bool_), 0)
    found = figures_of(page.columns)
    return _Columns(found, counting(found, trunk=trunk, answered=mapping.answered), page.records)


def _page(work: Work, names: Sequence[str], period: Period, after: Place | None) -> FigurePage:
    return work.figures.page(names, period.since, period.until, after=after, limit=PAGE)


def _names(mapping: MappingDocument) -> list[str]:
    near = nearness(mapping)
    names = {"cdr_id", "trunk", "out_trunk", "answer_at", *(each.source for each in columns_of(mapping))}
    names |= ({mapping.key.ours} if mapping.key else set()) | ({near.source, "dialled"} if near else set())
    return sorted(names)


def _ours(page: _Columns, taken: Flags, mapping: MappingDocument) -> list[Ours]:
    """Those rows of a page as objects."""
    if not taken.any():
        return []
    columns, near = columns_of(mapping), nearness(mapping)
    found = {name: picked(column, taken) for name, column in page.fields.items()}
    blank = [""] * len(found["cdr_id"])
    values = zip(*(_values(each, found[each.source]) for each in columns), strict=True)
    numbers = map(near.number, found["dialled"]) if near else blank
    times = found[near.source] if near else [None] * len(blank)
    keys = found[mapping.key.ours] if mapping.key else blank
    return list(map(Ours, keys, found["cdr_id"], values, numbers, times))


def _in_lane(
    lane: Lane, page: _Columns, mapping: MappingDocument, columns: Sequence[Column]
) -> tuple[Flags, list[Outcome | Agreed]]:
    """Which rows of ours the lane has no key for, and what became of the others, in columns where they agree."""
    keys = page.fields[mapping.key.ours] if mapping.key else None
    if keys is None:
        return page.counts, []
    places = lane.places(keys)
    mine = page.counts & (places >= 0)
    at = places[mine]
    fresh = lane.take(at)
    whole, there = integers(page.fields, columns)
    compared = Compared([each[mine] for each in whole], [each[at] for each in lane.values])
    agree = fresh & compared.same & there[mine]
    sums = tuple(compared.sums([index for index, each in enumerate(columns) if each.adds_up], agree))
    outcomes: list[Outcome | Agreed] = [Agreed(int(agree.sum()), sums)] if agree.any() else []
    odd = np.flatnonzero(~agree)
    pick = np.zeros(len(mine), np.bool_)
    pick[np.flatnonzero(mine)[odd]] = True
    for each, index in zip(_ours(page, pick, mapping), odd.tolist(), strict=True):
        place = int(at[index])
        if not fresh[index]:
            outcomes.append(Outcome(Verdict.DUPLICATE, each.key, each.cdr_id, ours=each.values))
            continue
        theirs = Theirs(int(lane.rows[place]) + 2, each.key, True, tuple(int(v[place]) for v in lane.values))
        outcomes.append(_pair(each, theirs, columns))
    return page.counts & (places < 0), outcomes


def _values(column: Column, found: list[Any]) -> Iterable[Value]:
    return found if column.ours is None else map(column.ours, found)


def _ours_alone(ours: Ours) -> Outcome:
    return Outcome(Verdict.MISSING_THERE, ours.key, ours.cdr_id, ours=ours.values)


def _pair(ours: Ours, theirs: Theirs, columns: Sequence[Column], what: str = "") -> Outcome:
    verdict = _verdict(ours.values, theirs.values, columns)
    return Outcome(verdict, ours.key or theirs.key, ours.cdr_id, theirs.line, ours.values, theirs.values, what)


async def _pages(store: Store, mapping: MappingDocument, period: Period) -> AsyncIterator[_Columns]:
    """Three at a time: while one is compared, the next is parsed, and the one after it is read."""

    names = _names(mapping)

    async def read(after: Place | None) -> FigurePage:
        return await store.read(partial(_page, names=names, period=period, after=after))

    reading: asyncio.Task[FigurePage] | None = asyncio.create_task(read(None), name="a page of records")
    parsing: asyncio.Task[_Columns] | None = None
    try:
        while reading is not None:
            page = await reading
            reading = asyncio.create_task(read(page.next), name="a page of records") if page.next else None
            before = parsing
            parsing = asyncio.create_task(
                asyncio.to_thread(_parsed, page, mapping, period.trunk), name="columns of records"
            )
            if before is not None:
                yield await before
        if parsing is not None:
            yield await parsing
    finally:
        for each in (reading, parsing):
            if each is not None:
                each.cancel()


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
