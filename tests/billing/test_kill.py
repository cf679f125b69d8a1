"""kill -9 of gateways, and of the database under them, at random moments among 200 visits: nothing lost or doubled."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.billing.cdr import Cdr
from gateway.billing.rating import charge
from tests.billing.stage import START, accounting_on, demo_tariffs, usd
from tests.support.postgres import PostgresServer

ROOT = Path(__file__).parents[2]
NODES = ("node1", "node2")


@dataclass
class Told:
    """What the gateways said before they died. proving: the last proof that was about to be given; proven: answered."""

    begun: set[str] = field(default_factory=set)
    proving: dict[str, int] = field(default_factory=dict)
    proven: dict[str, int] = field(default_factory=dict)
    closed: dict[str, int] = field(default_factory=dict)

    def hear(self, line: str) -> None:
        what, visit_id, *number = line.split()
        if what == "begun":
            self.begun.add(visit_id)
        else:
            {"proving": self.proving, "proven": self.proven, "closed": self.closed}[what][visit_id] = int(number[0])


class Gateway:
    """A process that is started, killed and started again under the name of one node."""

    def __init__(self, url: str, node: str, told: Told, heard: asyncio.Condition) -> None:
        self._url, self._node, self._told, self._heard = url, node, told, heard
        self._runs = 0

    async def start(self) -> None:
        self._runs += 1
        command = [sys.executable, "-m", "tests.billing.stubborn_node", self._url, self._node, str(self._runs)]
        self._process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        self._listening = asyncio.create_task(self._listen())

    async def kill(self) -> None:
        """All that it said before is heard."""
        self._process.kill()
        await self._listening
        assert await self._process.wait() == -9, "the gateway ended by itself"

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if not line.endswith(b"\n"):
                return  # killed in the middle of a word
            self._told.hear(line.decode())
            async with self._heard:
                self._heard.notify_all()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("visits", "kills"), [(120, 4), pytest.param(1000, 40, marks=pytest.mark.soak)])
async def test_gateways_and_their_server_killed_among_many_visits(visits, kills):
    with PostgresServer(durable=True) as server:

        async def kill_the_server() -> None:
            server.kill()
            await asyncio.to_thread(server.start)

        await kill_among_visits(server.new_database(), random.Random(visits), visits, kills, kill_the_server)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_gateways_killed_among_many_visits_on_one_file(tmp_path):
    await kill_among_visits(f"sqlite:///{tmp_path}/k.db", random.Random(1), 200, 12, None)


async def kill_among_visits(
    url: str, chance: random.Random, visits: int, kills: int, kill_the_server: Callable[[], Awaitable[None]] | None
) -> None:
    told, heard = Told(), asyncio.Condition()

    async def until_begun(count: int) -> None:
        async with heard, asyncio.timeout(120):
            await heard.wait_for(lambda: len(told.begun) >= count)

    async with accounting_on(url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("500.00"), key="first")
    gateways = [Gateway(url, node, told, heard) for node in NODES]
    async with AsyncExitStack() as stack:
        for each in gateways:
            await each.start()
            stack.push_async_callback(each.kill)
        for number in range(kills):
            await until_begun(visits * (number + 1) // (kills + 1) + chance.randint(0, 5))
            if kill_the_server is not None and number % 2:
                await kill_the_server()
            else:
                victim = chance.choice(gateways)
                await victim.kill()
                await victim.start()
        await until_begun(visits)
    await assert_all_is_there_once(url, told)


async def assert_all_is_there_once(url: str, told: Told) -> None:
    async with accounting_on(url) as accounting:
        for node in NODES:
            await accounting.recover(node, START + timedelta(hours=1))
        cdrs = [each for node in NODES for each in await accounting.cdrs(node=node, limit=1_000_000)]
        by_visit = {each.visit_id: each for each in cdrs}
        assert len(by_visit) == len(cdrs)
        assert told.begun <= set(by_visit)
        for node in NODES:
            assert [each.sequence for each in cdrs if each.node == node] == list(
                range(1, 1 + sum(each.node == node for each in cdrs))
            )
            report = await accounting.verify_chain(node)
            assert report.sound, report.problems
        for each in cdrs:
            assert_fair(each, told)
        total = sum((each.charged for each in cdrs), usd("0"))
        account = await accounting.account("family-1")
        assert (account.balance, account.held) == (usd("500.00") - total, usd("0"))
        assert await accounting.verify_books() == ()
        assert {each.reason for each in cdrs} == {"family_left", "node_crash"}


def assert_fair(cdr: Cdr, told: Told) -> None:
    """What was told as closed stays so; a crashed visit is charged up to its last proof of life and no further."""
    tariff = demo_tariffs().in_force("demo-video", START)
    if cdr.visit_id in told.closed:
        assert cdr.charged.micros == told.closed[cdr.visit_id]
    if cdr.reason == "node_crash":
        most, least = told.proving.get(cdr.visit_id, 0), told.proven.get(cdr.visit_id, 0)
        assert least <= cdr.billable_s <= most
        assert cdr.charged == charge(tariff, cdr.billable_s).total
