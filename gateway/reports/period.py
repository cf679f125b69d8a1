"""Whole days of a zone as an interval of UTC. A day has 23, 24 or 25 hours; the next period begins where this one ends.

Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.errors import ReportError

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_DAY = timedelta(days=1)
MOST_DAYS = 400  # what a page can show day by day, and a bit more than a year


@dataclass(frozen=True, slots=True)
class Period:
    """first and last are days of the wall clock in `zone`, both included."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        """UTC, included."""
        return _midnight(self.first, self.zone)

    @property
    def until(self) -> datetime:
        """UTC, not included."""
        return _midnight(self.last + _DAY, self.zone)

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(self.first + each * _DAY for each in range((self.last - self.first).days + 1))

    @property
    def is_month(self) -> bool:
        return self.first.day == 1 and (self.last + _DAY).day == 1 and (self.last - self.first).days < 31

    def holds(self, at: datetime) -> bool:
        return self.since <= at < self.until


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Where clocks jump over midnight, the first instant of the day."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def month(text: str, zone: ZoneInfo) -> Period:
    """From `2026-10`. Raises ReportError."""
    found = _MONTH.fullmatch(text)
    try:
        first = date(int(found[1]), int(found[2]), 1) if found else None
    except ValueError:
        first = None
    if first is None or not 1970 <= first.year <= 9000:
        raise ReportError(f"{text!r} is no month; write year and month such as 2026-10")
    following = (first + 31 * _DAY).replace(day=1)
    return Period(first, following - _DAY, zone)


def days(first: str, last: str, zone: ZoneInfo) -> Period:
    """From two dates such as `2026-10-01`, both included. Raises ReportError."""
    try:
        period = Period(date.fromisoformat(first), date.fromisoformat(last), zone)
    except ValueError:
        raise ReportError(f"{first!r} to {last!r} is no period; write dates such as 2026-10-01") from None
    length = (period.last - period.first).days + 1
    if length < 1:
        raise ReportError(f"{last} is before {first}; the first day comes first")
    if length > MOST_DAYS or not 1970 <= period.first.year <= 9000:
        raise ReportError(f"{first} to {last} has {length} days; a report has 1 to {MOST_DAYS}")
    return period


def zone_of(name: str) -> ZoneInfo:
    """Raises ReportError for a name that is not in the IANA table."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ReportError(f"{name!r} is no time zone; write an IANA name such as America/Chicago") from None
