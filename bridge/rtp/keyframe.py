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


def intra_h263(packet: bytes, at: int, end: int) -> bool:
    """Whether a picture header of H.263 that goes on at `at`, after its two zero bytes, is of an intra picture.

    Section 5.1: start code to the sixth bit, 8 bits of time, then the type, whose ninth bit says inter. A source format
    of 7 is the longer type of H.263-1998 (section 5.1.4): 3 bits whether its first part is there, 18 of that, then
    3 bits of picture type, 0 for intra.
    """
    if at + 2 >= end or packet[at] & 0xFC != 0x80:
        return False
    if packet[at + 2] & 0x1C != 0x1C:
        return not packet[at + 2] & 0x02
    bits = int.from_bytes(packet[at + 2 : min(end, at + 6)].ljust(4, b"\xff"), "big")  # 32 of them, 6 are read
    whole = bits >> 23 & 7
    return not (bits >> 2 if whole == 1 else bits >> 20) & 7


def begins_h263_1998(packet: bytes, start: int, end: int) -> bool:
    """RFC 4629 section 5.1: a start code whose zeros are left out (P), after spare headers."""
    if end - start < 3 or not packet[start] & 0x04:
        return False
    spare = (packet[start] & 1) << 5 | packet[start + 1] >> 3
    return intra_h263(packet, start + 2 + bool(packet[start] & 0x02) + spare, end)


def begins_h263(packet: bytes, start: int, end: int) -> bool:
    """RFC 2190 section 5.1: mode A, which alone can begin a picture."""
    if end - start < 7 or packet[start] & 0x80 or packet[start + 4] or packet[start + 5]:
        return False
    return intra_h263(packet, start + 6, end)


DETECTORS: dict[str, Callable[[bytes, int, int], bool]] = {
    "H264": begins_h264,
    "VP8": begins_vp8,
    "H263-1998": begins_h263_1998,
    "H263-2000": begins_h263_1998,
    "H263": begins_h263,
}
