"""Slots on the facility's wall clock, also on the days on which it is changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.booking.slots import Hours, Slot, day_of, slots_between, slots_of_day, week_of
from gateway.policy.blackout import Blackout
from gateway.policy.schedule import Interval, Schedule

CHICAGO = ZoneInfo("America/Chicago")
SPRING, AUTUMN, WINTER = date(2026, 3, 8), date(2026, 11, 1), date(2026, 1, 6)
HALF, HOUR = timedelta(minutes=30), timedelta(hours=1)


def hours(*texts: str, zone: ZoneInfo = CHICAGO, black: tuple[str, ...] = ()) -> Hours:
    schedules = tuple(Schedule(zone, (tuple(map(Interval.parse, text.split())),) * 7) for text in texts)
    return Hours(zone, schedules, tuple(map(Blackout.parse, black)))


def walls(slots: tuple[Slot, ...], zone: ZoneInfo = CHICAGO) -> list[str]:
    return [each.starts_at.astimezone(zone).strftime("%H:%M%z") for each in slots]


def test_slots_follow_each_other_from_the_opening_and_end_before_the_closing() -> None:
    found = slots_of_day(hours("09:10-10:45 14:00-14:30"), WINTER, HALF)
    assert walls(found) == ["09:10-0600", "09:40-0600", "10:10-0600", "14:00-0600"]
    assert all(each.ends_at - each.starts_at == HALF for each in found)


def test_every_schedule_has_to_be_open() -> None:
    assert walls(slots_of_day(hours("08:00-12:00", "10:20-13:00"), WINTER, HALF)) == [
        "10:20-0600",
        "10:50-0600",
        "11:20-0600",
    ]


@pytest.mark.parametrize(("day", "count"), [(WINTER, 24), (SPRING, 23), (AUTUMN, 25)])
def test_a_day_without_hours_has_as_many_slots_as_the_clock_shows(day: date, count: int) -> None:
    assert len(slots_of_day(hours(), day, HOUR)) == count
    assert len(slots_of_day(hours("00:00-24:00"), day, HOUR)) == count


@pytest.mark.parametrize(
    ("day", "starts"),
    [
        (WINTER, ["01:00-0600", "01:30-0600", "02:00-0600", "02:30-0600", "03:00-0600", "03:30-0600"]),
        (SPRING, ["01:00-0600", "01:30-0600", "03:00-0500", "03:30-0500"]),
        (AUTUMN, ["01:00-0500", "01:30-0500", "01:00-0600", "01:30-0600", "02:00-0600", "02:30-0600",
                  "03:00-0600", "03:30-0600"]),
    ],
)  # fmt: skip
def test_the_hours_around_a_change_of_the_clock(day: date, starts: list[str]) -> None:
    assert walls(slots_of_day(hours("01:00-04:00"), day, HALF)) == starts


def test_hours_that_begin_in_the_skipped_hour_begin_at_the_jump() -> None:
    assert walls(slots_of_day(hours("02:30-04:00"), SPRING, HALF)) == ["03:00-0500", "03:30-0500"]


def test_hours_within_the_repeated_hour_are_open_twice() -> None:
    assert walls(slots_of_day(hours("01:30-02:00"), AUTUMN, HALF)) == ["01:30-0500", "01:30-0600"]


def test_visiting_hours_keep_their_wall_clock_over_both_changes() -> None:
    for day in (SPRING, AUTUMN):
        for offset in (-1, 0, 1):
            found = slots_of_day(hours("09:00-10:00"), day + timedelta(days=offset), HALF)
            assert [wall[:5] for wall in walls(found)] == ["09:00", "09:30"]


def test_a_zone_that_moves_by_half_an_hour() -> None:
    lord_howe = ZoneInfo("Australia/Lord_Howe")
    assert len(slots_of_day(hours(zone=lord_howe), date(2026, 4, 5), HALF)) == 49
    assert len(slots_of_day(hours(zone=lord_howe), date(2026, 10, 4), HALF)) == 47


def test_a_day_without_visits_has_none() -> None:
    assert slots_of_day(hours("09:00-10:00", black=("01-06",)), WINTER, HALF) == ()
    assert slots_of_day(hours("09:00-10:00", black=("01-06",)), WINTER + timedelta(days=1), HALF)


def test_only_those_between_two_instants() -> None:
    since = datetime(2026, 1, 6, 15, 30, tzinfo=UTC)
    found = slots_between(hours("09:00-10:30"), HALF, since, since + timedelta(days=1))
    assert walls(tuple(found)) == ["09:30-0600", "10:00-0600", "09:00-0600"]


def test_days_and_weeks_are_the_calendars() -> None:
    noon = datetime(2026, 3, 8, 18, tzinfo=UTC)
    assert day_of(CHICAGO, noon).ends_at - day_of(CHICAGO, noon).starts_at == timedelta(hours=23)
    week = week_of(CHICAGO, noon)
    assert week.starts_at.astimezone(CHICAGO).date() == date(2026, 3, 2)
    assert week.ends_at - week.starts_at == timedelta(days=7) - timedelta(hours=1)


@settings(max_examples=60, deadline=None)
@given(
    day=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    zone=st.sampled_from(["America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    start=st.integers(0, 23 * 60),
    length=st.integers(1, 60),
    minutes=st.sampled_from([15, 20, 45, 60]),
)
def test_slots_never_overlap_and_are_open_throughout(
    day: date, zone: str, start: int, length: int, minutes: int
) -> None:
    place = ZoneInfo(zone)
    schedule = Schedule(place, ((Interval(start, min(start + 10 * length, 1440)),),) * 7)
    found = slots_of_day(Hours(place, (schedule,)), day, timedelta(minutes=minutes))
    assert all(first.ends_at <= second.starts_at for first, second in pairwise(found))
    for slot in found:
        assert all(schedule.is_open(slot.starts_at + timedelta(minutes=each)) for each in range(minutes))
