"""A receiver of webhooks: a real HTTP server that keeps what it was sent and answers as it is told.

async with WebhookReceiver(answers=[503, 500]) as receiver:    # then 204 for ever
    ...
    assert [each.path for each in receiver.got] == ["/hook"]
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from standardwebhooks.webhooks import Webhook

from tests.support.waiting import until


@dataclass(frozen=True)
class Posted:
    """One request. headers: names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> object:
        """The message, as the library of Standard Webhooks takes it. Raises when signature or time are wrong."""
        return Webhook(secret).verify(self.body, self.headers)


class WebhookReceiver:
    """answers: the status of each request in turn, or a whole answer; `hang`: no answer at all."""

    hang = b"hang"

    def __init__(self, answers: Iterable[int | bytes] = (), tls: ssl.SSLContext | None = None) -> None:
        self.got: list[Posted] = []
        self.most_at_once = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self._answers = list(answers)
        self._tls = tls
        self._now = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hold.set()
        self._server.close()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/hook"

    def recovers(self) -> None:
        """From now on it takes everything."""
        self._answers.clear()

    async def has(self, number: int) -> list[Posted]:
        async def enough() -> bool:
            return len(self.got) >= number

        await until(enough, f"{number} messages at the receiver (it has {len(self.got)})")
        return self.got

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                posted = await _read(reader)
                self.got.append(posted)
                self._now += 1
                self.most_at_once = max(self.most_at_once, self._now)
                answer = self._answers.pop(0) if self._answers else 204
                await self.hold.wait()
                self._now -= 1
                if answer == self.hang:
                    await reader.read()
                    break
                writer.write(_answer(answer) if isinstance(answer, int) else answer)
                await writer.drain()
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Posted:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return Posted(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def _answer(status: int) -> bytes:
    return f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n".encode()
