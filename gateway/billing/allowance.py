"""Seconds that an account has free per day, week or month: what a tariff grants, and since when they are counted.

How many of them are used up is in the accounts; how they change a charge is in `rating.charge(..., free_s)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"  # from Monday
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class FreeAllowance:
    """`seconds` free in each `period`. What is left over at its end is gone."""

    seconds: int
    period: Period


def period_start(period: Period, at: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which the period that `at` lies in began: midnight on the facility's wall clock."""
    today = at.astimezone(zone).date()
    first = {
        Period.DAY: today,
        Period.WEEK: today - timedelta(days=today.weekday()),
        Period.MONTH: date(today.year, today.month, 1),
    }[period]
    return datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC)
