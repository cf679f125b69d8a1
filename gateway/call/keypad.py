"""One event for each key press of a station, also when it tells of the press twice: in RTP and by SIP INFO.

Each press by one way is matched with one of the same key by the other way that was about the same time; the second of
the two is not told. Which key it was goes no further than this.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge import DtmfKey, Side
from sip import Dtmf

_APART_S = 2.0  # an INFO may come before, during or after the press, and be sent again
_MOST_WAITING = 32


@dataclass(frozen=True, slots=True)
class _Press:
    way: type
    digit: str = field(repr=False)
    began_s: float
    ended_s: float


class Keypad:
    def __init__(self) -> None:
        self._waiting: list[_Press] = []

    def is_new(self, told: object, now_s: float) -> bool:
        """Whether `told` is to be passed on: False for the second word of a press. True for whatever is no key."""
        if not isinstance(told, Dtmf | DtmfKey) or (isinstance(told, DtmfKey) and told.source is not Side.SIP):
            return True
        press = _Press(type(told), told.digit, now_s - told.duration_ms / 1000, now_s)
        self._waiting = [each for each in self._waiting if press.began_s - each.ended_s <= _APART_S]
        for each in self._waiting:
            if each.digit == press.digit and each.way is not press.way:
                self._waiting.remove(each)
                return False
        self._waiting = [*self._waiting[1 - _MOST_WAITING :], press]
        return True
