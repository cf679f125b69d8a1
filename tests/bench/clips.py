"""What cameras and microphones of the transcoding bench give: made once, compressed, played in a loop.

A camera's picture: a still room with soft detail, a face-sized patch that moves in front of it, and noise. Waves that
cover all of it would flatter the encoders, noise alone would punish them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bridge.codecs import AudioEncoder, VideoEncoder
from bridge.links.link import EncodedFrame

WIDTH, HEIGHT, FPS, BPS = 640, 480, 15, 600_000
SECONDS = 4
BLOCKS_PER_S = 50
_NOISE = 3.0


@dataclass(frozen=True, slots=True)
class Clip:
    """frames: with timestamps from 0; the first is a keyframe. ticks: of one frame. clock_hz: of the timestamps."""

    codec: str
    frames: tuple[EncodedFrame, ...]
    ticks: int
    clock_hz: int

    @property
    def frame_s(self) -> float:
        return self.ticks / self.clock_hz


@cache
def film(codec: str, *, width: int = WIDTH, height: int = HEIGHT, fps: int = FPS, bps: int = BPS) -> Clip:
    encoder = VideoEncoder(codec, width, height, fps, bps)
    chance = np.random.default_rng(3)
    room, ticks = _room(chance, width, height), 90_000 // fps
    frames: list[EncodedFrame] = []
    for number in range(SECONDS * fps):
        frames += encoder.encode(_picture(room, chance, number), number * ticks, number == 0)
    return Clip(codec, tuple(frames), ticks, 90_000)


@cache
def speech(codec: str) -> Clip:
    """Voiced bursts with pauses between, four a second."""
    encoder = AudioEncoder(codec, 16_000 if codec == "OPUS" else None)
    at = np.arange(SECONDS * encoder.rate_hz) / encoder.rate_hz
    voice = sum(np.sin(2 * np.pi * 140 * k * at + k) / k for k in range(1, 20))
    loud = np.clip(np.sin(2 * np.pi * 4 * at) + 0.4, 0, None)
    noise = np.random.default_rng(4).normal(0, 0.02, len(at))
    samples = (6000 * (voice * loud + noise)).clip(-32768, 32767).astype(np.int16)
    ticks = encoder.codec.clock_hz // BLOCKS_PER_S
    blocks = samples.reshape(-1, encoder.block)
    frames = [each for number, block in enumerate(blocks) for each in encoder.encode(block, number * ticks)]
    return Clip(codec, tuple(frames), ticks, encoder.codec.clock_hz)


def _room(chance: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    coarse = chance.normal(128, 45, (height // 16 + 2, width // 16 + 2))
    room = np.kron(coarse, np.ones((16, 16)))
    for axis in (0, 1):
        for _ in range(3):
            room = (room + np.roll(room, 3, axis) + np.roll(room, -3, axis)) / 3
    return room[:height, :width].astype(np.float32)


def _picture(room: NDArray[np.float32], chance: np.random.Generator, number: int) -> NDArray[np.uint8]:
    height, width = room.shape
    luma = room.copy()
    face_h, face_w = height // 2, width // 4
    left = int(width * (0.375 + 0.05 * np.sin(number / 6)))
    top = int(height * (0.3 + 0.02 * np.sin(number / 4)))
    y, x = np.mgrid[0:face_h, 0:face_w]
    luma[top : top + face_h, left : left + face_w] = 150 + 40 * np.sin(x / 11) * np.cos((y + number) / 13)
    luma += chance.normal(0, _NOISE, luma.shape)
    yuv = np.full((height * 3 // 2, width), 128, np.uint8)
    yuv[:height] = luma.clip(16, 235)
    return yuv
