"""kill -9 of PostgreSQL in the middle of visits, and its return: what was said to be written is there, once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

import pytest

from gateway.billing.accounting import Accounting
from gateway.errors import StoreUnavailable
from gateway.money import Money
from tests.billing.stage import accounting_on, intent, proof, summary, usd
from tests.support.postgres import PostgresServer

T = TypeVar("T")
NODES = ("node1", "node2")
LANES = 4  # visits at a time on each node


@pytest.mark.parametrize("kills", [2, pytest.param(15, marks=pytest.mark.soak)])
async def test_a_server_killed_in_mid_visit_loses_and_doubles_nothing(kills):
    chance = random.Random(kills)
    with PostgresServer(durable=True) as server:
        url = server.new_database()
        async with AsyncExitStack() as stack:
            gateways = [await stack.enter_async_context(accounting_on(url, node)) for node in NODES]
            for gateway, node in zip(gateways, NODES, strict=True):
                assert await gateway.recover(node, gateway._clock.now()) == []
            await gateways[0].open_account("family-1")
            await gateways[0].deposit("family-1", usd("500.00"), key="first")
            town = Town(gateways)
            async with asyncio.TaskGroup() as group:
                town.open(group)
                for _ in range(kills):
                    await town.closed_more(chance.randint(3, 25))
                    server.kill()
                    await town.refused_more(2)
                    await asyncio.to_thread(server.start)
                await town.closed_more(10)
                town.going_home = True
            await assert_nothing_is_lost(gateways[0], town)


class Town:
    """Visits that begin, live and end without pause, each step repeated until the database has it."""

    def __init__(self, gateways: list[Accounting]) -> None:
        self.gateways = gateways
        self.charged: dict[str, Money] = {}  # what close answered, by visit
        self.refused = 0
        self.going_home = False
        self._changed = asyncio.Condition()

    def open(self, group: asyncio.TaskGroup) -> None:
        for gateway, node in zip(self.gateways, NODES, strict=True):
            for lane in range(LANES):
                group.create_task(self._lane(gateway, node, f"{node}-{lane}"))

    async def closed_more(self, count: int) -> None:
        wanted = len(self.charged) + count
        async with self._changed, asyncio.timeout(60):
            await self._changed.wait_for(lambda: len(self.charged) >= wanted)

    async def refused_more(self, count: int) -> None:
        wanted = self.refused + count
        async with self._changed, asyncio.timeout(60):
            await self._changed.wait_for(lambda: self.refused >= wanted)

    async def _lane(self, gateway: Accounting, node: str, name: str) -> None:
        number = 0
        while not self.going_home:
            visit_id = f"{name}-{number}"
            asked = intent(visit_id, node=node, max_seconds=60)
            await self._done(lambda: gateway.authorise(asked))  # noqa: B023 - awaited before the next turn
            await self._done(lambda: gateway.alive((proof(visit_id, 20),)))  # noqa: B023 - awaited
            receipt = await self._done(lambda: gateway.close(summary(visit_id, 30)))  # noqa: B023 - awaited
            async with self._changed:
                self.charged[visit_id] = receipt.charged
                self._changed.notify_all()
            number += 1

    async def _done(self, ask: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await ask()
            except StoreUnavailable:
                async with self._changed:
                    self.refused += 1
                    self._changed.notify_all()
                await asyncio.sleep(0.02)  # as often as a gateway asks, and more


async def assert_nothing_is_lost(gateway: Accounting, town: Town) -> None:
    cdrs = [each for node in NODES for each in await gateway.cdrs(node=node, limit=100_000)]
    assert {each.visit_id: each.charged for each in cdrs} == town.charged
    assert len(cdrs) == len(town.charged)
    account = await gateway.account("family-1")
    assert (account.held, account.balance) == (usd("0"), usd("500.00") - sum(town.charged.values(), usd("0")))
    assert await gateway.verify_books() == ()
    for node in NODES:
        report = await gateway.verify_chain(node)
        assert report.sound, report.problems
