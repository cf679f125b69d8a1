"""The slots in which a visit can be booked: pure, from hours on the facility's wall clock.

Slots begin when it opens and follow each other in real time, so a day of 23 or 25 hours has one slot of an hour less
or more, and no slot lies in an hour that the clock skips. Instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.policy.blackout import Blackout, is_black
from gateway.policy.levels import Level
from gateway.policy.schedule import Schedule

_SECOND = timedelta(seconds=1)
_QUARTER = timedelta(minutes=15)  # clocks change at a full quarter of an hour of UTC, in every zone


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """From starts_at to ends_at, the end not included."""

    starts_at: datetime
    ends_at: datetime

    def meets(self, other: Slot) -> bool:
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@dataclass(frozen=True, slots=True)
class Hours:
    """When there may be visits: all schedules have to be open, and no blackout fall on the day.

    Without a schedule the day is open from midnight to midnight.
    """

    zone: ZoneInfo
    schedules: tuple[Schedule, ...] = ()
    blackouts: tuple[Blackout, ...] = ()

    @classmethod
    def of(cls, zone: ZoneInfo, levels: tuple[Level, ...], more: Schedule | None) -> Hours:
        """Of facility, units and station, and of the rule besides."""
        schedules = [each.schedule for each in levels] + [more]
        blackouts = tuple(black for each in levels for black in each.blackouts)
        return cls(zone, tuple(each for each in schedules if each is not None), blackouts)


def slots_of_day(hours: Hours, day: date, length: timedelta) -> tuple[Slot, ...]:
    """All of one day of the facility's calendar. No slot reaches into the next day."""
    begin, end = _begin_of(hours.zone, day), _begin_of(hours.zone, day + timedelta(days=1))
    if is_black(hours.blackouts, hours.zone, begin):
        return ()
    found = []
    for opening in _openings(hours, day, begin, end):
        closings = [closes for each in hours.schedules if (closes := each.closes_at(opening)) is not None]
        start = opening
        while start + length <= min([*closings, end]):
            found.append(Slot(start, start + length))
            start += length
    return tuple(found)


def slots_between(hours: Hours, length: timedelta, since: datetime, until: datetime) -> Iterator[Slot]:
    """Those that begin from `since` on and before `until`, in order."""
    day, last = since.astimezone(hours.zone).date(), until.astimezone(hours.zone).date()
    while day <= last:
        for slot in slots_of_day(hours, day, length):
            if since <= slot.starts_at < until:
                yield slot
        day += timedelta(days=1)


def day_of(zone: ZoneInfo, at: datetime) -> Slot:
    """The facility's day around `at`: 23, 24 or 25 hours."""
    day = at.astimezone(zone).date()
    return Slot(_begin_of(zone, day), _begin_of(zone, day + timedelta(days=1)))


def week_of(zone: ZoneInfo, at: datetime) -> Slot:
    """From Monday to Monday on the facility's calendar."""
    day = at.astimezone(zone).date()
    monday = day - timedelta(days=day.weekday())
    return Slot(_begin_of(zone, monday), _begin_of(zone, monday + timedelta(days=7)))


def _openings(hours: Hours, day: date, begin: datetime, end: datetime) -> list[datetime]:
    """When all become open, in order; midnight where they are open already."""
    candidates = {begin, *_quarters(begin, end)}
    for schedule in hours.schedules:
        candidates.update(_instants(hours.zone, day, (each.start_min for each in schedule.week[day.weekday()])))

    def is_open(at: datetime) -> bool:
        return all(each.is_open(at) for each in hours.schedules)

    return [
        each
        for each in sorted(candidates)
        if begin <= each < end and is_open(each) and (each == begin or not is_open(each - _SECOND))
    ]


def _quarters(begin: datetime, end: datetime) -> Iterator[datetime]:
    at = begin
    while at < end:
        yield at
        at += _QUARTER


def _instants(zone: ZoneInfo, day: date, minutes: Iterable[int]) -> Iterator[datetime]:
    """Both, where the clock shows a time twice."""
    for minute in minutes:
        wall = datetime.combine(day, time(minute // 60, minute % 60), zone)
        yield from (wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def _begin_of(zone: ZoneInfo, day: date) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
