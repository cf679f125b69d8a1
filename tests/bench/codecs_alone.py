"""The floor of a transcoding visit: the same codecs on the same frames at the same pace, and nothing else.

A frame at a time in real time, as a call brings them: a tight loop finds its caches warm and flatters by up to 2 x.
Only the time in the codecs counts, by the thread's CPU clock; waking up, reading and sending are nobody's floor.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bridge.codecs import AudioDecoder, AudioEncoder, VideoDecoder, VideoEncoder
from bridge.codecs.video import h264_options
from bridge.links.picture import _START_BPS
from bridge.links.sound import _rates
from tests.bench.clips import FPS, HEIGHT, WIDTH, Clip, film, speech
from tests.bench.worker import obey, reply

_WARM_UP_S = 1.0


class Pictures:
    def __init__(self, clip: Clip, target: str) -> None:
        self.clip = clip
        self._decoder = VideoDecoder(clip.codec)
        extra = h264_options("42e01f", 1, 1200) if target == "H264" else {}
        self._encoder = VideoEncoder(target, WIDTH, HEIGHT, FPS, _START_BPS, extra=extra)

    def turn(self, number: int) -> None:
        clip = self.clip
        for picture in self._decoder.decode(clip.frames[number % len(clip.frames)]):
            picture.rtp_timestamp = number * clip.ticks
            self._encoder.encode_picture(picture)


class Sound:
    """G.711 and Opus, which decodes and encodes at 8 kHz."""

    def __init__(self, clip: Clip, target: str) -> None:
        self.clip = clip
        decoded_hz, encoded_hz = _rates(clip.codec, target)
        self._decoder, self._encoder = AudioDecoder(clip.codec, decoded_hz), AudioEncoder(target, encoded_hz)

    def turn(self, number: int) -> None:
        samples = self._decoder.decode(self.clip.frames[number % len(self.clip.frames)])
        self._encoder.encode(samples, number * self.clip.ticks)


def _visit() -> dict[str, Pictures | Sound]:
    return {
        "H264 to VP8": Pictures(film("H264"), "VP8"),
        "VP8 to H264": Pictures(film("VP8"), "H264"),
        "PCMU to OPUS": Sound(speech("PCMU"), "OPUS"),
        "OPUS to PCMU": Sound(speech("OPUS"), "PCMU"),
    }


def measure(seconds: float, visits: int = 1) -> dict[str, float]:
    """Milliseconds of CPU a second and visit, for each way."""
    chains = [(name, chain) for _ in range(visits) for name, chain in _visit().items()]
    spent = dict.fromkeys(dict(chains), 0.0)
    numbers = [0] * len(chains)
    began_s = time.monotonic()
    due = [began_s + index * 0.0053 for index in range(len(chains))]
    while True:
        index = min(range(len(due)), key=due.__getitem__)
        name, chain = chains[index]
        wait_s = due[index] - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        at_s = time.thread_time()
        chain.turn(numbers[index])
        if time.monotonic() - began_s > _WARM_UP_S:  # opening encoders and the first keyframes are no steady work
            spent[name] += time.thread_time() - at_s
        numbers[index] += 1
        due[index] += chain.clip.frame_s
        if due[index] - began_s > seconds + _WARM_UP_S:
            return {each: 1000 * value / seconds / visits for each, value in spent.items()}


async def serve(next_request: Callable[[], Awaitable[dict[str, Any] | None]]) -> None:
    while (request := await next_request()) is not None:
        reply(**await asyncio.to_thread(measure, request["seconds"], request["visits"]))


if __name__ == "__main__":
    obey(serve)
