"""Packets of one line, in order, become frames as a recording keeps them. Nothing is decoded.

    sound      each packet is a frame
    pictures   payloads of one timestamp are a frame; one that lost a piece is left out and counted

H.264 is kept as Matroska wants it: each NAL unit after its length. What a frame cannot say of itself, its track must:
`description()` is None until the stream has said it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bridge.errors import CodecMissing
from bridge.links.depacketize import assembler
from bridge.links.parameter_sets import described_sets
from bridge.recording import picture_size
from bridge.recording.matroska import avc_configuration
from bridge.rtp.packet import HEADER, HEADER_BYTES, VERSION_BITS, parse
from bridge.types import Codec, Kind

_SPS, _PPS, _IDR = 7, 8, 5
_STAP_A, _FU_A = 24, 28
_FIRST_FRAGMENT, _LAST_FRAGMENT = 0x80, 0x40
_MOST_FRAME_BYTES = 4 << 20

Onward = Callable[[bytes, int, int, float, bool], None]
"""A frame: its bytes, RTP timestamp, SSRC, when its first packet came, whether it needs no other."""


@dataclass(frozen=True, slots=True)
class Description:
    """What stands in the track's head. Sound has no size."""

    width: int = 0
    height: int = 0
    private: bytes = b""


class Frames(Protocol):
    """spoilt: frames that were left out. at_s: when the packet that is pushed came; set before it."""

    spoilt: int
    at_s: float

    def push(self, packet: bytes) -> None: ...

    def flush(self) -> None:
        """The line ends here."""
        ...

    def description(self) -> Description | None: ...


def frames_of(codec: Codec, kind: Kind, onward: Onward) -> Frames:
    """Raises CodecMissing."""
    if kind is Kind.AUDIO:
        if codec.name not in ("PCMU", "PCMA", "G722", "OPUS"):
            raise CodecMissing(f"there is no way to record {codec.name}")
        return Sound(codec, onward)
    return Pictures(codec, onward)


class Sound:
    def __init__(self, codec: Codec, onward: Onward) -> None:
        self._payload_type = codec.payload_type
        self._onward = onward
        self.spoilt = 0
        self.at_s = 0.0

    def push(self, packet: bytes) -> None:
        if packet[1] & 0x7F != self._payload_type:
            return
        _, _, _, timestamp, ssrc = HEADER.unpack_from(packet)
        payload = packet[HEADER_BYTES:]
        if packet[0] != VERSION_BITS:
            header = parse(packet)
            payload = packet[header.payload_start : header.payload_end] if header else b""
        if payload:
            self._onward(payload, timestamp, ssrc, self.at_s, True)

    def flush(self) -> None:
        """Nothing is held."""

    def description(self) -> Description:
        return Description()


class _Assembler(Protocol):
    def add(self, payload: bytes) -> bool: ...

    def take(self) -> tuple[bytes, bool] | None: ...

    def clear(self) -> None: ...


class Pictures:
    """Packets must come in order; a gap spoils the picture at hand."""

    def __init__(self, codec: Codec, onward: Onward) -> None:
        self._codec = codec
        self._payload_type = codec.payload_type
        self._onward = onward
        self._avc = _Avc(described_sets(codec)) if codec.name == "H264" else None
        self._assembler: _Assembler = self._avc or assembler(codec)
        self._next = -1
        self._ssrc = -1
        self._timestamp = -1
        self._began_s = 0.0
        self._open = False  # a frame is under way
        self._whole = False  # no piece of it is missing so far
        self._size: picture_size.Size | None = None
        self.spoilt = 0
        self.at_s = 0.0

    def push(self, packet: bytes) -> None:
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(packet)
        if second & 0x7F != self._payload_type:
            return
        payload = packet[HEADER_BYTES:]
        if first != VERSION_BITS:
            header = parse(packet)
            payload = packet[header.payload_start : header.payload_end] if header else b""
        gap = sequence != self._next
        self._next = (sequence + 1) & 0xFFFF
        if self._open and gap:
            self._whole = False
        if timestamp != self._timestamp or ssrc != self._ssrc:
            self._finish()
        if not self._open:
            self._timestamp, self._ssrc, self._began_s = timestamp, ssrc, self.at_s
            self._open = self._whole = True
        if payload and self._whole:
            self._whole = self._assembler.add(payload)
        if second & 0x80:
            self._finish()

    def flush(self) -> None:
        self._finish()

    def description(self) -> Description | None:
        if self._avc is None:
            return Description(*self._size) if self._size else None
        if self._size is None and self._avc.sps:
            self._size = picture_size.of_sps(self._avc.sps)
        if self._size is None or not self._avc.pps:
            return None
        return Description(*self._size, avc_configuration(self._avc.sps, self._avc.pps))

    def _finish(self) -> None:
        if not self._open:
            return
        self._open = False
        found = self._assembler.take()
        if not self._whole or found is None:
            self._assembler.clear()
            self.spoilt += not self._whole
            return
        data, keyframe = found
        if keyframe and self._avc is None and self._size is None:
            self._size = _size_of(self._codec, data)
        self._onward(data, self._timestamp, self._ssrc, self._began_s, keyframe)


def _size_of(codec: Codec, keyframe: bytes) -> picture_size.Size | None:
    return (picture_size.of_vp8 if codec.name == "VP8" else picture_size.of_h263)(keyframe)


class _Avc:
    """RFC 6184, modes 0 and 1, into NAL units with lengths. sps, pps: the newest seen, of the SDP until then."""

    def __init__(self, sets: tuple[bytes, ...]) -> None:
        self.sps = next((each for each in sets if each[0] & 0x1F == _SPS and len(each) > 3), b"")
        self.pps = next((each for each in sets if each[0] & 0x1F == _PPS), b"")
        self._parts: list[bytes] = []
        self._fragment: list[bytes] = []
        self._size = 0
        self._keyframe = False

    def add(self, payload: bytes) -> bool:
        kind = payload[0] & 0x1F
        if kind == _FU_A:
            return self._add_fragment(payload)
        if self._fragment:
            return False
        if kind == _STAP_A:
            return self._add_aggregate(payload)
        return 1 <= kind <= 23 and self._add_unit(payload)

    def take(self) -> tuple[bytes, bool] | None:
        parts, keyframe, whole = self._parts, self._keyframe, not self._fragment
        self.clear()
        return (b"".join(parts), keyframe) if parts and whole else None

    def clear(self) -> None:
        self._parts, self._fragment, self._size, self._keyframe = [], [], 0, False

    def _add_fragment(self, payload: bytes) -> bool:
        if len(payload) < 3:
            return False
        edge, fragment = payload[1], self._fragment
        if edge & _FIRST_FRAGMENT:
            if fragment:
                return False
            fragment.append(bytes((payload[0] & 0xE0 | edge & 0x1F,)))
        elif not fragment:
            return False
        fragment.append(payload[2:])
        self._size += len(payload)
        if edge & _LAST_FRAGMENT:
            self._fragment = []
            return self._add_unit(b"".join(fragment))
        return self._size <= _MOST_FRAME_BYTES

    def _add_aggregate(self, payload: bytes) -> bool:
        offset, end = 1, len(payload)
        while offset + 2 < end:
            size = payload[offset] << 8 | payload[offset + 1]
            unit = payload[offset + 2 : offset + 2 + size]
            if not size or len(unit) < size or not self._add_unit(unit):
                return False
            offset += 2 + size
        return offset == end

    def _add_unit(self, unit: bytes) -> bool:
        kind = unit[0] & 0x1F
        if kind == _IDR:
            self._keyframe = True
        elif kind == _SPS and len(unit) > 3:
            self.sps = unit
        elif kind == _PPS:
            self.pps = unit
        self._parts.append(len(unit).to_bytes(4, "big"))
        self._parts.append(unit)
        self._size += len(unit)
        return self._size <= _MOST_FRAME_BYTES
