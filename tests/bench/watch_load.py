"""Officers' browsers: one for each visit, which receive and count."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.bench.worker import obey, reply
from tests.support.watching_peer import WatchingPeer


async def serve(next_request: Callable[[], Awaitable[dict[str, Any] | None]]) -> None:
    peers: list[WatchingPeer] = []
    arrived = 0

    def count(_packet: bytes) -> None:
        nonlocal arrived
        arrived += 1

    while (request := await next_request()) is not None:
        if request["what"] == "offer":
            peers = [WatchingPeer() for _ in range(request["visits"])]
            for peer in peers:
                peer.on_rtp = count
            reply(offers=[await peer.wish() for peer in peers])
        elif request["what"] == "connect":
            for peer, answer in zip(peers, request["answers"], strict=True):
                peer.accept(answer)
            async with asyncio.timeout(30):
                for peer in peers:
                    await peer.connected.wait()
            reply()
        else:
            reply(arrived=arrived)
    for peer in peers:
        await peer.close()


if __name__ == "__main__":
    obey(serve)
