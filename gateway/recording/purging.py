"""Deletes recordings whose time is over by itself, where the facility's operator wants that (`recording.purge_hourly`).

Each is written down like a purge by hand, in the name of the node. A node purges what it has recorded itself: the files
of another lie in another folder.
"""

from __future__ import annotations

import logging

from gateway.clock import Clock
from gateway.errors import RecordingError, StoreError
from gateway.recording.handling import Handling, Person

log = logging.getLogger(__name__)

_EVERY_S = 3600.0


class Purging:
    def __init__(self, handling: Handling, clock: Clock, *, node: str) -> None:
        self._handling = handling
        self._clock = clock
        self._node = node

    async def run(self) -> None:
        """Until it is cancelled; at once, then every hour. What cannot be purged now is tried again then."""
        while True:
            try:
                count = await self.once()
                if count:
                    log.info("%d recordings were purged, their time was over", count)
            except StoreError as error:
                log.warning("recordings are not purged now: %s", error)
            await self._clock.sleep(_EVERY_S)

    async def once(self) -> int:
        """How many went. Raises StoreError."""
        who, count = Person(f"node {self._node}", "its time is over"), 0
        for each in await self._handling.due():
            if each.node != self._node:
                continue
            try:
                await self._handling.purge(who, each)
                count += 1
            except RecordingError as error:
                log.warning("recording %s is not purged: %s", each.recording_id, type(error).__name__)
        return count
