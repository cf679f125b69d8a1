"""Threads that decode and encode, off the loop.

    loop thread                          worker thread (one for all jobs of a chain)
    chain.submit(job, done)  ----------> job() -> value
    done(value)              <---------- call_soon_threadsafe

A chain (the codecs of one pipeline) stays on one thread, so its codecs need no lock and its results keep their order.
Sound goes before pictures: when a thread cannot keep up, chains of video are refused first.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")

VIDEO_PENDING = 6  # a fifth of a second at 30/s: more would only be late
AUDIO_PENDING = 50  # a second

_Work = Callable[[], None]


class Chain(Generic[T]):
    """The jobs of one pipeline. submit and close belong to the loop's thread."""

    def __init__(
        self,
        worker: _Worker,
        loop: asyncio.AbstractEventLoop,
        *,
        urgent: bool,
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._worker = worker
        self._loop = loop
        self._urgent = urgent
        self._most = AUDIO_PENDING if urgent else VIDEO_PENDING
        self._done = done
        self._failed = failed
        self._pending = 0
        self._closed = False

    def submit(self, job: Callable[[], T]) -> bool:
        """Whether there was room. `done(value)` or `failed(error)` follows on the loop, unless closed before."""
        if self._closed or self._pending >= self._most:
            return False
        self._pending += 1
        self._worker.put(lambda: self._run(job), urgent=self._urgent)
        return True

    def close(self) -> None:
        """Jobs that wait are skipped, results on their way are dropped. Idempotent."""
        if not self._closed:
            self._closed = True
            self._worker.chains -= 1

    def _run(self, job: Callable[[], T]) -> None:
        if self._closed:
            return
        try:
            value = job()
        except Exception as error:  # noqa: BLE001 - whatever a job raises, the worker serves other visits too
            self._tell(self._lost, error)
        else:
            self._tell(self._won, value)

    def _tell(self, callback: Callable[[Any], None], value: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, value)
        except RuntimeError:  # the loop is closed: nobody is left to hear it
            self._closed = True

    def _won(self, value: T) -> None:
        self._pending -= 1
        if not self._closed:
            self._done(value)

    def _lost(self, error: Exception) -> None:
        self._pending -= 1
        if not self._closed:
            self._failed(error)


class _Worker:
    """One thread and its two queues. They are bounded by the chains, each of which counts what it has in them."""

    def __init__(self, number: int) -> None:
        self.chains = 0
        self._urgent: deque[_Work] = deque()
        self._usual: deque[_Work] = deque()
        self._ready = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name=f"codec-{number}", daemon=True)
        self._thread.start()

    def put(self, work: _Work, *, urgent: bool) -> None:
        with self._ready:
            (self._urgent if urgent else self._usual).append(work)
            self._ready.notify()

    def stop(self) -> None:
        with self._ready:
            self._stopping = True
            self._urgent.clear()
            self._usual.clear()
            self._ready.notify()

    def join(self) -> None:
        self._thread.join()

    def _serve(self) -> None:
        while (work := self._next()) is not None:
            try:
                work()
            except Exception:  # noqa: BLE001 - a fault of ours, not of the media: say it, and serve on
                _log.exception("a codec job failed outside its chain")
            del work  # a codec must not live on in an idle thread

    def _next(self) -> _Work | None:
        with self._ready:
            while not (self._urgent or self._usual or self._stopping):
                self._ready.wait()
            if self._stopping:
                return None
            return self._urgent.popleft() if self._urgent else self._usual.popleft()


class Workers:
    """`count` threads, started with the first chain. close() waits for the job at hand only."""

    def __init__(self, count: int) -> None:
        self._count = max(1, count)
        self._workers: list[_Worker] = []
        self._closed = False

    def chain(self, *, urgent: bool, done: Callable[[T], None], failed: Callable[[Exception], None]) -> Chain[T]:
        """A chain on the thread that has the fewest; results come to the running loop. urgent: sound."""
        if self._closed:
            raise RuntimeError("the codec workers are closed")
        if len(self._workers) < self._count:
            self._workers.append(_Worker(len(self._workers) + 1))
        worker = min(self._workers, key=lambda each: each.chains)
        worker.chains += 1
        return Chain(worker, asyncio.get_running_loop(), urgent=urgent, done=done, failed=failed)

    @property
    def load(self) -> tuple[int, ...]:
        """Chains on each thread."""
        return tuple(each.chains for each in self._workers)

    def close(self) -> None:
        self._closed = True
        for each in self._workers:
            each.stop()
        for each in self._workers:
            each.join()
        self._workers.clear()
