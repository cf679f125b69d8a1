"""A slate as a picture: a title and a sentence for each language, light on dark, in Roboto (Apache License 2.0).

Pillow draws; the colours become limited-range BT.601, which is what encoders and browsers take 4:2:0 for.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bridge.codecs import Yuv

_GROUND, _TITLE, _WORDS, _LINE = (24, 33, 46), (255, 255, 255), (196, 206, 219), (92, 148, 214)
_TITLE_SHARE, _WORDS_SHARE = 0.11, 0.055  # of the height
_MARGIN_SHARE = 0.08  # of the width

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Text = tuple[str, str]


def draw(texts: tuple[Text, ...], width: int, height: int) -> Yuv:
    """Planar 4:2:0 of shape (height * 3 / 2, width); both even. texts: title and sentence, a language each."""
    image = Image.new("RGB", (width, height), _GROUND)
    pen = ImageDraw.Draw(image)
    share = 1.0 if len(texts) == 1 else 0.75
    room = width * (1 - 2 * _MARGIN_SHARE)
    lines: list[tuple[str, Font, tuple[int, int, int]]] = []
    for title, sentence in texts:
        lines.append((title, _fitting(pen, title, "Medium", height * _TITLE_SHARE * share, room), _TITLE))
        font = _font("Regular", height * _WORDS_SHARE * share)
        lines += [(each, font, _WORDS) for each in _wrapped(pen, sentence, font, room)]
    heights = [_height(pen, font) * (1.9 if colour == _TITLE else 1.4) for _, font, colour in lines]
    top = (height - sum(heights)) / 2
    pen.rectangle((0, 0, width, max(2, height // 60)), fill=_LINE)
    for (text, font, colour), tall in zip(lines, heights, strict=True):
        pen.text((width / 2, top + tall / 2), text, font=font, fill=colour, anchor="mm")
        top += tall
    return planar(np.asarray(image))


def planar(rgb: NDArray[np.uint8]) -> Yuv:
    """Limited-range BT.601; a colour sample is the mean of four pixels."""
    red, green, blue = (rgb[..., index].astype(np.float32) for index in range(3))
    luma = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
    blues = 128 + (-37.797 * red - 74.203 * green + 112.0 * blue) / 255
    reds = 128 + (112.0 * red - 93.786 * green - 18.214 * blue) / 255
    height, width = luma.shape
    planes = [luma, *(each.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)) for each in (blues, reds))]
    flat = np.concatenate([np.rint(each).reshape(-1) for each in planes])
    return flat.astype(np.uint8).reshape(height * 3 // 2, width)


def _font(weight: str, pixels: float) -> Font:
    path = files("font_roboto") / "files" / f"Roboto-{weight}.ttf"
    return ImageFont.truetype(str(path), max(9, round(pixels)))


def _fitting(pen: ImageDraw.ImageDraw, text: str, weight: str, pixels: float, room: float) -> Font:
    """As large as wanted, or as large as the line takes: a name may be long."""
    font = _font(weight, pixels)
    wide = pen.textlength(text, font=font)
    return font if wide <= room else _font(weight, pixels * room / wide)


def _wrapped(pen: ImageDraw.ImageDraw, text: str, font: Font, room: float) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if pen.textlength(longer, font=font) <= room or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return [each for each in lines if each]


def _height(pen: ImageDraw.ImageDraw, font: Font) -> float:
    box = pen.textbbox((0, 0), "Ápg", font=font)
    return float(box[3] - box[1])
