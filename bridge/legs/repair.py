"""What a line does about loss: it sends again what the far side misses, asks for what it misses itself, and notices
who comes back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from bridge.rtp.history import RtxWrapper, SendHistory
from bridge.rtp.nack import Gap, NackGenerator

_RESEND_S = 0.02  # two requests for one packet within that are one request, repeated
_MOST_AT_ONCE = 100  # who misses more had an outage; a burst of it would only be the next one
_REMEMBERED = 256
_SILENT_S = 1.0
_SWAPPED_S = 0.08  # where nothing can be asked again, what has not come by then is lost


class Resender:
    """`send(packet)` says whether it went out. rtx: None where a packet is sent again as it was."""

    __slots__ = ("_history", "_resent", "_rtx", "_send", "store", "store_all")

    def __init__(self, send: Callable[[bytes], bool], rtx: RtxWrapper | None = None) -> None:
        self._send = send
        self._rtx = rtx
        self._history = SendHistory()
        self._resent: dict[int, float] = {}
        self.store = self._history.store
        self.store_all = self._history.store_all

    def answer(self, sequences: tuple[int, ...], now_s: float) -> int:
        """How many of these were sent again."""
        count = 0
        for sequence in sequences[:_MOST_AT_ONCE]:
            packet = self._history.find(sequence)
            if packet is None or now_s - self._resent.get(sequence, 0.0) < _RESEND_S:
                continue
            if len(self._resent) > _REMEMBERED:
                self._resent.clear()
            self._resent[sequence] = now_s
            with contextlib.suppress(OSError):  # as lost on the way
                count += self._send(packet if self._rtx is None else self._rtx.wrap(packet))
        return count


class PictureRepair:
    """Of a station's pictures. can_ask: by NACK; else a gap that does not close is a wish for a whole picture.

    Without the wish a browser behind a relay asks us in vain for what we never had, for seconds.
    """

    def __init__(self, *, can_ask: bool, ask: Callable[[Gap, float], None]) -> None:
        self._can_ask = can_ask
        self._ask = ask
        self._nack = self._generator()

    def begin(self) -> None:
        """Another stream."""
        self._nack = self._generator()

    def round_trip(self, seconds: float) -> None:
        self._nack.round_trip(seconds)

    def arrived(self, sequence: int, now_s: float, silent_s: float) -> None:
        gap = self._nack.arrived(sequence, now_s, silent_s)
        if gap is not None:
            self._say(gap, now_s)

    def tick(self, now_s: float) -> None:
        if self._nack:
            gap = self._nack.due(now_s)
            if gap is not None:
                self._say(gap, now_s)

    def _generator(self) -> NackGenerator:
        return NackGenerator() if self._can_ask else NackGenerator(give_up_s=_SWAPPED_S)

    def _say(self, gap: Gap, now_s: float) -> None:
        gap = gap if self._can_ask else Gap((), gap.lost_hope)
        if gap.sequences or gap.lost_hope:
            self._ask(gap, now_s)


class Absence:
    """Tells when a far side that was silent is heard again: it has probably missed as much as it has not said."""

    __slots__ = ("_absent",)

    def __init__(self) -> None:
        self._absent = False

    def over(self, last_received_s: float, now_s: float) -> bool:
        """Asked on each tick; true once for each absence."""
        if now_s - last_received_s > _SILENT_S:
            self._absent = last_received_s > 0.0  # else it has not begun yet
            return False
        was, self._absent = self._absent, False
        return was
