"""What an officer's browser gets on each line of its offer. Pure.

The first video line carries the station's picture, the second the family's, the first audio line what both say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bridge.codecs.table import AUDIO, VIDEO
from bridge.errors import NegotiationError
from bridge.legs.web_sdp import LinePlan, Offer, OfferedLine, plan_line
from bridge.types import Codec, Flow, Kind, Side

_STREAMS = {Side.SIP: "station", Side.WEB: "family"}
_SOUND = "sound"
_LOWEST_DYNAMIC, _HIGHEST_STATIC = 96, 34  # as in bridge.negotiate: between them browsers repeat what stands above
_WIDE = frozenset({"OPUS", "G722"})


@dataclass(frozen=True, slots=True)
class Seats:
    """plans: one for each m-line. pictures and sound: which of them carries what; None: the offer has no such line."""

    plans: tuple[LinePlan | None, ...]
    pictures: Mapping[Side, int | None]
    sound: int | None


def seat(offer: Offer, sources: Mapping[tuple[Kind, Side], Codec], ssrcs: Iterator[int]) -> Seats:
    """Raises NegotiationError for an offer that can carry nothing of this visit, or that wants to send."""
    plans: list[LinePlan | None] = [None] * len(offer.lines)
    sides = iter(Side)
    pictures: dict[Side, int | None] = dict.fromkeys(Side)
    sound: int | None = None
    for index, line in enumerate(offer.lines):
        if line.media.rejected or line.media.flow is not Flow.RECVONLY:
            continue
        if line.kind is Kind.VIDEO:
            side = next(sides, None)
            codec = picture_codec(line, sources.get((Kind.VIDEO, side))) if side else None
            if side is not None and codec is not None:
                plans[index] = plan_line(line, codec, Flow.SENDONLY, ssrcs, _STREAMS[side])
                pictures[side] = index
        elif line.kind is Kind.AUDIO and sound is None:
            codec = sound_codec(line, [sources.get((Kind.AUDIO, side)) for side in Side])
            if codec is not None:
                plans[index] = plan_line(line, codec, Flow.SENDONLY, ssrcs, _SOUND)
                sound = index
    if not any(plans):
        raise NegotiationError(
            "nothing could be shown: offer one audio and two video lines, recvonly, with PCMU or opus and H264 or VP8"
        )
    return Seats(tuple(plans), pictures, sound)


def picture_codec(line: OfferedLine, source: Codec | None) -> Codec | None:
    """The source's codec where the browser has it, so that nothing is decoded; else what is cheapest to encode."""
    offered = [each for each in _numbered(line) if each.name in VIDEO]
    same = [each for each in offered if source is not None and each.name == source.name]
    if source is not None and same:
        return min(same, key=lambda each: _unlikeness(each, source))
    mode_1 = [each for each in offered if each.name == "H264" and each.parameter("packetization-mode") == "1"]
    return next(iter(mode_1 + offered), None)


def sound_codec(line: OfferedLine, sources: list[Codec | None]) -> Codec | None:
    """G.711 as long as both sides speak it: then the mix needs tables only. Opus when one of them has more band."""
    offered = {each.name: each for each in reversed(list(_numbered(line))) if each.name in AUDIO}
    wide = any(each is not None and each.name in _WIDE for each in sources)
    order = ("OPUS", "PCMU", "PCMA") if wide else ("PCMU", "PCMA", "OPUS")
    return next((offered[name] for name in order if name in offered), None)


def relayable(source: Codec, target: Codec) -> bool:
    """Whether a browser that receives `target` decodes packets of `source`.

    Browsers read every packetization mode, whatever they say, and every profile that a station sends.
    """
    return source.name == target.name and source.clock_hz == target.clock_hz


def _numbered(line: OfferedLine) -> Iterator[Codec]:
    for each in line.media.codecs:
        if each.payload_type >= _LOWEST_DYNAMIC or each.payload_type <= _HIGHEST_STATIC:
            yield each


def _unlikeness(offered: Codec, source: Codec) -> tuple[bool, bool, bool]:
    modes = [each.parameter("packetization-mode", "0") for each in (offered, source)]
    profiles = [each.parameter("profile-level-id", "420010").lower() for each in (offered, source)]
    return modes[0] != modes[1], profiles[0][:2] != profiles[1][:2], profiles[0][:4] != profiles[1][:4]
