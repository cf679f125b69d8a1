"""The galleries of a node: one for each visit that somebody watches."""

from __future__ import annotations

import time
from collections.abc import Callable

from bridge.codecs import Workers
from bridge.legs.watch_leg import WatchLeg
from bridge.rtp.timer import Timer
from bridge.watching.gallery import Gallery, Tappable, Watcher


class Galleries:
    """Made by `MediaPlane`."""

    def __init__(
        self,
        leg: Callable[[], WatchLeg],
        workers: Workers,
        timer: Timer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """leg(): for one officer's browser."""
        self._leg = leg
        self._workers = workers
        self._timer = timer
        self._clock = clock
        self._open: dict[Tappable, Gallery] = {}

    def __len__(self) -> int:
        """How many watch."""
        return sum(map(len, self._open.values()))

    def of(self, bridge: Tappable) -> Gallery | None:
        return self._open.get(bridge)

    async def watch(self, bridge: Tappable, web_offer: str, ended: Callable[[str], None]) -> tuple[Watcher, str]:
        """A watcher of this visit and the answer for its browser; raises what `Gallery.admit` raises."""
        gallery = self._open.get(bridge)
        if gallery is None:
            gallery = self._open[bridge] = Gallery(self._workers, self._timer, self._clock)
        try:
            return await gallery.admit(bridge, self._leg(), web_offer, ended)
        finally:
            if not len(gallery):
                self._open.pop(bridge, None)

    def visit_ended(self, bridge: Tappable) -> None:
        gallery = self._open.pop(bridge, None)
        if gallery is not None:
            gallery.visit_ended()
