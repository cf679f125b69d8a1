"""A process of the bench that obeys: a JSON object a line on standard input, one answer a line on standard output."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import uvloop

Answer = dict[str, Any]
_STUCK_S = 120.0
_LINE_BYTES = 1 << 22  # forty offers in one line


class WorkerFailed(Exception):
    """A process of the bench ended early; its own traceback stands above."""


class Worker:
    """The side that asks. A process that does not come to an end in two minutes is killed."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._watchdog = threading.Timer(_STUCK_S, self._process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()

    def ask(self, what: str, **values: Any) -> Answer:
        self.tell(what, **values)
        return self.answer()

    def tell(self, what: str, **values: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"what": what, **values}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Answer:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerFailed(f"{self._module} ended with {self._process.wait()}")
        answer: Answer = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        if kind is not None:
            self._process.terminate()
        self._process.wait()
        self._watchdog.cancel()
        self._process.stdout.close()


def cpu_s() -> float:
    """CPU seconds of this process, all threads, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def obey(serve: Callable[[Callable[[], Awaitable[dict[str, Any] | None]]], Awaitable[None]]) -> None:
    """The side that answers: `serve(next_request)` runs in uvloop; next_request() gives None at the end of input."""

    async def run() -> None:
        reader = asyncio.StreamReader(limit=_LINE_BYTES)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

        async def next_request() -> dict[str, Any] | None:
            line = await reader.readline()
            return json.loads(line) if line else None

        await serve(next_request)

    uvloop.run(run())


def reply(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()
