"""Timestamps of one line in the time base of another, also where the clocks differ (G.711 8 kHz, Opus 48 kHz)."""

from __future__ import annotations

import time
from collections.abc import Callable

from bridge.links.rewrite import Numbering
from bridge.rtp.sequence import timestamp_distance

_BACK_S = 0.2  # a source goes back no further than B-pictures are reordered
_AHEAD_S = 2.0  # nor ahead of the time that really passed


class Timeline:
    """Keeps the distances between the source's timestamps, so that sound and lips meet at the far side.

    A jump that no clock explains is another source: time goes on by what really passed.
    """

    def __init__(
        self,
        source_hz: int,
        target_hz: int,
        numbering: Numbering,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source_hz = source_hz
        self._target_hz = target_hz
        self._numbering = numbering
        self._clock = clock
        self._last: int | None = None
        self._ticks = 0  # of the source, since the base
        self._base = 0

    def advance(self, timestamp: int) -> int:
        """The target's timestamp for media that goes out now."""
        now_s = self._clock()
        numbering = self._numbering
        step = 0 if self._last is None else timestamp_distance(timestamp, self._last)
        passed_s = 0.0 if numbering.at_s is None else now_s - numbering.at_s
        hz = self._source_hz
        if self._last is None or step < -_BACK_S * hz or step / hz - passed_s > _AHEAD_S:
            self._base = numbering.timestamp + max(1, round(passed_s * self._target_hz))
            self._ticks = 0
        else:
            self._ticks += step
        self._last = timestamp
        numbering.at_s = now_s
        numbering.timestamp = self._at(0)
        return numbering.timestamp

    def translate(self, timestamp: int) -> int | None:
        """For a sender report: any timestamp of the source; None before the first media or far from it."""
        if self._last is None:
            return None
        step = timestamp_distance(timestamp, self._last)
        return self._at(step) if abs(step) < 60 * self._source_hz else None

    def _at(self, step: int) -> int:
        return (self._base + (self._ticks + step) * self._target_hz // self._source_hz) & 0xFFFFFFFF
