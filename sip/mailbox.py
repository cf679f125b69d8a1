"""A dialog's events on their way from the SIP side to the one task that reads them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from sip.events import DialogEvent, Ended

LIMIT = 64
"""A reader that falls 64 events behind is stuck: a far side that floods INFO must not fill our memory."""


class Mailbox:
    """Bounded; `dropped` counts what did not fit. Ended always fits, comes once, and nothing follows it."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._events: deque[DialogEvent] = deque()
        self._filled = asyncio.Event()
        self.ended = False
        self.dropped = 0

    def put(self, event: DialogEvent) -> None:
        if self.ended:
            return
        if isinstance(event, Ended):
            self.ended = True
        elif len(self._events) >= self._limit:
            self.dropped += 1
            return
        self._events.append(event)
        self._filled.set()

    async def read(self) -> AsyncIterator[DialogEvent]:
        """Every event in order; stops after Ended."""
        while True:
            while self._events:
                event = self._events.popleft()
                yield event
                if isinstance(event, Ended):
                    return
            if self.ended:
                return
            self._filled.clear()
            await self._filled.wait()
