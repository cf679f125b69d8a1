"""A visit whose family answers a telephone: the same stage, with a phone made of packets in the browser's place."""

from __future__ import annotations

import asyncio
from types import TracebackType

from bridge import sdp
from bridge.types import MediaSettings, Side
from tests.support.bridge_stage import Stage, Terminal
from tests.support.rtp_station import RtpStation


class PhoneStage(Stage):
    def __init__(self, settings: MediaSettings | None = None) -> None:
        super().__init__(settings)
        self.phone = Terminal()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        self.phone.close()

    async def greet(self, description: str = "") -> sdp.Session:
        """The station is answered, and nobody is there."""
        return self.terminal.aim((await self.bridge.greet(description or self.terminal.describe())).sip_sdp)

    async def call(self, answer: str = "", *, video: bool = True) -> sdp.Session:
        """The telephone rings, and answers. Returns our offer."""
        offered = self.phone.aim(await self.bridge.offer_telephone(video=video))
        await self.bridge.complete_telephone(answer or self.phone.describe(video=len(offered.media) > 1))
        return offered

    async def visit(self, *, sealed: bool = False) -> None:
        """Greeted, called, accepted."""
        await self.greet()
        await self.call()
        await self.bridge.connect_telephone(sealed=sealed)

    def talk_by_phone(self) -> None:
        """Both speak until the end of the test."""

        async def speak() -> None:
            while True:
                self.terminal.sound.say(b"\xff" * 160)
                self.phone.sound.say(b"\xff" * 160)
                await asyncio.sleep(0.02)

        self._tasks.append(asyncio.create_task(speak(), name="speak"))

    def party(self, side: Side) -> Terminal:
        return self.terminal if side is Side.SIP else self.phone


async def heard(station: RtpStation, payload: bytes) -> bytes:
    """The packet with this payload, whatever comes before it."""
    async with asyncio.timeout(10):
        while (packet := await station.heard())[12:] != payload:
            pass
    return packet


async def emptied(station: RtpStation) -> None:
    """What has come so far is not looked at."""
    while not station.is_silent():
        await station.heard()
