"""A gateway process whose visits outlive a database that goes away: it repeats each step. Run by test_kill.

python -m tests.billing.stubborn_node URL NODE RUN

It recovers what the process before it left, then has six visits at a time, and tells of each, a line each:
    begun ID | proving ID SECONDS (about to) | proven ID SECONDS (answered) | closed ID MICROS
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.billing.accounting import Accounting
from gateway.clock import ManualClock
from gateway.errors import StoreError, StoreUnavailable
from gateway.store import Store
from tests.billing.stage import START, WHOLE_VISITS, demo_tariffs, intent, proof, summary

T = TypeVar("T")
LANES = 6
_PAUSE_S = 0.02


async def done(ask: Callable[[], Awaitable[T]], until_gone: type[StoreError] = StoreUnavailable) -> T:
    """until_gone: what is waited out."""
    while True:
        try:
            return await ask()
        except until_gone:
            await asyncio.sleep(_PAUSE_S)


async def lane(accounting: Accounting, node: str, name: str) -> None:
    chance = random.Random(name)
    for number in itertools.count():
        visit_id, proofs = f"{name}-{number}", chance.randint(0, 5)
        asked = intent(visit_id, node=node, max_seconds=60)
        await done(lambda: accounting.authorise(asked))  # noqa: B023 - awaited before the next turn
        print("begun", visit_id, flush=True)
        for seconds in range(10, 10 * proofs + 1, 10):
            print("proving", visit_id, seconds, flush=True)
            await done(lambda: accounting.alive((proof(visit_id, seconds),)))  # noqa: B023 - awaited
            print("proven", visit_id, seconds, flush=True)
        used = 10 * proofs + chance.randint(0, 5)
        receipt = await done(lambda: accounting.close(summary(visit_id, used)))  # noqa: B023 - awaited
        print("closed", visit_id, receipt.charged.micros, flush=True)


async def main(url: str, node: str, run: str) -> None:
    store = Store(url)
    await done(store.open)  # the server may be away just now
    accounting = Accounting(store, demo_tariffs(), node=node, clock=ManualClock(START), rules=WHOLE_VISITS)
    # the server has yet to notice that the process before this one is gone: its claim is waited out
    await done(lambda: accounting.recover(node, START), StoreError)
    async with asyncio.TaskGroup() as group:
        for number in range(LANES):
            group.create_task(lane(accounting, node, f"{node}-{run}-{number}"))


asyncio.run(main(*sys.argv[1:]))
