"""Everything that moves money at once, from two nodes on one database: whoever is first, the books add up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.billing.accounting import Accounting
from gateway.billing.rerating import Asked, Rerating
from gateway.call.summary import HoldGranted, HoldRefused, ProofOfLife
from gateway.clock import ManualClock
from gateway.errors import BillingError
from gateway.money import Money
from gateway.policy.decision import Payer
from gateway.store import AccountKind, Store
from tests.billing.any_order import BEGINNINGS, FREE, MENDED, NODES, RULES, ZONES, priced
from tests.billing.books_checks import Snapshot, check, check_end
from tests.billing.stage import at, intent, summary

ACCOUNTS = ("family", "inside", "grandma")
PAYERS = (
    (Payer("family", 100),),
    (Payer("inside", 60), Payer("family", 40)),
    (Payer("grandma", 34), Payer("inside", 33), Payer("family", 33)),
)


class Crowd:
    """Visits, and people who pay in and out, correct, close and look through, each from either node."""

    def __init__(self, stores: tuple[Store, Store], folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock = ManualClock(BEGINNINGS[0])
        self.stores = stores
        self.tariffs = [priced(folder, each) for each in MENDED]
        self.books = [
            Accounting(store, self.tariffs[0], node=node, clock=self.clock, rules=RULES)
            for store, node in zip(stores, NODES, strict=True)
        ]
        self.cash = 0
        self.has: dict[str, int] = {}
        self.over: list[str] = []

    def either(self) -> Accounting:
        return self.chance.choice(self.books)

    async def open(self) -> None:
        for name in ACCOUNTS:
            await self.books[0].open_account(name, kind=AccountKind.PREPAID)
            await self.books[0].deposit(name, Money(3_000_000, "USD"), f"first {name}")
            self.cash += 3_000_000

    async def visit(self, number: int) -> None:
        """With as many slices as it gets; it ends, dies, or is closed by several at once."""
        place, visit_id, payers = self.chance.randrange(2), f"v{number}", self.chance.choice(PAYERS)
        books, facility = self.books[place], self.chance.choice(sorted(ZONES))
        wanted = intent(
            visit_id,
            node=NODES[place],
            facility=facility,
            timezone=ZONES[facility],
            account=payers[0].account,
            payers=payers,
            tariff=self.chance.choice(["plain", "daily", "weekly", "visit"]),
            max_seconds=self.chance.randint(20, 200),
            setup_at=self.clock.now(),
        )
        self.has[visit_id] = 0
        answer: HoldGranted | HoldRefused = await books.authorise(wanted)
        while isinstance(answer, HoldGranted) and self.has[visit_id] < answer.seconds:
            self.has[visit_id] = answer.seconds
            if self.chance.random() < 0.4:
                break
            answer = await books.extend(visit_id, self.has[visit_id])
        now, used_s = self.clock.now(), self.chance.randint(0, 220)
        await books.alive((ProofOfLife(visit_id, now, now, now, now, used_s, 0),))
        if self.chance.random() < 0.2:
            return  # it dies: somebody will find it silent
        late = summary(visit_id, used_s, ended_at=now)
        receipts = await asyncio.gather(*(each.close(late) for each in self.books))
        assert receipts[0] == receipts[1]
        self.over.append(visit_id)

    async def deposit(self, number: int) -> None:
        """The same card, from both nodes at once."""
        name, amount = self.chance.choice(ACCOUNTS), Money(self.chance.randint(1, 300_000), "USD")
        sent = (each.deposit(name, amount, f"d{number}") for each in self.books)
        done = await asyncio.gather(*sent, return_exceptions=True)
        if not isinstance(done[0], BillingError) or not isinstance(done[1], BillingError):
            self.cash += amount.micros

    async def withdraw(self, number: int) -> None:
        name, amount = self.chance.choice(ACCOUNTS), Money(self.chance.randint(1, 600_000), "USD")
        await self.either().withdraw(name, amount, f"w{number}")
        self.cash -= amount.micros

    async def credit(self, number: int) -> None:
        """Two hands credit one visit, by one key or by two."""
        visit_id, amount = self.chance.choice(self.over), Money(self.chance.randint(1, 90_000), "USD")
        keys = (f"c{number}", self.chance.choice([f"c{number}", f"e{number}"]))
        both = zip(self.books, keys, strict=True)
        await asyncio.gather(*(books.credit(f"cdr:{visit_id}", amount, "test", key) for books, key in both))

    async def rerate(self, number: int) -> None:
        place = self.chance.randrange(2)
        tariffs, asked = self.chance.choice(self.tariffs), Asked(at(-86_400), at(86_400_000), dearer_too=True)
        rerating = Rerating(self.stores[place], tariffs, node=NODES[place], clock=self.clock, rules=RULES)
        async for _ in rerating.corrected(asked, f"r{number}", "test", "me"):
            pass

    async def expire(self, _: int) -> None:
        await self.clock.advance(self.chance.randint(1, 400))
        await self.either().expire(600, ())

    async def limit(self, _: int) -> None:
        day = self.chance.choice([None, Money(2_000_000, "USD")])
        await self.either().set_limits(self.chance.choice(ACCOUNTS), day, None, None)

    async def close_account(self, _: int) -> None:
        await self.either().close_account("grandma", refund=True)

    async def acts(self, count: int) -> None:
        """Twelve acts at a time."""
        acts: list[tuple[Callable[[int], Awaitable[None]], int]] = [
            (self.visit, 10), (self.deposit, 3), (self.withdraw, 3), (self.credit, 4), (self.rerate, 1),
            (self.expire, 2), (self.limit, 1),
        ]  # fmt: skip
        for first in range(0, count, 12):
            chosen = self.chance.choices([each for each, _ in acts], [weight for _, weight in acts], k=12)
            if first > count // 2:
                chosen.append(self.close_account)
            await asyncio.gather(*(self.try_to(act, first + number) for number, act in enumerate(chosen)))

    async def try_to(self, act: Callable[[int], Awaitable[None]], number: int) -> None:
        """What cannot be done is refused in words; nothing else goes wrong."""
        try:
            await act(number)
        except BillingError:
            pass
        except IndexError:
            assert not self.over, "no visit is over yet"

    async def finish(self) -> None:
        await self.clock.advance(5000)
        await asyncio.gather(*(each.expire(600, ()) for each in self.books))
        accounts = await self.books[0].accounts()
        ledgers = {each.account_id: await self.books[0].ledger(each.account_id, limit=100_000) for each in accounts}
        refunds = [e.amount.micros for e in ledgers["grandma"] if e.movement.movement_id.startswith("refund:")]
        found = Snapshot(
            accounts={each.account_id: each for each in accounts},
            ledgers=ledgers,
            records={node: await self.books[0].cdrs(limit=100_000, node=node) for node in NODES},
            problems=await self.books[0].verify_books(),
            low_marks={each.account_id: RULES.low_mark("USD") for each in accounts},
            has=self.has,
        )
        check(found, self.cash + sum(refunds), FREE)
        await check_end(self.stores[0], found, self.clock.now())


async def play(url: str, folder: Path, *, acts: int, seed: int) -> None:
    async with Store(url) as one, Store(url) as two:
        crowd = Crowd((one, two), folder, seed)
        await crowd.open()
        await crowd.acts(acts)
        await crowd.finish()


async def test_two_nodes_move_money_at_once(database_url: str, tmp_path: Path) -> None:
    await play(database_url, tmp_path, acts=96, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(2, 7))
async def test_two_nodes_move_money_at_once_for_long(database_url: str, tmp_path: Path, seed: int) -> None:
    await play(database_url, tmp_path, acts=480, seed=seed)
