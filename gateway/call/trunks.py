"""Which trunks failed of late, of a node. Who failed is asked last for a while, so that not every family waits for it.

An INVITE that nobody answers takes up a place in its agent for half a minute, even when it is given up.
"""

from __future__ import annotations

LAST_FOR_S = 60.0


class Trunks:
    def __init__(self) -> None:
        self._failed_at_s: dict[str, float] = {}

    def failed(self, trunk: str, now_s: float) -> None:
        self._failed_at_s[trunk] = now_s

    def works(self, trunk: str) -> None:
        self._failed_at_s.pop(trunk, None)

    def in_order(self, trunks: tuple[str, ...], now_s: float) -> tuple[str, ...]:
        """As they are given, those that failed within the last minute after the others."""
        return tuple(sorted(trunks, key=lambda each: self._is_down(each, now_s)))

    def _is_down(self, trunk: str, now_s: float) -> bool:
        failed_at_s = self._failed_at_s.get(trunk)
        return failed_at_s is not None and now_s - failed_at_s < LAST_FOR_S
