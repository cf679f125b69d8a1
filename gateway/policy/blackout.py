"""Days without visits, on the facility's calendar.

2026-12-25               one day
2026-07-01..2026-07-04   from and to, both included
12-25, 12-24..01-01      every year, also over New Year
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_EXAMPLE = "write for instance 2026-12-25, 2026-07-01..2026-07-04, or 12-25 for every year"
_LEAP_YEAR = 2024  # a yearly day may be 02-29


@dataclass(frozen=True, slots=True)
class Blackout:
    """first, last: both included. yearly: month and day count, and first may come after last (over New Year)."""

    first: date
    last: date
    yearly: bool = False

    @classmethod
    def parse(cls, text: str) -> Blackout:
        """Raises ValueError."""
        parts = [each.strip() for each in text.split("..")]
        yearly = all(re.fullmatch(r"\d\d-\d\d", each) for each in parts)
        if len(parts) > 2 or not (yearly or all(re.fullmatch(r"\d{4}-\d\d-\d\d", each) for each in parts)):
            raise ValueError(f"{text!r} are no days; {_EXAMPLE}")
        try:
            days = [date.fromisoformat(f"{_LEAP_YEAR}-{each}" if yearly else each) for each in parts]
        except ValueError:
            raise ValueError(f"{text!r}: the calendar has no such day; {_EXAMPLE}") from None
        if not yearly and days[-1] < days[0]:
            raise ValueError(f"{text!r} ends before it begins; write {days[-1]}..{days[0]}")
        return cls(days[0], days[-1], yearly)

    def covers(self, day: date) -> bool:
        if not self.yearly:
            return self.first <= day <= self.last
        first, last, here = ((each.month, each.day) for each in (self.first, self.last, day))
        return first <= here <= last if first <= last else here >= first or here <= last


def is_black(blackouts: Iterable[Blackout], zone: ZoneInfo, at: datetime) -> bool:
    """Whether `at` falls on such a day by the wall clock."""
    return any(each.covers(at.astimezone(zone).date()) for each in blackouts)


def next_black(blackouts: tuple[Blackout, ...], zone: ZoneInfo, at: datetime) -> datetime | None:
    """When (UTC) such a day begins after `at`, within the two days that a visit can reach; else None."""
    if not blackouts:
        return None
    today = at.astimezone(zone).date()
    for offset in (1, 2):
        day = today + timedelta(days=offset)
        if any(each.covers(day) for each in blackouts):
            return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    return None
