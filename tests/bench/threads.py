"""Codec workers as threads of the gateway's process: what ADR 0020 decided against, kept to be measured against.

The same machines, the same bounds, the same gathering of sound; only the hand-over differs.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from bridge.codecs.machine import Recipe
from bridge.codecs.process import AUDIO_PENDING, VIDEO_PENDING

_SOUND_GATHERS_S = 0.01


class _Thread:
    def __init__(self, number: int) -> None:
        self.chains = 0
        self._jobs: deque[Callable[[], None] | None] = deque()
        self._ready = threading.Condition()
        threading.Thread(target=self._serve, name=f"codec-{number}", daemon=True).start()

    def put(self, *jobs: Callable[[], None] | None) -> None:
        with self._ready:
            self._jobs.extend(jobs)
            self._ready.notify()

    def _serve(self) -> None:
        while True:
            with self._ready:
                while not self._jobs:
                    self._ready.wait()
                job = self._jobs.popleft()
            if job is None:
                return
            job()


class _Chain:
    def __init__(self, thread: _Thread, recipe: Recipe[Any, Any], urgent: bool, done: Any, failed: Any) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread, self._urgent, self._done, self._failed = thread, urgent, done, failed
        self._machine = recipe.make()
        self._pending = 0
        self._waiting: list[Callable[[], None]] = []

    def submit(self, item: Any) -> bool:
        if self._pending >= (AUDIO_PENDING if self._urgent else VIDEO_PENDING):
            return False
        self._pending += 1
        if not self._urgent:
            self._thread.put(lambda: self._run(item))
            return True
        if not self._waiting:
            self._loop.call_later(_SOUND_GATHERS_S, self._flush)
        self._waiting.append(lambda: self._run(item))
        return True

    def order(self, order: object) -> None:
        self._machine.obey(order)

    def close(self) -> None:
        """The process of a bench ends soon."""

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._thread.put(*waiting)

    def _run(self, item: Any) -> None:
        try:
            told, value = self._done, self._machine.turn(item)
        except Exception as error:  # noqa: BLE001 - as in a worker
            told, value = self._failed, error
        self._loop.call_soon_threadsafe(self._came, told, value)

    def _came(self, told: Callable[[Any], None], value: Any) -> None:
        self._pending -= 1
        told(value)


class ThreadWorkers:
    """Stands in for bridge.codecs.Workers. Its CPU is the process's own, so `cpu_s` is none."""

    cpu_s = 0.0
    standing = None

    def __init__(self, count: int) -> None:
        self._pictures = [_Thread(number) for number in range(count)]
        self._sound = [_Thread(count)]

    def chain(self, recipe: Recipe[Any, Any], *, urgent: bool, done: Any, failed: Any) -> _Chain:
        thread = min(self._sound if urgent else self._pictures, key=lambda each: each.chains)
        thread.chains += 1
        return _Chain(thread, recipe, urgent, done, failed)

    def close(self) -> None:
        for each in (*self._pictures, *self._sound):
            each.put(None)
