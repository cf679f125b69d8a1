"""What a source is attached to while the far side hears and sees something else: nothing passes."""

from __future__ import annotations

import time
from collections.abc import Callable

from bridge.legs.leg import MediaLine, SenderReport
from bridge.links.counters import PipelineCounters
from bridge.links.rewrite import Numbering
from bridge.rtp.keyframe import DETECTORS
from bridge.rtp.packet import parse
from bridge.types import Codec, Kind, Side

_PATIENCE_S = 5.0  # a picture that comes without a keyframe for so long has none


class Parked:
    """A `Pipeline` that passes nothing on. Whoever listens to the source still hears it.

    awaited(packet) is called once, with the first packet of a keyframe; None: nobody waits for one.
    """

    def __init__(
        self,
        kind: Kind,
        source: MediaLine,
        codec: Codec,
        numbering: Numbering,
        *,
        awaited: Callable[[bytes], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counters = PipelineCounters()
        self.numbering = numbering
        self.first_media: Callable[[], None] = _nobody
        self._awaited = awaited
        self._clock = clock
        self._since_s: float | None = None
        self._payload_type = codec.payload_type
        self._begins = DETECTORS.get(codec.name)
        to = Side.WEB if source.side is Side.SIP else Side.SIP
        self._text = f"{kind} {source.side}->{to}: {codec.name} -> {'Parked' if awaited is None else 'Awaited'}"
        source.attach(self.push if awaited else _drop, self)
        if awaited is not None:
            source.request_keyframe()

    def push(self, packet: bytes) -> None:
        awaited = self._awaited
        if awaited is None or len(packet) < 2 or packet[1] & 0x7F != self._payload_type:
            return
        header = parse(packet)
        if header is None or header.payload_start >= header.payload_end:
            return
        now_s = self._clock()
        self._since_s = now_s if self._since_s is None else self._since_s
        begins = self._begins is None or self._begins(packet, header.payload_start, header.payload_end)
        if begins or now_s - self._since_s > _PATIENCE_S:
            self._awaited = None
            awaited(packet)

    def close(self) -> None:
        self._awaited = None

    def __str__(self) -> str:
        return self._text

    def keyframe_wanted(self) -> None:
        """The target looks at something else."""

    def report_received(self, report: SenderReport) -> None:
        """It is about what nobody gets."""

    def bitrate_limited(self, bps: int) -> None:
        """Nothing is sent."""


def _drop(_packet: bytes) -> None:
    """A sink without a pipeline."""


def _nobody() -> None:
    """Nobody wants to know."""
