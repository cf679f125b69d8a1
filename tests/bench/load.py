"""The load: stations and browsers that send at a steady pace and note when what they get had arrived.

Each packet carries the time at which it was sent, each socket has the kernel write down when a packet arrived: the
difference is what the process between took, however late this process comes to look.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bridge import sdp
from bridge.rtp.packet import HEADER, HEADER_BYTES
from bridge.rtp.ports import Ports, SocketPair
from bridge.rtp.srtp import Opener, Sealer
from tests.bench.bare import PROFILE
from tests.bench.worker import obey, reply
from tests.support import raw_peer
from tests.support.raw_peer import RawPeer

AUDIO_PER_S, VIDEO_PER_S = 50, 60  # each way: 220 packets a second and visit
AUDIO_BYTES, VIDEO_BYTES = 160, 1250  # 20 ms of PCMU; 600 kbit/s of H.264
_PACE_S = 0.001
_DRAIN_S = 0.3  # what is under way may still arrive
_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("!Q")
_STAMP_AT = HEADER_BYTES + 4
_KEYFRAME_PACKETS, _KEYFRAME_EVERY = 5, 120  # a whole picture every two seconds, as terminals send them unasked

_STATION = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {audio} RTP/AVP 0
a=rtpmap:0 PCMU/8000
m=video {video} RTP/AVPF 102
a=rtpmap:102 H264/90000
a=fmtp:102 profile-level-id=42e01f;packetization-mode=1
a=rtcp-fb:102 nack pli
"""


@dataclass(slots=True)
class Stream:
    """One kind from one end: what goes next, and when."""

    send: Callable[[bytes], Any]
    payload_type: int
    ssrc: int
    per_s: int
    ticks: int
    body: bytes
    next_s: float
    count: int = 0

    def send_due(self, now_s: float) -> None:
        while self.next_s <= now_s:
            self.next_s += 1 / self.per_s
            number = self.count
            self.count += 1
            first = b"\x65" if number % _KEYFRAME_EVERY < _KEYFRAME_PACKETS else b"\x41"
            header = HEADER.pack(0x80, self.payload_type, number & 0xFFFF, number * self.ticks & 0xFFFFFFFF, self.ssrc)
            with contextlib.suppress(OSError):
                self.send(b"".join((header, first, b"\0\0\0", _STAMP.pack(time.time_ns()), self.body)))


class Delays:
    """Nanoseconds between sending and arrival, of packets sent since `begin`."""

    def __init__(self) -> None:
        self._values: list[int] = []
        self._since_ns = 1 << 63

    def begin(self) -> None:
        self._values.clear()
        self._since_ns = time.time_ns()

    def note(self, packet: bytes, arrived_ns: int) -> None:
        (sent_ns,) = _STAMP.unpack_from(packet, _STAMP_AT)
        if sent_ns >= self._since_ns:
            self._values.append(arrived_ns - sent_ns)

    def percentile_ms(self, share: float) -> float:
        values = sorted(self._values)
        return values[min(len(values) - 1, int(share * len(values)))] / 1e6 if values else 0.0

    def __len__(self) -> int:
        return len(self._values)


def watch(udp: socket.socket, take: Callable[[bytes, int, Any], None]) -> None:
    """take(packet, arrived_ns, address) for what comes, with the kernel's time of arrival."""
    udp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)

    def readable() -> None:
        for _ in range(64):
            try:
                packet, extra, _, address = udp.recvmsg(4096, 64)
            except OSError:
                return
            seconds, nanoseconds = struct.unpack("qq", extra[0][2][:16])
            take(packet, seconds * 1_000_000_000 + nanoseconds, address)

    asyncio.get_running_loop().add_reader(udp, readable)


class Browser:
    """The SRTP end of a visit."""

    def __init__(self, delays: Delays, opener: Opener) -> None:
        self._delays, self._opener = delays, opener
        self.other: Callable[[bytes, Any], None] = lambda packet, address: None

    def take(self, packet: bytes, arrived_ns: int, address: Any) -> None:
        if not 127 < packet[0] < 192:
            self.other(packet, address)
        elif not 192 <= packet[1] <= 223:
            self._opener.view[0 : len(packet)] = packet
            clear = self._opener.rtp(len(packet))
            if clear is not None:
                self._delays.note(clear, arrived_ns)


class Load:
    def __init__(self) -> None:
        self.delays = Delays()
        self.streams: list[Stream] = []
        self.ports = Ports("127.0.0.1", (0, 0))
        self.peers: list[RawPeer] = []
        self.pairs: list[tuple[SocketPair, SocketPair]] = []
        self._bare: list[tuple[socket.socket, Sealer]] = []

    def add_streams(self, audio: Callable[[bytes], Any], video: Callable[[bytes], Any]) -> None:
        """Streams of one end; each starts at another moment, as calls do."""
        now_s, phase = time.monotonic() + 0.2, len(self.streams) * 0.00137 % 0.02
        audio_body, video_body = os.urandom(AUDIO_BYTES - 12), os.urandom(VIDEO_BYTES - 12)
        self.streams += [
            Stream(audio, 0, raw_peer.AUDIO_SSRC, AUDIO_PER_S, 160, audio_body, now_s + phase),
            Stream(video, raw_peer.H264, raw_peer.VIDEO_SSRC, VIDEO_PER_S, 1500, video_body, now_s + phase + 0.007),
        ]

    def station_took(self, packet: bytes, arrived_ns: int, _address: Any) -> None:
        if len(packet) > _STAMP_AT + 8:
            self.delays.note(packet, arrived_ns)

    async def offer(self, visits: int) -> list[dict[str, str]]:
        offers = []
        for _ in range(visits):
            peer, pairs = RawPeer(), (self.ports.pair(), self.ports.pair())
            self.peers.append(peer)
            self.pairs.append(pairs)
            sip = _STATION.format(audio=pairs[0].port, video=pairs[1].port).replace("\n", "\r\n")
            offers.append({"sip": sip, "web": await peer.offer()})
        return offers

    async def connect(self, answers: list[dict[str, str]]) -> None:
        for peer, answer in zip(self.peers, answers, strict=True):
            peer.accept(answer["web"])
        async with asyncio.timeout(30):
            for peer in self.peers:
                await peer.connected.wait()
        for peer, pairs, answer in zip(self.peers, self.pairs, answers, strict=True):
            self._take_over(peer)
            self.add_streams(peer.send, peer.send)
            targets = [("127.0.0.1", media.port) for media in sdp.parse(answer["sip"]).media]
            for pair in pairs:
                watch(pair.rtp, self.station_took)
            self.add_streams(_sender(pairs[0].rtp, targets[0]), _sender(pairs[1].rtp, targets[1]))

    def _take_over(self, peer: RawPeer) -> None:
        """Read the peer's socket here, for the times of arrival; what is no media still goes to ICE."""
        ice = peer._transport._connection
        sock: Any = ice._protocols[0].transport
        browser = Browser(self.delays, ice.opener)
        browser.other = sock._other_arrived
        sock._turns.unwatch(sock._udp.fileno())
        watch(sock._udp, browser.take)

    def offer_bare(self, visits: int) -> list[dict[str, Any]]:
        offers = []
        for _ in range(visits):
            key, pairs, udp = os.urandom(PROFILE.key_bytes), (self.ports.pair(), self.ports.pair()), self.ports.single()
            self.pairs.append(pairs)
            sealer, browser = Sealer.with_key(PROFILE, key), Browser(self.delays, Opener.with_key(PROFILE, key))
            watch(udp, browser.take)
            offers.append(
                {
                    "key": key.hex(),
                    "browser": udp.getsockname(),
                    "stations": [pair.rtp.getsockname() for pair in pairs],
                }
            )
            self._bare.append((udp, sealer))
        return offers

    def connect_bare(self, answers: list[dict[str, Any]]) -> None:
        for (udp, sealer), pairs, answer in zip(self._bare, self.pairs, answers, strict=True):
            send = _sealing_sender(udp, tuple(answer["web"]), sealer)
            self.add_streams(send, send)
            targets = [tuple(each) for each in answer["stations"]]
            for pair in pairs:
                watch(pair.rtp, self.station_took)
            self.add_streams(_sender(pairs[0].rtp, targets[0]), _sender(pairs[1].rtp, targets[1]))

    async def run(self) -> None:
        while True:
            now_s = time.monotonic()
            for stream in self.streams:
                if stream.next_s <= now_s:
                    stream.send_due(now_s)
            await asyncio.sleep(_PACE_S)


def _sender(udp: socket.socket, target: tuple[Any, ...]) -> Callable[[bytes], Any]:
    return lambda packet: udp.sendto(packet, target)


def _sealing_sender(udp: socket.socket, target: tuple[Any, ...], sealer: Sealer) -> Callable[[bytes], Any]:
    def send(packet: bytes) -> None:
        sealed = sealer.rtp(packet)
        assert sealed is not None
        udp.sendto(sealed, target)

    return send


async def serve(next_request: Callable[[], Awaitable[dict[str, Any] | None]]) -> None:
    load = Load()
    running: asyncio.Task[None] | None = None
    while (request := await next_request()) is not None:
        if request["what"] == "offer":
            reply(offers=await load.offer(request["visits"]))
        elif request["what"] == "offer_bare":
            reply(offers=load.offer_bare(request["visits"]))
        elif request["what"] == "connect":
            await load.connect(request["answers"])
            running = asyncio.create_task(load.run(), name="load")
            reply()
        elif request["what"] == "connect_bare":
            load.connect_bare(request["answers"])
            running = asyncio.create_task(load.run(), name="load")
            reply()
        elif request["what"] == "begin":
            load.delays.begin()
            reply(sent=sum(stream.count for stream in load.streams))
        else:
            if running is not None:
                running.cancel()
            await asyncio.sleep(_DRAIN_S)
            delays = load.delays
            reply(
                sent=sum(stream.count for stream in load.streams),
                arrived=len(delays),
                p50_ms=delays.percentile_ms(0.50),
                p99_ms=delays.percentile_ms(0.99),
            )
    for peer in load.peers:
        await peer.close()


if __name__ == "__main__":
    obey(serve)
