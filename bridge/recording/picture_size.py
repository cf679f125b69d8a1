"""How large a stream's pictures are, as its own headers say: H.264 parameter sets, VP8 and H.263 keyframes."""

from __future__ import annotations

_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))
_MOST_SIDE = 16_384
_H263_SIZES = {1: (128, 96), 2: (176, 144), 3: (352, 288), 4: (704, 576), 5: (1408, 1152)}

Size = tuple[int, int]


def of_sps(sps: bytes) -> Size | None:
    """(width, height) of a sequence parameter set (ITU-T H.264 section 7.3.2.1.1); None when it is damaged."""
    try:
        width, height = _read_sps(_Bits(sps))
    except IndexError:
        return None
    if not (0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE):
        return None
    return width, height


def of_vp8(frame: bytes) -> Size | None:
    """Of a keyframe (RFC 6386 section 9.1); None for any other."""
    if len(frame) < 10 or frame[0] & 1 or frame[3:6] != b"\x9d\x01\x2a":
        return None
    width, height = int.from_bytes(frame[6:8], "little") & 0x3FFF, int.from_bytes(frame[8:10], "little") & 0x3FFF
    return (width, height) if width and height else None


def of_h263(frame: bytes) -> Size | None:
    """Of a picture in one of the standard formats (ITU-T H.263 section 5.1.3), also named by PLUSPTYPE."""
    if len(frame) < 8 or frame[0] or frame[1] or frame[2] >> 2 != 0x20:
        return None
    bits = int.from_bytes(frame[:8], "big")
    source = bits >> 26 & 7  # start code 22, temporal reference 8, then 5 bits of PTYPE before it
    if source == 7:
        source = bits >> 20 & 7  # UFEP 3 bits, then OPPTYPE begins with it
    return _H263_SIZES.get(source)


class _Bits:
    def __init__(self, unit: bytes) -> None:
        data = unit.replace(b"\0\0\3", b"\0\0")  # emulation prevention (section 7.4.1)
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise IndexError
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def golomb(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise IndexError
        return (1 << zeros) - 1 + self.take(zeros)


def _read_sps(bits: _Bits) -> Size:
    bits.take(8)
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    chroma = 1
    if profile in _HIGH_PROFILES:
        chroma = _skip_high_profile(bits)
    bits.golomb()
    _skip_order_count(bits)
    bits.golomb()
    bits.take(1)
    width, units = 16 * (bits.golomb() + 1), bits.golomb() + 1
    frames_only = bits.take(1)
    if not frames_only:
        bits.take(1)
    height = 16 * units * (2 - frames_only)
    bits.take(1)
    if bits.take(1):
        left, right, top, bottom = (bits.golomb() for _ in range(4))
        across, down = (1 if chroma in (0, 3) else 2), (2 if chroma == 1 else 1) * (2 - frames_only)
        width, height = width - across * (left + right), height - down * (top + bottom)
    return width, height


def _skip_high_profile(bits: _Bits) -> int:
    chroma = bits.golomb()
    if chroma == 3:
        bits.take(1)
    bits.golomb()
    bits.golomb()
    bits.take(1)
    if bits.take(1):
        for index in range(8 if chroma != 3 else 12):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            code = bits.golomb()
            following = (last + (code + 1 >> 1) * (1 if code & 1 else -1)) % 256
        last = following or last


def _skip_order_count(bits: _Bits) -> None:
    kind = bits.golomb()
    if kind == 0:
        bits.golomb()
    elif kind == 1:
        bits.take(1)
        bits.golomb()
        bits.golomb()
        for _ in range(min(256, bits.golomb())):
            bits.golomb()
