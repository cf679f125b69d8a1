"""The payload format of H.264 (RFC 6184), modes 0 and 1: single NAL units, STAP-A, FU-A. Annex B on our side."""

from __future__ import annotations

from collections.abc import Iterator

START_CODE = b"\x00\x00\x00\x01"
_IDR, _SPS = 5, 7
_SEI, _AUD = 6, 9
_STAP_A, _FU_A = 24, 28
_FIRST_FRAGMENT, _LAST_FRAGMENT = 0x80, 0x40
_MOST_FRAME_BYTES = 4 << 20


def units(data: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B byte stream, without start codes."""
    for part in data.split(b"\x00\x00\x01")[1:]:
        unit = part.rstrip(b"\x00")  # a NAL unit ends with a set bit: zeros belong to the next start code
        if unit:
            yield unit


def payloads(data: bytes, most_bytes: int, mode: int) -> list[bytes]:
    """The packets of one picture. Mode 1: small neighbours share a STAP-A, what is too large is cut into FU-As.

    Mode 0 knows neither (section 6.2): a unit that is too large goes as it is, and the encoder is to see to that.
    """
    if mode == 0:
        return list(units(data))
    packets: list[bytes] = []
    together: list[bytes] = []
    size = 1
    for unit in units(data):
        if together and size + 2 + len(unit) > most_bytes:
            packets.append(_aggregated(together))
            together, size = [], 1
        if len(unit) > most_bytes:
            packets.extend(_fragments(unit, most_bytes))
        else:
            together.append(unit)
            size += 2 + len(unit)
    if together:
        packets.append(_aggregated(together))
    return packets


def _aggregated(together: list[bytes]) -> bytes:
    if len(together) == 1:
        return together[0]
    forbidden = max(each[0] & 0x80 for each in together)
    importance = max(each[0] & 0x60 for each in together)
    body = b"".join(len(each).to_bytes(2, "big") + each for each in together)
    return bytes((forbidden | importance | _STAP_A,)) + body


def _fragments(unit: bytes, most_bytes: int) -> Iterator[bytes]:
    indicator = unit[0] & 0xE0 | _FU_A
    kind = unit[0] & 0x1F
    room = max(1, most_bytes - 2)
    last = 1 + (len(unit) - 2) // room * room
    for start in range(1, len(unit), room):
        edge = (_FIRST_FRAGMENT if start == 1 else 0) | (_LAST_FRAGMENT if start == last else 0)
        yield bytes((indicator, edge | kind)) + unit[start : start + room]


class Assembler:
    """Payloads of one picture in, the picture out. Knows nothing of sequence numbers: loss is told by `clear`.

    sets: parameter sets of the SDP, put before an IDR picture that has none of its own.
    """

    def __init__(self, sets: tuple[bytes, ...] = ()) -> None:
        self._sets = sets
        self._parts: list[bytes] = []
        self._fragment: list[bytes] = []
        self._kinds: set[int] = set()
        self._size = 0

    def add(self, payload: bytes) -> bool:
        """False: the payload contradicts the format, or what came before; the picture is spoilt."""
        kind = payload[0] & 0x1F if payload else 0
        if kind == _FU_A:
            return self._add_fragment(payload)
        if self._fragment:
            return False  # its last fragment never came
        if kind == _STAP_A:
            return self._add_aggregate(payload)
        return 1 <= kind <= 23 and self._add_unit(payload)

    def take(self) -> tuple[bytes, bool] | None:
        """The picture (Annex B) and whether it needs no other; None when there is none, or not a whole one."""
        whole = bool(self._parts) and not self._fragment
        parts, kinds = self._parts, self._kinds
        self.clear()
        if not whole:
            return None
        if _SPS in kinds:
            self._sets = ()
        elif _IDR in kinds:
            parts = [START_CODE + each for each in self._sets] + parts
        return b"".join(parts), _IDR in kinds

    def clear(self) -> None:
        self._parts, self._fragment, self._kinds, self._size = [], [], set(), 0

    def continues(self, _payload: bytes) -> bool:
        """Whether the loss before this packet spared this stream. H.264 cannot tell, so no."""
        return False

    def begins(self, payload: bytes) -> bool:
        """Whether a picture can begin so: with sets, SEI, a delimiter, or a slice whose first macroblock is 0."""
        if len(payload) < 3:
            return False
        kind, first = payload[0] & 0x1F, payload[1]
        if kind == _STAP_A:
            kind, first = (payload[3] & 0x1F, payload[4]) if len(payload) > 4 else (0, 0)
        elif kind == _FU_A:
            if not payload[1] & _FIRST_FRAGMENT:
                return False
            kind, first = payload[1] & 0x1F, payload[2]
        return _SEI <= kind <= _AUD or (1 <= kind <= _IDR and bool(first & 0x80))

    def _add_fragment(self, payload: bytes) -> bool:
        if len(payload) < 3:
            return False
        edge = payload[1]
        if edge & _FIRST_FRAGMENT:
            if self._fragment:
                return False
            self._fragment = [bytes((payload[0] & 0xE0 | edge & 0x1F,))]
        elif not self._fragment:
            return False
        self._fragment.append(payload[2:])
        self._size += len(payload)
        if edge & _LAST_FRAGMENT:
            unit, self._fragment = b"".join(self._fragment), []
            return self._add_unit(unit)
        return self._size <= _MOST_FRAME_BYTES

    def _add_aggregate(self, payload: bytes) -> bool:
        offset = 1
        while offset + 2 < len(payload):
            size = payload[offset] << 8 | payload[offset + 1]
            unit = payload[offset + 2 : offset + 2 + size]
            if not size or len(unit) < size or not self._add_unit(unit):
                return False
            offset += 2 + size
        return offset == len(payload) and bool(self._parts)

    def _add_unit(self, unit: bytes) -> bool:
        self._kinds.add(unit[0] & 0x1F)
        self._parts.append(START_CODE + unit)
        self._size += len(unit)
        return self._size <= _MOST_FRAME_BYTES
