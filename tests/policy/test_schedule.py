"""Hours follow the clock on the facility's wall, over both changes of the year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.schedule import MINUTES_PER_DAY, Interval, Schedule, overlaps

CHICAGO = ZoneInfo("America/Chicago")
SPRING = datetime(2026, 3, 8, 8, 0, tzinfo=UTC)  # 02:00 becomes 03:00
AUTUMN = datetime(2026, 11, 1, 7, 0, tzinfo=UTC)  # 02:00 becomes 01:00


def daily(*hours: str, zone: ZoneInfo = CHICAGO) -> Schedule:
    return Schedule(zone, (tuple(Interval.parse(each) for each in hours),) * 7)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["8-21", "08:00", "08:00-25:00", "08:60-09:00", "24:00-24:30", "21:00-08:00", "09:00-09:00"]
)
def test_hours_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|split|ends"):
        Interval.parse(text)


def test_open_from_the_first_minute_to_the_last() -> None:
    schedule = daily("08:00-21:00")
    assert not schedule.is_open(utc("2026-01-05 13:59:59"))
    assert schedule.is_open(utc("2026-01-05 14:00:00"))
    assert schedule.is_open(utc("2026-01-06 02:59:59"))
    assert not schedule.is_open(utc("2026-01-06 03:00:00"))
    assert schedule.closes_at(utc("2026-01-05 14:00:00")) == utc("2026-01-06 03:00:00")


def test_winter_and_summer_differ_by_an_hour_of_utc() -> None:
    schedule = daily("08:00-09:00")
    assert schedule.is_open(utc("2026-01-05 14:30:00"))
    assert not schedule.is_open(utc("2026-07-06 14:30:00"))
    assert schedule.is_open(utc("2026-07-06 13:30:00"))


def test_the_hour_that_spring_skips_is_not_open() -> None:
    schedule = daily("01:00-02:30")
    assert schedule.is_open(SPRING - timedelta(seconds=1))
    assert not schedule.is_open(SPRING)
    assert schedule.closes_at(SPRING - timedelta(minutes=30)) == SPRING


def test_the_hour_that_autumn_repeats_is_open_twice() -> None:
    schedule = daily("01:15-01:45")
    opened = [minute for minute in range(180) if schedule.is_open(AUTUMN + timedelta(minutes=minute - 60))]
    assert opened == [*range(15, 45), *range(75, 105)]
    assert schedule.closes_at(AUTUMN - timedelta(minutes=40)) == AUTUMN - timedelta(minutes=15)
    assert schedule.closes_at(AUTUMN + timedelta(minutes=20)) == AUTUMN + timedelta(minutes=45)


def test_hours_that_meet_at_midnight_do_not_close_there() -> None:
    schedule = daily("00:00-06:00", "22:00-24:00")
    assert schedule.closes_at(utc("2026-01-06 05:00:00")) == utc("2026-01-06 12:00:00")


def test_never_closing_is_none() -> None:
    assert daily("00:00-24:00").closes_at(utc("2026-01-05 14:00:00")) is None


def test_overlap_is_found_and_touching_is_none() -> None:
    parse = Interval.parse
    assert overlaps([parse("12:00-13:00"), parse("08:00-12:00")]) is None
    assert overlaps([parse("11:59-13:00"), parse("08:00-12:00")]) == (parse("08:00-12:00"), parse("11:59-13:00"))


INTERVALS = st.tuples(st.integers(0, 95), st.integers(1, 96)).filter(lambda each: each[0] < each[1])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([SPRING, AUTUMN, utc("2026-06-01 00:00")]),
    st.lists(INTERVALS, min_size=1, max_size=3),
    st.integers(-300, 300),
)
def test_closes_at_is_the_first_closed_minute(around: datetime, quarters: list[tuple[int, int]], offset: int) -> None:
    merged: list[Interval] = []
    for start, end in sorted(quarters):
        if not merged or start * 15 >= merged[-1].end_min:
            merged.append(Interval(start * 15, end * 15))
    assert all(each.end_min <= MINUTES_PER_DAY for each in merged)
    schedule = Schedule(CHICAGO, (tuple(merged),) * 7)
    at = around + timedelta(minutes=offset)
    if not schedule.is_open(at):
        return
    by_the_minute = next(
        (
            at + timedelta(minutes=n)
            for n in range(3 * MINUTES_PER_DAY)
            if not schedule.is_open(at + timedelta(minutes=n))
        ),
        None,
    )
    assert schedule.closes_at(at) == by_the_minute
