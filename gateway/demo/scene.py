"""What the simulated people show and say: a moving picture with a mark that can be recognised, and speech-like sound.

The mark is a patch of one colour in the upper left corner. A receiver that finds the other side's colour there has
really decoded the other side's picture, and not a grey or an old one.
"""

from __future__ import annotations

import asyncio
import time
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Yuv = NDArray[np.uint8]  # planar 4:2:0, shape (height * 3 / 2, width)
Samples = NDArray[np.int16]

_TOLERANCE = 24  # encoders move a flat colour by a few steps at low rates


class Mark(Enum):
    """Y, U, V of the patch, and the picture's background."""

    TERMINAL = ("Terminal", (110, 190, 90), (38, 52, 84))
    FAMILY = ("Family", (150, 70, 180), (92, 58, 40))

    def __init__(self, label: str, patch: tuple[int, int, int], background: tuple[int, int, int]) -> None:
        self.label = label
        self.patch = patch
        self.background = background

    @property
    def other(self) -> Mark:
        return Mark.FAMILY if self is Mark.TERMINAL else Mark.TERMINAL


class Scene:
    """A person's place: a still background, something that always moves, and the mark."""

    def __init__(self, mark: Mark, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._mark = mark
        self._still = rgb_to_yuv(_background(mark, width, height))

    def frame(self, number: int) -> Yuv:
        """The picture number `number`: the same number gives the same picture."""
        yuv = self._still.copy()
        luma = yuv[: self.height]
        size = self.height // 6
        across, down = self.width - size, self.height // 2 - size
        x, y = _bounce(number * 6, across), self.height // 2 + _bounce(number * 4, down)
        luma[y : y + size, x : x + size] = 235
        stripe = (number * 5) % self.width
        luma[self.height - size // 4 :, stripe : stripe + size] = 16
        _paint(yuv, self.width, self.height, self._mark.patch)
        return yuv


class Voice:
    """Something that sounds like speech: a buzzing pitch that wanders, shaped into about four syllables a second."""

    def __init__(self, rate_hz: int, pitch_hz: float = 130.0) -> None:
        self._rate = rate_hz
        self._pitch = pitch_hz
        self._position = 0
        self._phase = 0.0

    def next(self, count: int) -> Samples:
        seconds = (self._position + np.arange(count)) / self._rate
        self._position += count
        pitch = self._pitch * (1 + 0.15 * np.sin(2 * np.pi * 0.7 * seconds))
        phase = self._phase + 2 * np.pi * np.cumsum(pitch) / self._rate
        self._phase = float(phase[-1])
        buzz = sum(np.sin(order * phase) / order for order in range(1, 9))
        syllables = np.clip(np.sin(2 * np.pi * 2.0 * seconds), 0, None) ** 0.5
        return (buzz * syllables * 6000).astype(np.int16)


class Pace:
    """Numbers at a steady rate, from the first call on; when late, numbers are passed over."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._start_s: float | None = None
        self._number = -1

    async def next(self) -> int:
        now = time.monotonic()
        if self._start_s is None:
            self._start_s = now
        self._number = max(self._number + 1, int((now - self._start_s) / self._period_s))
        await asyncio.sleep(self._start_s + self._number * self._period_s - now)
        return self._number


def shows(yuv: Yuv, mark: Mark) -> bool:
    """Whether the mark is where it should be; works at any size of the picture."""
    height, width = yuv.shape[0] * 2 // 3, yuv.shape[1]
    top, left, edge = _patch(height)
    inner = slice(top + edge // 4, top + edge * 3 // 4), slice(left + edge // 4, left + edge * 3 // 4)
    u, v = (plane[_halved(inner)] for plane in _chroma(yuv, width, height))
    means = float(yuv[:height][inner].mean()), float(u.mean()), float(v.mean())
    return all(abs(mean - wanted) <= _TOLERANCE for mean, wanted in zip(means, mark.patch, strict=True))


def loudness(samples: Samples) -> float:
    """Root mean square, 0 to 32767."""
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) if samples.size else 0.0


def save_png(yuv: Yuv, path: Path) -> None:
    height, width = yuv.shape[0] * 2 // 3, yuv.shape[1]
    u, v = (plane.repeat(2, 0).repeat(2, 1) for plane in _chroma(yuv, width, height))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.dstack((yuv[:height], u, v)), "YCbCr").convert("RGB").save(path)


def rgb_to_yuv(image: Image.Image) -> Yuv:
    """Even width and height only."""
    planes = np.asarray(image.convert("YCbCr"))
    u, v = (planes[::2, ::2, index].reshape(-1, image.width) for index in (1, 2))
    return np.concatenate((planes[:, :, 0], u, v))


def _background(mark: Mark, width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), mark.background)
    draw = ImageDraw.Draw(image)
    for row in range(0, height, 4):
        shade = tuple(channel + row * 40 // height for channel in mark.background)
        draw.rectangle((0, row, width, row + 3), fill=shade)
    font = ImageFont.load_default(height / 7)
    draw.text((width / 2, height / 3), mark.label, fill=(240, 240, 235), font=font, anchor="mm")
    return image


def _patch(height: int) -> tuple[int, int, int]:
    edge = height // 8 // 4 * 4
    return edge // 2, edge // 2, edge


def _paint(yuv: Yuv, width: int, height: int, colour: tuple[int, int, int]) -> None:
    top, left, edge = _patch(height)
    area = slice(top, top + edge), slice(left, left + edge)
    yuv[:height][area] = colour[0]
    for plane, value in zip(_chroma(yuv, width, height), colour[1:], strict=True):
        plane[_halved(area)] = value


def _chroma(yuv: Yuv, width: int, height: int) -> tuple[Yuv, Yuv]:
    """The U and V planes as views."""
    u, v = np.split(yuv[height:].reshape(-1), 2)
    return u.reshape(height // 2, width // 2), v.reshape(height // 2, width // 2)


def _halved(area: tuple[slice, slice]) -> tuple[slice, slice]:
    rows, columns = area
    return slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)


def _bounce(distance: int, span: int) -> int:
    return span - abs(distance % (2 * span) - span)
