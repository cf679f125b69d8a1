"""One-time links, through the whole gateway: only the SIP side is played. The receiver's message brings the link."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from pydantic import SecretStr

from gateway.app import Gateway
from gateway.config import Config
from gateway.config_webhooks import WebhookConfig, WebhooksConfig
from gateway.demo.facility import Pair, Price, demo_config, fund, pairs
from sip import FakeSipEndpoint, FarSide
from tests.reaching.stage import SECRET
from tests.sip.descriptions import description
from tests.support.receiver import WebhookReceiver

OFFER = {"type": "offer", "sdp": "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"}


@dataclass
class House:
    gateway: Gateway
    endpoint: FakeSipEndpoint
    receiver: WebhookReceiver
    pairs: list[Pair]

    def call(self, index: int = 0) -> FarSide:
        pair = self.pairs[index]
        return self.endpoint.call(
            sdp=description(30000, video=True), trunk="demo", from_user=pair.station, to_user=pair.number
        )

    async def invitation(self, number: int = 1) -> dict[str, Any]:
        """`data` of the receiver's message of that number."""
        posted = (await self.receiver.has(number))[number - 1]
        message: Any = posted.verified(SECRET)
        data: dict[str, Any] = message["data"]
        return data

    def device(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.gateway.http_port}")


@asynccontextmanager
async def opened_house(config: Config, receiver: WebhookReceiver) -> AsyncIterator[House]:
    endpoint = FakeSipEndpoint()
    sms = WebhookConfig(name="sms", url=receiver.url, secret=SecretStr(SECRET), private=True, devices=2)
    config = config.model_copy(update={"webhooks": WebhooksConfig(receivers=(sms,))})
    async with Gateway(config, endpoint=endpoint) as gateway:
        people = pairs(config, 2)
        for each in people:
            await fund(gateway.accounting, each, Price.read().paying_for(60), key=each.account)
        yield House(gateway, endpoint, receiver, people)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with WebhookReceiver() as receiver, opened_house(demo_config(tmp_path), receiver) as found:
        yield found


def token_of(link: str) -> str:
    return link.rpartition("/join/")[2]


async def opened(device: httpx.AsyncClient, link: str) -> httpx.Response:
    return await device.post("/api/v1/join", json={"token": token_of(link)})


def shape(answer: httpx.Response) -> tuple[object, ...]:
    """All that a stranger could tell two answers apart by."""
    return answer.status_code, answer.content, sorted((k, v) for k, v in answer.headers.items() if k != "date")


async def events_of(house: House, device: httpx.AsyncClient, link: str, number: int) -> list[dict[str, Any]]:
    """The first messages that the page of this link gets."""
    cookies = "; ".join(f"{name}={value}" for name, value in device.cookies.items())
    url = f"ws://127.0.0.1:{house.gateway.http_port}/api/v1/family/events?join={token_of(link)}"
    async with websockets.connect(url, additional_headers={"Cookie": cookies}) as socket:
        return [json.loads(await socket.recv()) for _ in range(number)]


async def test_a_message_outlives_its_gateway(tmp_path: Path) -> None:
    """The receiver is away; the gateway is stopped; its successor delivers, the same id and body."""
    config = demo_config(tmp_path)
    async with WebhookReceiver([503] * 100) as there:
        async with opened_house(config, there) as first:
            first.call()
            await there.has(1)
        tried = len(there.got)
        there.recovers()
        async with opened_house(config, there):
            await there.has(tried + 1)
    assert len({(each.headers["webhook-id"], each.body) for each in there.got}) == 1
    assert there.got[-1].verified(SECRET)


async def test_the_receiver_is_told_no_more_than_it_needs(house: House) -> None:
    house.call()
    data = await house.invitation()
    assert sorted(data) == ["contact", "expires_at", "facility", "link", "more_links"]
    assert (data["contact"], data["facility"]) == ("family-1", "Demo County Jail")
    assert data["link"].startswith(f"http://127.0.0.1:{house.gateway.http_port}/join/")
    whole = (await house.receiver.has(1))[0].body.decode()
    assert house.pairs[0].number not in whole
    assert "Ada" not in whole
    assert house.pairs[0].station not in whole


async def test_the_first_device_has_the_link_and_its_page_rings(house: House) -> None:
    house.call()
    link = (await house.invitation())["link"]
    async with house.device() as phone:
        page = await phone.get(f"/join/{token_of(link)}")
        assert page.status_code == 200
        answer = await opened(phone, link)
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert (await opened(phone, link)).status_code == 204, "the page was loaded again"
        hello, ring = await events_of(house, phone, link, 2)
    assert (hello["type"], hello["contact_name"]) == ("hello", "Ada Example")
    assert (ring["type"], ring["facility_name"]) == ("ring", "Demo County Jail")


async def test_used_forged_ended_and_foreign_links_are_answered_alike(house: House) -> None:
    """To the byte, on the page, in the API and on the socket: nobody learns whether there ever was such a link."""
    first = house.call()
    one = await house.invitation()
    second = house.call(1)
    other = await house.invitation(2)
    used, unopened = one["link"], one["more_links"][0]
    token = token_of(unopened)
    forged = [token[:-2] + ("AA" if token[-2:] != "AA" else "BB"), "x" * 43, "x", "", "ImZhbWlseS0xIg.aVvKkA.3kq"]
    async with house.device() as phone, house.device() as thief:
        assert (await opened(phone, used)).status_code == 204
        reference = shape(await opened(thief, used))
        assert reference[0] == 401
        for each in forged:
            assert shape(await opened(thief, each)) == reference
        first.cancel()
        await gone(house, 1)
        assert shape(await opened(thief, unopened)) == reference, "it rings no more"
        pages = [await thief.get(f"/join/{token_of(each) or 'x'}") for each in (used, unopened, *forged)]
        assert len({(each.status_code, each.content) for each in pages}) == 1
        visit = house.gateway.visits.live()[0].visit_id
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in phone.cookies.items())}
        refusals = [
            await thief.post(
                f"/api/v1/family/visits/{visit}/accept",
                json=OFFER,
                headers={"Authorization": f"Join {token_of(each)}"} | given,
            )
            for each in (used, unopened, other["link"], *forged[:3])
            for given in ({}, cookie)
            if not (each == used and given)
        ]
        assert len({shape(each)[:2] for each in refusals}) == 1
        assert refusals[0].status_code == 401
        told = [await events_of(house, thief, each, 1) for each in (used, unopened, "x")]
        assert told == [[{"type": "refused", "reason": "invalid"}]] * 3
        assert "Ada" not in str(told) + str([each.text for each in refusals])
    second.cancel()


async def gone(house: House, left: int) -> None:
    from tests.support.waiting import until

    async def fewer() -> bool:
        return len(house.gateway.visits.live()) == left

    await until(fewer, f"{left} visits")
    await asyncio.sleep(0)

    async def ended() -> bool:
        return house.gateway.reaching.idle

    await until(ended, "that the links of the visit have ended")


async def test_a_link_takes_only_its_own_visit(house: House) -> None:
    house.call()
    link = (await house.invitation())["link"]
    house.call(1)
    await house.invitation(2)
    one, other = (each.visit_id for each in house.gateway.visits.live())
    async with house.device() as phone:
        await opened(phone, link)
        headers = {"Authorization": f"Join {token_of(link)}"}
        foreign = await phone.post(f"/api/v1/family/visits/{other}/decline", headers=headers)
        assert (foreign.status_code, foreign.json()["type"]) == (404, "urn:kinbridge:problem:visit-gone")
        assert (await phone.post(f"/api/v1/family/visits/{one}/decline", headers=headers)).status_code == 204


async def test_opening_a_link_is_a_fact_without_a_name(house: House) -> None:
    with house.gateway.bus.subscribe("test") as facts:
        house.call()
        link = (await house.invitation())["link"]
        async with house.device() as phone:
            await opened(phone, link)
        async with asyncio.timeout(20):
            async for fact in facts:
                if fact.kind == "link-opened":
                    break
    assert (fact.facility, fact.detail) == ("demo-jail", {})
    assert fact.visit_id == house.gateway.visits.live()[0].visit_id
