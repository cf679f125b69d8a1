"""When to tell a station by `b=` of a new description to send less, or that it may send more again. Pure.

Stations that negotiated TMMBR hear every limit of the browser in RTCP. The others know what our description says, and a
re-INVITE is no light thing: so only a limit that stands for a while, and that the station really exceeds, is worth one.
"""

from __future__ import annotations

from typing import Protocol

from bridge.legs.leg import LineCounters
from bridge.types import Codec

_LEAST_BPS = 64_000
_LOWER_AFTER_S, _RAISE_AFTER_S = 3.0, 10.0
_LOWER_GAP_S, _RAISE_GAP_S = 10.0, 30.0  # between two descriptions
_EXCEEDS, _WORTH, _ROOMY, _FILLS = 1.2, 0.8, 1.5, 0.7
_LOOK_S = 1.0


class Limited(Protocol):
    """A station's picture. wanted_bps: what the browser can take of it, 0 when it did not say."""

    codec: Codec
    wanted_bps: int
    counters: LineCounters


class Ceiling:
    """described_bps: what our description says, or is to say at the next opportunity."""

    def __init__(self, most_bps: int, now_s: float) -> None:
        self.described_bps = most_bps
        self._most_bps = most_bps
        self._looked_s = now_s
        self._bytes = 0
        self._told_s = now_s - _RAISE_GAP_S
        self._low_since_s: float | None = None
        self._roomy_since_s: float | None = None

    def look_at(self, line: Limited | None, now_s: float) -> bool:
        """Whether to describe ourselves anew; never to a station that hears of limits by TMMBR."""
        if line is None or "ccm tmmbr" in line.codec.feedback:
            return False
        return self.look(now_s, line.wanted_bps, line.counters.received_bytes)

    def look(self, now_s: float, wanted_bps: int, received_bytes: int) -> bool:
        """Whether to describe ourselves anew. wanted_bps: the browser's limit, 0 for none; received_bytes: so far."""
        passed_s = now_s - self._looked_s
        if passed_s < _LOOK_S:
            return False
        sent_bps = 8 * max(0, received_bytes - self._bytes) / passed_s
        self._looked_s, self._bytes = now_s, received_bytes
        wanted_bps = min(self._most_bps, max(_LEAST_BPS, wanted_bps)) if wanted_bps else self._most_bps
        low = sent_bps > _EXCEEDS * wanted_bps and wanted_bps < _WORTH * self.described_bps
        roomy = sent_bps > _FILLS * self.described_bps and wanted_bps > _ROOMY * self.described_bps
        self._low_since_s = (now_s if self._low_since_s is None else self._low_since_s) if low else None
        self._roomy_since_s = (now_s if self._roomy_since_s is None else self._roomy_since_s) if roomy else None
        due = _is_due(now_s, self._low_since_s, _LOWER_AFTER_S, self._told_s + _LOWER_GAP_S)
        due = due or _is_due(now_s, self._roomy_since_s, _RAISE_AFTER_S, self._told_s + _RAISE_GAP_S)
        if due:
            self.described_bps = wanted_bps
            self._told_s = now_s
            self._low_since_s = self._roomy_since_s = None
        return due


def _is_due(now_s: float, since_s: float | None, after_s: float, not_before_s: float) -> bool:
    return since_s is not None and now_s - since_s >= after_s and now_s >= not_before_s
