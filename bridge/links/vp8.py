"""The payload format of VP8 (RFC 7741): a descriptor before each piece of a frame.

     0 1 2 3 4 5 6 7
    +-+-+-+-+-+-+-+-+
    |X|R|N|S|R| PID |   S: a partition begins here; PID: which
    +-+-+-+-+-+-+-+-+
 X: |I|L|T|K| RSV   |
 I: |M| PictureID   |   7 bits, or 15 when M is set
 L: |   TL0PICIDX   |
T/K:|TID|Y| KEYIDX  |
    +-+-+-+-+-+-+-+-+
"""

from __future__ import annotations

_MOST_FRAME_BYTES = 4 << 20


def payloads(data: bytes, most_bytes: int, picture_id: int) -> list[bytes]:
    """The packets of one frame, with a picture id of 15 bits."""
    tail = bytes((0x80, 0x80 | picture_id >> 8 & 0x7F, picture_id & 0xFF))
    room = max(1, most_bytes - 4)
    return [
        bytes((0x90 if start == 0 else 0x80,)) + tail + data[start : start + room]
        for start in range(0, len(data), room)
    ]


def descriptor(payload: bytes) -> tuple[int, int, int] | None:
    """(size of the descriptor, picture id or -1, modulus of the id); None when the payload is too short for it."""
    size = len(payload)
    if not size:
        return None
    if not payload[0] & 0x80:
        return (1, -1, 1) if size > 1 else None
    if size < 2:
        return None
    extension, offset, picture_id, modulus = payload[1], 2, -1, 1
    if extension & 0x80:
        long = offset < size and payload[offset] & 0x80
        if offset + (2 if long else 1) > size:
            return None
        picture_id = (payload[offset] & 0x7F) << 8 | payload[offset + 1] if long else payload[offset]
        modulus = 0x8000 if long else 0x80
        offset += 2 if long else 1
    offset += bool(extension & 0x40) + bool(extension & 0x30)
    return (offset, picture_id, modulus) if offset < size else None


class Assembler:
    """Payloads of one frame in, the frame out. Knows nothing of sequence numbers: loss is told by `clear`."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._picture_id = -1
        self._last_id = -1  # of the newest whole frame

    def add(self, payload: bytes) -> bool:
        """False: the payload is too short, or does not go on where the frame stands; the frame is spoilt."""
        found = descriptor(payload)
        if found is None:
            return False
        offset, picture_id, _ = found
        if not self._parts and not self.begins(payload):
            return False
        self._parts.append(payload[offset:])
        self._size += len(payload)
        self._picture_id = picture_id
        return self._size <= _MOST_FRAME_BYTES

    def take(self) -> tuple[bytes, bool] | None:
        """The frame and whether it needs no other (the inverse key frame flag, RFC 6386 section 9.1)."""
        if not self._parts:
            return None
        parts, self._last_id = self._parts, self._picture_id
        self.clear()
        data = b"".join(parts)
        return data, not data[0] & 1

    def clear(self) -> None:
        self._parts, self._size, self._picture_id = [], 0, -1

    def begins(self, payload: bytes) -> bool:
        """S is set and it is partition 0."""
        return bool(payload) and payload[0] & 0x17 == 0x10

    def continues(self, payload: bytes) -> bool:
        """Whether a gap in the sequence lost no frame: this one begins, and its picture id is the next.

        Browsers fill up with packets of padding alone, which never get here.
        """
        found = descriptor(payload)
        if found is None or found[1] < 0 or self._last_id < 0 or self._parts:
            return False
        return self.begins(payload) and (self._last_id + 1) % found[2] == found[1]
