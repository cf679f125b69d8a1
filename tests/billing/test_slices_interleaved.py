"""Two nodes, one database, one account: whatever comes between what, the same cent is never reserved twice."""

from __future__ import annotations

import asyncio
import random

import pytest

from gateway.billing.accounting import Accounting
from gateway.billing.rules import AccountRules
from gateway.call.summary import HoldGranted, HoldRefused
from gateway.money import Money
from gateway.policy.decision import Payer
from tests.billing.stage import accounting_on, assert_books_and_chain_sound, intent, summary, usd

SLICES = AccountRules(slice_s=30, least_slice_s=5, low_balance="0")
SHARED = (Payer("family-1", 60), Payer("inside", 40))
SWAPPED = (Payer("inside", 50), Payer("family-1", 50))  # the other order: locks must not wait in a circle


class Visitor:
    """One visit from its beginning to its end, with as many slices as it gets."""

    def __init__(self, accounting: Accounting, node: str, visit_id: str, chance: random.Random) -> None:
        self._accounting, self._node, self._visit_id, self._chance = accounting, node, visit_id, chance
        self.has_s = 0

    async def live(self) -> None:
        payers = self._chance.choice([(), SHARED, SWAPPED])
        account = payers[0].account if payers else "family-1"
        limit_s = self._chance.randint(20, 200)
        wanted = intent(self._visit_id, node=self._node, account=account, payers=payers, max_seconds=limit_s)
        answer: HoldGranted | HoldRefused = await self._accounting.authorise(wanted)
        while isinstance(answer, HoldGranted) and self.has_s < answer.seconds:
            self.has_s = answer.seconds
            if self._chance.random() < 0.3:
                break
            answer = await self._accounting.extend(self._visit_id, self.has_s)
        await self._accounting.close(summary(self._visit_id, self._chance.randint(0, 250)))


async def interleave(url: str, visits: int, seed: int) -> None:
    chance = random.Random(seed)
    async with accounting_on(url, "node1", SLICES) as one, accounting_on(url, "node2", SLICES) as two:
        paid_in = 0
        for name in ("family-1", "inside"):
            await one.open_account(name)
            await one.deposit(name, usd("1.50"), f"first {name}")
            paid_in += usd("1.50").micros
        visitors = [
            Visitor(node, name, f"v{seed}-{number}", chance)
            for number in range(visits)
            for node, name in [chance.choice([(one, "node1"), (two, "node2")])]
        ]
        for at_once in range(0, visits, 10):  # ten at a time, and money that comes in between
            await asyncio.gather(
                *(each.live() for each in visitors[at_once : at_once + 10]),
                one.deposit("family-1", usd("0.10"), f"d{at_once}"),
            )
            paid_in += usd("0.10").micros

        cdrs = [*await one.cdrs(limit=1000, node="node1"), *await one.cdrs(limit=1000, node="node2")]
        assert len(cdrs) == visits
        has_s = {each._visit_id: each.has_s for each in visitors}
        assert all(each.billable_s <= has_s[each.visit_id] for each in cdrs)
        assert all(each.charged <= Money.parse(each.hold_amount, "USD") for each in cdrs)
        accounts = {each.account_id: each for each in await one.accounts()}
        left = accounts["family-1"].balance.micros + accounts["inside"].balance.micros
        assert left == paid_in - sum(each.charged.micros for each in cdrs)
        assert all(each.held.micros == 0 for each in accounts.values())
        assert all(accounts[each].balance.micros >= 0 for each in ("family-1", "inside"))
        await assert_books_and_chain_sound(one)


async def test_visits_of_two_nodes_share_accounts_in_any_order(database_url: str) -> None:
    await interleave(database_url, visits=40, seed=20260105)


@pytest.mark.soak
async def test_a_thousand_visits_share_accounts_in_any_order(database_url: str) -> None:
    await interleave(database_url, visits=1000, seed=20260106)
