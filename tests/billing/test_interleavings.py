"""Visits beside each other on one account, from several gateways at once: no cent is spent twice, nothing is lost.

Each interleaving has an account of its own, three gateways with a connection each, and a seed that decides who does
what after whom; the databases' own threads and locks do the rest. 100 of them in the suite, 1,000 in `pytest -m soak`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

import pytest

from gateway.billing.accounting import Accounting
from gateway.billing.cdr import Cdr
from gateway.billing.rules import AccountRules
from gateway.call.summary import HoldGranted
from gateway.money import Money
from tests.billing.stage import accounting_on, intent, proof, summary, usd

T = TypeVar("T")
NODES = ("node1", "node2", "node3")
VISITS = 3
SLICES = AccountRules(slice_s=15, least_slice_s=5, low_balance="0")
NOTHING = Money(0, "USD")


@pytest.mark.parametrize("interleavings", [60, pytest.param(1000, marks=pytest.mark.soak)])
async def test_parallel_visits_on_one_account_never_overspend(database_url, interleavings):
    async with AsyncExitStack() as stack:
        gateways = [await stack.enter_async_context(accounting_on(database_url, node, SLICES)) for node in NODES]
        read = dict.fromkeys(NODES, 0)
        for seed in range(interleavings):
            await one_interleaving(gateways, seed, read)
        assert await gateways[0].verify_books() == ()
        for node in NODES:
            report = await gateways[0].verify_chain(node)
            assert report.sound, report.problems


async def one_interleaving(gateways: list[Accounting], seed: int, read: dict[str, int]) -> None:
    """read: how far each node's records have been read."""
    chance = random.Random(seed)
    account, paid_in = f"family-{seed}", Money(chance.randint(1, 200_000), "USD")
    await gateways[0].open_account(account)
    await gateways[0].deposit(account, paid_in, key=f"{seed}:first")
    later = Money(chance.randint(1, 60_000), "USD")
    lanes: list[Awaitable[None]] = [
        a_visit(gateways, f"{seed}:{number}", account, random.Random(f"{seed}:{number}")) for number in range(VISITS)
    ]
    lanes.append(a_deposit(gateways, account, later, f"{seed}:later", chance))
    await asyncio.gather(*lanes)
    cdrs = [each for node in NODES for each in await gateways[0].cdrs(since=read[node], node=node)]
    read.update({each.node: each.sequence for each in cdrs})  # in order, so the last one stays
    assert sorted(each.visit_id for each in cdrs) == [f"{seed}:{number}" for number in range(VISITS)]
    await assert_every_cent_is_there(gateways[0], account, cdrs, paid_in + later)


async def a_visit(gateways: list[Accounting], visit_id: str, account: str, chance: random.Random) -> None:
    """Asks, grows by slices, proves that it lives, and ends; each question sometimes twice, through two gateways."""
    node = chance.choice(NODES)
    asked = intent(visit_id, node=node, account=account, max_seconds=chance.randint(1, 120))
    answer = await asked_again(gateways, chance, lambda each: each.authorise(asked))
    has_s = 0
    while isinstance(answer, HoldGranted) and answer.seconds > has_s and chance.random() < 0.7:
        has_s = answer.seconds
        await chance.choice(gateways).alive((proof(visit_id, chance.randint(0, has_s)),))
        answer = await asked_again(gateways, chance, lambda each: each.extend(visit_id, has_s))  # noqa: B023 - awaited
    used = chance.randint(0, 150)
    await asked_again(gateways, chance, lambda each: each.close(summary(visit_id, used)))


async def asked_again(
    gateways: list[Accounting], chance: random.Random, ask: Callable[[Accounting], Awaitable[T]]
) -> T:
    """The answers to a question that arrives twice are of one mind, but for the time at which they were given."""
    first, second = chance.sample(gateways, 2)
    if chance.random() < 0.7:
        return await ask(first)
    answers = await asyncio.gather(ask(first), ask(second))
    return answers[0]


async def a_deposit(gateways: list[Accounting], account: str, amount: Money, key: str, chance: random.Random) -> None:
    """It arrives twice as well, and counts once."""
    await asyncio.gather(*(each.deposit(account, amount, key=key) for each in chance.sample(gateways, 2)))


async def assert_every_cent_is_there(gateway: Accounting, account: str, cdrs: list[Cdr], paid_in: Money) -> None:
    for each in cdrs:
        assert each.charged <= usd(each.hold_amount)
    spent = sum((each.charged for each in cdrs), NOTHING)
    assert spent <= paid_in
    found = await gateway.account(account)
    assert (found.balance, found.held) == (paid_in - spent, NOTHING)
    ledger = await gateway.ledger(account)
    assert sum((each.amount for each in ledger), NOTHING) == found.balance
