"""Signs that somebody else is to be brought into a visit: a hook flash, keys that a PBX understands, a conference.

None of them is a proof, so they are told and the visit goes on. Pure; keys come and go no further than this.
"""

from __future__ import annotations

from collections import deque

from bridge import DtmfKey, Side
from gateway.call import events as e
from sip import ConferenceSeen, Dtmf

FLASH = "!"
_TOGETHER_S = 10.0  # keys of one code are pressed within this time
_LONGEST_CODE = 16


class ThreeWaySigns:
    """codes: keys in order, such as `*3`; `!` is a hook flash."""

    def __init__(self, codes: tuple[str, ...]) -> None:
        self._codes = codes
        self._pressed = {side: deque[tuple[str, float]](maxlen=_LONGEST_CODE) for side in Side}

    def sign_in(self, told: object, now_s: float, side: Side = Side.SIP) -> e.ThreeWayTried | None:
        """told: what a dialog of this side or the media said, each press once."""
        match told:
            case ConferenceSeen():
                return e.ThreeWayTried(str(side), "focus")
            case Dtmf(digit=digit):
                return self._pressed_on(side, digit, now_s)
            case DtmfKey(source=side, digit=digit):
                return self._pressed_on(side, digit, now_s)
            case _:
                return None

    def _pressed_on(self, side: Side, digit: str, now_s: float) -> e.ThreeWayTried | None:
        pressed = self._pressed[side]
        pressed.append((digit, now_s))
        keys = "".join(key for key, at_s in pressed if now_s - at_s <= _TOGETHER_S)
        if not any(keys.endswith(code) for code in self._codes):
            return None
        pressed.clear()
        return e.ThreeWayTried(str(side), "flash" if digit == FLASH else "code")
