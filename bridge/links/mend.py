"""Sound out of packets, with what was lost filled in: the second step of sound on a worker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge.codecs._av import Samples
from bridge.codecs.audio import AudioDecoder
from bridge.codecs.conceal import Concealer
from bridge.links.link import EncodedFrame
from bridge.rtp.sequence import timestamp_distance

_FILL_MS = 120  # a shorter gap is loss and is concealed; a longer one is silence, which timestamps tell by themselves
_MOST_MS = 240  # more sound than that in one packet is nonsense (RFC 7587 ends at 120)


@dataclass(frozen=True, slots=True)
class Mended:
    """Samples with the RTP timestamp, in the source's clock, of the first. concealed_ms: invented among them."""

    samples: Samples
    rtp_timestamp: int
    concealed_ms: int = 0


class Mend:
    """Decodes packets in order; a gap of up to 120 ms between two timestamps is filled.

    Opus knows of a lost packet from the next one (in-band FEC), and guesses where that does not help; for the others
    the last pitch period goes on. Sound that comes twice or too late is left out.
    """

    def __init__(self, codec: str, rate_hz: int | None = None) -> None:
        """Raises CodecMissing, CodecFailed."""
        self._decoder = AudioDecoder(codec, rate_hz)
        self.rate_hz = self._decoder.rate_hz
        self.clock_hz = self._decoder.codec.clock_hz
        self._concealer = None if codec == "OPUS" else Concealer(self.rate_hz)
        self._due: int | None = None  # timestamp of the next sample
        self._most = self.rate_hz * _MOST_MS // 1000

    def turn(self, frame: EncodedFrame) -> Mended:
        """Raises CodecFailed."""
        timestamp, gap_ms = frame.rtp_timestamp, self._gap_ms(frame.rtp_timestamp)
        if gap_ms is not None and -_MOST_MS <= gap_ms < 0:
            return Mended(np.zeros(0, np.int16), timestamp)
        lost = round(gap_ms * self.rate_hz / 1000) if gap_ms is not None and 0 < gap_ms <= _FILL_MS else 0
        filled = self._decoder.conceal(lost, frame) if lost else None
        decoded = self._decoder.decode(frame)
        if not 0 < len(decoded) <= self._most:
            return Mended(np.zeros(0, np.int16), timestamp)
        self._due = (timestamp + len(decoded) * self.clock_hz // self.rate_hz) & 0xFFFFFFFF
        if self._concealer is not None:
            filled, decoded = self._joined(self._concealer, lost, decoded, steady=gap_ms == 0)
        if filled is None or not len(filled):
            return Mended(decoded, timestamp)
        begin = (timestamp - len(filled) * self.clock_hz // self.rate_hz) & 0xFFFFFFFF
        return Mended(np.concatenate([filled, decoded]), begin, len(filled) * 1000 // self.rate_hz)

    def _gap_ms(self, timestamp: int) -> float | None:
        """Between what was last and this; None before the first."""
        if self._due is None:
            return None
        return timestamp_distance(timestamp, self._due) * 1000 / self.clock_hz

    def _joined(
        self, concealer: Concealer, lost: int, decoded: Samples, *, steady: bool
    ) -> tuple[Samples | None, Samples]:
        filled = None
        if lost:
            filled, decoded = concealer.fill(lost, decoded)
            concealer.heard(filled)
        elif not steady:
            decoded = concealer.begin(decoded)
        concealer.heard(decoded)
        return filled, decoded
