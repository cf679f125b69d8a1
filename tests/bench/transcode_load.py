"""The load of the transcoding bench: stations and browsers that play clips in real time, one relayed visit beside.

    browser VP8 + Opus (or PCMU)   <- gateway ->   station H.264 + PCMU

The relayed visit's packets carry stamps (`tests.bench.load`): their delay is what transcoding does to its neighbours.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bridge import sdp
from bridge.links.packetize import payloader
from bridge.rtp.packet import build
from bridge.types import Codec
from tests.bench.clips import Clip, film, speech
from tests.bench.load import _STATION, Load, _sender
from tests.bench.worker import obey, reply
from tests.support import raw_peer
from tests.support.raw_peer import RawPeer

_H264 = Codec("H264", raw_peer.H264, 90_000, fmtp=(("packetization-mode", "1"), ("profile-level-id", "42e01f")))
_VP8 = Codec("VP8", raw_peer.VP8, 90_000)
_PCMU = Codec("PCMU", raw_peer.PCMU, 8000)
_OPUS = Codec("OPUS", raw_peer.OPUS, 48_000, 2)
KINDS = {  # what the browser is left with
    "video_audio": ("111", "96 97"),
    "audio": ("111", "102 103"),
    "video": ("0", "96 97"),
}


def narrowed(offer: str, kind: str) -> str:
    """An offer with these payload types alone."""
    audio, video = KINDS[kind]
    kept = {*audio.split(), *video.split()}
    offer = re.sub(r"(m=audio \d+ \S+) .*?\r", rf"\1 {audio}\r", offer)
    offer = re.sub(r"(m=video \d+ \S+) .*?\r", rf"\1 {video}\r", offer)
    lines = [
        line
        for line in offer.split("\r\n")
        if not (found := re.match(r"a=(?:rtpmap|fmtp|rtcp-fb):(\d+)", line)) or found[1] in kept
    ]
    return "\r\n".join(lines)


def cut(clip: Clip, codec: Codec) -> tuple[tuple[bytes, ...], ...]:
    """The payloads of each frame."""
    if codec.clock_hz != 90_000:
        return tuple((each.data,) for each in clip.frames)
    payloads = payloader(codec)
    return tuple(tuple(payloads(each.data)) for each in clip.frames)


@dataclass(slots=True)
class Playing:
    """A clip from one end, again and again."""

    send: Callable[[bytes], Any]
    codec: Codec
    ssrc: int
    clip: Clip
    frames: tuple[tuple[bytes, ...], ...]
    next_s: float
    number: int = 0
    sequence: int = 0
    count: int = 0

    def send_due(self, now_s: float) -> None:
        while self.next_s <= now_s:
            self.next_s += self.clip.frame_s
            payloads = self.frames[self.number % len(self.frames)]
            timestamp = self.number * self.clip.ticks & 0xFFFFFFFF
            self.number += 1
            for payload in payloads:
                self.sequence = (self.sequence + 1) & 0xFFFF
                packet = build(
                    payload,
                    payload_type=self.codec.payload_type,
                    sequence=self.sequence,
                    timestamp=timestamp,
                    ssrc=self.ssrc,
                    marker=self.codec.clock_hz == 90_000 and payload is payloads[-1],
                )
                with contextlib.suppress(OSError):
                    self.send(packet)


class TranscodeLoad:
    def __init__(self) -> None:
        self.beside = Load()  # the relayed visit
        self._peers: list[RawPeer] = []
        self._pairs: list[Any] = []
        self._kind = "video_audio"
        self._sinks: list[Any] = []
        self.playing: list[Playing] = []

    async def offer(self, visits: int, kind: str) -> list[dict[str, str]]:
        self._kind = kind
        offers = []
        for _ in range(visits):
            peer, pairs = RawPeer(), (self.beside.ports.pair(), self.beside.ports.pair())
            self._peers.append(peer)
            self._pairs.append(pairs)
            peer.on_rtp = lambda _packet: None
            sip = _STATION.format(audio=pairs[0].port, video=pairs[1].port).replace("\n", "\r\n")
            offers.append({"sip": sip, "web": narrowed(await peer.offer(), kind)})
        return offers + await self.beside.offer(1)

    async def connect(self, answers: list[dict[str, str]]) -> None:
        *transcoded, relayed = answers
        await self.beside.connect([relayed])
        for peer, answer in zip(self._peers, transcoded, strict=True):
            peer.accept(answer["web"])
        async with asyncio.timeout(30):
            for peer in self._peers:
                await peer.connected.wait()
        loop = asyncio.get_running_loop()
        for peer, pairs, answer in zip(self._peers, self._pairs, transcoded, strict=True):
            targets = [("127.0.0.1", media.port) for media in sdp.parse(answer["sip"]).media]
            for pair in pairs:
                loop.add_reader(pair.rtp, _swallow, pair.rtp)
            sends = [peer.send, peer.send, _sender(pairs[0].rtp, targets[0]), _sender(pairs[1].rtp, targets[1])]
            self._play(sends)

    def play_to_nobody(self, visits: int, kind: str) -> None:
        """The same work for codecs that are measured alone: beside an idle machine all caches would be theirs."""
        self._kind = kind
        sink, udp = self.beside.ports.single(), self.beside.ports.single()
        self._sinks += [sink, udp]
        asyncio.get_running_loop().add_reader(sink, _swallow, sink)
        for _ in range(visits):
            self._play([_sender(udp, sink.getsockname())] * 4)

    def _play(self, sends: list[Callable[[bytes], Any]]) -> None:
        """Each stream starts at another moment, as calls do."""
        browser_audio = _OPUS if KINDS[self._kind][0] == "111" else _PCMU
        browser_video = _VP8 if KINDS[self._kind][1].startswith("96") else _H264
        now_s = time.monotonic() + 0.2 + len(self.playing) * 0.0037
        codecs = (browser_audio, browser_video, _PCMU, _H264)
        ssrcs = (raw_peer.AUDIO_SSRC, raw_peer.VIDEO_SSRC, 7001, 7002)
        for index, (send, codec, ssrc) in enumerate(zip(sends, codecs, ssrcs, strict=True)):
            clip = film(codec.name) if codec.clock_hz == 90_000 else speech(codec.name)
            self.playing.append(Playing(send, codec, ssrc, clip, cut(clip, codec), now_s + index * 0.0053))

    async def run(self) -> None:
        while True:
            now_s = time.monotonic()
            for stream in (*self.playing, *self.beside.streams):
                if stream.next_s <= now_s:
                    stream.send_due(now_s)
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        for peer in (*self._peers, *self.beside.peers):
            await peer.close()


def _swallow(udp: Any) -> None:
    with contextlib.suppress(OSError):
        for _ in range(64):
            udp.recv(4096)


async def serve(next_request: Callable[[], Awaitable[dict[str, Any] | None]]) -> None:
    load = TranscodeLoad()
    running: asyncio.Task[None] | None = None
    while (request := await next_request()) is not None:
        if request["what"] == "offer":
            reply(offers=await load.offer(request["visits"], request["kind"]))
        elif request["what"] == "connect":
            await load.connect(request["answers"])
            running = asyncio.create_task(load.run(), name="load")
            reply()
        elif request["what"] == "play_to_nobody":
            load.play_to_nobody(request["visits"], request["kind"])
            running = asyncio.create_task(load.run(), name="load")
            reply()
        elif request["what"] == "begin":
            load.beside.delays.begin()
            reply()
        else:
            delays = load.beside.delays
            reply(p50_ms=delays.percentile_ms(0.50), p99_ms=delays.percentile_ms(0.99), arrived=len(delays))
    if running is not None:
        running.cancel()
    await load.close()


if __name__ == "__main__":
    obey(serve)
