"""`make run`: the demo facility left running. Its page has a button that makes the simulated terminal call."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Callable
from pathlib import Path

from gateway.api.services import DemoBusy
from gateway.app import Gateway
from gateway.demo.facility import Pair, demo_config, fund, pairs
from gateway.demo.peer import Event, peer
from gateway.money import Money

_TOP_UP = Money(20_000_000, "USD")
_LOW = Money(5_000_000, "USD")


class RingingTerminal:
    """Implements gateway.api.services.Demo: one terminal, one call at a time."""

    def __init__(self, pair: Pair, picture: Path) -> None:
        self._pair = pair
        self._picture = picture
        self._gateway: Gateway | None = None
        self._call: asyncio.Task[None] | None = None

    def join(self, gateway: Gateway) -> None:
        """The gateway it calls; known once that runs."""
        self._gateway = gateway

    async def ring(self) -> str:
        if self._gateway is None or (self._call and not self._call.done()):
            raise DemoBusy("the simulated terminal is in a visit")
        _, host, port = self._gateway.sip_addresses[0]
        await self._top_up(self._gateway)
        orders = {
            "gateway": f"{host}:{port}",
            "dialled": self._pair.number,
            "station": self._pair.station,
            "picture": str(self._picture),
        }
        self._call = asyncio.create_task(self._run(orders), name="demo terminal")
        return self._pair.contact

    async def close(self) -> None:
        if self._call:
            self._call.cancel()
            await asyncio.gather(self._call, return_exceptions=True)

    async def _run(self, orders: dict[str, str]) -> None:
        gone = asyncio.Event()

        def heard(event: Event) -> None:
            if event.kind == "gone":
                gone.set()

        async with peer("gateway.demo.terminal", orders, heard):
            await gone.wait()

    async def _top_up(self, gateway: Gateway) -> None:
        """Nobody's demonstration ends for want of play money."""
        account = await gateway.accounting.open_account(self._pair.account, _TOP_UP.currency)
        if account.available < _LOW:
            await fund(gateway.accounting, self._pair, _TOP_UP, key=f"run-{secrets.token_hex(8)}")


async def left_running(folder: Path, port: int, say: Callable[[str], None]) -> None:
    """Until Ctrl-C or SIGTERM."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - once, before anything runs
    config = demo_config(folder, http_port=port)
    (pair,) = pairs(config, 1)
    terminal = RingingTerminal(pair, folder / "terminal-saw.png")
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with Gateway(config, demo=terminal) as gateway:
        gateway.settle()
        terminal.join(gateway)
        say(f'Open {gateway.public_url}/demo and press "Ring me". Ctrl-C ends it.')
        try:
            await stop.wait()
        finally:
            await terminal.close()
