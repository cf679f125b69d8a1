"""What the family's page is told over its WebSocket, in the order of a visit."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway.clock import ManualClock
from tests.support.stage import Stage

OFFER = {"type": "offer", "sdp": "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"}


async def told(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 5))
    return message


async def close_code(socket: ClientConnection) -> int:
    """Reads until the far side closes."""
    with contextlib.suppress(ConnectionClosed):
        async for _ in socket:
            pass
    assert socket.close_code is not None
    return socket.close_code


def page_of(stage: Stage, contact: str = "family-1", **more: Any) -> connect:
    return connect(stage.events(stage.links.sign(contact)), **more)


async def test_a_whole_visit(stage: Stage) -> None:
    async with page_of(stage) as page:
        hello = await told(page)
        assert hello == {"type": "hello", "contact_name": "Ada Example", "ice_servers": [], "visit": None}
        visit = stage.call("family-1")
        assert await told(page) == {
            "type": "ring", "visit_id": visit, "caller_name": "Terry Example", "facility_name": "Demo County Jail",
            "video": True, "rate_per_minute": {"amount": "0.16", "currency": "USD"}, "seconds": 1200,
            "at_most": {"amount": "3.20", "currency": "USD"},
            "balance_ok": True, "privileged": False, "monitored": True, "recorded": False,
        }  # fmt: skip
        stage.clock(visit, 1190)
        clock = await told(page)
        assert (clock["type"], clock["seconds_left"], clock["money_left"]["amount"]) == ("clock", 1190, "9.84")
        stage.hold(visit)
        assert await told(page) == {"type": "hold", "visit_id": visit, "held": True}
        stage.warn(visit, 60)
        assert (await told(page))["seconds_left"] == 60
        await stage.visits.finish(visit, "balance_exhausted", 61, 3)
        assert await told(page) == {
            "type": "over", "visit_id": visit, "reason": "balance_exhausted", "duration_s": 64, "billable_s": 61,
            "charged": {"amount": "0.16", "currency": "USD"},
        }  # fmt: skip


async def test_a_page_opened_while_it_rings_rings(stage: Stage) -> None:
    visit = stage.call("family-1")
    async with page_of(stage) as page:
        assert (await told(page))["type"] == "hello"
        assert (await told(page))["visit_id"] == visit


async def test_a_page_that_comes_back_is_told_of_its_visit(stage: Stage, ada: httpx.AsyncClient) -> None:
    visit = stage.call("family-1")
    await ada.post(f"/api/v1/family/visits/{visit}/accept", json=OFFER)
    async with page_of(stage) as page:
        ongoing = (await told(page))["visit"]
        assert (ongoing["visit_id"], ongoing["caller_name"], ongoing["video"]) == (visit, "Terry Example", True)


async def test_nobody_hears_another_contacts_visits(stage: Stage) -> None:
    async with page_of(stage, "family-2") as page:
        await told(page)
        stage.call("family-1")
        own = stage.call("family-2")
        assert (await told(page))["visit_id"] == own


async def test_the_other_tab_stops_ringing_when_one_accepts(stage: Stage, ada: httpx.AsyncClient) -> None:
    async with page_of(stage) as one, page_of(stage) as two:
        for page in (one, two):
            await told(page)
        visit = stage.call("family-1")
        for page in (one, two):
            await told(page)
        await ada.post(f"/api/v1/family/visits/{visit}/accept", json=OFFER)
        assert await told(two) == {"type": "taken", "visit_id": visit, "page": ""}


async def test_a_page_that_does_not_read_is_closed_and_counted() -> None:
    async with Stage(page_limit=5) as stage:
        visit = stage.call("family-1")
        with stage.doorbell.open("family-1") as page:
            for left in range(7):
                stage.clock(visit, left)
            assert page.overflowed
            assert await page.next() is None
        assert stage.doorbell.dropped == 6
        async with page_of(stage) as socket:
            await told(socket)
            await told(socket)
            for left in range(100):
                stage.clock(visit, left)
            assert await close_code(socket) == 1013


async def test_an_expired_link_is_told_so_and_closed() -> None:
    clock = ManualClock()
    async with Stage(clock=clock) as stage:
        token = stage.links.sign("family-1")
        await clock.advance(31 * 24 * 3600)
        for given, reason in ((token, "expired"), ("forged", "invalid"), ("", "invalid")):
            async with connect(stage.events(given)) as page:
                assert await told(page) == {"type": "refused", "reason": reason}
                assert await close_code(page) == 4401


async def test_a_foreign_page_may_not_listen(stage: Stage) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with page_of(stage, origin="http://evil.example"):  # type: ignore[arg-type]  # a NewType of str
            pass
    assert refused.value.response.status_code == 403
    async with page_of(stage, origin=stage.url) as page:  # type: ignore[arg-type]  # a NewType of str
        assert (await told(page))["type"] == "hello"


async def test_a_closed_page_is_forgotten(stage: Stage) -> None:
    async with page_of(stage) as page:
        await told(page)
        assert stage.doorbell.pages("family-1") == 1
    for _ in range(200):
        if not stage.doorbell.pages():
            break
        await asyncio.sleep(0.01)
    assert stage.doorbell.pages() == 0


async def test_the_ice_servers_of_the_configuration_are_told() -> None:
    async with Stage(ice_servers=("stun:stun.example:3478",)) as stage, page_of(stage) as page:
        assert (await told(page))["ice_servers"] == [{"urls": "stun:stun.example:3478"}]


async def test_a_server_that_stops_closes_its_pages() -> None:
    async with Stage() as stage, page_of(stage) as page:
        await told(page)
        await stage.stop_serving()
        with pytest.raises(ConnectionClosed):
            await told(page)
