"""A visit's media from both ends: a station made of packets, a browser made of packets, a bridge between them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from bridge import sdp
from bridge.events import BridgeEvent, WebConnected
from bridge.plane import MediaPlane
from bridge.rtp import packet as rtp
from bridge.types import MediaSettings
from tests.support import raw_peer
from tests.support.raw_peer import AUDIO_SSRC, RawPeer
from tests.support.rtp_station import RtpStation

Event = TypeVar("Event")

IDR, SLICE = b"\x65" + bytes(50), b"\x41" + bytes(50)


class Terminal:
    """A facility's video terminal: sound on PCMU, a picture in H.264, and the description of both."""

    def __init__(self) -> None:
        self.sound = RtpStation(0, ssrc=0x50)
        self.picture = RtpStation(96, ssrc=0x96, step=3000)

    def describe(self, *, video: bool = True, flow: str = "sendrecv", feedback: bool = True, address: str = "") -> str:
        address = address or "127.0.0.1"
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", f"c=IN IP4 {address}", "t=0 0"]
        lines += [f"m=audio {self.sound.port} RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", f"a={flow}"]
        if video:
            lines += [f"m=video {self.picture.port} RTP/AVP 96", "a=rtpmap:96 H264/90000"]
            lines += ["a=fmtp:96 packetization-mode=1;profile-level-id=42801f", f"a={flow}"]
            lines += ["a=rtcp-fb:96 nack pli"] if feedback else []
        return "\r\n".join(lines) + "\r\n"

    def aim(self, description: str) -> sdp.Session:
        session = sdp.parse(description)
        for media, station in zip(session.media, (self.sound, self.picture), strict=False):
            station.aim(media.port)
        return session

    def close(self) -> None:
        self.sound.close()
        self.picture.close()


class Stage:
    """One visit: a terminal, a browser, the bridge, and everything it reported."""

    def __init__(self, settings: MediaSettings | None = None) -> None:
        self.settings = settings or MediaSettings(sheds_load=False)
        self.plane = MediaPlane(self.settings)
        self.terminal = Terminal()
        self.browser = RawPeer()
        self.events: list[BridgeEvent] = []
        self.reported = asyncio.Event()
        self._sequence = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self.plane.__aenter__()
        self.bridge = self.plane.bridge()
        self._tasks.append(asyncio.create_task(self._listen(), name="events"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.plane.__aexit__(None, None, None)
        await asyncio.wait_for(self._tasks[0], 5)
        for task in self._tasks[1:]:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.browser.close()
        self.terminal.close()

    async def stand_alone(self) -> None:
        """In place of the tappable bridge, one for a station that is to be greeted."""
        await self.bridge.close()
        await self._tasks.pop(0)
        self.bridge = self.plane.bridge(sealed=True)
        self._tasks.insert(0, asyncio.create_task(self._listen(), name="events"))

    async def join(self, *, video: bool = True, feedback: bool = True) -> sdp.Session:
        """The whole road: offers, answers, ICE and DTLS. Returns what the terminal was answered."""
        joined = await self.bridge.join(
            self.terminal.describe(video=video, feedback=feedback), await self.browser.offer()
        )
        assert joined.web_sdp is not None
        self.browser.accept(joined.web_sdp)
        await self.browser.connected.wait()
        await self.until(WebConnected)
        return self.terminal.aim(joined.sip_sdp)

    async def until(self, kind: type[Event], count: int = 1) -> Event:
        """The event of this kind, past or to come."""
        async with asyncio.timeout(10):
            while True:
                found = [each for each in self.events if isinstance(each, kind)]
                if len(found) >= count:
                    return found[count - 1]
                self.reported.clear()
                await self.reported.wait()

    def from_browser(self, payload: bytes, payload_type: int, ssrc: int) -> None:
        self._sequence += 1
        self.browser.send(
            rtp.build(payload, payload_type=payload_type, sequence=self._sequence, timestamp=9, ssrc=ssrc)
        )

    def talk(self) -> None:
        """Both speak until the end of the test."""

        async def speak() -> None:
            while True:
                self.terminal.sound.say()
                self.from_browser(b"\xff" * 160, raw_peer.PCMU, AUDIO_SSRC)
                await asyncio.sleep(0.02)

        self._tasks.append(asyncio.create_task(speak(), name="speak"))

    def hush(self) -> None:
        self._tasks.pop().cancel()

    async def _listen(self) -> None:
        async for event in self.bridge.events():
            self.events.append(event)
            self.reported.set()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - sockets deliver as the loop turns; nothing else tells when
            await asyncio.sleep(0.001)


def without(offer: str, *payload_types: int) -> str:
    """The browser's offer with fewer codecs."""
    for number in payload_types:
        offer = "\r\n".join(line for line in offer.split("\r\n") if f":{number} " not in line)
        offer = offer.replace(f" {number} ", " ", 1)
    return offer
