"""How much a path carries, measured where packets arrive: by their delay first, by their loss second.

Each asked once a second; nothing is done per packet:

    ReceiveEstimate   what the far side may send us         REMB, TMMBR
    LossLimit         what we may send, from its reports    joins the far side's own REMB or TMMBR
    Shedding          whether pictures are sent at all      when nobody obeys

Loss alone is not congestion: a radio link loses packets at any rate, and they are asked for again. So a growing queue
lowers the estimate to what came through, loss only beyond a tenth, and not without end. (The rules are those of
draft-ietf-rmcat-gcc-02 sections 5 and 6, with the delay of a stream's fastest packets in place of its filter.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

LEAST_BPS = 50_000  # below that there is no picture; a limit of nothing is meant otherwise
_LEAST_BY_LOSS_BPS = 150_000
_RAISE = 1.08
_LOWER, _DRAIN = 0.85, 0.6
_MUCH_LOSS, _LITTLE_LOSS = 0.10, 0.05
_LONG_QUEUE_S, _QUEUE_S, _NO_QUEUE_S = 0.30, 0.10, 0.04
_LIMITED_SHARE = 0.6  # who sends less than that of the limit does not show that more would pass
_BASE_WINDOWS = 60  # of one look each: clocks drift, routes change
_NEW_CLOCK_S = 10.0
_IN_VAIN = 3
_TOO_MUCH = 2.0
_PATIENCE_LOOKS = 4  # an encoder obeys within one or two
_PAUSE_FIRST_S, _PAUSE_MOST_S = 5.0, 60.0
_CALM_LOOKS = 60


class ReceiveEstimate:
    """`most_bps` until something speaks against it."""

    def __init__(self, most_bps: int) -> None:
        self._most_bps = most_bps
        self.bps = most_bps
        self._fastest_s: float | None = None  # since the last look
        self._bases: deque[float] = deque(maxlen=_BASE_WINDOWS)
        self._queue_before_s = 0.0
        self._lowered = 0  # looks in a row
        self._before_bps = most_bps

    def travelled(self, transit_s: float) -> None:
        """Arrival less timestamp of some packet, from any zero. A sample now and then is enough."""
        fastest_s = self._fastest_s
        if fastest_s is None or transit_s < fastest_s or transit_s - fastest_s > _NEW_CLOCK_S:
            self._fastest_s = transit_s

    def look(self, received_bps: float, lost_share: float) -> int:
        """Once a second, with what came since."""
        queue_s, grew_s = self._queue_s()
        if queue_s > _QUEUE_S and grew_s > -_NO_QUEUE_S:
            self._lower(_LOWER if queue_s < _LONG_QUEUE_S else _DRAIN, received_bps)
            return self.bps
        self._lowered = 0
        if lost_share > _MUCH_LOSS:
            self.bps = min(self.bps, max(_LEAST_BY_LOSS_BPS, round(self.bps * (1 - lost_share / 2))))
        elif lost_share < _LITTLE_LOSS and queue_s < _NO_QUEUE_S and received_bps > _LIMITED_SHARE * self.bps:
            self.bps = round(self.bps * _RAISE)
        self.bps = max(LEAST_BPS, min(self.bps, self._most_bps))
        return self.bps

    def _lower(self, share: float, received_bps: float) -> None:
        """To less than came through. A delay that does not fall although less is sent is no queue, but a slow clock."""
        if self._lowered == 0:
            self._before_bps = self.bps
        self._lowered += 1
        if self._lowered > _IN_VAIN:
            self.bps, self._lowered = self._before_bps, 0
            self._bases.clear()
        else:
            self.bps = max(LEAST_BPS, min(self.bps, round(share * received_bps)))

    def _queue_s(self) -> tuple[float, float]:
        """How much longer the fastest packet took than that of quieter times, and the change since the last look."""
        fastest_s, self._fastest_s = self._fastest_s, None
        if fastest_s is None:
            return 0.0, 0.0
        if self._bases and abs(fastest_s - self._bases[-1]) > _NEW_CLOCK_S:
            self._bases.clear()
        self._bases.append(fastest_s)
        queue_s = fastest_s - min(self._bases)
        grew_s, self._queue_before_s = queue_s - self._queue_before_s, queue_s
        return queue_s, grew_s


class LossLimit:
    """What may be sent, joined from the far side's own limit and what its reports say is lost.

    `tell(bps)` hears each change worth a word.
    """

    def __init__(self, most_bps: int, tell: Callable[[int], None]) -> None:
        self._most_bps = most_bps
        self._tell = tell
        self.far_bps = most_bps
        self._bps = most_bps
        self._told_bps = most_bps

    def limited(self, bps: int) -> None:
        """The far side's word."""
        self.far_bps = bps
        self._say()

    def reported(self, lost_share: float) -> None:
        """A report block about what we send."""
        if lost_share > _MUCH_LOSS:
            self._bps = max(_LEAST_BY_LOSS_BPS, round(min(self._bps, self.far_bps) * (1 - lost_share / 2)))
        elif lost_share < _LITTLE_LOSS:
            self._bps = min(self._most_bps, round(self._bps * _RAISE))
        self._say()

    def _say(self) -> None:
        bps = max(LEAST_BPS, min(self._bps, self.far_bps))
        if abs(bps - self._told_bps) * 20 > self._told_bps or bps == self.far_bps != self._told_bps:
            self._told_bps = bps
            self._tell(bps)


class Shedding:
    """Pictures of a station that cannot be told to send less are left out where they would drown the sound.

    For some seconds, and for longer each time: what the far side says of the path without them is no promise.
    """

    def __init__(self) -> None:
        self._over = 0
        self._calm = 0
        self._pause_s = _PAUSE_FIRST_S
        self._until_s: float | None = None

    def look(self, sent_bps: float, far_bps: int, now_s: float) -> bool:
        """Once a second: what was sent, and what the far side says it can receive. Whether pictures may go out."""
        if self._until_s is not None:
            if now_s < self._until_s:
                return False
            self._until_s = None
        self._over = self._over + 1 if sent_bps > _TOO_MUCH * far_bps else 0
        self._calm = 0 if self._over else self._calm + 1
        if self._calm > _CALM_LOOKS:
            self._pause_s = _PAUSE_FIRST_S
        if self._over < _PATIENCE_LOOKS:
            return True
        self._over, self._until_s = 0, now_s + self._pause_s
        self._pause_s = min(2 * self._pause_s, _PAUSE_MOST_S)
        return False
