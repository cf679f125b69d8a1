"""One task wakes all periodic work of the media plane.

A timer of its own for each call would cost nearly a millisecond of CPU a second each; here a wake-up is shared, and
what is not due costs nothing: it waits in a heap. Callbacks of one period that are put into service together, as by
visits that begin in one minute, get different phases, so that their work does not fall into one tick.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

_log = logging.getLogger(__name__)

TICK_S = 0.02
_GOLDEN = 0.6180339887  # its multiples, without the whole, lie apart however many there are
_MOST_SPREAD_S = 0.5


class Handle:
    """What `Timer.every` returns. `cancel` is idempotent and works from within the callback too."""

    __slots__ = ("_call", "_timer", "due_s", "period_s")

    def __init__(self, timer: Timer, call: Callable[[], None], period_s: float, due_s: float) -> None:
        self._timer = timer
        self._call: Callable[[], None] | None = call
        self.period_s = period_s
        self.due_s = due_s

    def cancel(self) -> None:
        self._call = None
        self._timer._forget(self)

    def run(self) -> bool:
        """False when it was cancelled, before or now."""
        call = self._call
        if call is None:
            return False
        try:
            call()
        except Exception:  # noqa: BLE001 - a foreign callback may raise anything, and must not end the task of all
            _log.exception("a periodic callback failed; it stays in service")
        return self._call is not None


class Timer:
    """Calls back at multiples of a 20 ms tick, all in one task of the running loop.

        async with Timer() as timer:
            handle = timer.every(1.0, send_reports)

    An exception of one callback is logged and stops neither that callback nor the others.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._handles: set[Handle] = set()
        self._each_tick: dict[Handle, None] = {}
        self._later: list[tuple[float, int, Handle]] = []  # a heap by date; what was cancelled leaves when it is due
        self._made = 0
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many callbacks are in service: a leg that closed and left one behind shows here."""
        return len(self._handles)

    def every(self, seconds: float, callback: Callable[[], None]) -> Handle:
        """Call `callback` about every `seconds` (0: each tick), first after one period, or up to half of one later."""
        phase_s = self._made * _GOLDEN % 1.0 * min(seconds / 2, _MOST_SPREAD_S)
        handle = Handle(self, callback, seconds, self._clock() + seconds + phase_s)
        self._made += 1
        self._handles.add(handle)
        if seconds:
            heapq.heappush(self._later, (handle.due_s, self._made, handle))
        else:
            self._each_tick[handle] = None
        return handle

    def start(self) -> None:
        """Begin to tick in the running loop; idempotent."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="media-timer")

    async def close(self) -> None:
        task, self._task = self._task, None
        self._handles.clear()
        self._each_tick.clear()
        self._later.clear()
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def tick(self) -> None:
        """Run what is due now. The task calls it; tests with a clock of their own may too."""
        now_s = self._clock()
        for handle in tuple(self._each_tick):
            handle.run()
        later = self._later
        while later and later[0][0] <= now_s:
            _, number, handle = heapq.heappop(later)
            # a late loop must not repay its debt in one burst: the next date counts from now when one was missed
            due_s = max(handle.due_s + handle.period_s, now_s + handle.period_s / 2)
            if handle.run():
                handle.due_s = due_s
                heapq.heappush(later, (due_s, number, handle))

    def _forget(self, handle: Handle) -> None:
        self._handles.discard(handle)
        self._each_tick.pop(handle, None)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.tick()
