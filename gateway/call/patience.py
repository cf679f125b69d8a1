"""How long a visit waits for its media: against a media plane that hangs, and not at all once the visit is to end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

MEDIA_PATIENCE_S = 15.0
"""Longer than the media plane's own limits."""


class Patience:
    """is_over: the end of the visit waits in the queue; no act of the media may stand in its way any more."""

    def __init__(self) -> None:
        self.is_over = False
        self._limit: asyncio.Timeout | None = None

    async def wait(self, act: Awaitable[T]) -> T:
        """Raises TimeoutError; what `act` raises, the caller gets."""
        async with asyncio.timeout(0.0 if self.is_over else MEDIA_PATIENCE_S) as limit:
            self._limit = limit
            try:
                return await act
            finally:
                self._limit = None

    def end(self) -> None:
        """What is being waited for is given up, and so is whatever comes after it."""
        self.is_over = True
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())
