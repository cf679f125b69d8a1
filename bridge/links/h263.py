"""The payload formats of H.263: RFC 4629 (H263-1998 and H263-2000) and, for the oldest terminals, RFC 2190 (H263).

RFC 4629, two bytes before each piece; P: a start code begins here, whose two zero bytes are left out:

     0                   1
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |   RR    |P|V|   PLEN    |PEBIT|   V: a byte of video redundancy follows; PLEN: bytes of a spare picture header
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

RFC 2190, four bytes (mode A, which begins at a picture or a group of blocks), eight (B) or twelve (C):

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |F|P|SBIT |EBIT | SRC |I|U|S|A|R      |DBQ| TRB |    TR         |   F, P: 0x A, 10 B, 11 C; S/EBIT: unused bits
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
"""

from __future__ import annotations

from collections.abc import Iterator

from bridge.rtp.keyframe import intra_h263

FORMATS = ("H263-1998", "H263-2000", "H263")
_P, _V = 0x04, 0x02
_ZEROS = b"\x00\x00"
_MOST_FRAME_BYTES = 4 << 20


def payloads(data: bytes, most_bytes: int) -> list[bytes]:
    """RFC 4629. Cut before a group of blocks where one begins in time, else anywhere (section 6.1.1)."""
    return [bytes((_P, 0)) + piece[2:] if _starts(piece) else _ZEROS + piece for piece in _pieces(data, most_bytes - 2)]


def payloads_of_1996(data: bytes, most_bytes: int) -> list[bytes]:
    """RFC 2190, mode A alone: pieces end where a group of blocks begins, be they larger than wished."""
    if len(data) < 5:
        return []
    source_format, inter, unrestricted = data[4] >> 2 & 7, data[4] >> 1 & 1, data[4] & 1
    header = bytes((0, source_format << 5 | inter << 4 | unrestricted << 3, 0, 0))
    return [header + piece for piece in _pieces(data, most_bytes - 4, anywhere=False)]


def _starts(piece: bytes) -> bool:
    """With a start code: sixteen zeros and a one."""
    return piece.startswith(_ZEROS) and len(piece) > 2 and bool(piece[2] & 0x80)


def _pieces(data: bytes, room: int, *, anywhere: bool = True) -> Iterator[bytes]:
    room = max(3, room)
    start = 0
    while len(data) - start > room:
        cut = _last_group(data, start, start + room)
        if not cut:
            cut = start + room if anywhere else _next_group(data, start + room)
        yield data[start:cut]
        start = cut
    if start < len(data):
        yield data[start:]


def _last_group(data: bytes, start: int, end: int) -> int:
    """Where the last start code before `end` is, 0 when there is none after `start`."""
    at = end + 2
    while (at := data.rfind(_ZEROS, start + 1, at)) > start:
        if at + 2 < len(data) and data[at + 2] & 0x80:
            return at
        at += 1
    return 0


def _next_group(data: bytes, start: int) -> int:
    at = start - 1
    while (at := data.find(_ZEROS, at + 1)) >= 0:
        if at + 2 < len(data) and data[at + 2] & 0x80:
            return at
    return len(data)


class Assembler:
    """RFC 4629: payloads of one picture in, the picture out. Loss is told by `clear`."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, payload: bytes) -> bool:
        """False: too short, or the first piece of a picture that does not begin with one."""
        start = _data_start(payload)
        if not start or (not self._parts and not self.begins(payload)):
            return False
        self._parts.append(_ZEROS + payload[start:] if payload[0] & _P else payload[start:])
        self._size += len(payload)
        return self._size <= _MOST_FRAME_BYTES

    def take(self) -> tuple[bytes, bool] | None:
        """The picture, and whether it needs no other."""
        parts = self._parts
        self.clear()
        data = b"".join(parts)
        return (data, intra_h263(data, 2, len(data))) if data else None

    def clear(self) -> None:
        self._parts, self._size = [], 0

    def begins(self, payload: bytes) -> bool:
        """A picture start code: two zero bytes and 1000 00."""
        start = _data_start(payload)
        return bool(start) and bool(payload[0] & _P) and payload[start] & 0xFC == 0x80

    def continues(self, _payload: bytes) -> bool:
        """Whether a loss before this packet spared the stream: nothing here could tell."""
        return False


def _data_start(payload: bytes) -> int:
    """Where the stream goes on, 0 when it does not."""
    if len(payload) < 3:
        return 0
    spare = (payload[0] & 1) << 5 | payload[1] >> 3
    start = 2 + bool(payload[0] & _V) + spare
    return start if start < len(payload) else 0


class AssemblerOf1996:
    """RFC 2190: as `Assembler`. Pieces may end in the middle of a byte, which the next one has once more."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._spare_bits = 0  # of the last byte

    def add(self, payload: bytes) -> bool:
        found = _old_header(payload)
        if found is None or (not self._data and not self.begins(payload)):
            return False
        start, skipped, spare = found
        data = self._data
        if data and (skipped + self._spare_bits) % 8:
            return False  # the two halves of a byte are no whole
        if data and skipped:
            data[-1] = data[-1] & 0xFF << self._spare_bits & 0xFF | payload[start] & 0xFF >> skipped
            start += 1
        data += payload[start:]
        self._spare_bits = spare
        return len(data) <= _MOST_FRAME_BYTES

    def take(self) -> tuple[bytes, bool] | None:
        data = bytes(self._data)
        self.clear()
        return (data, intra_h263(data, 2, len(data))) if data else None

    def clear(self) -> None:
        self._data, self._spare_bits = bytearray(), 0

    def begins(self, payload: bytes) -> bool:
        found = _old_header(payload)
        if found is None or found[1]:
            return False
        piece = payload[found[0] : found[0] + 3]
        return len(piece) == 3 and piece.startswith(_ZEROS) and piece[2] & 0xFC == 0x80

    def continues(self, _payload: bytes) -> bool:
        return False


def _old_header(payload: bytes) -> tuple[int, int, int] | None:
    """(its bytes, bits to skip in the first byte after it, bits to leave in the last one)"""
    if not payload:
        return None
    first = payload[0]
    size = 4 if not first & 0x80 else 12 if first & 0x40 else 8
    return (size, first >> 3 & 7, first & 7) if size < len(payload) else None
