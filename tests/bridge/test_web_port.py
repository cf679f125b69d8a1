"""One UDP port for all browsers: who is told apart how, who can not come in, and what a change of network does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bridge.errors import PortsExhausted
from bridge.legs.web import WebLeg
from bridge.legs.web_line import WebLine
from bridge.legs.web_port import WebPort, local_ufrag
from bridge.plane import MediaPlane
from bridge.rtp.packet import build, parse
from bridge.rtp.ports import Ports
from bridge.rtp.timer import Timer
from bridge.rtp.turns import Turns
from bridge.types import Codec, Flow, Kind, MediaSettings
from tests.support import raw_peer
from tests.support.raw_peer import AUDIO_SSRC, VIDEO_SSRC, Deaf, RawPeer

PCMU = Codec("PCMU", 0, 8000)
H264 = Codec("H264", raw_peer.H264, 90000, fmtp=(("packetization-mode", "1"), ("profile-level-id", "42e01f")))
BOTH_WAYS = {Kind.AUDIO: Flow.SENDRECV, Kind.VIDEO: Flow.SENDRECV}


async def until(satisfied: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    for _ in range(int(seconds / 0.005)):
        if satisfied():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"not within {seconds} s: {what}")


class Visit:
    """A browser and its leg at the shared port; what the leg's video line hands on is kept in `taken`."""

    def __init__(self, port: WebPort, timer: Timer, ports: Ports | None = None) -> None:
        self._at = port
        self.settings = MediaSettings(host=port.host)
        self.peer = RawPeer(self.settings, ports)
        self.leg = WebLeg(self.settings, port, timer)
        self.up = asyncio.Event()
        self.leg.on_connected = self.up.set
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.leg.on_lost = lambda reason: self.lost.done() or self.lost.set_result(reason)
        self.taken: list[bytes] = []
        self.sent = 0

    async def connect(self) -> None:
        codecs: dict[Kind, Codec | None] = {Kind.AUDIO: PCMU, Kind.VIDEO: H264}
        self.peer.accept(await self.leg.answer(await self.peer.offer(), codecs, BOTH_WAYS))
        self.line.attach(self._take, Deaf())
        async with asyncio.timeout(10):
            await self.up.wait()
            await self.peer.connected.wait()

    @property
    def line(self) -> WebLine:
        line = self.leg.line(Kind.VIDEO)
        assert line is not None
        return line

    @property
    def port(self) -> int:
        assert self.peer.answer is not None
        return int(str(self.peer.answer.candidates[0]).split()[5])

    async def talk(self) -> None:
        """Something new goes through, both ways."""
        self.sent += 1
        words = b"\x41" + os.urandom(40)
        here = build(words, payload_type=raw_peer.H264, sequence=self.sent, timestamp=self.sent, ssrc=VIDEO_SSRC)
        there = build(
            words, payload_type=raw_peer.H264, sequence=self.sent, timestamp=self.sent, ssrc=self.line.send_ssrc
        )
        self.peer.send(here)
        self.line.send(there)
        await self.peer.until(lambda: here in self.taken and there in self.peer.packets)

    async def move(self) -> None:
        """To another address; the leg follows when its own check has been answered from there: a round trip."""
        before = self.peer.address
        await self.peer.move()
        assert self.peer.address != before
        await until(lambda: self.heads_for() == self.peer.address, "the leg follows")

    def heads_for(self) -> tuple[str, int]:
        path = self.leg._transport._connection.path
        assert path is not None
        return self._at._inbox.address_of(path[1])

    def _take(self, packet: bytes) -> None:
        self.taken.append(packet)
        self.peer.changed.set()

    async def close(self) -> None:
        await self.leg.close()
        await self.peer.close()


class House:
    """The port and who came to it."""

    def __init__(self, port: WebPort, timer: Timer, stack: contextlib.AsyncExitStack) -> None:
        self.port, self.timer, self._stack = port, timer, stack

    async def visit(self, ports: Ports | None = None) -> Visit:
        made = Visit(self.port, self.timer, ports)
        self._stack.push_async_callback(made.close)
        await made.connect()
        return made


@contextlib.asynccontextmanager
async def house(host: str = "127.0.0.1", *, batches: bool = True) -> AsyncIterator[House]:
    port = WebPort(Ports(host, (0, 0)), batches=batches)
    try:
        async with Timer() as timer, contextlib.AsyncExitStack() as stack:
            yield House(port, timer, stack)
    finally:
        assert not port._seats
        assert not port._by_address
        assert not port._asked
        assert not Turns.of_running_loop(), "all sockets are given back"
        port.close()


@pytest.mark.parametrize("batches", [True, False], ids=["batches", "one by one"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_browsers_behind_one_address_share_the_port_and_nothing_else(host: str, batches: bool) -> None:
    async with house(host, batches=batches) as at:
        visits = [await at.visit() for _ in range(3)]
        assert {visit.port for visit in visits} == {at.port.address[1]}
        for visit in (*visits, *reversed(visits)):
            await visit.talk()
        for visit in visits:
            assert len(visit.taken) == 2, "nobody hears the others"
            assert all(parse(packet) for packet in visit.taken)


async def test_one_goes_and_the_others_stay() -> None:
    async with house() as at:
        one, two = await at.visit(), await at.visit()
        await one.leg.close()
        assert await asyncio.wait_for(one.peer.lost, 5) == "closed"
        await two.talk()
        assert len(at.port) == 1
        await two.peer.close()
        assert await asyncio.wait_for(two.lost, 5) == "closed"


async def test_a_browser_that_changes_its_network_goes_on_at_once() -> None:
    async with house() as at:
        visit, other = await at.visit(), await at.visit()
        for _ in range(3):
            await visit.move()
            await visit.talk()
            await other.talk()
        assert not visit.lost.done()


async def test_what_comes_late_from_the_old_address_is_taken_still() -> None:
    """Packets of the network before are under way when the first of the new one arrives."""
    async with house() as at:
        visit = await at.visit()
        late = visit.peer.seal(build(b"\x41late", payload_type=raw_peer.H264, sequence=9, timestamp=9, ssrc=VIDEO_SSRC))
        old = visit.peer.address
        await visit.move()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as network_before:
            network_before.bind(old)
            network_before.sendto(late, at.port.address)
            await visit.peer.until(lambda: len(visit.taken) == 1)
        await visit.talk()


async def test_a_silent_browser_loses_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.1)
    monkeypatch.setattr("aioice.ice.CONSENT_FAILURES", 2)
    async with house() as at:
        silent, other = await at.visit(), await at.visit()
        silent.peer.vanish()
        assert await asyncio.wait_for(silent.lost, 20) == "consent_expired"
        await other.talk()


async def test_a_page_that_comes_back_from_the_same_address_is_the_new_visit() -> None:
    """The old leg is still there: a NAT gave the new page the old one's address, and its packets are its own."""
    async with house() as at:
        free = Ports("127.0.0.1", (0, 0)).single()
        number: int = free.getsockname()[1]
        free.close()
        old = await at.visit(Ports("127.0.0.1", (number, number)))
        old.peer.vanish()
        new = await at.visit(Ports("127.0.0.1", (number, number)))
        assert new.peer.address[1] == number
        await new.talk()
        await old.leg.close()
        await new.talk()
        assert not old.taken


class Stranger:
    """Somebody else at another address, who knows the port."""

    def __init__(self, port: WebPort) -> None:
        self._there = port.address
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.setblocking(False)

    def say(self, data: bytes) -> None:
        self.udp.sendto(data, self._there)

    def hears_nothing(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            self.udp.recv(2000)
            return False
        return True


def check(ufrag: str, chance: random.Random) -> bytes:
    """A binding request with that user name and a MESSAGE-INTEGRITY that is made up (RFC 8489 section 14)."""
    name = f"{ufrag}:abcd".encode()
    body = b"\x00\x06" + len(name).to_bytes(2, "big") + name + bytes(-len(name) % 4)
    body += b"\x00\x24\x00\x04" + bytes(4) + b"\x00\x08\x00\x14" + chance.randbytes(20)
    return b"\x00\x01" + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + chance.randbytes(12) + body


async def test_a_flood_of_strangers_is_counted_and_changes_nothing() -> None:
    chance = random.Random(3)
    async with house() as at:
        visit = await at.visit()
        stranger = Stranger(at.port)
        with stranger.udp:
            for number in range(3000):
                first = (0x80, 0x90, 20, 22, 0, 1, 2, 3, 64, 200)[number % 10]
                stranger.say(bytes([first]) + chance.randbytes(chance.randrange(0, 1400)))
                if number % 100 == 0:
                    await visit.talk()
            await visit.talk()
            assert stranger.hears_nothing()
        assert at.port.strangers > 1000
        assert len(at.port._by_address) == 1
        assert not visit.lost.done()


async def test_a_check_with_a_made_up_signature_opens_no_door() -> None:
    """The user name stands in each check in the clear; the password that signs it does not."""
    chance = random.Random(4)
    async with house() as at:
        visit = await at.visit()
        ufrag = visit.leg._transport._connection.local_username
        stranger = Stranger(at.port)
        with stranger.udp:
            for _ in range(20):
                stranger.say(check(ufrag, chance))
                stranger.say(build(b"\x41stolen", payload_type=raw_peer.H264, sequence=1, timestamp=1, ssrc=VIDEO_SSRC))
                stranger.say(b"\x16\xfe\xfd" + chance.randbytes(60))
            await visit.talk()
            await until(lambda: at.port.strangers >= 40, "all of it is counted")
        assert len(at.port._by_address) == 1
        assert len(visit.taken) == 1


def test_the_user_name_of_a_check_is_read_whatever_stands_around_it() -> None:
    chance = random.Random(5)
    assert local_ufrag(check("0123456789abcdef", chance)) == b"0123456789abcdef"
    assert local_ufrag(b"\x00\x01" + bytes(18)) == b""
    assert local_ufrag(b"\x00\x01" + bytes(18) + b"\x00\x06\xff\xffabc:d") == b"abc"
    for _ in range(2000):
        local_ufrag(chance.randbytes(chance.randrange(20, 120)))


async def test_an_impossible_destination_is_counted_and_the_rest_goes_on() -> None:
    async with house() as at:
        visit, other = await at.visit(), await at.visit()
        connection = visit.leg._transport._connection
        right = connection.path
        seat: Any = connection._nominated[1].protocol.transport
        connection.path = seat.path_to(("127.0.0.1", 0))
        for number in range(50):
            visit.line.send(
                build(b"\x41", payload_type=raw_peer.H264, sequence=number, timestamp=1, ssrc=visit.line.send_ssrc)
            )
            if number % 10 == 0:
                await other.talk()
        await other.talk()
        assert at.port.unsent_packets >= 50
        connection.path = right
        visit.sent = 100
        await visit.talk()


async def test_the_plane_opens_the_port_it_is_told_and_says_when_it_is_taken() -> None:
    probe = Ports("127.0.0.1", (0, 0)).single()
    number: int = probe.getsockname()[1]
    probe.close()
    async with MediaPlane(MediaSettings(web_port=number)):
        with pytest.raises(PortsExhausted, match=r"media\.web_port"):
            async with MediaPlane(MediaSettings(web_port=number)):
                pass
    async with MediaPlane(MediaSettings(web_port=number)):
        pass


@pytest.mark.parametrize(("web_port", "ports"), [(0, 1), (None, 2)])
async def test_two_visits_of_a_plane(web_port: int | None, ports: int) -> None:
    offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    async with MediaPlane(MediaSettings(web_port=web_port)) as plane, RawPeer() as one, RawPeer() as two:
        found = set()
        for peer in (one, two):
            joined = await plane.bridge().join(offer, await peer.offer())
            assert joined.web_sdp is not None
            found |= {each.split()[5] for each in joined.web_sdp.splitlines() if each.startswith("a=candidate")}
            peer.accept(joined.web_sdp)
            await asyncio.wait_for(peer.connected.wait(), 10)
            peer.send(build(bytes(160), payload_type=0, sequence=1, timestamp=1, ssrc=AUDIO_SSRC))
        assert len(found) == ports
