"""The two recipes that join a line of one leg to a line of the other, in one direction.

    relay       source -> [Reorder] -> [ParameterSets] -> Rewrite -> target       same codec: packets, never decoded
    transcode   source -> Reorder -> Depay -> Decode -> Scale -> Encode -> Pay -> target

Both are chosen once, at negotiation. A pipeline is also the feedback between its lines, which runs against the media:
keyframe wishes and bitrate limits of the target, sender reports of the source.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from bridge.errors import NegotiationError
from bridge.legs.leg import MediaLine, SenderReport
from bridge.links.counters import PipelineCounters
from bridge.links.first_media import FirstMedia
from bridge.links.parameter_sets import ParameterSets, described_sets
from bridge.links.reorder import Reorder
from bridge.links.rewrite import Numbering, Rewrite
from bridge.types import Codec, Kind, Route, Side

REPAIR_WAIT_MS = 100  # a NACK and its answer take a round trip; a picture later than that is of no use


class Pipeline(Protocol):
    """What joins two lines. It attached itself to both when it was made.

    first_media is called once, after the first sound or the first keyframe was passed on; it may be set at any time.
    numbering is what the next pipeline to the same line goes on from.
    """

    counters: PipelineCounters
    first_media: Callable[[], None]
    numbering: Numbering

    def push(self, packet: bytes) -> None: ...

    def close(self) -> None:
        """No packet, wish or report passes any more. The lines keep their references until attached to another."""
        ...

    def __str__(self) -> str: ...

    def keyframe_wanted(self) -> None: ...

    def report_received(self, report: SenderReport) -> None: ...

    def bitrate_limited(self, bps: int) -> None: ...


@runtime_checkable
class LimitsBitrate(Protocol):
    """A line that can tell its far side to send less (REMB, TMMBR)."""

    def limit_bitrate(self, bps: int) -> None: ...


def relay(
    source: MediaLine,
    target: MediaLine,
    route: Route,
    *,
    after: Pipeline | None = None,
    first_media: Callable[[], None] | None = None,
) -> Pipeline:
    """Joins two lines of one codec. `after`: the closed pipeline that fed `target` under the same SSRC before."""
    return Relay(source, target, route, after.numbering if after else Numbering(), first_media or _nobody)


class Relay:
    """Packets pass with another header."""

    def __init__(
        self,
        source: MediaLine,
        target: MediaLine,
        route: Route,
        numbering: Numbering,
        first_media: Callable[[], None],
    ) -> None:
        codec = codecs_of(route)[0]
        self.counters = PipelineCounters()
        self.numbering = numbering
        self.first_media = first_media
        self._source = source
        self._rewrite = Rewrite(
            codec,
            target.send,
            payload_type=target.send_payload_type,
            ssrc=target.send_ssrc,
            numbering=numbering,
            counters=self.counters,
        )
        self._links: list[Rewrite | ParameterSets | Reorder] = [self._rewrite]
        if codec.name == "H264" and (sets := described_sets(codec)):
            self._links.insert(0, ParameterSets(sets, self._rewrite))
        if route.kind is Kind.VIDEO and source.side is Side.WEB and "nack" in codec.feedback:
            self._links.insert(0, Reorder(self._links[0].push, wait_ms=REPAIR_WAIT_MS, counters=self.counters))
        self._label = f"{route.kind} {source.side}->{target.side}: {codec.name}"
        self._target_name = leg_name(target.side)
        self._limit = source.limit_bitrate if isinstance(source, LimitsBitrate) else self._ignore_limit
        self._report = target.send_report
        self._first = FirstMedia(route.kind, codec, self._links[0].push, self._flows)
        self._head = self._first.push
        self._closed = False
        source.attach(self._head, self)
        target.listen(self)
        if route.kind is Kind.VIDEO:
            source.request_keyframe()

    def push(self, packet: bytes) -> None:
        self._head(packet)

    def close(self) -> None:
        self._closed = True
        self._first.close()
        for link in self._links:
            link.close()

    def __str__(self) -> str:
        return " -> ".join([self._label, *map(str, self._links), self._target_name])

    def keyframe_wanted(self) -> None:
        if not self._closed:
            self.counters.keyframes_wanted += 1
            self._source.request_keyframe()

    def report_received(self, report: SenderReport) -> None:
        """The same instant in the target's time base, so that the far side plays sound and lips together."""
        rtp = self._rewrite.translate(report.rtp)
        if rtp is not None and not self._closed:
            self._report(SenderReport(report.ntp, rtp))

    def bitrate_limited(self, bps: int) -> None:
        if not self._closed:
            self._limit(bps)

    def _flows(self) -> None:
        self._head = self._links[0].push
        self._source.attach(self._head, self)
        self.first_media()

    def _ignore_limit(self, _bps: int) -> None:
        self.counters.limits_ignored += 1


def codecs_of(route: Route) -> tuple[Codec, Codec]:
    """Raises NegotiationError for a route that carries nothing."""
    if route.source_codec is None or route.target_codec is None:
        raise NegotiationError(f"no pipeline for the route {route}: both codecs must be agreed")
    return route.source_codec, route.target_codec


def leg_name(side: Side) -> str:
    return "WebLeg" if side is Side.WEB else "SipLeg"


def _nobody() -> None:
    """Nobody wants to know."""
