"""The mark of the low balance and the spending limits, after money came back, marks moved or clocks disagreed."""

from __future__ import annotations

from datetime import timedelta

from gateway.billing.corrections import Hand, rerate
from gateway.billing.rating import charge
from gateway.billing.rules import AccountRules
from gateway.call.summary import HoldRefused
from gateway.clock import ManualClock
from gateway.store import Store
from tests.billing.stage import START, Accounting, demo_tariffs, granted, intent, summary, usd

RULES = AccountRules(slice_s=86_400, low_balance="1.00")


async def visit(books: Accounting, visit_id: str, seconds: int) -> tuple[str, ...]:
    """Returns the accounts that it made low."""
    await granted(books, visit_id, setup_at=books._clock.now())
    return tuple(each.account for each in (await books.close(summary(visit_id, seconds))).low)


async def opened(store: Store, balance: str, clock: ManualClock | None = None) -> Accounting:
    books = Accounting(store, demo_tariffs(), clock=clock or ManualClock(START), rules=RULES)
    await books.open_account("family-1")
    await books.deposit("family-1", usd(balance), "first")
    return books


async def test_a_fall_is_told_anew_after_a_correction_brought_the_balance_back(database_url: str) -> None:
    async with Store(database_url) as store:
        books = await opened(store, "2.00")
        assert await visit(books, "v1", 600) == ("family-1",)
        tariff = demo_tariffs().in_force("demo-video", START)
        assert tariff is not None
        hand = Hand("may", "wrong rate", "me", "node1")
        await store.write(lambda work: rerate(work, "cdr:v1", tariff, charge(tariff, 60), hand, now=START, rules=RULES))
        assert await books.balance("family-1") == usd("1.84")
        assert await visit(books, "v2", 600) == ("family-1",)


async def test_a_fall_is_told_anew_below_a_lower_mark(database_url: str) -> None:
    async with Store(database_url) as store:
        books = await opened(store, "2.00")
        assert await visit(books, "v1", 600) == ("family-1",)
        await books.set_limits("family-1", None, None, usd("0.30"))
        assert await visit(books, "v2", 60) == ("family-1",)


async def test_a_charge_of_a_clock_that_is_behind_forgets_no_other(database_url: str) -> None:
    """Midnight in Chicago: one node's clock says so already, another's does not yet."""
    midnight = START.replace(hour=6) + timedelta(days=1)
    async with Store(database_url) as store:
        ahead = await opened(store, "5.00", ManualClock(midnight + timedelta(seconds=1)))
        behind = Accounting(store, demo_tariffs(), clock=ManualClock(midnight - timedelta(seconds=1)), rules=RULES)
        await ahead.set_limits("family-1", usd("1.60"), None, None)
        await granted(ahead, "v1", max_seconds=540, setup_at=midnight - timedelta(seconds=600))
        await granted(behind, "v0", max_seconds=60, setup_at=midnight - timedelta(seconds=90))
        await ahead.close(summary("v1", 540))
        await behind.close(summary("v0", 60))
        answer = await ahead.authorise(intent("v2", setup_at=midnight + timedelta(seconds=1), max_seconds=60))
        assert not isinstance(answer, HoldRefused)
        assert answer.amount == usd("0.16")
        answer = await ahead.authorise(intent("v3", setup_at=midnight + timedelta(seconds=1), max_seconds=60))
        assert isinstance(answer, HoldRefused)
        assert answer.refusal == "spending_limit"


async def test_two_refunds_in_one_millisecond(database_url: str) -> None:
    async with Store(database_url) as store:
        books = await opened(store, "2.00")
        await visit(books, "v1", 600)
        await books.close_account("family-1", refund=True)
        await books.credit("cdr:v1", usd("0.60"), "frozen", "c1")
        assert (await books.close_account("family-1", refund=True)).balance == usd("0")
        await books.credit("cdr:v1", usd("0.60"), "frozen", "c2")
        assert (await books.close_account("family-1", refund=True)).balance == usd("0")
        assert await books.verify_books() == ()
