"""Damaged STUN and DTLS at the port of all browsers: whoever sits there goes on, and a new browser still gets in."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from aioice import stun

from bridge.legs.web_port import WebPort
from bridge.legs.web_sdp import read_offer
from bridge.plane import MediaPlane
from bridge.types import MediaSettings
from tests.fuzz.growth import Weight, has_grown
from tests.fuzz.mutation import Mutator
from tests.fuzz.test_packets import STATION
from tests.support.raw_peer import RawPeer

DTLS_HELLO = bytes.fromhex("16feff0000000000000000002f010000230000000000000023fefd") + bytes(34)


def messages(ufrag: str, password: str) -> tuple[Callable[[], bytes], ...]:
    """A whole check of ICE as a browser sends it, an answer that nobody asked for, and the start of DTLS."""

    def check() -> bytes:
        message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{ufrag}:browser"
        message.attributes["PRIORITY"] = 1_853_693_695
        message.attributes["ICE-CONTROLLING"] = 7
        message.add_message_integrity(password.encode())
        return bytes(message)

    def response() -> bytes:
        message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.RESPONSE)
        message.attributes["XOR-MAPPED-ADDRESS"] = ("127.0.0.1", 5000)
        message.add_message_integrity(password.encode())
        return bytes(message)

    return check, response, lambda: DTLS_HELLO


@contextmanager
def strangers(count: int) -> Iterator[list[socket.socket]]:
    """Sockets behind as many addresses."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(count)]
        for number, each in enumerate(found, start=2):
            each.bind((f"127.0.0.{number}", 0))
        yield found


async def throw(address: tuple[str, int], kinds: tuple[Callable[[], bytes], ...], seed: int, count: int) -> None:
    """Over the wire: what a burst loses on the way is part of the weather."""
    mutator = Mutator(seed)
    with strangers(40) as sockets:
        for index in range(count):
            packet = mutator.bytes_like(mutator.random.choice(kinds)())
            mutator.random.choice(sockets).sendto(packet, address)
            if index % 20 == 0:
                await asyncio.sleep(0.001)  # the loop reads


async def endures(caplog: pytest.LogCaptureFixture, count: int) -> None:
    caplog.set_level(logging.ERROR, logger="asyncio")
    browser, later = RawPeer(), RawPeer()
    async with MediaPlane(MediaSettings()) as plane:
        bridge = plane.bridge()
        joined = await bridge.join(STATION, await browser.offer())
        assert joined.web_sdp is not None
        ours = read_offer(joined.web_sdp)
        port = plane._web_ports
        assert isinstance(port, WebPort)
        kinds = messages(ours.ufrag, ours.password)
        await throw(port.address[:2], kinds, 3, count // 2)
        before = Weight.now()
        await throw(port.address[:2], kinds, 4, count // 2)
        assert not has_grown(before, Weight.now())
        assert port.strangers > count // 20
        assert bridge.describe()

        newcomer = plane.bridge()
        answer = (await newcomer.join(STATION.replace("3999", "3989"), await later.offer())).web_sdp
        assert answer is not None
        later.accept(answer)
        await asyncio.wait_for(later.connected.wait(), 15)
    await browser.close()
    await later.close()
    assert not [each for each in caplog.records if each.name == "asyncio"], caplog.text


async def test_damaged_checks(caplog: pytest.LogCaptureFixture) -> None:
    await endures(caplog, 4_000)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_a_hundred_thousand_damaged_checks(caplog: pytest.LogCaptureFixture) -> None:
    await endures(caplog, 100_000)
