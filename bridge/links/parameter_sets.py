"""H.264 parameter sets that a source gives in its SDP only are put before its IDR pictures."""

from __future__ import annotations

import base64
import binascii
from typing import Protocol

from bridge.rtp.packet import HEADER_BYTES, VERSION_BITS, parse
from bridge.types import Codec

_IDR, _SPS, _STAP_A, _FU_A = 5, 7, 24, 28


class Inserting(Protocol):
    def push(self, packet: bytes) -> None: ...

    def insert(self, payload: bytes, ahead_of: bytes) -> None: ...


def described_sets(codec: Codec) -> tuple[bytes, ...]:
    """The NAL units of sprop-parameter-sets (RFC 6184 section 8.1); what is no base64 is left out."""
    found = []
    for text in codec.parameter("sprop-parameter-sets").split(","):
        try:
            unit = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            continue
        if unit:
            found.append(unit)
    return tuple(found)


class ParameterSets:
    """Browsers decode nothing without sets in band, and terminals may give them in SDP alone (RFC 6184 section 8.4).

    A source that does send them in band is left alone from then on.
    """

    def __init__(self, sets: tuple[bytes, ...], onward: Inserting) -> None:
        self._sets = sets
        self._onward = onward
        self._timestamp = b""  # of the picture that was served last

    def push(self, packet: bytes) -> None:
        start, end = HEADER_BYTES, len(packet)
        if end and packet[0] != VERSION_BITS:
            header = parse(packet)
            start, end = (header.payload_start, header.payload_end) if header else (0, 0)
        if start < end and self._sets:
            self._look(packet, start, end)
        self._onward.push(packet)

    def close(self) -> None:
        self._sets = ()

    def __str__(self) -> str:
        return "ParameterSets(SDP)"

    def _look(self, packet: bytes, start: int, end: int) -> None:
        kinds = _kinds(packet, start, end)
        if _SPS in kinds:
            self._sets = ()
        elif _IDR in kinds and packet[4:8] != self._timestamp:
            self._timestamp = packet[4:8]
            for unit in self._sets:
                self._onward.insert(unit, packet)


def _kinds(packet: bytes, start: int, end: int) -> tuple[int, ...]:
    """The types of the NAL units that begin in this packet."""
    kind = packet[start] & 0x1F
    if kind == _FU_A:
        begins = end - start > 1 and packet[start + 1] & 0x80
        return (packet[start + 1] & 0x1F,) if begins else ()
    if kind != _STAP_A:
        return (kind,)
    kinds = []
    offset = start + 1
    while offset + 2 < end:
        kinds.append(packet[offset + 2] & 0x1F)
        offset += 2 + (packet[offset] << 8 | packet[offset + 1])
    return tuple(kinds)
