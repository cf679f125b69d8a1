"""How many calls a trunk may have at once and how many new ones a second, both directions together, on this node.

The gate before the SIP stack (sip.gate) is against floods, and leaves no record. This is what a contract with a carrier
or the size of a PBX says: a call beyond it is refused with a record, and a telephone is called over the next trunk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from gateway.clock import Clock
from sip import Trunk

SECOND = 1.0


class TrunkCaps:
    """live(trunk): calls that it has now."""

    def __init__(self, trunks: Iterable[Trunk], clock: Clock, live: Callable[[str], int]) -> None:
        self._trunks = {each.name: each for each in trunks}
        self._clock = clock
        self._live = live
        self._begun: dict[str, deque[float]] = {name: deque() for name in self._trunks}

    def take(self, name: str, *, counted: bool = False) -> bool:
        """Whether one call more may begin; then it has. counted: `live` knows of it already."""
        trunk = self._trunks.get(name)
        if trunk is None:
            return True
        if trunk.max_calls is not None and self._live(name) + (not counted) > trunk.max_calls:
            return False
        if trunk.calls_per_s is None:
            return True
        begun, now_s = self._begun[name], self._clock.monotonic()
        while begun and begun[0] <= now_s - SECOND:
            begun.popleft()
        if len(begun) >= trunk.calls_per_s:
            return False
        begun.append(now_s)
        return True
