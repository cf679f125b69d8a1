"""Hostile and clumsy peers at every edge of a running gateway: it lives, and records each visit once.

All attacks meet one gateway, one after another, and each is followed by `unhurt`: no visit is left, each that was asked
for has one CDR, nothing answered 5xx, and the log (at DEBUG) names nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support.gateway_process import STAFF_TOKEN, GatewayProcess
from tests.support.raw_caller import HOST, RawCaller, description
from tests.support.raw_peer import RawPeer
from tests.support.talk import Page, Talk
from tests.support.waiting import until

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]
PLAN = Path(__file__).parent / "trunk.yaml"
STRANGER, THIEF = "127.0.0.9", "127.0.0.3"
NOWHERE = description(40_000)
SECRETS = ("2368001", "1001", STRANGER, THIEF, STAFF_TOKEN, "m=audio", "sip:", "Ada Example", "José", "Traceback")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("hostile")
    sections = {
        "sip": {"agents": 2, "trunks": [{"name": "demo", "sources": [f"{HOST}/32"]}]},
        "limits": {"ring_timeout_s": 8},
    }
    async with GatewayProcess(folder, dialplan=PLAN, sections=sections) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(running: GatewayProcess) -> AsyncIterator[GatewayProcess]:
    yield running
    await unhurt(running)


async def unhurt(gateway: GatewayProcess) -> None:
    await nothing_left(gateway)
    log = gateway.log()
    requested = Counter(re.findall(r"visit (v-\w+): requested", log))
    assert Counter(each["visit_id"] for each in await gateway.cdrs()) == requested  # as long as one page holds them
    assert len(requested) < 100
    assert not re.findall(r"gateway.api.access: .* 5\d\d \d+ ms", log)
    told = "\n".join(line for line in log.splitlines() if not line.startswith(("SIP:", "family page")))
    assert not [each for each in SECRETS if re.search(rf"(?<!\w){re.escape(each)}", told)]
    with RawCaller(gateway.sip_port) as caller:
        await caller.say(caller.request("OPTIONS"))
        assert (await caller.answer("OPTIONS")).code == 200


async def nothing_left(gateway: GatewayProcess) -> None:
    async def none() -> bool:
        return not await gateway.visits()

    await until(none, "the end of every visit")


def agents(gateway: GatewayProcess) -> list[int]:
    assert gateway.process is not None
    pid = gateway.process.pid
    return sorted(int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


# ---- what no protocol knows ----


async def test_garbage_at_every_port(gateway: GatewayProcess) -> None:
    before = agents(gateway)
    chance = random.Random(7)
    with RawCaller(gateway.sip_port) as caller:
        for number, each in enumerate(broken_invites(caller, chance)):
            await caller.say(each)
            if number % 50 == 0:
                await asyncio.sleep(0.02)  # or the kernel drops most of it
    for junk in (chance.randbytes(5000), b"A" * 100_000, b"INVITE sip:x SIP/2.0\r\n" + b"X: y\r\n" * 9000):
        await throw(gateway.sip_port, junk)
    for junk in (b"\0" * 100, chance.randbytes(500), b"\x10\xff\xff\xff\xff\xff", b"\x30\xff\xff\xff\x7f"):
        await throw(gateway.mqtt_port, junk)
    for junk in (b"GET / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", b"\x16\x03\x01\xff", b"GET /" + b"a" * 100_000):
        assert not (await throw(gateway.http_port, junk)).startswith(b"HTTP/1.1 5")
    assert agents(gateway) == before
    assert (await gateway.get("/readyz"))["ready"]


def broken_invites(caller: RawCaller, chance: random.Random) -> Iterator[bytes]:
    whole = caller.request("INVITE", body=NOWHERE).encode()
    for _ in range(800):
        data = bytearray(whole)
        for _ in range(chance.randint(3, 30)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        yield bytes(data[: chance.randrange(len(data))] if chance.random() < 0.2 else data)
    yield from (b"", b"\0" * 1000, b"INVITE", b"SIP/2.0 200 OK\r\n\r\n", b"A" * 60_000)


async def throw(port: int, junk: bytes) -> bytes:
    """One connection that says it; what comes back within a moment."""
    reader, writer = await asyncio.open_connection(HOST, port)
    answer = b""
    with contextlib.suppress(OSError, TimeoutError):
        writer.write(junk)
        async with asyncio.timeout(0.3):
            await writer.drain()
            answer = await reader.read(100)
    writer.close()
    return answer


# ---- SIP that is nearly right ----

ODD_SENDERS = (
    '"José \udcff\udcfe" <sip:23@127.0.0.1>',
    "<sip:%00%0d%0a%2b%23%2f@127.0.0.1>",
    "<tel:+1-555;phone-context=x>",
    "sip:2368@x",
)
ODD_DESCRIPTIONS = {
    description(0): 488,
    description(99_999): 400,
    description(-1): 400,
    "v=0": 400,
    NOWHERE + "a=\0\r\n": 400,
    NOWHERE + "m=\r\n": 400,
    NOWHERE + "m=audio 4000 RTP/AVP 0\r\n" * 200: 488,
    description(40_000, host="0.0.0.0"): 487,
    description(40_000, host="224.0.0.1"): 487,
    NOWHERE.replace("IP4", "IP6").replace(HOST, "::1"): 487,
    NOWHERE + "a=x:" + "y" * 30_000 + "\r\n": 487,
}


async def test_odd_calls_are_answered_and_recorded_once(gateway: GatewayProcess) -> None:
    for sender in ODD_SENDERS:
        with RawCaller(gateway.sip_port) as caller:
            await caller.say(caller.request("INVITE", body=NOWHERE, sender=sender))
            assert (await caller.answer(least=180)).code == 180, sender
            await caller.say(caller.request("CANCEL", sender=sender))
            assert await caller.end_of_invite() == 487
    for body, code in ODD_DESCRIPTIONS.items():
        with RawCaller(gateway.sip_port) as caller:
            await caller.call(body)
            first = await caller.answer(least=180)
            if first.code == 180:
                assert await caller.give_up() == code, body[:200]
            else:
                await caller.acknowledge(first)
                assert first.code == code, body[:200]


async def test_strangers_cannot_take_the_places_of_callers(gateway: GatewayProcess) -> None:
    before = len(await gateway.cdrs())
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            await stack.enter_context(RawCaller(gateway.sip_port, host=STRANGER)).call(NOWHERE)
        caller = stack.enter_context(RawCaller(gateway.sip_port))
        async with asyncio.timeout(10):
            while not await heard_within(caller, 0.5):  # as every client repeats an INVITE on UDP
                await caller.call(NOWHERE)
        assert await caller.give_up() == 487
    await nothing_left(gateway)
    assert len(await gateway.cdrs()) == before + 1


async def heard_within(caller: RawCaller, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        return (await caller.answer(least=180, timeout_s=seconds)).code == 180
    return False


# ---- browsers ----


def strange_offers(good: str) -> dict[str, int]:
    lines = good.split("\r\n")
    head, _, media = good.partition("m=audio")
    audio, _, video = media.partition("m=video")

    def without(word: str) -> str:
        return "\r\n".join(line for line in lines if word not in line)

    return {
        "hello": 422,
        head + "m=video" + video: 422,
        head + "m=audio" + audio + ("m=video" + video) * 50: 422,
        without("fingerprint"): 422,
        without("ice-"): 422,
        without("a=mid"): 422,
        good.replace("actpass", "holdconn"): 422,
        good.replace("rtpmap:96 VP8/90000", "rtpmap:999 VP8/abc"): 422,
        good + "a=x:" + "y" * 200_000: 422,
        good.replace("a=candidate:", "a=candidate:zz zz "): 200,
        good.replace("sha-256", "md9"): 200,
        good.replace("ice-pwd:", "ice-pwd:é"): 200,
    }


async def test_strange_offers_and_wishes_out_of_turn(gateway: GatewayProcess) -> None:
    family = await Page.of(gateway)
    async with family.client, RawPeer() as peer, RawPeer() as other:
        good = await peer.offer()
        for offer, status in strange_offers(good).items():
            with RawCaller(gateway.sip_port) as caller:
                await caller.call(NOWHERE)
                visit = await family.ringing()
                assert await family.wish(visit, "accept", offer) == status, offer[:300]
                await asyncio.gather(*(family.wish(visit, each) for each in ("decline", "hangup", "hangup")))
                await leave(caller)
            await nothing_left(gateway)
        with RawCaller(gateway.sip_port) as caller:
            await caller.call(NOWHERE)
            visit = await family.ringing()
            offers = (good, await other.offer(), good, "x")
            answers = await asyncio.gather(*(family.wish(visit, "accept", each) for each in offers))
            assert answers.count(200) == 1
            hangups = await asyncio.gather(*(family.wish(visit, "hangup") for _ in range(100)))
            assert Counter(hangups)[204] == 1
            await leave(caller)
        huge = family.client.post("/api/v1/family/visits/x/accept", content=b"x" * 5_000_000)
        with contextlib.suppress(httpx.TransportError):  # it may close before it has heard everything
            assert (await huge).status_code == 413
        for path in (
            "/static/%2e%2e/%2e%2e/app.py",
            "/static/..%2f..%2fapp.py",
            "/static/%2fetc/passwd",
            "/family/%ff",
        ):
            assert (await family.client.get(path)).status_code == 404


async def leave(caller: RawCaller) -> None:
    """However the gateway ended it, the far side agrees."""
    final = await caller.answer()
    await caller.acknowledge(final)
    while final.code == 200 and (heard := await caller.hear()).method != "BYE":
        pass
    if final.code == 200:
        await caller.agree(heard)


# ---- in the middle of a visit ----


async def test_a_visit_goes_on_under_fire(gateway: GatewayProcess) -> None:
    page = await Page.of(gateway)
    async with page.client, Talk(gateway) as talk, contextlib.AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(connect(page.events)) for _ in range(50)]
        with contextlib.suppress(ConnectionClosed):
            for _ in range(500):
                await pages[0].send("x" * 1000)
        await steal(talk)
        await talk.goes_on()
        await nonsense_from_the_station(talk)
        await talk.goes_on()
        assert await talk.caller.hang_up() == 200
    assert (await record_of(talk))["reason"] == "inmate_hung_up"


async def steal(talk: Talk) -> None:
    """A third address sends RTP, RTCP, STUN and DTLS to both legs; it is neither heard nor told anything."""
    assert talk.peer.answer is not None
    web_ports = {int(str(each).split()[5]) for each in talk.peer.answer.candidates}
    thief = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    thief.bind((THIEF, 0))
    thief.setblocking(False)
    voice = b"\x55" * 160
    for number in range(1000):
        for port in (talk.port, talk.port + 1):
            thief.sendto(b"\x80\x00" + os.urandom(10) + voice if number % 2 else os.urandom(number % 300), (HOST, port))
        for port in web_ports:
            thief.sendto(bytes([(0, 1, 20, 22, 128, 200)[number % 6]]) + os.urandom(60), (HOST, port))
        if number % 50 == 0:
            await asyncio.sleep(0.01)
    await talk.goes_on()
    assert not [each for each in talk.peer.packets if voice in each]
    with pytest.raises(BlockingIOError):
        thief.recv(2000)
    thief.close()


async def nonsense_from_the_station(talk: Talk) -> None:
    """From the right address this time: RTCP and RTP garbage, CANCEL after the 200, descriptions that are none."""
    for number in range(300):
        talk.station.report(bytes([0x80 | number % 32, 200 + number % 8]) + os.urandom(number % 80))
        talk.station.throw(os.urandom(number % 200))
    caller = talk.caller
    await caller.say(caller.request("CANCEL"))
    assert (await caller.answer("CANCEL")).code == 481
    caller.sequence += 1
    await caller.call("this is no description")
    assert await caller.end_of_invite() in {400, 415, 488}
    await caller.say(caller.request("INFO", sequence=1))  # older than what was said
    assert (await caller.answer("INFO")).code == 500


async def test_a_killed_agent_ends_its_own_visit_alone(gateway: GatewayProcess) -> None:
    async with Talk(gateway) as lost, Talk(gateway, agent=1) as kept:
        os.kill(agents(gateway)[0], signal.SIGKILL)
        assert (await record_of(lost))["reason"] == "trunk_error"
        await kept.goes_on()
        await kept.caller.hang_up()
    assert (await record_of(kept))["reason"] == "inmate_hung_up"


async def record_of(talk: Talk) -> dict[str, Any]:
    async def written() -> dict[str, Any] | None:
        return next((each for each in await talk.gateway.cdrs() if each["visit_id"] == talk.visit), None)

    found = await until(written, "the record of the visit")
    assert found is not None
    return found
