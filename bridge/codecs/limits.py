"""What the receiver of a line can decode: size, rate and bitrate of pictures.

H.264: table A-1 of the standard by the level of profile-level-id, raised by max-fs and max-mbps (RFC 6184 section
8.1). VP8: max-fs and max-fr (RFC 7741 section 6.1). H.263: the largest of its sizes that is named, with the least
interval between pictures (RFC 4629 section 8.1.1). A macroblock is 16x16 pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bridge.types import Codec

_MACROBLOCK = 16
_UNLIMITED = 1 << 30


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """most_blocks: macroblocks of one picture; most_blocks_s: of all pictures of a second."""

    most_blocks: int = _UNLIMITED
    most_blocks_s: int = _UNLIMITED
    most_fps: float = 60.0
    most_bps: int = _UNLIMITED

    def takes(self, width: int, height: int) -> bool:
        """No side longer than the root of eight times the area either (H.264 section A.3.1)."""
        wide, high = _blocks(width), _blocks(height)
        side = math.isqrt(8 * self.most_blocks)
        return wide * high <= self.most_blocks and wide <= side and high <= side

    def fps_at(self, width: int, height: int) -> float:
        """How many pictures of this size a second may have."""
        return min(self.most_fps, self.most_blocks_s / max(1, _blocks(width) * _blocks(height)))


_LEVELS = {
    # level_idc: macroblocks a second, a picture; bits a second (baseline)
    10: PictureLimits(99, 1_485, most_bps=64_000),
    11: PictureLimits(396, 3_000, most_bps=192_000),
    12: PictureLimits(396, 6_000, most_bps=384_000),
    13: PictureLimits(396, 11_880, most_bps=768_000),
    20: PictureLimits(396, 11_880, most_bps=2_000_000),
    21: PictureLimits(792, 19_800, most_bps=4_000_000),
    22: PictureLimits(1_620, 20_250, most_bps=4_000_000),
    30: PictureLimits(1_620, 40_500, most_bps=10_000_000),
    31: PictureLimits(3_600, 108_000, most_bps=14_000_000),
    32: PictureLimits(5_120, 216_000, most_bps=20_000_000),
    40: PictureLimits(8_192, 245_760, most_bps=20_000_000),
    41: PictureLimits(8_192, 245_760, most_bps=50_000_000),
    42: PictureLimits(8_704, 522_240, most_bps=50_000_000),
    50: PictureLimits(22_080, 589_824, most_bps=135_000_000),
    51: PictureLimits(36_864, 983_040, most_bps=240_000_000),
    52: PictureLimits(36_864, 2_073_600, most_bps=240_000_000),
}
_LEVEL_1B = PictureLimits(99, 1_485, most_bps=128_000)
_CONSTRAINT_SET_3 = 0x10


def h264_level(profile_level_id: str) -> int:
    """level_idc (31 for level 3.1); 0 when it is missing or no level of table A-1."""
    try:
        level = bytes.fromhex(profile_level_id)[2]
    except (ValueError, IndexError):
        return 0
    return level if level in _LEVELS else 0


_H263_SIZES = {"cif16": (352, 288), "cif4": (352, 288), "cif": (352, 288), "qcif": (176, 144), "sqcif": (128, 96)}
_H263_FPS = 30_000 / 1001
_H263_BPS = 512_000  # more makes a group of blocks larger than a packet


def h263_size(target: Codec) -> tuple[int, int]:
    """No more than CIF, whatever the far side has room for; QCIF when it named no size, which all must read."""
    return next((size for key, size in _H263_SIZES.items() if _number(target, key)), _H263_SIZES["qcif"])


def _h263(target: Codec) -> PictureLimits:
    size = h263_size(target)
    intervals = [_number(target, key) for key, each in _H263_SIZES.items() if each == size]
    return PictureLimits(
        most_blocks=_blocks(size[0]) * _blocks(size[1]),
        most_fps=_H263_FPS / max(1, *intervals),
        most_bps=min(_H263_BPS, 100 * _number(target, "maxbr") or _H263_BPS),
    )


def limits_of(target: Codec) -> PictureLimits:
    if target.name == "H264":
        return _h264(target)
    if target.name == "VP8":
        return PictureLimits(
            most_blocks=_number(target, "max-fs") or _UNLIMITED, most_fps=_number(target, "max-fr") or 60.0
        )
    if target.name.startswith("H263"):
        return _h263(target)
    return PictureLimits()


def _h264(target: Codec) -> PictureLimits:
    identity = target.parameter("profile-level-id")
    level = h264_level(identity)
    if not level:
        return PictureLimits()
    named = _LEVELS[level]
    if level == 11 and bytes.fromhex(identity)[1] & _CONSTRAINT_SET_3:
        named = _LEVEL_1B
    return PictureLimits(
        most_blocks=max(named.most_blocks, _number(target, "max-fs")),
        most_blocks_s=max(named.most_blocks_s, _number(target, "max-mbps")),
        most_bps=max(named.most_bps, 1000 * _number(target, "max-br")),
    )


def _number(codec: Codec, key: str) -> int:
    text = codec.parameter(key)
    return min(int(text), _UNLIMITED) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _blocks(pixels: int) -> int:
    return -(-pixels // _MACROBLOCK)
