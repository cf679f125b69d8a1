"""What an ear takes for the sound that was lost: the last pitch period again and again, fading.

In the manner of G.711 Appendix I, for every codec that gives samples and has no concealment of its own; without its
delay, since the whole gap is known when it is filled.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

_HISTORY_S = 0.050
_SHORTEST_S, _LONGEST_S = 0.005, 0.015  # 200 Hz down to 66 Hz
_TEMPLATE_S = 0.020
_FULL_S, _SILENT_S = 0.010, 0.060  # the gain falls from the one to the other
_JOIN_S = 0.004


class Concealer:
    """Remembers what was heard; `fill` invents what follows it."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._most = round(_HISTORY_S * rate_hz)
        self._join = round(_JOIN_S * rate_hz)
        self._heard: NDArray[np.float32] = np.zeros(self._most, np.float32)

    def heard(self, samples: Samples) -> None:
        """In order, with what was filled in."""
        self._heard = np.concatenate([self._heard, samples.astype(np.float32)])[-self._most :]

    def fill(self, count: int, after: Samples) -> tuple[Samples, Samples]:
        """`count` samples for the gap, and what came `after` it with its beginning joined to them."""
        overlap = min(self._join, len(after))
        invented = self._repeated(count + overlap) * self._fading(count + overlap)
        rise = np.linspace(0, 1, overlap, dtype=np.float32)
        joined = after.astype(np.float32)
        joined[:overlap] = joined[:overlap] * rise + invented[count:] * (1 - rise)
        return _samples(invented[:count]), _samples(joined)

    def begin(self, after: Samples) -> Samples:
        """Sound that comes out of a silence rises from it, without a click."""
        overlap = min(self._join, len(after))
        risen = after.astype(np.float32)
        risen[:overlap] *= np.linspace(0, 1, overlap, dtype=np.float32)
        return _samples(risen)

    def _repeated(self, count: int) -> NDArray[np.float32]:
        heard = self._heard
        period = self._period()
        quarter = period // 4
        cycle = heard[-period:].copy()
        rise = np.linspace(0, 1, quarter, dtype=np.float32)
        # its end leads into its own beginning, as the samples before that did
        cycle[-quarter:] = cycle[-quarter:] * (1 - rise) + heard[-period - quarter : -period] * rise
        found = np.resize(cycle, count)
        # where it begins, what is left of the step dies away
        step = heard[-1] - heard[-period - 1]
        near = min(quarter, count)
        found[:near] += step * np.linspace(1, 0, near, dtype=np.float32)
        return found

    def _period(self) -> int:
        """The lag at which the last 20 ms are most like what went before."""
        heard, size = self._heard, round(_TEMPLATE_S * self._rate_hz)
        shortest, longest = round(_SHORTEST_S * self._rate_hz), round(_LONGEST_S * self._rate_hz)
        template = heard[-size:]
        windows = np.lib.stride_tricks.sliding_window_view(heard[-size - longest : -shortest], size)
        energy = np.sqrt(np.einsum("ij,ij->i", windows, windows)) + 1.0
        best = int(np.argmax(windows @ template / energy))
        return longest - best

    def _fading(self, count: int) -> NDArray[np.float32]:
        at_s = np.arange(count, dtype=np.float32) / self._rate_hz
        return np.clip((_SILENT_S - at_s) / (_SILENT_S - _FULL_S), 0, 1)


def _samples(values: NDArray[np.float32]) -> Samples:
    return np.clip(np.rint(values), -32768, 32767).astype(np.int16)
