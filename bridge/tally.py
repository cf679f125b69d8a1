"""Counts that outlive what counted them: a browser that comes back has a new leg, but the visit has one record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from bridge.legs.leg import LineCounters, MediaLine
from bridge.links.counters import PipelineCounters
from bridge.types import FlowStats, Kind, Path, Route, Side

_STATES = ("jitter_ms", "rtt_ms", "last_received_s", "last_heard_s")  # the present value counts, not a sum


class Tally:
    def __init__(self) -> None:
        self._lines: dict[tuple[Kind, Side], LineCounters] = {}
        self._pipelines: dict[tuple[Kind, Side], PipelineCounters] = {}

    def retire_line(self, line: MediaLine) -> None:
        kept = self._lines.setdefault((line.kind, line.side), LineCounters())
        _add(kept, line.counters)

    def retire_pipeline(self, route: Route, counters: PipelineCounters) -> None:
        kept = self._pipelines.setdefault((route.kind, route.source), PipelineCounters())
        _add(kept, counters)

    def flow(self, route: Route, lines: Iterable[MediaLine], counters: PipelineCounters | None) -> FlowStats:
        """`lines`: those in service; `counters`: of the pipeline in service, if there is one."""
        target_side = Side.WEB if route.source is Side.SIP else Side.SIP
        source = self._line(route.kind, route.source, lines)
        target = self._line(route.kind, target_side, lines)
        media = PipelineCounters()
        for each in (self._pipelines.get((route.kind, route.source)), counters):
            if each is not None:
                _add(media, each)
        named = route.path is not Path.NONE
        return FlowStats(
            kind=route.kind,
            source=route.source,
            path=route.path,
            source_codec=route.source_codec.name if named and route.source_codec else "",
            target_codec=route.target_codec.name if named and route.target_codec else "",
            received_packets=source.received_packets,
            received_bytes=source.received_bytes,
            lost_packets=source.lost_packets,
            discarded_packets=source.discarded_packets,
            sent_packets=target.sent_packets,
            sent_bytes=target.sent_bytes,
            jitter_ms=source.jitter_ms,
            rtt_ms=target.rtt_ms,
            keyframe_requests=source.keyframe_requests,
            nacks=source.nacks,
            retransmitted=target.retransmitted,
            frames_decoded=media.frames_decoded,
            frames_encoded=media.frames_encoded,
            frames_dropped=media.frames_dropped,
            undecodable=media.undecodable,
            frames_thinned=media.frames_thinned,
            concealed_ms=media.concealed_ms,
            far_lost_packets=target.far_lost_packets,
        )

    def _line(self, kind: Kind, side: Side, lines: Iterable[MediaLine]) -> LineCounters:
        total = LineCounters()
        retired = self._lines.get((kind, side))
        if retired is not None:
            _add(total, retired)
        for line in lines:
            if line.kind is kind and line.side is side:
                _add(total, line.counters)
        return total


def _add(total: LineCounters | PipelineCounters, more: LineCounters | PipelineCounters) -> None:
    """Sums what is counted and takes over what is a state."""
    for each in fields(total):
        value = getattr(more, each.name)
        if each.name in _STATES:
            if value:
                setattr(total, each.name, value)
        else:
            setattr(total, each.name, getattr(total, each.name) + value)
