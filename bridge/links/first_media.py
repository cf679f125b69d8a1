"""Says once that usable media flows, then gets out of the way."""

from __future__ import annotations

from collections.abc import Callable

from bridge.rtp.keyframe import DETECTORS
from bridge.rtp.packet import HEADER_BYTES, parse
from bridge.types import Codec, Kind


class FirstMedia:
    """Stands at the head of a pipeline until the first sound, or the first packet of a keyframe, went through.

    found() is called after the packet was passed on; its owner then attaches what comes after this link.
    """

    def __init__(self, kind: Kind, codec: Codec, onward: Callable[[bytes], None], found: Callable[[], None]) -> None:
        self._payload_type = codec.payload_type
        self._begins = _any_sound if kind is Kind.AUDIO else DETECTORS.get(codec.name, _any_sound)
        self._onward = onward
        self._found = found

    def push(self, packet: bytes) -> None:
        self._onward(packet)
        if len(packet) <= HEADER_BYTES or packet[1] & 0x7F != self._payload_type:
            return
        header = parse(packet)
        if header is not None and self._begins(packet, header.payload_start, header.payload_end):
            found, self._found = self._found, _nobody
            found()

    def close(self) -> None:
        self._found = _nobody

    def __str__(self) -> str:
        return "FirstMedia"


def _any_sound(_packet: bytes, start: int, end: int) -> bool:
    return end > start


def _nobody() -> None:
    """Was called already."""
