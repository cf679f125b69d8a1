"""WebSockets: one direction speaks, and its end, from whichever side, is noticed at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

GOING_AWAY = 1001
TOO_SLOW = 1013  # "try again later": come back and be told the present state
BAD_LINK = 4401
FOREIGN_PAGE = 4403


async def serve_socket(socket: WebSocket, feed: Callable[[], Awaitable[int]]) -> None:
    """Runs `feed` until it returns a close code or the far side is gone. What the far side sends is read and dropped:
    a socket that nobody reads would not notice its own end."""
    feeding = asyncio.create_task(_quiet(feed), name="socket-feed")
    reading = asyncio.create_task(_until_gone(socket), name="socket-read")
    try:
        await asyncio.wait((feeding, reading), return_when=asyncio.FIRST_COMPLETED)
        if feeding.done() and not reading.done() and (code := feeding.result()) is not None:
            await socket.close(code)
    finally:
        for task in (feeding, reading):
            task.cancel()
        await asyncio.gather(feeding, reading, return_exceptions=True)


async def _quiet(feed: Callable[[], Awaitable[int]]) -> int | None:
    with contextlib.suppress(WebSocketDisconnect):  # gone while we spoke
        return await feed()
    return None


async def _until_gone(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
