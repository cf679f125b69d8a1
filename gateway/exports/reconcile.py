"""Our records beside a carrier's: what agrees, what nearly does, what differs, and what only one of us has.

    carrier's CSV  -->  index on disk  --------\\
    our records, the latest of each visit  ----+-->  an outcome for each: by key, then by number and time

Both sides are read a page at a time: memory does not grow with them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

import orjson

from gateway.exports.carrier import Carrier, Ours, Theirs
from gateway.exports.mapping import Column, MappingDocument, Nearness, Value, columns_of, nearness, shown
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
class Outcome:
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


async def reconcile(
    store: Store, carrier: Carrier, mapping: MappingDocument, period: Period, progress: Callable[[int], None]
) -> AsyncIterator[Outcome]:
    """Uses the carrier's rows up. progress: told of each page of ours, how many records it had."""
    columns, near = columns_of(mapping), nearness(mapping)
    name = mapping.key.ours if mapping.key else ""
    place: Place | None = None
    while True:
        page: Page = await store.read(partial(_page, period=period, after=place))
        ours = [
            _ours(record, columns, near, name)
            for record in map(orjson.loads, page.documents)
            if (not period.trunk or record["trunk"] == period.trunk) and (record["answer_at"] or not mapping.answered)
        ]
        for each in _by_key(carrier, ours, columns, leave=near is not None):
            yield each
        progress(len(page.documents))
        if page.next is None:
            break
        place = page.next
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


def _ours(record: Mapping[str, Any], columns: Sequence[Column], near: Nearness | None, name: str) -> Ours:
    values = tuple(each.ours(record) for each in columns)
    key, cdr_id = str(record[name]) if name else "", str(record["cdr_id"])
    if near is None:
        return Ours(key, cdr_id, values)
    return Ours(key, cdr_id, values, near.number(record["dialled"]), near.ours(record))


def _ours_alone(ours: Ours) -> Outcome:
    return Outcome(Verdict.MISSING_THERE, ours.key, ours.cdr_id, ours=ours.values)


def _pair(ours: Ours, theirs: Theirs, columns: Sequence[Column], what: str = "") -> Outcome:
    verdict = _verdict(ours.values, theirs.values, columns)
    return Outcome(verdict, ours.key or theirs.key, ours.cdr_id, theirs.line, ours.values, theirs.values, what)


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
