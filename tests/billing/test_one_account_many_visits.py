"""Two visits at once can never spend the same cent."""

import asyncio
import random

import pytest

from gateway.call.summary import HoldGranted
from gateway.money import Money
from tests.billing import stage
from tests.billing.stage import (
    accounting_on,
    accounting_with,
    assert_books_and_chain_sound,
    granted,
    intent,
    summary,
    usd,
)

pytestmark = pytest.mark.usefixtures("each_database")


async def test_the_second_visit_gets_only_what_the_first_left():
    async with accounting_with("3.30") as accounting:
        first, second = await asyncio.gather(granted(accounting, "v1"), granted(accounting, "v2"))
        assert (first.amount, second.amount) == (usd("3.20"), usd("0.098666"))
        assert second.seconds == 37


async def test_fifty_visits_at_once_reserve_no_cent_twice():
    async with accounting_with("10.00") as accounting:
        answers = await asyncio.gather(*(accounting.authorise(intent(f"v{n}")) for n in range(50)))
        holds = [each for each in answers if isinstance(each, HoldGranted)]

        assert [each.amount for each in holds] == [usd("3.20")] * 3 + [usd("0.40")]
        assert (await accounting.account("family-1")).available == usd("0")


async def test_two_gateways_on_one_database_reserve_no_cent_twice():
    url = stage.new_database()
    async with accounting_on(url, "node1") as one, accounting_on(url, "node2") as two:
        await one.open_account("family-1")
        await one.deposit("family-1", usd("1.00"), key="k")
        asked = [one.authorise(intent(f"a{n}", max_seconds=60)) for n in range(20)]
        asked += [two.authorise(intent(f"b{n}", node="node2", max_seconds=60)) for n in range(20)]
        answers = await asyncio.gather(*asked)
        holds = [each.amount for each in answers if isinstance(each, HoldGranted)]

        assert sorted(each.micros for each in holds) == [40_000] + [160_000] * 6
        await asyncio.gather(
            *(one.close(summary(f"a{n}", 60)) for n in range(20)), *(two.close(summary(f"b{n}", 60)) for n in range(20))
        )
        assert await one.balance("family-1") == usd("0")
        assert await one.verify_books() == ()
        for node in ("node1", "node2"):
            report = await one.verify_chain(node)
            assert (report.records, report.problems) == (20, ())


async def test_random_interleavings_never_overspend_and_always_add_up():
    """Visits begin and end in any order, with deposits between; seeded, so that a failure can be run again."""
    chance = random.Random(20260105)
    async with accounting_with("2.00") as accounting:
        paid_in, running, tasks = usd("2.00"), [], []
        for step in range(300):
            what = chance.random()
            if what < 0.5:
                running.append(f"v{step}")
                tasks.append(accounting.authorise(intent(f"v{step}", max_seconds=chance.randint(1, 600))))
            elif what < 0.9 and running:
                visit_id = running.pop(chance.randrange(len(running)))
                tasks.append(accounting.close(summary(visit_id, chance.randint(0, 700))))
            else:
                paid_in += usd("0.25")
                tasks.append(accounting.deposit("family-1", usd("0.25"), key=f"d{step}"))
        await asyncio.gather(*tasks)
        await asyncio.gather(*(accounting.close(summary(each, 30)) for each in running))

        cdrs = await accounting.cdrs(limit=1000)
        spent = sum((each.charged for each in cdrs), Money(0, "USD"))
        account = await accounting.account("family-1")
        assert spent <= paid_in
        assert account.balance == paid_in - spent
        assert account.held == usd("0")
        assert [each.sequence for each in cdrs] == list(range(1, len(cdrs) + 1))
        assert all(each.charged <= usd(each.hold_amount) for each in cdrs)
        await assert_books_and_chain_sound(accounting)
