"""How the demonstration speaks with its simulated people, each a child process.

Its orders are one JSON object on standard input; what happens to it comes back as JSON lines on standard output. A
closed standard input means that the demonstration is gone: the child ends, nothing is left behind. Times are seconds
of the machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import Any

_STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What one side received of the other, told when its visit is over.

    video_sent, video_decoded: pictures. audio_*: blocks of 20 ms; audio_loudest: the loudest one decoded (RMS).
    mark_seen: pictures in which the other side was recognised.
    """

    video_sent: int = 0
    video_decoded: int = 0
    audio_sent: int = 0
    audio_decoded: int = 0
    audio_loudest: float = 0.0
    mark_seen: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a simulated person. kind is a closed word, values are small."""

    kind: str
    at_s: float
    values: dict[str, Any]

    @property
    def seen(self) -> Seen:
        """Of an event of the kind `seen`."""
        return Seen(**self.values)


def tell(kind: str, **values: Any) -> None:
    """In the child: report one event. The line is out when this returns."""
    line = {"kind": kind, "at_s": time.monotonic(), **values}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def tell_seen(seen: Seen) -> None:
    tell("seen", **asdict(seen))


async def orders() -> tuple[dict[str, Any], asyncio.Task[None]]:
    """In the child: its orders, and a task that is done when the demonstration wants it to stop."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    given: dict[str, Any] = json.loads(await reader.readline())

    async def until_closed() -> None:
        while await reader.readline():
            pass

    return given, asyncio.create_task(until_closed(), name="until the demonstration is gone")


class Peer:
    """A child process in the hands of the demonstration; `peer()` makes one."""

    def __init__(self, process: asyncio.subprocess.Process, orders_to: asyncio.StreamWriter) -> None:
        self._process = process
        self._orders = orders_to

    def kill(self) -> None:
        """End it at once, as a crash would."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def dismiss(self) -> None:
        """Let it finish: it tells what it has seen, and ends."""
        self._orders.close()


@contextlib.asynccontextmanager
async def peer(module: str, given: dict[str, Any], heard: Callable[[Event], None]) -> AsyncIterator[Peer]:
    """Runs `python -m module` with these orders. `heard` gets its events, last of all one of the kind `gone`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a child process without pipes")
    process.stdin.write(json.dumps(given).encode() + b"\n")
    child = Peer(process, process.stdin)
    reading = asyncio.create_task(_read(process, process.stdout, heard), name=f"events of {module}")
    try:
        yield child
    finally:
        child.dismiss()
        done, _ = await asyncio.wait([reading], timeout=_STOP_S)
        if not done:
            child.kill()
        await reading


async def _read(
    process: asyncio.subprocess.Process, lines: asyncio.StreamReader, heard: Callable[[Event], None]
) -> None:
    async for line in lines:
        values = json.loads(line)
        heard(Event(values.pop("kind"), values.pop("at_s"), values))
    heard(Event("gone", time.monotonic(), {"exit_code": await process.wait()}))
