"""A visit without a gateway: a real SIP endpoint, a bridge, and a browser made of packets that takes the first call.

async with RealVisit() as visit:
    await terminal.dial(visit.uri)
    await visit.until(MediaFlowing)
"""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self, TypeVar

from bridge.errors import BridgeError
from bridge.events import BridgeEvent
from bridge.plane import MediaPlane
from bridge.rtp import packet as rtp
from bridge.types import FlowStats, Kind, MediaSettings, Side
from sip import Answered, Dialog, Ended, Offered, SipEndpoint, SipSettings, Trunk
from tests.support import raw_peer
from tests.support.raw_peer import AUDIO_SSRC, RawPeer

Event = TypeVar("Event")


class RealVisit:
    """offers, answers: of the station, and ours, in order. events: what the bridge reported.

    settled: what the station answered to offers of ours.
    """

    def __init__(self, settings: MediaSettings | None = None, host: str = "127.0.0.1") -> None:
        settings = settings or MediaSettings(host=host, sheds_load=False)
        self._plane = MediaPlane(settings)
        self._endpoint = SipEndpoint(SipSettings(host=host, port=0, trunks=(Trunk("facility", sources=(host,)),)))
        self._host = host
        self._tasks: list[asyncio.Task[None]] = []
        self._reported = asyncio.Event()
        self.browser = RawPeer(settings)
        self.offers: list[str] = []
        self.answers: list[str] = []
        self.settled: list[str] = []
        self._dialog: Dialog | None = None
        self.events: list[BridgeEvent] = []
        self.ended = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._plane.__aenter__()
        await self._endpoint.__aenter__()
        self.bridge = self._plane.bridge()
        for each in (self._take_the_call(), self._listen()):
            self._tasks.append(asyncio.create_task(each, name="visit"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._plane.__aexit__(None, None, None)
        await self._endpoint.__aexit__(None, None, None)
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.browser.close()

    @property
    def port(self) -> int:
        return self._endpoint.addresses()[0][2]

    @property
    def uri(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"sip:2001@{host}:{self.port}"

    async def until(self, kind: type[Event], count: int = 1) -> Event:
        """The event of this kind, past or to come."""
        async with asyncio.timeout(15):
            while True:
                found = [each for each in self.events if isinstance(each, kind)]
                if len(found) >= count:
                    return found[count - 1]
                self._reported.clear()
                await self._reported.wait()

    async def offer_again(self) -> None:
        """A re-INVITE of ours."""
        assert self._dialog is not None
        await self._dialog.offer(await self.bridge.describe_limit())

    def flow(self, kind: Kind, source: Side) -> FlowStats:
        found = self.bridge.stats().flow(kind, source)
        assert found is not None
        return found

    async def _take_the_call(self) -> None:
        async for invite, dialog in self._endpoint.invites():
            assert invite.sdp is not None
            self.offers.append(invite.sdp)
            joined = await self.bridge.join(invite.sdp, await self.browser.offer())
            assert joined.web_sdp is not None
            self._dialog = dialog
            self.answers.append(joined.sip_sdp)
            await dialog.answer(joined.sip_sdp)
            self.browser.accept(joined.web_sdp)
            self._tasks.append(asyncio.create_task(self._speak(), name="browser speaks"))
            await self._follow(dialog)
            return

    async def _follow(self, dialog: Dialog) -> None:
        async for event in dialog.events():
            match event:
                case Offered(sdp=sdp):
                    self.offers.append(sdp or "")
                    try:
                        self.answers.append(await self.bridge.change(sdp))
                        await dialog.answer_offer(self.answers[-1])
                    except BridgeError:
                        await dialog.refuse_offer(488)
                case Answered(sdp=str(sdp)):
                    await self.bridge.complete(sdp)
                    self.settled.append(sdp)
                case Ended():
                    self.ended.set()

    async def _speak(self) -> None:
        """Sound of the browser, a packet every 20 ms."""
        await self.browser.connected.wait()
        number = 0
        while True:
            number += 1
            sound = rtp.build(
                b"\xff" * 160,
                payload_type=raw_peer.PCMU,
                sequence=number,
                timestamp=160 * number,
                ssrc=AUDIO_SSRC,
            )
            self.browser.send(sound)
            await asyncio.sleep(0.02)

    async def _listen(self) -> None:
        async for event in self.bridge.events():
            self.events.append(event)
            self._reported.set()
