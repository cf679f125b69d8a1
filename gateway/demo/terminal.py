"""The simulated facility terminal: an own SIP endpoint and own RTP sockets, in a process of its own.

INVITE (H.264 640x480 at 30/s, PCMU) -> ringing -> answered -> pictures and sound both ways -> BYE of the gateway
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

from bridge.sdp import parse
from gateway.demo.peer import orders, tell, tell_seen
from gateway.demo.station import Station
from sip import Answered, Ended, Info, Offered, Progress, SipEndpoint, SipSettings, Trunk
from sip.dialog import Dialog

HOST = "127.0.0.1"
_TRUNK = "gateway"


@dataclass(frozen=True, slots=True)
class Orders:
    """gateway: `host:port` of its SIP agent. dialled: whom to call. station: the user part to call from."""

    gateway: str
    dialled: str
    station: str
    picture: str


class Terminal:
    """One call."""

    def __init__(self, given: Orders, station: Station) -> None:
        self._given = given
        self._station = station

    async def call(self, endpoint: SipEndpoint) -> None:
        tell("calling")
        offer = self._station.offer()
        dialog = await endpoint.invite(self._given.dialled, offer, trunk=_TRUNK, from_user=self._given.station)
        try:
            await self._follow(dialog)
        finally:
            await dialog.hang_up()

    async def _follow(self, dialog: Dialog) -> None:
        async for event in dialog.events():
            match event:
                case Progress(code=code):
                    tell("progress", code=code)
                case Answered(sdp=sdp) if sdp is not None:
                    tell("answered")
                    self._station.start(parse(sdp))
                case Offered():
                    await dialog.answer_offer(self._station.offer())
                case Info(content_type=content_type) if "media_control" in content_type:
                    self._station.keyframe_wanted()
                case Ended(by=by, code=code):
                    tell("ended", by=str(by), code=code)
                    return


def settings(given: Orders) -> SipSettings:
    """One agent on a port of the system's choice that talks to the gateway alone."""
    trunk = Trunk(name=_TRUNK, sources=(HOST,), server=given.gateway, from_user=given.station)
    return SipSettings(host=HOST, port=0, trunks=(trunk,), user_agent="Kinbridge demo terminal")


async def visit(given: Orders) -> None:
    async with Station(HOST) as station, SipEndpoint(settings(given)) as endpoint:
        try:
            await Terminal(given, station).call(endpoint)
        finally:
            station.save_picture(Path(given.picture))
            tell_seen(station.seen())


async def main() -> None:
    given, gone = await orders()
    run = asyncio.create_task(visit(Orders(**given)), name="terminal")
    await asyncio.wait([run, gone], return_when=asyncio.FIRST_COMPLETED)
    if run.done():
        run.result()
    else:
        run.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await run
    gone.cancel()


if __name__ == "__main__":
    asyncio.run(main())
