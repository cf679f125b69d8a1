"""Asks again for what is missing (RFC 4585 section 6.2.1), and says when asking no longer helps.

A decoder behind a bridge cannot wait long: a packet that did not come after several requests is given up, and a whole
new picture is asked for instead.

Where the network swaps packets, a gap is mostly no loss: the first request waits as long as packets lately came late by
themselves, or every burst would be sent twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.rtp.sequence import distance

_REPEAT_S = (0.03, 0.1)  # a request or its answer may be lost too: again before long, within these
_REPEAT_SHARE = 0.45  # of a round trip: some packets come twice, but the next answer is half on its way when it counts
_REPEAT_FIRST_S = 0.05  # as long as the round trip is not known
_DOUBT_S = 0.16  # a whole picture is asked for besides, since the answer may be lost again
_DOUBT_SHARE = 2.0  # of a round trip, where that is longer
_GIVE_UP_S = 0.6  # older than what any decoder here still waits for
_MOST_REQUESTS = 8
_MOST_MISSING = 200  # a longer gap is an outage: a new picture is quicker than its repair
_OUTAGE_S = 0.4  # so is what follows such a silence
_SWAPS_S = 0.03  # a packet that comes later than that by itself is as good as lost
_FEW_S = 0.005
_FORGETS = 0.98


@dataclass(slots=True)
class _Missing:
    since_s: float
    ask_s: float  # when to ask, or to ask again
    requests: int = 0
    doubted: bool = False


class NackGenerator:
    """One stream's missing packets. Pure: the caller has the clock and sends what is returned.

    apart: repaired packets come by `repaired`, so what `arrived` came by itself.
    """

    __slots__ = ("_apart", "_doubt_s", "_give_up_s", "_highest", "_missing", "_repeat_s", "_swaps_s")

    def __init__(self, *, apart: bool = False, give_up_s: float = _GIVE_UP_S) -> None:
        self._apart = apart
        self._give_up_s = give_up_s
        self._doubt_s = _DOUBT_S
        self._highest = -1
        self._missing: dict[int, _Missing] = {}
        self._repeat_s = _REPEAT_FIRST_S
        self._swaps_s = 0.0

    def __len__(self) -> int:
        """How many are missing at present; 0 nearly always, so that the tick costs nothing."""
        return len(self._missing)

    def round_trip(self, seconds: float) -> None:
        least_s, most_s = _REPEAT_S
        self._repeat_s = min(most_s, max(least_s, _REPEAT_SHARE * seconds))
        self._doubt_s = max(_DOUBT_S, _DOUBT_SHARE * seconds)

    def arrived(self, sequence: int, now_s: float, silent_s: float = 0.0) -> Gap | None:
        """A packet came, `silent_s` after the one before. The gap in front of it, when it opened one."""
        highest = self._highest
        step = (sequence - highest) & 0xFFFF
        if step == 1 or highest < 0:
            self._highest = sequence
            return None
        if step >= 0x8000 or step == 0:
            self._came_late(sequence, now_s)
            return None
        self._highest = sequence
        if step > _MOST_MISSING or silent_s > _OUTAGE_S or len(self._missing) + step > _MOST_MISSING:
            self._missing.clear()
            return Gap((), lost_hope=True)
        return self._open(tuple((highest + each) & 0xFFFF for each in range(1, step)), now_s)

    def repaired(self, sequence: int) -> bool:
        """A retransmission came. False: nobody waits for it any more, or it came twice."""
        return self._missing.pop(sequence, None) is not None

    def due(self, now_s: float) -> Gap | None:
        """What to ask (again) now, and whether some of it was given up."""
        asked, hopeless, doubtful = [], [], False
        for sequence, each in self._missing.items():
            if not each.doubted and now_s - each.since_s > self._doubt_s:
                each.doubted = doubtful = True
            if now_s - each.since_s > self._give_up_s or each.requests > _MOST_REQUESTS:
                hopeless.append(sequence)
            elif now_s >= each.ask_s:
                each.ask_s = now_s + self._repeat_s
                each.requests += 1
                asked.append(sequence)
        for sequence in hopeless:
            del self._missing[sequence]
        if not asked and not hopeless and not doubtful:
            return None
        asked.sort(key=lambda sequence: distance(sequence, self._highest))
        return Gap(tuple(asked), lost_hope=bool(hopeless) or doubtful)

    def _open(self, sequences: tuple[int, ...], now_s: float) -> Gap | None:
        """Asks at once, or leaves the first request to `due`."""
        at_once = self._swaps_s < _FEW_S
        ask_s = now_s + (self._repeat_s if at_once else self._swaps_s)
        for each in sequences:
            self._missing[each] = _Missing(now_s, ask_s, 1 if at_once else 0)
        return Gap(sequences) if at_once else None

    def _came_late(self, sequence: int, now_s: float) -> None:
        missing = self._missing.pop(sequence, None)
        if missing is not None and (self._apart or not missing.requests):
            self._swaps_s = min(_SWAPS_S, max(self._swaps_s * _FORGETS, 1.1 * (now_s - missing.since_s)))


@dataclass(frozen=True, slots=True)
class Gap:
    """Sequence numbers to ask for, in order; `lost_hope`: ask for a new picture as well."""

    sequences: tuple[int, ...]
    lost_hope: bool = False
