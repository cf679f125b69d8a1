"""Hours and days without visits out of their entries, wherever they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from gateway.policy.blackout import Blackout
from gateway.policy.dialplan_entries import DayKey
from gateway.policy.dialplan_notes import Notes
from gateway.policy.schedule import WEEKDAYS, Interval, Schedule, overlaps

Hours = Mapping[DayKey, tuple[str, ...]]


def schedule_of(hours: Hours | None, zone: ZoneInfo, notes: Notes, *location: str | int) -> Schedule | None:
    """location: of what has the hours. None: at any time."""
    return None if hours is None else Schedule(zone, _week(hours, notes, (*location, "hours")))


def _week(hours: Hours, notes: Notes, location: tuple[str | int, ...]) -> tuple[tuple[Interval, ...], ...]:
    days: dict[str, list[Interval]] = {day: [] for day in WEEKDAYS}
    for key, texts in hours.items():
        for position, text in enumerate(texts):
            try:
                interval = Interval.parse(text)
            except ValueError as error:
                notes.problem(str(error), *location, key, position)
                continue
            for day in WEEKDAYS if key == "daily" else (key,):
                clash = overlaps([*days[day], interval])
                if clash:
                    message = f"{clash[0]} and {clash[1]} overlap on {day}; join them or part them"
                    notes.problem(message, *location, key, position)
                    break
                days[day].append(interval)
    if not any(hours.values()):
        notes.problem("never open; give an interval, or leave `hours` out for any time", *location)
    return tuple(tuple(sorted(days[day])) for day in WEEKDAYS)


def blackouts_of(texts: Sequence[str | date], notes: Notes, *location: str | int) -> tuple[Blackout, ...]:
    """location: of what has the days."""
    found = []
    for position, text in enumerate(texts):
        try:
            found.append(Blackout.parse(str(text)))
        except ValueError as error:
            notes.problem(str(error), *location, "blackouts", position)
    return tuple(found)
