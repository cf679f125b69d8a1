"""The jobs of one pipeline, as the loop sees them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bridge.codecs import post
from bridge.codecs.machine import Recipe
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.codecs.process import Worker

_log = logging.getLogger(__name__)

Item = TypeVar("Item")
Value = TypeVar("Value")


class WorkerDied(BridgeError):
    """The worker that had this frame died or hung; another one goes on with the next."""


class JobBroke(BridgeError):
    """A fault of ours in a machine; the worker's traceback is in the log."""


class Chain(Generic[Item, Value]):
    """The jobs of one pipeline, in order. Belongs to the loop's thread."""

    def __init__(
        self,
        worker: Worker,
        number: int,
        recipe: Recipe[Item, Value],
        *,
        urgent: bool,
        done: Callable[[Value], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self.recipe = recipe
        self.urgent = urgent
        self.number = number
        self.pending = 0
        self._worker = worker
        self._done = done
        self._failed = failed
        self._closed = False

    def submit(self, item: Item) -> bool:
        """Whether there was room. `done(value)` or `failed(error)` follows on the loop, unless closed before."""
        worker = self._worker
        if self._closed or self.pending >= worker.most(urgent=self.urgent):
            return False
        self.pending += 1
        worker.put((post.TURN, self.number, item, time.monotonic()), urgent=self.urgent)
        return True

    def order(self, order: object) -> None:
        """For `Machine.obey`. A worker that died and came back does not remember it."""
        if not self._closed:
            self._worker.put((post.OBEY, self.number, order), urgent=True)

    def close(self) -> None:
        """Results on their way are dropped. Idempotent."""
        if not self._closed:
            self._closed = True
            self._worker.drop(self)

    def came(self, what: int, value: Any) -> None:
        """An outcome of the worker."""
        self.pending = max(0, self.pending - 1)
        if self._closed:
            return
        try:
            if what == post.WON:
                self._done(value)
            elif what == post.LOST:
                self._failed(value)
            else:
                _log.error("a codec job broke in its worker:\n%s", value)
                self._failed(JobBroke("a codec job broke"))
        except Exception:  # noqa: BLE001 - results of other visits wait behind this one
            _log.exception("a codec's result could not be taken")

    def lost_all(self) -> None:
        """The worker is gone with all that waited there."""
        lost, self.pending = self.pending, 0
        for _ in range(lost):
            self.came(post.LOST, WorkerDied("the codec worker died"))
