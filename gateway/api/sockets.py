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


async def serve_socket(
    socket: WebSocket, feed: Callable[[], Awaitable[int]], over: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Runs `feed` until it returns a close code, the far side is gone, or `over` returns: the right to it has ended.

    What the far side sends is read and dropped: a socket that nobody reads would not notice its own end.
    """
    feeding = asyncio.create_task(_quiet(feed), name="socket-feed")
    reading = asyncio.create_task(_until_gone(socket), name="socket-read")
    tasks: list[asyncio.Task[int | None]] = [feeding, reading]
    if over is not None:
        tasks.append(asyncio.create_task(_until_over(over), name="socket-right"))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        codes = [code for each in tasks if each in done and (code := each.result()) is not None]
        if codes and not reading.done():
            await socket.close(codes[-1])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until_over(over: Callable[[], Awaitable[None]]) -> int:
    await over()
    return BAD_LINK


async def _quiet(feed: Callable[[], Awaitable[int]]) -> int | None:
    with contextlib.suppress(WebSocketDisconnect):  # gone while we spoke
        return await feed()
    return None


async def _until_gone(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
