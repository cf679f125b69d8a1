"""Waiting for what happens instead of sleeping: whoever does something notes it, whoever waits looks again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE_S = 20.0
"""Real seconds before a wait gives up and says what it waited for. Nothing is measured by it."""


class Happenings:
    def __init__(self) -> None:
        self._noted = asyncio.Event()

    def note(self) -> None:
        self._noted.set()

    async def until(self, predicate: Callable[[], bool], what: str) -> None:
        """Returns when it is true; it is asked again after each thing that was noted."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not predicate():
                    self._noted.clear()
                    await self._noted.wait()
        except TimeoutError:
            raise AssertionError(f"waited in vain until {what}") from None
