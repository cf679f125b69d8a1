"""Both voices into one: decode, hold a little, add, encode. What a codec worker, or for G.711 the loop, does.

A turn is 60 ms of both sides. Sound comes when its network likes and is due when the clock says: each side is held for
80 ms before it is played, and again after it ran dry. What piles up beyond 240 ms (two clocks are never one) is cut.

Where all is G.711 the C library's sibling `audioop` adds the voices: a table of all sums is faster only as long as the
processor's cache holds it, and on a busy node it never does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bridge.codecs import g711
from bridge.codecs._av import Samples
from bridge.codecs.audio import AudioDecoder, AudioEncoder, audio_codec
from bridge.errors import CodecFailed
from bridge.links.link import EncodedFrame
from bridge.links.sound import Decimate
from bridge.rtp.sequence import timestamp_distance
from bridge.types import Side

TURN_MS = 60
_CODEC_MS = 20  # the block of every other encoder
_HOLD_MS = 80
_MOST_MS = 240
_FILL_MS = 60  # a shorter gap is loss; a longer one is silence that was not sent, or another source
_LATE_MS = 1000  # further back it is another source
LAWS = {"PCMU": 0xFF, "PCMA": 0xD5}  # with the code of silence

Heard = tuple[int, bytes]
"""A packet's timestamp and payload."""


class MixTurn(NamedTuple):
    """What came of each side since the last turn, in order."""

    station: tuple[Heard, ...] = ()
    family: tuple[Heard, ...] = ()


@dataclass(frozen=True, slots=True)
class MixRecipe:
    """Names of codecs; "" for a side that carries no sound."""

    station: str
    family: str
    target: str

    def __post_init__(self) -> None:
        """Raises CodecMissing: on the loop, not later in a worker."""
        for name in (self.station, self.family, self.target):
            if name:
                audio_codec(name)

    @property
    def all_g711(self) -> bool:
        """Cheap enough to be done where it stands."""
        return all(name in LAWS for name in (self.station or "PCMU", self.family or "PCMU", self.target))

    @property
    def rate_hz(self) -> int:
        """8 kHz, unless the target and one of the voices can do more."""
        wide = any(name and audio_codec(name).rate_hz > 8000 for name in (self.station, self.family))
        return 16_000 if wide and 16_000 in audio_codec(self.target).encoder_rates_hz else 8000

    @property
    def payload_ms(self) -> int:
        """G.711 goes in packets of 60 ms, a third of what a phone sends; other encoders work in 20."""
        return TURN_MS if self.target in LAWS else _CODEC_MS

    def make(self) -> Mix | LawMix:
        return LawMix(self) if self.all_g711 else Mix(self)

    def __str__(self) -> str:
        voices = " + ".join(name for name in (self.station, self.family) if name)
        return f"Mix({voices or 'silence'}, {self.rate_hz} Hz) -> Encode({self.target})"


class Mix:
    """A machine: `MixTurn` to the payloads of 60 ms."""

    def __init__(self, recipe: MixRecipe) -> None:
        names = {Side.SIP: recipe.station, Side.WEB: recipe.family}
        self._voices = {side: Voice(name, recipe.rate_hz) for side, name in names.items() if name}
        self._encoder = AudioEncoder(recipe.target, recipe.rate_hz)
        self._samples = recipe.rate_hz * TURN_MS // 1000
        self._payloads = TURN_MS // recipe.payload_ms

    def turn(self, item: MixTurn) -> tuple[bytes, ...]:
        """Raises CodecFailed when nothing could be encoded."""
        for side, frames in ((Side.SIP, item.station), (Side.WEB, item.family)):
            voice = self._voices.get(side)
            if voice is not None:
                for timestamp, payload in frames:
                    voice.hear(timestamp, payload)
        mixed = np.zeros(self._samples, np.int32)
        for voice in self._voices.values():
            mixed += voice.take(self._samples)
        samples = np.clip(mixed, -32768, 32767).astype(np.int16)
        return tuple(
            encoded.data for part in np.split(samples, self._payloads) for encoded in self._encoder.encode(part, 0)
        )

    def obey(self, order: object) -> None:
        """Sound takes no orders."""


class Voice:
    """One side's sound, decoded to the rate of the mix and held until it is due."""

    def __init__(self, codec: str, rate_hz: int) -> None:
        self._decoder = AudioDecoder(codec)
        self._clock_hz = self._decoder.codec.clock_hz
        self._rate_hz = rate_hz
        self._convert = _conversion(self._decoder.rate_hz, rate_hz)
        self._held: Samples = np.zeros(0, np.int16)
        self._due: int | None = None  # timestamp of the next frame
        self._filling = True
        self.undecodable = 0

    def hear(self, timestamp: int, payload: bytes) -> None:
        """What comes too late or twice is left out; a short gap is filled with silence, so that time goes on."""
        gap_ms = 0.0
        if self._due is not None:
            gap_ms = timestamp_distance(timestamp, self._due) * 1000 / self._clock_hz
        if -_LATE_MS < gap_ms < 0:
            return
        try:
            decoded = self._decoder.decode(EncodedFrame(payload, timestamp))
        except CodecFailed:
            self.undecodable += 1
            return
        if 0 < gap_ms <= _FILL_MS:
            self._add(np.zeros(round(gap_ms * self._rate_hz / 1000), np.int16))
        self._due = (timestamp + len(decoded) * self._clock_hz // self._decoder.rate_hz) & 0xFFFFFFFF
        self._add(self._convert.turn(decoded) if self._convert is not None else decoded)

    def take(self, count: int) -> Samples:
        """So many samples; silence where there is nothing."""
        if self._filling and len(self._held) < self._rate_hz * _HOLD_MS // 1000:
            return np.zeros(count, np.int16)
        self._filling = len(self._held) < count
        taken, self._held = self._held[:count], self._held[count:]
        return np.pad(taken, (0, count - len(taken)))

    def _add(self, samples: Samples) -> None:
        self._held = np.concatenate([self._held, samples])
        if len(self._held) > self._rate_hz * _MOST_MS // 1000:
            self._held = self._held[-(self._rate_hz * _HOLD_MS // 1000) :]


def _conversion(source_hz: int, target_hz: int) -> Decimate | Double | None:
    if source_hz == target_hz:
        return None
    return Decimate(source_hz // target_hz) if source_hz > target_hz else Double()


class Double:
    """8 kHz to 16: a sample between each two, by the straight line. A telephone's band needs no better."""

    def __init__(self) -> None:
        self._last = 0

    def turn(self, samples: Samples) -> Samples:
        if not len(samples):
            return samples
        known: NDArray[np.int32] = samples.astype(np.int32)
        before = np.concatenate([[self._last], known[:-1]])
        self._last = int(known[-1])
        found = np.empty(2 * len(known), np.int16)
        found[0::2] = (before + known) // 2
        found[1::2] = known
        return found


class LawMix:
    """The same machine where both voices and the target are G.711: a byte is a sample until the moment of adding."""

    def __init__(self, recipe: MixRecipe) -> None:
        self._voices = tuple(LawVoice(LAWS[name or "PCMU"]) for name in (recipe.station, recipe.family))
        self._sum = g711.Sum(recipe.station or "PCMU", recipe.family or "PCMU", recipe.target)

    def turn(self, item: MixTurn) -> tuple[bytes, ...]:
        station, family = self._voices
        station.hear(item.station)
        family.hear(item.family)
        return (self._sum.of(station.take(_TURN_BYTES), family.take(_TURN_BYTES)),)

    def obey(self, order: object) -> None:
        """Sound takes no orders."""


class LawVoice:
    """One side's codes, held until they are due: `Voice`, with bytes for samples."""

    def __init__(self, silence: int) -> None:
        self._silence = bytes([silence])
        self._held = b""
        self._due: int | None = None
        self._filling = True

    def hear(self, frames: tuple[Heard, ...]) -> None:
        held, due = self._held, self._due
        for timestamp, payload in frames:
            if timestamp != due and due is not None:
                gap = timestamp_distance(timestamp, due)
                if -_LATE_MS * _PER_MS < gap < 0:
                    continue
                if 0 < gap <= _FILL_MS * _PER_MS:
                    held += self._silence * gap
            due = (timestamp + len(payload)) & 0xFFFFFFFF
            held += payload
            if len(held) > _MOST_MS * _PER_MS:
                held = held[-_HOLD_MS * _PER_MS :]
        self._held, self._due = held, due

    def take(self, count: int) -> bytes:
        held = self._held
        if self._filling and len(held) < _HOLD_MS * _PER_MS:
            return self._silence * count
        self._filling = len(held) < count
        self._held = held[count:]
        return held[:count].ljust(count, self._silence)


_PER_MS = 8
_TURN_BYTES = TURN_MS * _PER_MS
