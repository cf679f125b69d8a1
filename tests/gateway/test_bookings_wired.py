"""A gateway that takes bookings: by the family's link, and reminded of by the scheduler that runs in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from gateway.app import Gateway
from gateway.config_booking import BookingConfig
from gateway.demo.facility import demo_config
from gateway.errors import StartError
from sip import FakeSipEndpoint
from tests.support.waiting import until

FACILITY = {"facility": "demo-jail", "slot_minutes": 20, "remind_minutes": 7 * 24 * 60, "call_station": False}


async def test_a_family_books_and_is_reminded(tmp_path: Path) -> None:
    booking = BookingConfig.model_validate({"facilities": [FACILITY]})
    config = demo_config(tmp_path).model_copy(update={"booking": booking})
    async with Gateway(config, endpoint=FakeSipEndpoint()) as gateway:
        head = {"Authorization": f"Bearer {gateway.token('family-1')}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.http_port}", headers=head) as client:
            since = datetime.now(UTC) + timedelta(days=1)
            days = {"since": since.isoformat(), "until": (since + timedelta(days=2)).isoformat()}
            asked = await client.get("/api/v1/family/bookings/slots", params={"facility": "demo-jail", **days})
            assert asked.status_code == 200, asked.text
            wanted = {"facility": "demo-jail", "starts_at": asked.json()[0]["starts_at"]}
            made = await client.post("/api/v1/family/bookings", json=wanted)
            assert (made.status_code, made.json()["state"]) == (201, "approved"), made.text
            taken = await client.post("/api/v1/family/bookings", json=wanted)
            assert (taken.status_code, taken.json()["type"]) == (409, "urn:kinbridge:problem:slot-taken")

        async def reminded() -> bool:
            found = await gateway.bookings.booking(made.json()["booking_id"])
            return found.reminded_at is not None

        await until(reminded, "the reminder", 20)


async def test_stations_that_could_not_be_called_are_told_at_the_start(tmp_path: Path) -> None:
    booking = BookingConfig.model_validate({"facilities": [FACILITY | {"call_station": True}]})
    config = demo_config(tmp_path).model_copy(update={"booking": booking})
    with pytest.raises(
        StartError, match=r"demo: give that one of sip\.trunks a `server`, or write call_station: false"
    ):
        async with Gateway(config, endpoint=FakeSipEndpoint()):
            pass
