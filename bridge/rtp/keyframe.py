"""Does this packet begin a picture that needs no other? Enough of the payload formats to see it, no more."""

from __future__ import annotations

from collections.abc import Callable

_IDR, _SPS, _STAP_A, _FU_A = 5, 7, 24, 28


def begins_h264(packet: bytes, start: int, end: int) -> bool:
    """RFC 6184: an IDR slice or a sequence parameter set, alone, aggregated (STAP-A) or as a first fragment (FU-A)."""
    if start >= end:
        return False
    kind = packet[start] & 0x1F
    if kind == _FU_A:
        return end - start > 1 and bool(packet[start + 1] & 0x80) and packet[start + 1] & 0x1F == _IDR
    if kind != _STAP_A:
        return kind in (_IDR, _SPS)
    offset = start + 1
    while offset + 2 < end:
        if packet[offset + 2] & 0x1F in (_IDR, _SPS):
            return True
        offset += 2 + (packet[offset] << 8 | packet[offset + 1])
    return False


def begins_vp8(packet: bytes, start: int, end: int) -> bool:
    """RFC 7741: start of the first partition, and the frame header's inverse key frame flag is 0."""
    if start >= end or packet[start] & 0x17 != 0x10:
        return False
    offset = start + 1
    if packet[start] & 0x80:
        if offset >= end:
            return False
        extension = packet[offset]
        offset += 1
        if extension & 0x80:
            offset += 2 if offset < end and packet[offset] & 0x80 else 1
        offset += bool(extension & 0x40) + bool(extension & 0x30)
    return offset < end and packet[offset] & 0x01 == 0


DETECTORS: dict[str, Callable[[bytes, int, int], bool]] = {"H264": begins_h264, "VP8": begins_vp8}
