"""Hours of a rule, on the wall clock of the facility.

    schedule = Schedule(ZoneInfo("America/Chicago"), {MONDAY: (Interval(8 * 60, 21 * 60),)})

What counts is what the clock on the facility's wall shows, so a change to or from daylight saving time needs no
thought: an hour that the clock shows twice is open twice, an hour that it skips is not open at all.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTES_PER_DAY = 24 * 60
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Minutes of one day since midnight on the wall clock, the end not included."""

    start_min: int
    end_min: int

    @classmethod
    def parse(cls, text: str) -> Interval:
        """From `08:00-21:00`; `24:00` is the end of the day. Raises ValueError."""
        found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", text.replace(" ", ""))
        if not found:
            raise ValueError(f"{text!r} are no hours; write for instance 08:00-21:00")
        hour, minute, end_hour, end_minute = (int(each) for each in found.groups())
        interval = cls(hour * 60 + minute, end_hour * 60 + end_minute)
        if interval.end_min > MINUTES_PER_DAY:
            raise ValueError(f"{text!r} ends after midnight; a day ends at 24:00")
        if interval.end_min <= interval.start_min:
            raise ValueError(f"{text!r} ends before it begins; split it at midnight, on two days")
        return interval

    def __str__(self) -> str:
        return "-".join(f"{each // 60:02d}:{each % 60:02d}" for each in (self.start_min, self.end_min))


@dataclass(frozen=True, slots=True)
class Schedule:
    """week: for each weekday from Monday (0) the intervals in order, none overlapping another."""

    zone: ZoneInfo
    week: tuple[tuple[Interval, ...], ...]

    def is_open(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        return any(each.start_min <= minute < each.end_min for each in self.week[local.weekday()])

    def meets(self, other: Schedule) -> bool:
        """Whether there is a minute of the week at which both are open."""
        return any(
            mine.start_min < theirs.end_min and theirs.start_min < mine.end_min
            for day, days in zip(self.week, other.week, strict=True)
            for mine in day
            for theirs in days
        )

    def closes_at(self, at: datetime) -> datetime | None:
        """The first instant (UTC) from `at` on when it is closed; None when it stays open for a week and more."""
        limit = at + timedelta(days=8)
        for candidate in self._edges(at.astimezone(self.zone).date()):
            if candidate > limit:
                return None
            if candidate > at and not self.is_open(candidate) and self.is_open(candidate - _SECOND):
                return candidate
        return None

    def _edges(self, first: date) -> Iterator[datetime]:
        """The instants at which it may open or close, from the day `first` on, in order."""
        for offset in range(10):
            day = first + timedelta(days=offset)
            yield from _edges_of(self.zone, self.week[day.weekday()], day)


@lru_cache(maxsize=4_096)
def _edges_of(zone: ZoneInfo, intervals: tuple[Interval, ...], day: date) -> tuple[datetime, ...]:
    """Of one day. Kept: every decision of the day asks for the same few."""
    minutes = {minute for each in intervals for minute in (each.start_min, each.end_min)}
    return tuple(sorted({instant for minute in minutes for instant in _instants(zone, day, minute)}))


def _instants(zone: ZoneInfo, day: date, minute: int) -> Iterator[datetime]:
    """When the wall clock gets to `minute` of `day`: once; twice in autumn, where going back is an edge too."""
    wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)  # noqa: DTZ001 - the wall clock itself
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:  # in spring the clock skips it (PEP 495): the jump itself is the instant
        yield _jump(zone, second, first)
        return
    yield first
    if second != first:
        yield _jump(zone, first, second)
        yield second


def _jump(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The instant between the two at which the offset from UTC changes, to the second."""
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + timedelta(seconds=(after - before) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def overlaps(intervals: Iterable[Interval]) -> tuple[Interval, Interval] | None:
    """The first two that share a minute, if any do."""
    ordered = sorted(intervals)
    for earlier, later in itertools.pairwise(ordered):
        if later.start_min < earlier.end_min:
            return earlier, later
    return None
