"""Scheduled visits through the API: a family books its own, staff see and decide."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.clock import ManualClock
from gateway.store import Store
from tests.api.conftest import client
from tests.booking.facility import MONDAY, ONE_CELL, at, desk_on
from tests.support.stage import STAFF_TOKEN, Stage

MINE = "/api/v1/family/bookings"
STAFF = "/api/v1/bookings"
SPAN = {"facility": "jail", "since": at(9).isoformat(), "until": at(12).isoformat()}


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    async with Store(database_url) as store:
        desk = desk_on(store, ManualClock(MONDAY), plan=ONE_CELL, approval=True, rules="2026-01")
        async with Stage(bookings=desk) as opened:
            opened.names |= {"mary": "Mary", "bob": "Bob"}
            yield opened


def wish(hour: int, **more: str) -> dict[str, str]:
    return {"facility": "jail", "starts_at": at(hour).isoformat(), "accepts": "2026-01"} | more


async def test_from_the_slots_to_the_visit(stage: Stage) -> None:
    async with (
        client(stage, stage.links.sign("mary")) as mary,
        client(stage, stage.links.sign("bob")) as bob,
        client(stage, STAFF_TOKEN) as staff,
    ):
        assert len((await mary.get(f"{MINE}/slots", params=SPAN)).json()) == 6
        refused = await mary.post(MINE, json=wish(9, accepts=""))
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:kinbridge:problem:booking-refused")
        booked = (await mary.post(MINE, json=wish(9))).json()
        assert (booked["state"], booked["station"], booked["rules"]) == ("requested", "cell-1", "2026-01")
        taken = await bob.post(MINE, json=wish(9))
        assert (taken.status_code, taken.json()["type"]) == (409, "urn:kinbridge:problem:slot-taken")
        assert len((await bob.get(f"{MINE}/slots", params=SPAN)).json()) == 5
        one = f"{STAFF}/{booked['booking_id']}"
        assert (await staff.post(f"{one}/approve")).json()["state"] == "approved"
        assert (await staff.post(f"{one}/approve")).status_code == 422
        assert (await staff.post(f"{one}/move", json={"starts_at": at(10).isoformat()})).json()["sequence"] == 2
        file = await mary.get(f"{MINE}/{booked['booking_id']}/calendar.ics")
        assert file.headers["content-type"].startswith("text/calendar")
        assert "DTSTART:20260106T160000Z" in file.text


async def test_nobody_sees_or_touches_anothers_booking(stage: Stage) -> None:
    async with client(stage, stage.links.sign("mary")) as mary, client(stage, stage.links.sign("bob")) as bob:
        booked = (await mary.post(MINE, json=wish(9))).json()
        one = f"{MINE}/{booked['booking_id']}"
        asked: list[httpx.Response] = [
            await bob.post(f"{one}/cancel"),
            await bob.post(f"{one}/move", json={"starts_at": at(10).isoformat()}),
            await bob.get(f"{one}/calendar.ics"),
            await bob.get(f"{MINE}/none/calendar.ics"),
        ]
        assert {(each.status_code, each.text) for each in asked} == {(404, asked[-1].text)}
        assert (await bob.get(MINE)).json()["items"] == []
        assert (await bob.get(STAFF)).status_code == 401
        assert [each["booking_id"] for each in (await mary.get(MINE)).json()["items"]] == [booked["booking_id"]]
        assert (await mary.post(f"{one}/cancel")).json()["state"] == "cancelled"


async def test_a_time_without_a_zone_is_refused(stage: Stage) -> None:
    async with client(stage, STAFF_TOKEN) as staff:
        asked = {"facility": "jail", "contact": "mary", "starts_at": "2026-01-06T09:00:00"}
        assert (await staff.post(STAFF, json=asked)).status_code == 422
        booked = await staff.post(STAFF, json=asked | {"starts_at": "2026-01-06T09:00:00-06:00"})
        assert (booked.status_code, booked.json()["state"]) == (201, "approved")


async def test_a_gateway_without_bookings_says_so() -> None:
    async with Stage() as stage, client(stage, STAFF_TOKEN) as staff:
        answer = await staff.get(STAFF)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:kinbridge:problem:no-such-booking")
