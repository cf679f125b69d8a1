"""The steps of sound on a worker: decode and mend, fewer samples, blocks of 20 ms, encode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.codecs._av import Samples
from bridge.codecs.audio import AudioEncoder, audio_codec
from bridge.codecs.table import BLOCK_MS
from bridge.links.link import EncodedFrame
from bridge.links.mend import Mend

_MOST_PLANS = 16  # sizes of packets; a call has one or two


@dataclass(frozen=True, slots=True)
class Block:
    """Samples with the RTP timestamp, in the source's clock, of the first."""

    samples: Samples
    rtp_timestamp: int


class Decimate:
    """Every n-th sample behind a low-pass filter; keeps its tail, so that blocks join without a click.

    48 kHz of Opus to 8 or 16 kHz. A block of n * k samples gives k, at once: a resampler would hold some back, and
    blocks of 20 ms would then wait for the next packet.

    Polyphase: rows of n samples times n columns of taps, then a sum along each diagonal, all in arrays that are kept
    for each size of block. A block comes into a cold cache, and there every array that need not be made counts.
    """

    def __init__(self, factor: int) -> None:
        self._factor = factor
        taps = _low_pass(factor)
        self._columns = -(-len(taps) // factor)
        padded = np.zeros(self._columns * factor, np.float32)
        padded[-len(taps) :] = taps
        self._taps = np.ascontiguousarray(padded.reshape(self._columns, factor).T)
        self._tail = np.zeros(len(padded) - 1, np.float32)
        self._plans: dict[int, _Plan] = {}

    def turn(self, samples: Samples) -> Samples:
        size, kept = len(samples), len(self._tail)
        if not size:
            return samples
        plan = self._plans.get(size) or self._plan(size)
        joined, wanted = plan.joined, plan.wanted
        joined[:kept] = self._tail
        joined[kept:] = samples
        self._tail[:] = joined[size:]
        np.matmul(plan.rows, self._taps, out=plan.products)
        np.add.reduce(plan.diagonals, axis=1, out=wanted)
        np.rint(wanted, out=wanted)
        np.clip(wanted, -32768, 32767, out=wanted)
        return wanted.astype(np.int16)

    def __str__(self) -> str:
        return f"Decimate({self._factor})"

    def _plan(self, size: int) -> _Plan:
        factor, columns = self._factor, self._columns
        wanted = size // factor
        joined = np.zeros(len(self._tail) + size, np.float32)
        count = wanted + columns - 1
        rows = joined[factor - 1 : factor - 1 + count * factor].reshape(count, factor)
        products = np.empty((count, columns), np.float32)
        down, right = products.strides
        diagonals = np.lib.stride_tricks.as_strided(products, (wanted, columns), (down, down + right))
        plan = _Plan(joined, rows, products, diagonals, np.empty(wanted, np.float32))
        if len(self._plans) < _MOST_PLANS:
            self._plans[size] = plan
        return plan


@dataclass(frozen=True, slots=True)
class _Plan:
    """Arrays for blocks of one size. rows is a view of joined, diagonals one of products."""

    joined: NDArray[np.float32]
    rows: NDArray[np.float32]
    products: NDArray[np.float32]
    diagonals: NDArray[np.float32]
    wanted: NDArray[np.float32]


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
    """Cuts what comes in any length (10 to 60 ms packets) into 20 ms.

    After a gap timestamps jump, and the far side takes that for the silence it is (DTX does the same): what was lost
    `Mend` has filled before.
    """

    def __init__(self, rate_hz: int, clock_hz: int) -> None:
        self._rate_hz = rate_hz
        self._clock_hz = clock_hz
        self._size = rate_hz * BLOCK_MS // 1000
        self._held: Samples = np.zeros(0, np.int16)
        self._start: int | None = None  # timestamp of the first held sample

    def turn(self, samples: Samples, timestamp: int) -> Iterator[Block]:
        if not len(samples):
            return
        self._join(samples, timestamp)
        while len(self._held) >= self._size and self._start is not None:
            yield Block(self._held[: self._size], self._start)
            self._held = self._held[self._size :]
            self._start = (self._start + self._ticks(self._size)) & 0xFFFFFFFF

    def __str__(self) -> str:
        return f"Blocks({BLOCK_MS} ms)"

    def _join(self, samples: Samples, timestamp: int) -> None:
        held = len(self._held)
        if self._start is not None and (self._start + self._ticks(held)) & 0xFFFFFFFF == timestamp:
            self._held = np.concatenate([self._held, samples]) if held else samples
        else:
            self._held, self._start = samples, timestamp

    def _ticks(self, samples: int) -> int:
        return samples * self._clock_hz // self._rate_hz


@dataclass(frozen=True, slots=True)
class SoundTurn:
    """What one packet became. concealed_ms: of sound that was lost before it."""

    decoded: int
    frames: tuple[EncodedFrame, ...]
    concealed_ms: int = 0

    def __reduce__(self) -> tuple[type[SoundTurn], tuple[int, tuple[EncodedFrame, ...], int]]:
        """Pickled some hundred times a second: by its constructor, which costs a third of the state of slots."""
        return SoundTurn, (self.decoded, self.frames, self.concealed_ms)


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
    codec = audio_codec(target)
    decoded_hz = codec.rate_hz if source == "OPUS" else audio_codec(source).rate_hz
    fitting = [each for each in codec.encoder_rates_hz if decoded_hz % each == 0]
    return decoded_hz, max(fitting, default=codec.rate_hz)


class Transcoder:
    """Decode -> [Decimate or Interpolate] -> Blocks -> Encode, one packet a turn.

    Rates are chosen so that at most one change of them stands between the codecs: Opus is encoded and decoded at the
    rate of the station's codec.
    """

    def __init__(self, source: str, target: str) -> None:
        """Raises CodecMissing."""
        rate_hz, encoded_hz = _rates(source, target)
        self._mend = Mend(source, rate_hz)
        self._encoder = AudioEncoder(target, encoded_hz)
        self._resampler = _resampler(rate_hz, self._encoder.rate_hz)
        self._blocks = Blocks(self._encoder.rate_hz, self._mend.clock_hz)

    def turn(self, frame: EncodedFrame) -> SoundTurn:
        """Raises CodecFailed."""
        mended = self._mend.turn(frame)
        samples = mended.samples
        if self._resampler is not None:
            samples = self._resampler.turn(samples)
        blocks = self._blocks.turn(samples, mended.rtp_timestamp)
        frames = [each for block in blocks for each in self._encoder.encode(block.samples, block.rtp_timestamp)]
        return SoundTurn(1, tuple(frames), mended.concealed_ms)

    def obey(self, _order: object) -> None:
        """Nobody orders anything of sound."""
