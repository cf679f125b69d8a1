"""A station's leg on a stage: real sockets, a clock that stands still unless told, a timer that ticks when asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from bridge.legs.leg import SenderReport
from bridge.legs.sip import SipLeg
from bridge.legs.sip_line import SipLine
from bridge.negotiate import StationLine
from bridge.rtp.packet import HEADER_BYTES
from bridge.rtp.ports import Ports
from bridge.rtp.timer import Timer
from bridge.sdp import Media
from bridge.types import Codec, Flow, Kind
from tests.support.rtp_station import RtpStation

PCMU = Codec("PCMU", 0, 8000)
EVENTS = Codec("TELEPHONE-EVENT", 101, 8000)
H264 = Codec("H264", 96, 90000, feedback=("nack pli", "ccm fir"))


@dataclass
class Ear:
    """What a pipeline would get. empties: packets without payload, which only say that their number was used."""

    packets: list[bytes] = field(default_factory=list)
    empties: list[bytes] = field(default_factory=list)
    keyframes_wanted: int = 0
    reports: list[SenderReport] = field(default_factory=list)
    limits_bps: list[int] = field(default_factory=list)

    def hear(self, packet: bytes) -> None:
        (self.packets if len(packet) > HEADER_BYTES else self.empties).append(packet)

    def keyframe_wanted(self) -> None:
        self.keyframes_wanted += 1

    def report_received(self, report: SenderReport) -> None:
        self.reports.append(report)

    def bitrate_limited(self, bps: int) -> None:
        self.limits_bps.append(bps)


class Stage:
    """host: of both sides. now_s moves only when told."""

    def __init__(self, host: str = "127.0.0.1", follow_after_s: float = 1.0) -> None:
        self.host = host
        self.now_s = 100.0
        self.keys: list[tuple[str, int]] = []
        self.infos = 0
        self.timer = Timer(lambda: self.now_s)
        self.leg = SipLeg(
            Ports(host, (0, 0)),
            self.timer,
            on_key=lambda digit, ms: self.keys.append((digit, ms)),
            by_info=self._info,
            follow_after_s=follow_after_s,
            clock=lambda: self.now_s,
        )
        self.ear = Ear()
        self.stations: list[RtpStation] = []

    def _info(self) -> None:
        self.infos += 1

    def line(self, station: RtpStation, codec: Codec = PCMU, **media: object) -> SipLine:
        kind = Kind.VIDEO if codec.clock_hz == 90000 else Kind.AUDIO
        media.setdefault("address", self.host)
        self.leg.apply([describe(station.port, kind, codec, Flow.SENDRECV, **media)])
        line = self.leg.line(kind)
        assert line is not None
        line.attach(self.ear.hear, self.ear)
        line.listen(self.ear)
        station.aim(line.port)
        return line

    def station(self, payload_type: int = 0) -> RtpStation:
        self.stations.append(RtpStation(payload_type, host=self.host))
        return self.stations[-1]

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        self.timer.tick()


def describe(port: int, kind: Kind, codec: Codec, flow: Flow = Flow.SENDRECV, **media: object) -> StationLine:
    """**media: fields of `Media`."""
    line = Media(kind.value, port, codecs=(codec,), address="127.0.0.1")
    events = EVENTS if kind is Kind.AUDIO else None
    return StationLine(0, kind, codec, events, flow, replace(line, **media))  # type: ignore[arg-type]  # by name


@asynccontextmanager
async def on_stage(host: str = "127.0.0.1", follow_after_s: float = 1.0) -> AsyncIterator[Stage]:
    stage = Stage(host, follow_after_s)
    try:
        yield stage
    finally:
        await stage.leg.close()
        for station in stage.stations:
            station.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - sockets deliver as the loop turns; nothing else tells when
            await asyncio.sleep(0.001)
