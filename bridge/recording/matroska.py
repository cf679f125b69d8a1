"""Matroska (RFC 9559) as far as a recording needs it: a head, and clusters that are only ever appended.

    EBML head, Segment (unknown size), Info, Tracks         once
    Cluster: Timestamp, SimpleBlock, SimpleBlock ...        about once a second, of known size

Times are whole milliseconds. There are no cues and no size of the segment: both would have to be written afterwards,
into a file that may end at any moment. A Void holds the place of the duration, which an export fills in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

_EPOCH_2001_S = 978_307_200  # Matroska counts from 2001-01-01 (RFC 9559 section 5.1.2.11)
_UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_VIDEO, _AUDIO = 1, 2
_MULAW, _ALAW, _G722 = 0x0007, 0x0006, 0x028F  # registered WAVE format tags
_OPUS_PRE_SKIP = 312  # 6.5 ms at 48 kHz: what libopus looks ahead; a stream joined in its middle has none to lose
_DURATION_VOID = b"\xec\x89" + bytes(9)  # exactly as long as the element that takes its place
MOST_BLOCK_OFFSET_MS = 30_000  # a block's time is 16 bits, signed, after its cluster's


@dataclass(frozen=True, slots=True)
class Track:
    """number: from 1. codec: as negotiated. private: avcC of H.264. name: what a player shows."""

    number: int
    name: str
    codec: str
    channels: int = 1
    width: int = 0
    height: int = 0
    private: bytes = b""


def head(tracks: Iterable[Track], *, began_at: datetime, writer: str) -> bytes:
    """Everything before the first cluster. began_at: aware; the date of the recording's time 0."""
    ebml = _element(
        0x1A45DFA3,
        _uint(0x4286, 1)
        + _uint(0x42F7, 1)
        + _uint(0x42F2, 4)
        + _uint(0x42F3, 8)
        + _text(0x4282, "matroska")
        + _uint(0x4287, 4)
        + _uint(0x4285, 2),
    )
    date_ns = int((began_at.timestamp() - _EPOCH_2001_S) * 1_000_000_000)
    info = _element(
        0x1549A966,
        _uint(0x2AD7B1, 1_000_000)  # a tick is a millisecond
        + _DURATION_VOID
        + _element(0x4461, struct.pack(">q", date_ns))
        + _text(0x4D80, writer)
        + _text(0x5741, writer),
    )
    entries = b"".join(_track(each) for each in tracks)
    return ebml + b"\x18\x53\x80\x67" + _UNKNOWN_SIZE + info + _element(0x1654AE6B, entries)


_short_block = struct.Struct(">BHBhB").pack
_long_block = struct.Struct(">BIBhB").pack


def block_header(track: int, offset_ms: int, size: int, keyframe: bool) -> bytes:
    """A SimpleBlock up to its frame, which has `size` bytes. offset_ms: after its cluster's time."""
    length = size + 4
    if length < 0x3FFF:
        return _short_block(0xA3, 0x4000 | length, 0x80 | track, offset_ms, 0x80 if keyframe else 0)
    return _long_block(0xA3, 0x10000000 | length, 0x80 | track, offset_ms, 0x80 if keyframe else 0)


def cluster_head(time_ms: int, size: int) -> bytes:
    """What stands before `size` bytes of blocks."""
    time = _uint(0xE7, time_ms)
    return b"\x1f\x43\xb6\x75" + (0x10000000 | len(time) + size).to_bytes(4, "big") + time


def with_duration(start: bytes, milliseconds: float) -> bytes:
    """The beginning of a recording with its duration filled in. Unchanged when the place for it is not there."""
    return start.replace(_DURATION_VOID, b"\x44\x89\x88" + struct.pack(">d", milliseconds), 1)


def avc_configuration(sps: bytes, pps: bytes) -> bytes:
    """AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1.2), lengths of 4 bytes."""
    sizes = (len(sps).to_bytes(2, "big"), len(pps).to_bytes(2, "big"))
    return b"\x01" + sps[1:4] + b"\xff\xe1" + sizes[0] + sps + b"\x01" + sizes[1] + pps


def last_time_ms(data: bytes) -> int:
    """The latest block's time in whole clusters, `data` beginning with a cluster."""
    latest = at = 0
    while data[at : at + 4] == b"\x1f\x43\xb6\x75":
        size, start = _size_at(data, at + 4)
        latest = max(latest, _latest_block(data[start : start + size]))
        at = start + size
    return latest


def _latest_block(body: bytes) -> int:
    latest = base_ms = at = 0
    while at < len(body):
        kind, (size, start) = body[at], _size_at(body, at + 1)
        if kind == 0xE7:
            base_ms = int.from_bytes(body[start : start + size], "big")
        elif kind == 0xA3 and start + 3 <= len(body):
            latest = max(latest, base_ms + int.from_bytes(body[start + 1 : start + 3], "big", signed=True))
        at = start + size
    return latest


def _size_at(data: bytes, at: int) -> tuple[int, int]:
    """A size and where it ends."""
    first = data[at] if at < len(data) else 0x80
    length = 9 - first.bit_length() if first else 8
    value = int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1)
    return value, at + length


def _track(track: Track) -> bytes:
    video = track.width > 0
    entry = _uint(0xD7, track.number) + _uint(0x73C5, track.number) + _uint(0x83, _VIDEO if video else _AUDIO)
    entry += _uint(0x9C, 0) + _text(0x536E, track.name)
    if video:
        entry += _element(0xE0, _uint(0xB0, track.width) + _uint(0xBA, track.height))
    else:
        entry += _element(0xE1, _element(0xB5, struct.pack(">d", _sampling_hz(track))) + _uint(0x9F, track.channels))
    return _element(0xAE, entry + _codec(track))


def _codec(track: Track) -> bytes:
    name, private = track.codec, track.private
    if name == "H264":
        return _text(0x86, "V_MPEG4/ISO/AVC") + _element(0x63A2, private)
    if name == "VP8":
        return _text(0x86, "V_VP8")
    if name.startswith("H263"):
        return _text(0x86, "V_MS/VFW/FOURCC") + _element(0x63A2, _bitmap_info(track))
    if name == "OPUS":
        opus = b"OpusHead" + struct.pack("<BBHIhB", 1, track.channels, _OPUS_PRE_SKIP, 48_000, 0, 0)
        return _text(0x86, "A_OPUS") + _uint(0x56AA, 6_500_000) + _uint(0x56BB, 80_000_000) + _element(0x63A2, opus)
    return _text(0x86, "A_MS/ACM") + _element(0x63A2, _wave_format(track))


def _sampling_hz(track: Track) -> float:
    return {"OPUS": 48_000.0, "G722": 16_000.0}.get(track.codec, 8_000.0)


def _wave_format(track: Track) -> bytes:
    """WAVEFORMATEX: 64 kbit/s all three; G.722 puts two samples into each octet."""
    tag = {"PCMU": _MULAW, "PCMA": _ALAW, "G722": _G722}[track.codec]
    bits = 4 if track.codec == "G722" else 8
    return struct.pack("<HHIIHHH", tag, track.channels, int(_sampling_hz(track)), 8_000, 1, bits, 0)


def _bitmap_info(track: Track) -> bytes:
    """BITMAPINFOHEADER."""
    return struct.pack("<IiiHH4sIiiII", 40, track.width, track.height, 1, 24, b"H263", 0, 0, 0, 0, 0)


def _element(identifier: int, content: bytes) -> bytes:
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    size = len(content)
    length = 1 if size < 0x7F else 2 if size < 0x3FFF else 4 if size < 0xFFFFFFF else 8
    return name + (size | 1 << 7 * length).to_bytes(length, "big") + content


def _uint(identifier: int, value: int) -> bytes:
    return _element(identifier, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _text(identifier: int, value: str) -> bytes:
    return _element(identifier, value.encode())
