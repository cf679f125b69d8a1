"""Prompts and slates in the codec of a line: made once for a process, off the loop, and cached as payloads.

    order -> [cache] -> ready(made)
               |  not there yet
               v
            one thread: read, encode or draw, encode

A visit that plays a prompt costs no encoder: it sends what is here. One thread, because it works once for each codec
and then no more, and what it works on is our own: nothing a stranger sent gets here.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bridge.codecs import AudioEncoder, Samples, VideoEncoder, read_sound
from bridge.codecs.limits import limits_of
from bridge.codecs.table import AUDIO, BLOCK_MS, VIDEO_CLOCK_HZ
from bridge.codecs.video import encoder_options
from bridge.errors import BridgeError
from bridge.links.link import EncodedFrame
from bridge.links.packetize import MOST_BYTES
from bridge.own.draw import Text, draw
from bridge.own.words import SENTENCES, Slate
from bridge.types import Codec

_log = logging.getLogger(__name__)

SLATE_FPS = 5
_LOOP_S = 10  # a slate's keyframe comes again so often by itself
_SIZES = ((640, 360), (352, 288), (320, 240), (176, 144), (128, 96))
_MOST_BPS = 600_000  # what the first picture is made of; the others are nothing
_MOST_KEPT = (
    512  # a clip of a sentence has 2 to 40 KB; a slate with a caller's name is another one; a slate has 10 to 30 KB
)
_HOUSE_SOUNDS = Path(__file__).parent / "sounds"
_PAUSE_BLOCKS = 15  # between two languages


@dataclass(frozen=True, slots=True)
class SoundOrder:
    """prompt: a clip; None: a second of quiet. language empty: in each of the house's, one after the other."""

    prompt: str | None
    codec: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class PictureOrder:
    """about: a line of its own in place of the title, such as who is calling."""

    slate: Slate
    about: str
    codec: Codec
    width: int
    height: int


Sound = tuple[bytes, ...]
"""Blocks of 20 ms."""
Pictures = tuple[EncodedFrame, ...]
"""A keyframe, then the same picture again and again; sent in a circle."""


class Studio:
    """languages: each prompt is said, each slate written, in all of these. folder: recordings of the house's own."""

    def __init__(self, languages: tuple[str, ...] = ("en",), folder: str = "") -> None:
        self._languages = languages
        self._folders = [*([Path(folder)] if folder else []), _HOUSE_SOUNDS]
        self._kept: OrderedDict[SoundOrder | PictureOrder, Sound | Pictures] = OrderedDict()
        self._waiting: dict[SoundOrder | PictureOrder, list[Callable[[], None]]] = {}
        self._thread: ThreadPoolExecutor | None = None

    def sound(self, order: SoundOrder, ready: Callable[[Sound], None]) -> None:
        """`ready` is called at once, or on the running loop when it is made; never for what cannot be made."""
        self._bring(order, lambda: ready(self._kept[order]), lambda: self.make_sound(order))  # type: ignore[arg-type]  # a sound order has a sound

    def sounds(self, orders: Sequence[SoundOrder], ready: Callable[[tuple[Sound, ...]], None]) -> None:
        """The same for several, when all of them are there."""
        found: list[Sound] = []

        def bring() -> None:
            if len(found) == len(orders):
                ready(tuple(found))
            else:
                self.sound(orders[len(found)], take)

        def take(sound: Sound) -> None:
            found.append(sound)
            bring()

        bring()

    def pictures(self, order: PictureOrder, ready: Callable[[Pictures], None]) -> None:
        """The same for a slate."""
        self._bring(order, lambda: ready(self._kept[order]), lambda: self.make_pictures(order))  # type: ignore[arg-type]  # a picture order has pictures

    def close(self) -> None:
        self._waiting.clear()
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._thread = None

    def make_sound(self, order: SoundOrder) -> Sound:
        """Reads and encodes, here and now. Raises BridgeError."""
        rates = [each for each in AUDIO[order.codec].encoder_rates_hz if each <= 16_000]
        encoder = AudioEncoder(order.codec, max(rates))
        samples = self.samples(order.prompt, encoder.rate_hz, order.language)
        blocks = [samples[at : at + encoder.block] for at in range(0, len(samples), encoder.block)]
        return tuple(frame.data for block in blocks for frame in encoder.encode(block, 0))

    def samples(self, prompt: str | None, rate_hz: int, language: str = "") -> Samples:
        """16-bit mono, whole blocks: the clip in this language, or in each, one after the other. Raises CodecFailed."""
        block = rate_hz * BLOCK_MS // 1000
        if prompt is None:
            return np.zeros(50 * block, np.int16)
        parts: list[Samples] = []
        for each in (language,) if language else self._languages:
            spoken = read_sound(str(self._file(each, prompt)), rate_hz)
            parts += [spoken, np.zeros(-len(spoken) % block + _PAUSE_BLOCKS * block, np.int16)]
        return np.concatenate(parts)[: -_PAUSE_BLOCKS * block]

    def make_pictures(self, order: PictureOrder) -> Pictures:
        """Draws and encodes, here and now. Raises BridgeError."""
        picture = draw(self.texts(order.slate, order.about), order.width, order.height)
        bps = min(_MOST_BPS, limits_of(order.codec).most_bps)
        extra = encoder_options(order.codec, MOST_BYTES)
        encoder = VideoEncoder(order.codec.name, order.width, order.height, SLATE_FPS, bps, extra=extra)
        step = VIDEO_CLOCK_HZ // SLATE_FPS
        frames = (encoder.encode(picture, number * step, number == 0) for number in range(_LOOP_S * SLATE_FPS))
        return tuple(each for some in frames for each in some)

    def texts(self, slate: Slate, about: str) -> tuple[Text, ...]:
        found = [SENTENCES[each][slate] for each in self._languages]
        return tuple((about or title, sentence) for title, sentence in found)

    def _file(self, language: str, prompt: str) -> Path:
        """A recording of the house's own goes before ours."""
        for folder in self._folders:
            found = sorted((folder / language).glob(f"{prompt}.*"))
            if found:
                return found[0]
        return self._folders[-1] / language / f"{prompt}.ogg"

    def _bring(
        self, order: SoundOrder | PictureOrder, ready: Callable[[], None], make: Callable[[], Sound | Pictures]
    ) -> None:
        if order in self._kept:
            self._kept.move_to_end(order)
            ready()
            return
        waiting = self._waiting.setdefault(order, [])
        waiting.append(ready)
        if len(waiting) > 1:
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="kinbridge-studio")
        made = asyncio.get_running_loop().run_in_executor(self._thread, make)
        made.add_done_callback(lambda done: self._made(order, done))

    def _made(self, order: SoundOrder | PictureOrder, done: asyncio.Future[Sound | Pictures]) -> None:
        waiting = self._waiting.pop(order, [])
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            word = order.prompt if isinstance(order, SoundOrder) else order.slate
            _log.error("%s cannot be made: %s", word, error, exc_info=None if isinstance(error, BridgeError) else error)
            return
        self._kept[order] = done.result()
        for ready in waiting:
            ready()
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)


def slate_size(codec: Codec) -> tuple[int, int]:
    """The largest usual size that the receiver takes."""
    limits = limits_of(codec)
    return next((each for each in _SIZES if limits.takes(*each)), _SIZES[-1])
