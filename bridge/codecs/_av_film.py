"""Recordings as one picture: the station on the left, the family on the right, their voices mixed. PyAV's other room.

    Matroska, four tracks -> decode -> [pictures: the newest of each side, 25 times a second] -> H.264 \\
                                    -> [sound: laid where it happened, summed]                 -> AAC   +-> MP4

Runs in constant memory, on a thread of whoever calls. What cannot be decoded is left out: the pane shows what was
before, the sound is silent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.video.stream import VideoStream
from numpy.typing import NDArray

from bridge.errors import CodecFailed

PANE = (640, 480)
FPS = 25
HERTZ = 48_000
_BLOCK = 1024  # samples of an AAC frame
_LATE_S = 2.0  # tracks of a recording are no further apart in the file
_STEADY = HERTZ * 60 // 1000  # nearer than that to where the last block ended, sound goes on without a seam
_FOREIGN = (FFmpegError, ValueError, MemoryError, OverflowError)

Planes = NDArray[np.uint8]


def side_by_side(parts: Sequence[tuple[Path, float]], target: Path) -> None:
    """parts: plain recordings, each with the second at which it begins. Raises CodecFailed."""
    try:
        with av.open(str(target), "w", format="mp4") as output:
            film = _Film(output)
            for path, begins_s in parts:
                with av.open(str(path)) as recording:
                    _read(recording, begins_s, film)
            film.close()
    except _FOREIGN as error:
        raise CodecFailed(f"the recording cannot be turned into MP4: {error}") from error


def _read(recording: av.container.InputContainer, begins_s: float, film: _Film) -> None:
    streams = [each for each in recording.streams if isinstance(each, VideoStream | AudioStream)]
    voices = {each.index: _Voice(film) for each in streams if isinstance(each, AudioStream)}
    for packet in recording.demux(streams):
        try:
            frames = packet.decode()
        except FFmpegError:
            continue
        for frame in frames:
            if not isinstance(frame, av.VideoFrame | av.AudioFrame) or frame.time is None:
                continue
            at_s = begins_s + float(frame.time)
            if isinstance(frame, av.VideoFrame):
                film.picture(0 if packet.stream.metadata.get("title", "").startswith("station") else 1, frame, at_s)
            else:
                voices[packet.stream.index].block(frame, at_s)
            film.advance(at_s - _LATE_S)


class _Voice:
    """One track's sound, laid into the mix where it happened."""

    def __init__(self, film: _Film) -> None:
        self._film = film
        self._resampler = AudioResampler(format="s16", layout="mono", rate=HERTZ)
        self._next = -1

    def block(self, frame: av.AudioFrame, at_s: float) -> None:
        frame.pts = None  # the resampler would stretch what the gaps are for
        for each in self._resampler.resample(frame):
            samples = each.to_ndarray()[0].astype(np.int32)
            at = round(at_s * HERTZ)
            if abs(at - self._next) < _STEADY:
                at = self._next
            self._film.sound(samples, at)
            self._next = at + len(samples)


class _Pane:
    """What one side shows: pictures that wait for their time, and the one that is shown now."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, Planes]] = deque()
        self._shown = _black()

    def add(self, frame: av.VideoFrame, at_s: float) -> None:
        self._waiting.append((at_s, _fitted(frame)))

    def at(self, at_s: float) -> Planes:
        while self._waiting and self._waiting[0][0] <= at_s:
            self._shown = self._waiting.popleft()[1]
        return self._shown


class _Film:
    def __init__(self, output: av.container.OutputContainer) -> None:
        self._output = output
        self._picture = output.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "23"})
        self._picture.width, self._picture.height = 2 * PANE[0], PANE[1]
        self._picture.pix_fmt = "yuv420p"
        self._picture.time_base = Fraction(1, FPS)
        self._sound = output.add_stream("aac", rate=HERTZ, layout="mono")
        self._panes = (_Pane(), _Pane())
        self._frames = 0
        self._mix = np.zeros(0, np.int32)
        self._mixed = 0  # samples that are out
        self._end_s = 0.0

    def picture(self, pane: int, frame: av.VideoFrame, at_s: float) -> None:
        self._panes[pane].add(frame, at_s)
        self._end_s = max(self._end_s, at_s)

    def sound(self, samples: NDArray[np.int32], at: int) -> None:
        start = at - self._mixed
        samples, start = samples[max(0, -start) :], max(0, start)
        end = start + len(samples)
        if end > len(self._mix):
            self._mix = np.concatenate((self._mix, np.zeros(end - len(self._mix), np.int32)))
        self._mix[start:end] += samples
        self._end_s = max(self._end_s, (at + len(samples)) / HERTZ)

    def advance(self, until_s: float) -> None:
        """Everything before is there: it can go out."""
        while self._frames / FPS < until_s:
            both = [each.at(self._frames / FPS) for each in self._panes]
            frame = av.VideoFrame.from_ndarray(_beside(*both), format="yuv420p")
            frame.pts, frame.time_base = self._frames, Fraction(1, FPS)
            self._frames += 1
            self._output.mux(self._picture.encode(frame))
        while (self._mixed + _BLOCK) / HERTZ < until_s:
            self._put_sound()

    def close(self) -> None:
        self.advance(self._end_s)
        self._put_sound()
        for stream in (self._picture, self._sound):
            self._output.mux(stream.encode(None))

    def _put_sound(self) -> None:
        block, self._mix = self._mix[:_BLOCK], self._mix[_BLOCK:]
        samples = np.zeros(_BLOCK, np.int16)
        samples[: len(block)] = np.clip(block, -32768, 32767)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = HERTZ, self._mixed, Fraction(1, HERTZ)
        self._mixed += _BLOCK
        self._output.mux(self._sound.encode(frame))


def _black() -> Planes:
    planes = np.full((PANE[1] * 3 // 2, PANE[0]), 128, np.uint8)
    planes[: PANE[1]] = 16
    return planes


def _fitted(frame: av.VideoFrame) -> Planes:
    """Whole in its pane, with black where its shape differs. Both sides even: colours are halved."""
    scale = min(PANE[0] / frame.width, PANE[1] / frame.height)
    width, height = (max(2, round(side * scale) // 2 * 2) for side in (frame.width, frame.height))
    small = np.asarray(frame.reformat(width, height, format="yuv420p", threads=1).to_ndarray(), np.uint8)
    planes = _black()
    left, top = (PANE[0] - width) // 4 * 2, (PANE[1] - height) // 4 * 2
    for source, whole, share in zip(_split(small, height), _split(planes, PANE[1]), (1, 2, 2), strict=True):
        y, x = top // share, left // share
        whole[y : y + height // share, x : x + width // share] = source
    return planes


def _split(planes: Planes, height: int) -> Iterable[Planes]:
    """Y, U and V of planar 4:2:0, as views."""
    width = planes.shape[1]
    quarter = height // 2 * (width // 2)
    flat = planes.reshape(-1)
    start = height * width
    yield planes[:height]
    for at in (start, start + quarter):
        yield flat[at : at + quarter].reshape(height // 2, width // 2)


def _beside(left: Planes, right: Planes) -> Planes:
    parts = [np.concatenate(pair, axis=1) for pair in zip(_split(left, PANE[1]), _split(right, PANE[1]), strict=True)]
    return np.concatenate([each.reshape(-1) for each in parts]).reshape(PANE[1] * 3 // 2, 2 * PANE[0])
