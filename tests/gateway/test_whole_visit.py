"""A whole visit through the composed gateway: only SIP is played; media, money, API and the family are real."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from bridge.sdp import parse
from gateway.app import Gateway
from gateway.billing.cdr import Cdr
from gateway.demo.facility import Pair, Price, demo_config, fund, pairs
from gateway.demo.peer import Event, peer
from gateway.demo.station import Station
from gateway.observe import ROOMS, set_up_logging
from sip import FakeSipEndpoint, FarSide
from tests.support.waiting import until

SECONDS = 4


@dataclass
class Family:
    """What the family's process told."""

    events: list[Event] = field(default_factory=list)

    def of(self, kind: str) -> Event | None:
        return next((each for each in self.events if each.kind == kind), None)

    async def tells(self, kind: str) -> Event:
        async def told() -> Event | None:
            return self.of(kind)

        found = await until(told, f"the family's {kind!r} (it told {[each.kind for each in self.events]})", 30)
        assert found is not None
        return found


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The whole log at DEBUG, as it would be written."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = io.StringIO()
    set_up_logging("DEBUG", stream=stream)
    yield stream
    root.handlers[:], root.level = before
    for room in ROOMS:
        logging.getLogger(room).setLevel(logging.NOTSET)


@pytest.fixture
async def facility(tmp_path: Path) -> AsyncIterator[tuple[Gateway, FakeSipEndpoint, Pair]]:
    endpoint = FakeSipEndpoint()
    config = demo_config(tmp_path, warning_s=2)
    (pair,) = pairs(config, 1)
    async with Gateway(config, endpoint=endpoint) as gateway:
        await fund(gateway.accounting, pair, Price.read().paying_for(SECONDS), key="first")
        yield gateway, endpoint, pair


async def answered(far: FarSide) -> str:
    async with asyncio.timeout(20):
        while True:
            response = await far.response()
            if response.code >= 200:
                assert response.code == 200
                assert response.sdp is not None
                return response.sdp


async def only_cdr(gateway: Gateway) -> Cdr:
    async def recorded() -> tuple[Cdr, ...]:
        return await gateway.accounting.cdrs()

    (cdr,) = await until(recorded, "the CDR")
    return cdr


@pytest.mark.timeout(90)
async def test_a_visit_until_its_balance_is_used_up(
    facility: tuple[Gateway, FakeSipEndpoint, Pair], tmp_path: Path, log: io.StringIO
) -> None:
    gateway, endpoint, pair = facility
    family = Family()
    orders = {
        "origin": f"http://127.0.0.1:{gateway.http_port}",
        "token": gateway.token(pair.contact),
        "picture": str(tmp_path / "family-saw.png"),
    }
    async with peer("gateway.demo.family", orders, family.events.append), Station("127.0.0.1") as station:
        await family.tells("waiting")
        offer = station.offer()
        far = endpoint.call(sdp=offer, trunk="demo", from_user=pair.station, to_user=pair.number)
        answer = await answered(far)
        station.start(parse(answer))
        await family.tells("warned")
        over = await family.tells("over")
        seen = (await family.tells("seen")).seen
        station_saw = station.seen()
    cdr = await only_cdr(gateway)

    assert (cdr.reason, cdr.billable_s, cdr.charged) == ("balance_exhausted", SECONDS, Price.read().of(SECONDS))
    assert {(each.kind, each.source): each.path for each in cdr.flows} == {
        (kind, source): "relay" for kind in ("audio", "video") for source in ("sip", "web")
    }
    assert over.values["billable_s"] == SECONDS
    assert seen.video_decoded > SECONDS * 10
    assert seen.mark_seen
    assert station_saw.video_decoded > SECONDS * 5
    assert station_saw.mark_seen
    assert seen.audio_loudest > 1000
    assert station_saw.audio_loudest > 1000
    with Image.open(tmp_path / "family-saw.png") as picture:
        assert picture.size == (640, 480)
    nothing_personal(log.getvalue(), gateway, pair, (offer, answer))


def nothing_personal(written: str, gateway: Gateway, pair: Pair, descriptions: tuple[str, ...]) -> None:
    """Neither as it is nor struck out: nobody may log such a thing in the first place."""
    assert ": ended (reason balance_exhausted" in written, "the visit left no line in the log"
    secrets = [
        pair.number,
        "Ada Example",
        "Demo County Jail",
        "127.0.0.1",
        gateway.config.http.staff_token.get_secret_value(),
        gateway.config.http.link_secret.get_secret_value(),
        "ice-pwd",
        "a=rtpmap",
        *(line for text in descriptions for line in text.split("\r\n") if line.startswith(("m=", "a=ice", "a=cand"))),
    ]
    found = [secret for secret in secrets if secret and secret in written]
    struck = [word for word in ("[sdp]", "[uri]", "[token]", "[secret]", "[address]", "[number]") if word in written]
    assert not found
    assert not struck, [line for line in written.splitlines() if any(word in line for word in struck)]


async def test_a_caller_from_nowhere_is_refused_and_recorded(
    facility: tuple[Gateway, FakeSipEndpoint, Pair],
) -> None:
    gateway, endpoint, pair = facility
    async with Station("127.0.0.1") as station:
        far = endpoint.call(sdp=station.offer(), trunk="demo", from_user="terminal-99", to_user=pair.number)
        response = await far.response()
    assert 400 <= response.code < 500
    assert (await only_cdr(gateway)).reason == "refused_unknown_station"
