"""Pictures of the size that the receiver of a line takes, with their proportions."""

from __future__ import annotations

import numpy as np

from bridge.codecs._av import Picture, Resizer, Yuv
from bridge.codecs.limits import PictureLimits, h263_size, limits_of
from bridge.links.h263 import FORMATS
from bridge.types import Codec

_WIDE, _HIGH = 640, 480  # what terminals show, and what one core can encode several times
_BLACK, _GREY = 16, 128
_H263_PIXEL = 12 / 11  # its pixels are wider than high, so that 352x288 is a picture of 4:3


def scale(source: Codec, target: Codec) -> Scale | Letterbox:
    """What stands between a decoder and an encoder."""
    pixel = _H263_PIXEL if source.name in FORMATS else 1.0
    return Letterbox(target, pixel) if target.name in FORMATS else Scale(target, pixel)


class Scale:
    """Pictures larger than the limit are made to fit, upright ones too.

    pixel: of the source, its width by its height.
    """

    def __init__(self, target: Codec, pixel: float = 1.0) -> None:
        self._limits: PictureLimits = limits_of(target)
        low = not self._limits.takes(_WIDE, _HIGH)
        self._wide, self._high = _within(self._limits) if low else (_WIDE, _HIGH)
        self._pixel = pixel
        self._resizer = Resizer()

    def turn(self, picture: Picture) -> Picture:
        """Raises CodecFailed."""
        width, height = self.size(picture.width, picture.height)
        if picture.plain and (width, height) == (picture.width, picture.height):
            return picture
        return self._resizer.resize(picture, width, height)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Even, and within the limit."""
        seen = width * self._pixel
        most = (self._wide, self._high) if seen >= height else (self._high, self._wide)
        factor = min(1.0, most[0] / seen, most[1] / height)
        return _even(seen * factor), _even(height * factor)

    def __str__(self) -> str:
        return f"Scale({self._wide}x{self._high})"


class Letterbox:
    """Every picture in one size, black where its proportions leave room: H.263 knows few sizes."""

    def __init__(self, target: Codec, pixel: float = 1.0) -> None:
        self._width, self._height = h263_size(target)
        self._pixel = pixel / _H263_PIXEL
        self._resizer = Resizer()

    def turn(self, picture: Picture) -> Picture:
        """Raises CodecFailed."""
        width, height = self._inner(picture.width, picture.height)
        fitted = self._resizer.resize(picture, width, height)
        if (width, height) == (self._width, self._height):
            return fitted
        return Picture.of(self._framed(fitted.yuv.reshape(-1), width, height), picture.rtp_timestamp)

    def size(self, _width: int, _height: int) -> tuple[int, int]:
        return self._width, self._height

    def __str__(self) -> str:
        return f"Letterbox({self._width}x{self._height})"

    def _inner(self, width: int, height: int) -> tuple[int, int]:
        seen = width * self._pixel
        factor = min(self._width / seen, self._height / height)
        return min(self._width, _even(seen * factor)), min(self._height, _even(height * factor))

    def _framed(self, yuv: Yuv, width: int, height: int) -> Yuv:
        """Planar 4:2:0 of (height, width) in the middle of one of our size."""
        parts = []
        read = 0
        for half, colour in ((1, _BLACK), (2, _GREY), (2, _GREY)):
            wide, high = width // half, height // half
            plane = np.full((self._height // half, self._width // half), colour, np.uint8)
            top, left = (plane.shape[0] - high) // 2, (plane.shape[1] - wide) // 2
            plane[top : top + high, left : left + wide] = yuv[read : read + wide * high].reshape(high, wide)
            parts.append(plane.reshape(-1))
            read += wide * high
        return np.concatenate(parts).reshape(self._height * 3 // 2, self._width)


def _even(pixels: float) -> int:
    return max(2, round(pixels) // 2 * 2)


def _within(limits: PictureLimits) -> tuple[int, int]:
    """The largest usual size that the receiver takes."""
    sizes = ((640, 360), (352, 288), (320, 240), (176, 144))
    return next((each for each in sizes if limits.takes(*each)), (128, 96))
