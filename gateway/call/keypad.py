"""One event for each key press of a station or a telephone, also when it tells of it twice: in RTP and by SIP INFO.

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
    side: Side
    way: type
    digit: str = field(repr=False)
    began_s: float
    ended_s: float


class Keypad:
    def __init__(self) -> None:
        self._waiting: list[_Press] = []

    def is_new(self, told: object, now_s: float, side: Side = Side.SIP) -> bool:
        """Whether `told` is to be passed on: False for the second word of a press. True for whatever is no key.

        side: of the dialog that said it; the media names its side itself.
        """
        if not isinstance(told, Dtmf | DtmfKey):
            return True
        press = _Press(
            told.source if isinstance(told, DtmfKey) else side,
            type(told),
            told.digit,
            now_s - told.duration_ms / 1000,
            now_s,
        )
        self._waiting = [each for each in self._waiting if press.began_s - each.ended_s <= _APART_S]
        for each in self._waiting:
            if (each.side, each.digit) == (press.side, press.digit) and each.way is not press.way:
                self._waiting.remove(each)
                return False
        self._waiting = [*self._waiting[1 - _MOST_WAITING :], press]
        return True
