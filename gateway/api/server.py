"""The HTTP server: uvicorn inside our own loop and task group.

uvicorn writes the address of each request and of each WebSocket to its log, tokens included. Its access log is off, and
its loggers speak from WARNING on, whatever the level of the rest; our own line (gateway/api/access.py) names routes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp

from gateway.errors import PortTaken

TALKATIVE = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "websockets", "websockets.server")


class HttpServer:
    """async with HttpServer(create_app(services), "127.0.0.1", 8080) as server: ...

    port 0: the system chooses; `port` says which one it became. Entering raises PortTaken.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, *, stop_s: int = 5) -> None:
        self.host = host
        self.port = port
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="websockets-sansio",
            ws_max_size=64 * 1024,
            ws_ping_interval=15,
            ws_ping_timeout=15,
            timeout_graceful_shutdown=stop_s,
        )
        self._server = _Server(config)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        for name in TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
        self._socket = self._listen()
        self.port = self._socket.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve([self._socket]), name="http")
        started = asyncio.create_task(self._server.up.wait(), name="http-start")
        await asyncio.wait((self._task, started), return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._task.done():
            self._task.result()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self.host, self.port))
        except OSError as error:
            listening.close()
            raise PortTaken(
                f"HTTP cannot listen on {self.host}:{self.port} ({error.strerror}); stop what listens there, "
                "or set http.port to a free port (0: the system chooses)"
            ) from None
        return listening


class _Server(uvicorn.Server):
    """Signals belong to the composition root, and whoever starts us wants to know when we listen."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None, **more: Any) -> None:
        await super().startup(sockets, **more)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
