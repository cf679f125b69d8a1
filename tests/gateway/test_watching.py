"""An officer at a live visit of a whole gateway: seen by nobody in it, written down before anything is shown."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bridge.rtp import packet as rtp
from gateway.app import Gateway
from gateway.call.facts import FactKind
from gateway.clock import SystemClock
from gateway.config import Config, LimitsConfig, StaffConfig, StaffRole
from gateway.demo.facility import DIALPLANS, Price, demo_config
from gateway.errors import StoreUnavailable
from gateway.store import Watching
from sip import FakeSipEndpoint
from tests.api.test_family_signalling import problem
from tests.bridge.test_bridge import IDR, Terminal
from tests.support.raw_peer import AUDIO_SSRC, H264, PCMU, VIDEO_SSRC, RawPeer
from tests.support.waiting import until
from tests.support.watching_peer import WatchingPeer

OFFICER, AUDITOR = "token-of-badge-1138", "token-of-the-auditor"
NUMBERS = {"family-1": "5552368001", "family-2": "5552368002", "attorney": "5552369000"}
ACCOUNTS = {"family-1": "family-1", "family-2": "family-2", "attorney": "county"}


def config_of(folder: Path) -> Config:
    """The demonstration, with an officer and an auditor, a family that nobody watches, an attorney at any hour."""
    plan = (DIALPLANS / "demo.yaml").read_text("utf-8")
    before, _, rest = plan.partition("    hours:\n      monday")
    plan = before + rest[rest.index("    tariff:") :]
    plan = plan.replace("account: family-2}", "account: family-2, monitored: false}")
    (folder / "plan.yaml").write_text(plan, "utf-8")
    config = demo_config(folder)
    staff = tuple(
        StaffConfig(name=name, token_sha256=hashlib.sha256(token.encode()).hexdigest(), roles=(role,))
        for name, token, role in (
            ("badge-1138", OFFICER, StaffRole.OFFICER),
            ("auditor-7", AUDITOR, StaffRole.AUDITOR),
        )
    )
    return config.model_copy(
        update={
            "dialplan": str(folder / "plan.yaml"),
            "http": config.http.model_copy(update={"staff": staff}),
            "limits": LimitsConfig(max_watchers=3, max_watchers_a_visit=2),
        }
    )


class House:
    """A gateway, its officer and its auditor."""

    def __init__(self, gateway: Gateway, endpoint: FakeSipEndpoint) -> None:
        self.gateway, self.endpoint = gateway, endpoint
        base = f"http://127.0.0.1:{gateway.http_port}"
        self.sockets = base.replace("http", "ws", 1)
        self.officer = httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {OFFICER}"})
        self.auditor = httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {AUDITOR}"})
        self.terminal = Terminal()
        self.browser = RawPeer()

    async def visit(self, contact: str = "family-1") -> str:
        """A visit that talks."""
        gateway = self.gateway
        await gateway.accounting.open_account(ACCOUNTS[contact])
        await gateway.accounting.deposit(ACCOUNTS[contact], Price.read().paying_for(600), key=contact)
        far = self.endpoint.call(
            sdp=self.terminal.describe(), trunk="demo", from_user="terminal-1", to_user=NUMBERS[contact]
        )

        async def rings() -> Any:
            return gateway.visits.rings_for(contact)

        visit_id = str((await until(rings, "the ring"))[0].visit_id)
        headers = {"Authorization": f"Bearer {gateway.token(contact)}"}
        answer = await self.officer.post(
            f"/api/v1/family/visits/{visit_id}/accept",
            json={"type": "offer", "sdp": await self.browser.offer()},
            headers=headers,
        )
        self.browser.accept(answer.json()["sdp"])
        await self.browser.connected.wait()
        final = await far.final()
        assert final.sdp is not None
        self.terminal.aim(final.sdp)
        return visit_id

    async def pipelines(self, visit_id: str) -> str:
        return str((await self.officer.get(f"/api/v1/visits/{visit_id}")).json()["pipelines"])

    async def flowing(self, visit_id: str) -> str:
        """The visit's pipelines, once sound and pictures of both sides have passed and nothing stands in for them."""
        self.terminal.sound.say()
        self.terminal.picture.say(IDR)
        for payload, number, ssrc in ((bytes(160), PCMU, AUDIO_SSRC), (IDR, H264, VIDEO_SSRC)):
            self.browser.send(rtp.build(payload, payload_type=number, sequence=1, timestamp=1, ssrc=ssrc))

        async def settled() -> str:
            found = await self.pipelines(visit_id)
            return found if "Slate" not in found and "Awaited" not in found and found.count("\n") == 3 else ""

        return await until(settled, "the visit's own pipelines")

    async def watch(self, visit_id: str) -> tuple[WatchingPeer, httpx.Response]:
        peer = WatchingPeer()
        offer = {"type": "offer", "sdp": await peer.wish()}
        answer = await self.officer.post(f"/api/v1/visits/{visit_id}/watch", json=offer)
        if answer.is_success:
            peer.accept(answer.json()["sdp"])
            await peer.connected.wait()
        return peer, answer

    async def audit(self, **query: str | int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.auditor.get("/api/v1/audit/watchings", params=query)).json()["items"]
        return items

    async def over(self, reason: str, count: int = 1) -> list[dict[str, Any]]:
        """The audit, once so many watchings have ended for this reason."""

        async def so() -> list[dict[str, Any]]:
            found = await self.audit()
            return found if sum(each["reason"] == reason for each in found) >= count else []

        return await until(so, f"{count} ends by {reason}")

    async def close(self) -> None:
        await self.officer.aclose()
        await self.auditor.aclose()
        await self.browser.close()
        self.terminal.close()


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[House]:
    endpoint = FakeSipEndpoint()
    async with Gateway(config_of(folder), endpoint=endpoint) as gateway:
        house = House(gateway, endpoint)
        yield house
        await house.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as house:
        yield house


async def test_who_watched_from_when_until_when_stands_in_the_audit(house: House) -> None:
    visit_id = await house.visit()
    before = await house.flowing(visit_id)
    with house.gateway.bus.subscribe("test") as facts:
        peer, answer = await house.watch(visit_id)
        watching_id = answer.json()["watching_id"]
        (open_,) = await house.audit()
        assert (open_["officer"], open_["visit_id"], open_["until"]) == ("badge-1138", visit_id, None)

        house.terminal.picture.say(IDR)
        await peer.until(lambda: bool(peer.got(1)))
        during = await house.pipelines(visit_id)
        assert during != before
        assert during.replace("Tap(watching) -> ", "") == before

        gone = await house.officer.delete(f"/api/v1/visits/{visit_id}/watch/{watching_id}")
        assert gone.status_code == 204
        (closed,) = await house.over("officer_left")
        assert closed["since"] < closed["until"]
        assert await house.pipelines(visit_id) == before
        told = [await anext(facts) for _ in range(len(facts))]
        kinds = [each.kind for each in told if each.kind in (FactKind.WATCHED, FactKind.UNWATCHED)]
        assert kinds == [FactKind.WATCHED, FactKind.UNWATCHED]
        assert all("badge" not in str(each.detail) for each in told), "facts go to others: they name no officer"
    problem(await house.officer.delete(f"/api/v1/visits/{visit_id}/watch/{watching_id}"), 404, "visit-gone")
    await peer.close()


@pytest.mark.parametrize(("contact", "why"), [("attorney", "privileged"), ("family-2", "not monitored")])
async def test_nobody_watches_what_may_not_be_watched(house: House, contact: str, why: str) -> None:
    visit_id = await house.visit(contact)
    peer, answer = await house.watch(visit_id)
    body = problem(answer, 403, "watching-forbidden")
    assert why in str(body["detail"])
    assert await house.audit() == []
    listed = (await house.officer.get(f"/api/v1/visits/{visit_id}")).json()
    assert (listed["monitored"], "Tap" in listed["pipelines"]) == (False, False)
    await peer.close()


async def test_so_many_and_no_more_may_watch_a_visit(house: House) -> None:
    visit_id = await house.visit()
    peers = [(await house.watch(visit_id))[0] for _ in range(2)]
    third, answer = await house.watch(visit_id)
    problem(answer, 409, "too-many-watchers")
    await peers[0].close()
    await house.over("closed")
    fourth, answer = await house.watch(visit_id)
    assert answer.is_success
    for each in (peers[1], third, fourth):
        await each.close()


async def test_the_end_of_the_visit_ends_the_watching_and_names_who_ended_it(house: House) -> None:
    visit_id = await house.visit()
    peer, answer = await house.watch(visit_id)
    address = f"{house.sockets}/api/v1/visits/{visit_id}/watch/{answer.json()['watching_id']}?token={OFFICER}"
    async with connect(address) as socket:
        assert json.loads(await socket.recv())["state"] in ("connecting", "watching")
        assert (await house.officer.post(f"/api/v1/visits/{visit_id}/end")).status_code == 204
        last = [json.loads(each) async for each in socket][-1]
    assert (last["state"], last["reason"]) == ("ended", "visit_ended")
    await house.over("visit_ended")
    acts = await house.gateway.store.read(lambda work: work.accesses.of(visit_id))
    assert [(each.who, each.act) for each in acts] == [("badge-1138", "visit.end")]
    problem((await house.watch(visit_id))[1], 404, "visit-gone")
    await peer.close()


async def test_a_page_that_goes_watches_no_more(house: House) -> None:
    visit_id = await house.visit()
    peer, answer = await house.watch(visit_id)
    address = f"{house.sockets}/api/v1/visits/{visit_id}/watch/{answer.json()['watching_id']}"
    with pytest.raises(InvalidStatus):
        async with connect(f"{address}?token={AUDITOR}"):
            pass
    async with connect(f"{address}?token={OFFICER}"):
        pass
    await house.over("page_closed")
    house.browser.packets.clear()
    house.terminal.picture.say(IDR)
    await house.browser.until(lambda: bool(house.browser.packets))
    await peer.close()


async def test_what_an_officer_writes_reaches_the_family_and_no_record(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    visit_id = await house.visit()
    with house.gateway.doorbell.open("family-1") as page:
        said = {"text": "Count in five minutes <b>"}
        assert (await house.officer.post(f"/api/v1/visits/{visit_id}/message", json=said)).json() == {"pages": 1}
        message = await asyncio.wait_for(page.next(), 5)
    assert message is not None
    assert message.model_dump() == {"type": "message", "visit_id": visit_id, **said}
    acts = await house.gateway.store.read(lambda work: work.accesses.of(visit_id))
    assert [(each.who, each.act, each.detail) for each in acts] == [("badge-1138", "visit.message", "25 characters")]
    assert "five minutes" not in caplog.text
    for text in ("", "   ", "x" * 281):
        answer = await house.officer.post(f"/api/v1/visits/{visit_id}/message", json={"text": text})
        problem(answer, 422, "invalid-request")


async def test_rights_are_those_of_the_role(house: House) -> None:
    visit_id = await house.visit()
    offer = {"type": "offer", "sdp": "v=0"}
    problem(await house.auditor.post(f"/api/v1/visits/{visit_id}/watch", json=offer), 403, "forbidden")
    problem(await house.auditor.post(f"/api/v1/visits/{visit_id}/message", json={"text": "x"}), 403, "forbidden")
    problem(await house.officer.get("/api/v1/audit/watchings"), 403, "forbidden")
    token = house.gateway.config.http.staff_token.get_secret_value()
    whole = await house.officer.get("/api/v1/audit/watchings", headers={"Authorization": f"Bearer {token}"})
    assert whole.json() == {"items": [], "next_since": 0}


async def test_nobody_ends_what_another_officer_watches(house: House) -> None:
    """Its name goes over the live feed and MQTT; the audit would say that its own officer left."""
    visit_id = await house.visit()
    peer, answer = await house.watch(visit_id)
    path = f"/api/v1/visits/{visit_id}/watch/{answer.json()['watching_id']}"
    token = house.gateway.config.http.staff_token.get_secret_value()
    other = await house.officer.delete(path, headers={"Authorization": f"Bearer {token}"})
    problem(other, 404, "visit-gone")
    async with connect(f"{house.sockets}{path}?token={token}") as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    assert house.gateway.monitoring.watchers(visit_id) == 1
    assert (await house.officer.delete(path)).status_code == 204
    await house.over("officer_left")
    await peer.close()


async def test_nobody_watches_unwritten(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    visit_id = await house.visit()

    async def away(_: Watching) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(house.gateway.monitoring._journal, "began", away)
    peer, answer = await house.watch(visit_id)
    problem(answer, 503, "database-away")
    assert "Tap" not in (await house.officer.get(f"/api/v1/visits/{visit_id}")).json()["pipelines"]
    await peer.close()


async def test_an_offer_that_is_none_is_refused_and_written(house: House) -> None:
    visit_id = await house.visit()
    answer = await house.officer.post(f"/api/v1/visits/{visit_id}/watch", json={"type": "offer", "sdp": "v=0"})
    problem(answer, 422, "sdp-unreadable")
    (row,) = await house.over("failed")
    assert row["officer"] == "badge-1138"


async def test_a_crash_leaves_no_watching_open(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        visit_id = await house.visit()
        lost = Watching("w-0123456789abcdef", "demo", "demo-jail", visit_id, "badge-1138", SystemClock().now())
        await house.gateway.store.write(lambda work: work.watchings.began(lost))
    async with opened(tmp_path) as house:
        (row,) = await house.audit(visit_id=visit_id)
        assert (row["watching_id"], row["reason"]) == (lost.watching_id, "node_crash")


async def test_the_audit_is_read_by_cursor_and_by_officer(house: House) -> None:
    visit_id = await house.visit()
    for _ in range(3):
        await house.officer.post(f"/api/v1/visits/{visit_id}/watch", json={"type": "offer", "sdp": "v=0"})
    first = (await house.auditor.get("/api/v1/audit/watchings", params={"limit": 2})).json()
    rest = (await house.auditor.get("/api/v1/audit/watchings", params={"since": first["next_since"]})).json()
    assert [len(first["items"]), len(rest["items"])] == [2, 1]
    assert len({each["watching_id"] for each in first["items"] + rest["items"]}) == 3
    assert await house.audit(officer="somebody-else") == []
