"""The steps of sound on a worker thread: decode, fewer samples, blocks of 20 ms, encode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.codecs._av import Samples
from bridge.codecs.audio import AudioDecoder, AudioEncoder, audio_codec
from bridge.codecs.table import BLOCK_MS
from bridge.links.link import EncodedFrame
from bridge.rtp.sequence import timestamp_distance

_FILL_MS = 60  # a shorter gap is loss and is concealed; a longer one is silence, which timestamps tell by themselves
_MOST_MS = 240  # more sound than that in one packet is nonsense (RFC 7587 ends at 120)


@dataclass(frozen=True, slots=True)
class Block:
    """Samples with the RTP timestamp, in the source's clock, of the first."""

    samples: Samples
    rtp_timestamp: int


class Decimate:
    """Every n-th sample behind a low-pass filter; keeps its tail, so that blocks join without a click.

    48 kHz of Opus to 8 or 16 kHz. A block of n * k samples gives k, at once: a resampler would hold some back, and
    blocks of 20 ms would then wait for the next packet.
    """

    def __init__(self, factor: int) -> None:
        self._factor = factor
        self._taps = _low_pass(factor)
        self._tail: NDArray[np.float32] = np.zeros(len(self._taps) - 1, np.float32)

    def turn(self, samples: Samples) -> Samples:
        if not len(samples):
            return samples
        joined = np.concatenate([self._tail, samples.astype(np.float32)])
        self._tail = joined[len(samples) :]
        rows = np.lib.stride_tricks.sliding_window_view(joined, len(self._taps))[self._factor - 1 :: self._factor]
        return np.clip(np.rint(rows @ self._taps), -32768, 32767).astype(np.int16)

    def __str__(self) -> str:
        return f"Decimate({self._factor})"


class Interpolate:
    """n samples for each: zeros between them, and the same filter. Keeps its tail too.

    8 kHz of G.711 to the 16 kHz of G.722, which no other pair of codecs needs.
    """

    def __init__(self, factor: int) -> None:
        self._factor = factor
        self._taps = _low_pass(factor) * factor
        self._tail: NDArray[np.float32] = np.zeros(len(self._taps) - 1, np.float32)

    def turn(self, samples: Samples) -> Samples:
        if not len(samples):
            return samples
        spread = np.zeros(len(samples) * self._factor, np.float32)
        spread[:: self._factor] = samples
        joined = np.concatenate([self._tail, spread])
        self._tail = joined[len(spread) :]
        return np.clip(np.rint(np.convolve(joined, self._taps, "valid")), -32768, 32767).astype(np.int16)

    def __str__(self) -> str:
        return f"Interpolate({self._factor})"


def _resampler(decoded_hz: int, encoded_hz: int) -> Decimate | Interpolate | None:
    if decoded_hz > encoded_hz:
        return Decimate(decoded_hz // encoded_hz)
    return Interpolate(encoded_hz // decoded_hz) if encoded_hz > decoded_hz else None


def _low_pass(factor: int) -> NDArray[np.float32]:
    """A windowed sinc that ends at nine tenths of the new band."""
    half = 8 * factor
    at = np.arange(-half, half + 1)
    taps = np.sinc(at * 0.9 / factor) * np.hamming(len(at))
    return np.asarray(taps / taps.sum(), np.float32)


class Blocks:
    """Cuts what comes in any length (10 to 60 ms packets) into 20 ms, and mends short gaps.

    A gap of up to 60 ms is filled: the last block again, fading out. After a longer one timestamps jump, and the far
    side takes that for the silence it is (DTX does the same). Sound that comes twice or too late is left out.
    """

    def __init__(self, rate_hz: int, clock_hz: int) -> None:
        self._rate_hz = rate_hz
        self._clock_hz = clock_hz
        self._size = rate_hz * BLOCK_MS // 1000
        self._held: Samples = np.zeros(0, np.int16)
        self._start: int | None = None  # timestamp of the first held sample
        self._last: Samples = np.zeros(0, np.int16)

    def turn(self, samples: Samples, timestamp: int) -> Iterator[Block]:
        if not len(samples) or len(samples) > self._rate_hz * _MOST_MS // 1000:
            return
        self._join(samples, timestamp)
        while len(self._held) >= self._size and self._start is not None:
            yield Block(self._held[: self._size], self._start)
            self._held = self._held[self._size :]
            self._start = (self._start + self._ticks(self._size)) & 0xFFFFFFFF

    def __str__(self) -> str:
        return f"Blocks({BLOCK_MS} ms)"

    def _join(self, samples: Samples, timestamp: int) -> None:
        last, self._last = self._last, samples[-self._size :]
        if self._start is not None:
            due = (self._start + self._ticks(len(self._held))) & 0xFFFFFFFF
            gap_ms = timestamp_distance(timestamp, due) * 1000 / self._clock_hz
            if 0 < gap_ms <= _FILL_MS:
                missing = round(gap_ms * self._rate_hz / 1000)
                self._held = np.concatenate([self._held, _fading(last, missing), samples])
                return
            if gap_ms == 0:
                self._held = np.concatenate([self._held, samples])
                return
            if -_MOST_MS <= gap_ms < 0:
                return
        self._held, self._start = samples, timestamp

    def _ticks(self, samples: int) -> int:
        return samples * self._clock_hz // self._rate_hz


def _fading(block: Samples, count: int) -> Samples:
    """The block again and again, down to nothing at the end."""
    if not len(block):
        return np.zeros(count, np.int16)
    again = np.resize(block, count)
    return (again * np.linspace(0.8, 0.0, count)).astype(np.int16)


@dataclass(frozen=True, slots=True)
class SoundTurn:
    """What one packet became."""

    decoded: int
    frames: tuple[EncodedFrame, ...]


@dataclass(frozen=True, slots=True)
class SoundRecipe:
    """What a codec worker makes a `Transcoder` of: names of codecs."""

    source: str
    target: str

    def __post_init__(self) -> None:
        """Raises CodecMissing: on the loop, where a route is chosen, not later in a worker."""
        audio_codec(self.source)
        audio_codec(self.target)

    def make(self) -> Transcoder:
        return Transcoder(self.source, self.target)

    def links(self) -> list[str]:
        """Its steps as text."""
        decoded_hz, encoded_hz = _rates(self.source, self.target)
        resampler = _resampler(decoded_hz, encoded_hz)
        return ["Decode", *([str(resampler)] if resampler else []), f"Blocks({BLOCK_MS} ms)", f"Encode({self.target})"]


def _rates(source: str, target: str) -> tuple[int, int]:
    """Hz out of the decoder and into the encoder, the highest of which the other is a whole multiple."""
    decoded_hz = audio_codec(source).rate_hz
    codec = audio_codec(target)
    fitting = [each for each in codec.encoder_rates_hz if decoded_hz % each == 0]
    return decoded_hz, max(fitting, default=codec.rate_hz)


class Transcoder:
    """Decode -> [Decimate or Interpolate] -> Blocks -> Encode, one packet a turn.

    Rates are chosen so that at most one change of them stands between the codecs: Opus is encoded at the rate of the
    station's codec, and decoded at 48 kHz, of which 8 and 16 are whole parts.
    """

    def __init__(self, source: str, target: str) -> None:
        """Raises CodecMissing."""
        rate_hz, encoded_hz = _rates(source, target)
        self._decoder = AudioDecoder(source)
        self._encoder = AudioEncoder(target, encoded_hz)
        self._resampler = _resampler(rate_hz, self._encoder.rate_hz)
        self._blocks = Blocks(self._encoder.rate_hz, self._decoder.codec.clock_hz)

    def turn(self, frame: EncodedFrame) -> SoundTurn:
        """Raises CodecFailed."""
        samples = self._decoder.decode(frame)
        if self._resampler is not None:
            samples = self._resampler.turn(samples)
        blocks = self._blocks.turn(samples, frame.rtp_timestamp)
        frames = [each for block in blocks for each in self._encoder.encode(block.samples, block.rtp_timestamp)]
        return SoundTurn(1, tuple(frames))

    def obey(self, _order: object) -> None:
        """Nobody orders anything of sound."""
