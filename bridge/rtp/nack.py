"""Asks again for what is missing (RFC 4585 section 6.2.1), and says when asking no longer helps.

A decoder behind a bridge cannot wait long: a packet that did not come after several requests is given up, and a whole
new picture is asked for instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.rtp.sequence import distance

_REPEAT_S = 0.05  # a request or its answer may be lost too: ask again soon
_GIVE_UP_S = 0.6  # older than what any decoder here still waits for
_MOST_REQUESTS = 8
_MOST_MISSING = 200  # a longer gap is an outage: a new picture is quicker than its repair


@dataclass(slots=True)
class _Missing:
    since_s: float
    asked_s: float
    requests: int = 1


class NackGenerator:
    """One stream's missing packets. Pure: the caller has the clock and sends what is returned."""

    __slots__ = ("_highest", "_missing")

    def __init__(self) -> None:
        self._highest = -1
        self._missing: dict[int, _Missing] = {}

    def __len__(self) -> int:
        """How many are missing at present; 0 nearly always, so that the tick costs nothing."""
        return len(self._missing)

    def arrived(self, sequence: int, now_s: float) -> Gap | None:
        """A packet came. The gap in front of it, when it opened one."""
        highest = self._highest
        step = (sequence - highest) & 0xFFFF
        if step == 1 or highest < 0:
            self._highest = sequence
            return None
        if step >= 0x8000 or step == 0:
            self._missing.pop(sequence, None)
            return None
        self._highest = sequence
        if step > _MOST_MISSING:
            self._missing.clear()
            return Gap((), lost_hope=True)
        new = tuple((highest + each) & 0xFFFF for each in range(1, step))
        for each in new:
            self._missing[each] = _Missing(now_s, now_s)
        if len(self._missing) > _MOST_MISSING:
            self._missing.clear()
            return Gap((), lost_hope=True)
        return Gap(new)

    def repaired(self, sequence: int) -> bool:
        """A retransmission came. False: nobody waits for it any more, or it came twice."""
        return self._missing.pop(sequence, None) is not None

    def due(self, now_s: float) -> Gap | None:
        """What to ask again now, and whether some of it was given up."""
        again, hopeless = [], []
        for sequence, each in self._missing.items():
            if now_s - each.since_s > _GIVE_UP_S or each.requests > _MOST_REQUESTS:
                hopeless.append(sequence)
            elif now_s - each.asked_s >= _REPEAT_S:
                each.asked_s = now_s
                each.requests += 1
                again.append(sequence)
        for sequence in hopeless:
            del self._missing[sequence]
        if not again and not hopeless:
            return None
        again.sort(key=lambda sequence: distance(sequence, self._highest))
        return Gap(tuple(again), lost_hope=bool(hopeless))


@dataclass(frozen=True, slots=True)
class Gap:
    """Sequence numbers to ask for, in order; `lost_hope`: ask for a new picture as well."""

    sequences: tuple[int, ...]
    lost_hope: bool = False
