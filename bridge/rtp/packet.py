"""RTP packets (RFC 3550 section 5.1) as bytes: read a header, write a header, nothing kept.

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|V=2|P|X|  CC   |M|     PT      |       sequence number         |
|                           timestamp                           |
|                             SSRC                              |
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER = struct.Struct("!BBHII")
HEADER_BYTES = 12
_WORD16 = struct.Struct("!H")

VERSION_BITS = 0x80
PADDING_BIT = 0x20
EXTENSION_BIT = 0x10
MARKER_BIT = 0x80


@dataclass(frozen=True, slots=True)
class RtpHeader:
    """A parsed header. payload_start and payload_end delimit the payload without extension and padding."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload_start: int
    payload_end: int


def parse(packet: bytes) -> RtpHeader | None:
    """The header, or None when this is no RTP packet or its lengths contradict each other."""
    size = len(packet)
    if size < HEADER_BYTES or packet[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(packet, 0)
    start = HEADER_BYTES + 4 * (first & 0x0F)
    if first & EXTENSION_BIT:
        if size < start + 4:
            return None
        start += 4 + 4 * _WORD16.unpack_from(packet, start + 2)[0]
    end = size
    if first & PADDING_BIT:
        end -= packet[size - 1]
    if start > size or end < start or (first & PADDING_BIT and packet[size - 1] == 0):
        return None
    return RtpHeader(second & 0x7F, bool(second & MARKER_BIT), sequence, timestamp, ssrc, start, end)


def build(
    payload: bytes, *, payload_type: int, sequence: int, timestamp: int, ssrc: int, marker: bool = False
) -> bytes:
    """A packet with the plain 12-byte header. Sequence and timestamp wrap by themselves."""
    return (
        HEADER.pack(
            VERSION_BITS,
            (MARKER_BIT if marker else 0) | payload_type,
            sequence & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            ssrc,
        )
        + payload
    )


def is_rtcp(packet: bytes) -> bool:
    """Tells RTCP from RTP on one port (RFC 5761 section 4): the second byte is 192 to 223."""
    return len(packet) > 1 and 192 <= packet[1] <= 223
