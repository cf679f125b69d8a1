"""What a bridge tells: a queue with an end, for a reader that may be late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from bridge.events import BridgeEvent, DtmfKey

_MOST = 256  # a family that types digits without end must not fill the memory
_KEYS_UP_TO = 128  # nor push out what the meter hangs on


class Reports:
    """dropped: events that nobody read in time."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[BridgeEvent | None] = asyncio.Queue(_MOST)
        self.dropped = 0

    def tell(self, event: BridgeEvent) -> None:
        """When nobody reads, the oldest goes first, but for keys, which are not taken then."""
        if isinstance(event, DtmfKey) and self._waiting.qsize() >= _KEYS_UP_TO:
            self.dropped += 1
            return
        self._put(event)

    def end(self) -> None:
        """Whoever reads has read all."""
        self._put(None)

    async def read(self) -> AsyncIterator[BridgeEvent]:
        """Until the end. One reader."""
        while True:
            event = await self._waiting.get()
            if event is None:
                return
            yield event

    def _put(self, event: BridgeEvent | None) -> None:
        if self._waiting.full():
            self._waiting.get_nowait()
            self.dropped += 1
        self._waiting.put_nowait(event)
