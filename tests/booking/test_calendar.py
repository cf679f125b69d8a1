"""The iCalendar file, as a calendar reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar, Event

from gateway.booking.calendar import calendar_of
from gateway.booking.states import cancelled, moved
from gateway.money import Money
from gateway.store import Booking, BookingState
from tests.booking.facility import MONDAY, RULES

NOTHING = Money(0, "USD")
BOOKING = Booking(
    booking_id="b-1",
    visit_id="v-1",
    facility="jail",
    station="cell-1",
    contact="mary",
    resident="4711",
    starts_at=datetime(2026, 3, 8, 8, 30, tzinfo=UTC),
    ends_at=datetime(2026, 3, 8, 9, 0, tzinfo=UTC),
    state=BookingState.APPROVED,
    made_at=MONDAY,
    made_by="mary",
    rules="",
    rules_at=None,
    owed=NOTHING,
    paid=NOTHING,
)


def read(booking: Booking) -> tuple[Calendar, Event]:
    content = calendar_of(booking, "County Jail, Ward 2; \u00e9")
    assert all(len(line) <= 75 for line in content.split(b"\r\n")), "RFC 5545 folds longer lines"
    calendar = Calendar.from_ical(content)
    assert isinstance(calendar, Calendar)
    (event,) = calendar.walk("VEVENT")
    assert isinstance(event, Event)
    return calendar, event


def test_an_event_at_its_instant_in_utc() -> None:
    calendar, event = read(BOOKING)
    assert (str(calendar["METHOD"]), str(calendar["VERSION"])) == ("PUBLISH", "2.0")
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (BOOKING.starts_at, BOOKING.ends_at)
    assert (str(event["UID"]), str(event["SEQUENCE"])) == ("b-1@kinbridge", "0")
    assert str(event["SUMMARY"]) == "Visit: County Jail, Ward 2; \u00e9"


@pytest.mark.parametrize("secret", [b"4711", b"mary", b"cell-1", b"v-1"])
def test_a_shared_calendar_names_nobody(secret: bytes) -> None:
    assert secret not in calendar_of(BOOKING, "County Jail")


def test_moving_replaces_the_event_and_cancelling_takes_it_away() -> None:
    later = replace(
        BOOKING, starts_at=BOOKING.starts_at + timedelta(days=1), ends_at=BOOKING.ends_at + timedelta(days=1)
    )
    other = moved(BOOKING, later, RULES, MONDAY, staff=False)
    gone = cancelled(other, RULES, MONDAY, staff=False)
    _, event = read(other)
    calendar, last = read(gone)
    assert [str(each["UID"]) for each in (event, last)] == ["b-1@kinbridge"] * 2
    assert [str(each["SEQUENCE"]) for each in (event, last)] == ["1", "2"]
    assert event.decoded("dtstart") == later.starts_at
    assert (str(calendar["METHOD"]), str(last["STATUS"])) == ("CANCEL", "CANCELLED")
