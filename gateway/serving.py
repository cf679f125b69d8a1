"""`kinbridge serve`: a gateway that runs until it is told to stop, and takes other rules when it is told so."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.app import Gateway
from gateway.config import Config


async def serve(config: Config, say: Callable[[str], None]) -> None:
    """Until SIGTERM or SIGINT; drains for `limits.drain_s`, or not at all when the signal comes twice."""
    wishes: asyncio.Queue[None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, wishes.put_nowait, None)
    gateway = Gateway(config)
    loop.add_signal_handler(signal.SIGHUP, gateway.reload_soon)
    async with gateway:
        gateway.settle()
        say(f"family page and API: {gateway.public_url}")
        for transport, host, port in gateway.sip_addresses:
            say(f"SIP: {host}:{port}/{transport}")
        await _first(wishes.get(), gateway.failed())
        say(f"stopping: visits may end within {config.limits.drain_s:.0f} s (again: at once)")
        await _first(gateway.drain(config.limits.drain_s), wishes.get())


async def _first(*waits: Coroutine[Any, Any, None]) -> None:
    """Ends with the first of them, raising what it raised; the others are cancelled."""
    tasks = [asyncio.create_task(each, name="serve") for each in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
