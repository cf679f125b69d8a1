"""A visit that was booked: at its time the family's page rings, and the gateway calls the terminal when they come."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.money import Money
from gateway.store import Booking, BookingState, Store
from tests.support.baresip import Baresip
from tests.support.chromium import EXECUTABLE
from tests.support.family_tab import ChromiumTab
from tests.support.gateway_process import GatewayProcess
from tests.support.waiting import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(90),
    pytest.mark.skipif(not shutil.which("baresip"), reason="needs baresip: make setup"),
    pytest.mark.skipif(not Path(EXECUTABLE).exists(), reason="needs chromium: make setup"),
]
LASTS = timedelta(seconds=26)


def booked(now: datetime) -> Booking:
    """For now: the slots that are offered begin at full minutes of the day."""
    free = Money.parse("0", "USD")
    return Booking(
        booking_id="b-1", visit_id="v-b00ced", facility="demo-jail", station="terminal-1", contact="family-1",
        resident="", starts_at=now, ends_at=now + LASTS, state=BookingState.APPROVED, made_at=now, made_by="badge-1",
        rules="", rules_at=None, owed=free, paid=free,
    )  # fmt: skip


async def test_both_come_and_it_ends_when_it_was_to_end(tmp_path: Path) -> None:
    async with Baresip(tmp_path / "terminal", name="terminal-1", answer="auto") as terminal:
        sections = {
            "sip": {
                "trunks": [{"name": "demo", "sources": ["127.0.0.0/8"], "server": f"127.0.0.1:{terminal.sip_port}"}]
            },
            "booking": {"facilities": [{"facility": "demo-jail", "remind_minutes": 0}]},
            "limits": {"warning_s": 5},
        }
        async with GatewayProcess(tmp_path / "gateway", sections=sections) as gateway, ChromiumTab() as family:
            await family.open(await gateway.link())
            await family.phase("waiting")
            async with Store(f"sqlite:///{gateway.folder}/kinbridge.db") as store:
                assert await store.write(lambda work: work.bookings.add(booked(datetime.now(UTC))))
                await family.phase("ringing")
                assert not [each for each in terminal.events if each.get("type") == "CALL_INCOMING"], (
                    "nobody sits before a dark terminal"
                )
                await family.click("accept")
                await terminal.wait_for("CALL_ESTABLISHED")
                await family.phase("visit")
                before = await family.stats_when("framesDecoded", 1)
                await family.stats_when("framesDecoded", before["framesDecoded"] + 30)
                await family.phase("over", timeout_s=40)

                async def kept() -> bool:
                    found = await store.read(lambda work: work.bookings.booking("b-1"))
                    return found is not None and found.state is BookingState.KEPT

                await until(kept, "the booking is kept")
            record = await gateway.cdr()
    assert (record["reason"], record["visit_id"], record["station"]) == ("schedule_end", "v-b00ced", "terminal-1")
    assert 0 < record["billable_s"] <= LASTS.total_seconds()
    assert record["total"] != "0.00"
