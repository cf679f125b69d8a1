"""Pictures that move, tones that sound, and judges for both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Yuv = NDArray[np.uint8]
Samples = NDArray[np.int16]


def bars(width: int, height: int, number: int) -> Yuv:
    """Planar 4:2:0: soft diagonal waves that walk 4 pixels a picture, with colour."""
    x = np.arange(width)[None, :] - 4 * number
    y = np.arange(height)[:, None]
    luma = 128 + 80 * np.sin(2 * np.pi * (x + y / 2) / 64)
    chroma = 128 + 50 * np.cos(2 * np.pi * (x[:, ::2] + y[::2] / 2) / 96)
    yuv = np.empty((height * 3 // 2, width), np.uint8)
    yuv[:height] = luma
    yuv[height:] = np.concatenate([chroma, 255 - chroma]).astype(np.uint8).reshape(height // 2, width)
    return yuv


def psnr_db(one: Yuv, other: Yuv) -> float:
    """Of the luma planes."""
    height = one.shape[0] * 2 // 3
    error = np.mean((one[:height].astype(float) - other[:height].astype(float)) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def tone(rate_hz: int, hz: float, seconds: float, *, amplitude: int = 8000) -> Samples:
    at = np.arange(round(rate_hz * seconds)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * hz * at)).astype(np.int16)


def tone_share(samples: Samples, rate_hz: int, hz: float) -> float:
    """How much of the energy lies within 20 Hz of a tone, 0 to 1."""
    window = np.hanning(len(samples))
    power = np.abs(np.fft.rfft(samples * window)) ** 2
    at_hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    total = power.sum()
    return 0.0 if total == 0 else float(power[np.abs(at_hz - hz) <= 20].sum() / total)
