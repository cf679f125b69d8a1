"""The hold of a visit grows slice by slice: what is reserved, what is refused, and what is charged in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.billing.accounting import Accounting
from gateway.billing.allowance import FreeAllowance, Period
from gateway.billing.rules import AccountRules
from gateway.billing.tariff import Tariffs
from gateway.call.summary import HoldGranted, HoldRefused
from gateway.clock import ManualClock
from gateway.policy.decision import Payer, Refusal
from gateway.store import AccountKind, Store
from tests.billing import stage
from tests.billing.stage import (
    START,
    assert_books_and_chain_sound,
    at,
    demo_tariffs,
    granted,
    intent,
    proof,
    summary,
    usd,
)

pytestmark = pytest.mark.usefixtures("each_database")
SLICES = AccountRules(slice_s=60, least_slice_s=10, low_balance="0.20")


@asynccontextmanager
async def books(
    *deposits: tuple[str, str], start: datetime = START, tariffs: Tariffs | None = None
) -> AsyncIterator[tuple[Accounting, ManualClock]]:
    """Accounts with money: the resident's is `inside`, the county pays by invoice, others are prepaid."""
    kinds = {"inside": AccountKind.DEBIT, "county": AccountKind.FACILITY}
    clock = ManualClock(start)
    async with Store(stage.new_database()) as store:
        accounting = Accounting(store, tariffs or demo_tariffs(), clock=clock, rules=SLICES)
        for name, amount in deposits:
            await accounting.open_account(name, "USD", kinds.get(name, AccountKind.PREPAID))
            if usd(amount).micros:
                await accounting.deposit(name, usd(amount), f"first {name}")
        yield accounting, clock
        await assert_books_and_chain_sound(accounting)


async def more(accounting: Accounting, visit_id: str, has_s: int) -> HoldGranted:
    answer = await accounting.extend(visit_id, has_s)
    assert isinstance(answer, HoldGranted), answer
    return answer


async def refused(accounting: Accounting, visit_id: str, has_s: int) -> HoldRefused:
    answer = await accounting.extend(visit_id, has_s)
    assert isinstance(answer, HoldRefused), answer
    return answer


async def test_a_visit_holds_a_minute_at_a_time_and_knows_how_far_it_could_come():
    async with books(("family-1", "1.00")) as (accounting, _):
        first = await granted(accounting, "v1")
        assert (first.amount, first.seconds, first.reach_s) == (usd("0.16"), 60, 375)
        assert first.limited_by_balance
        second = await more(accounting, "v1", 60)
        assert (second.amount, second.seconds, second.reach_s) == (usd("0.32"), 120, 375)
        assert (await accounting.account("family-1")).available == usd("0.68")
        await accounting.close(summary("v1", 100))
        (cdr,) = await accounting.cdrs()
        assert (cdr.billable_s, cdr.total, cdr.hold_amount) == (100, "0.266666", "0.32")


async def test_a_lost_answer_is_given_again_and_takes_no_second_slice():
    async with books(("family-1", "1.00")) as (accounting, _):
        await granted(accounting, "v1")
        once, again = await more(accounting, "v1", 60), await more(accounting, "v1", 60)
        assert (again.seconds, again.amount) == (once.seconds, once.amount)
        assert (await accounting.account("family-1")).held == usd("0.32")


async def test_the_last_second_that_the_account_pays_is_granted_and_none_after_it():
    async with books(("family-1", "0.25")) as (accounting, _):
        await granted(accounting, "v1")
        last = await more(accounting, "v1", 60)
        assert (last.seconds, last.reach_s, last.amount) == (93, 93, usd("0.248"))
        assert (await refused(accounting, "v1", 93)).refusal == Refusal.BALANCE
        await accounting.deposit("family-1", usd("1.00"), "meanwhile")
        assert (await more(accounting, "v1", 93)).seconds == 153, "money that comes in is money"


async def test_a_visit_that_ended_gets_no_more_and_holds_nothing():
    async with books(("family-1", "1.00")) as (accounting, _):
        await granted(accounting, "v1")
        await accounting.close(summary("v1", 30))
        assert (await more(accounting, "v1", 60)).seconds == 60
        assert (await accounting.account("family-1")).held == usd("0")


async def test_a_closed_account_gives_running_visits_no_more():
    async with books(("family-1", "1.00")) as (accounting, _):
        await granted(accounting, "v1")
        await accounting.close_account("family-1")
        assert (await refused(accounting, "v1", 60)).refusal == Refusal.ACCOUNT_CLOSED
        await accounting.close(summary("v1", 60))
        assert await accounting.balance("family-1") == usd("0.84")


async def test_what_runs_short_is_parted_between_the_visits_of_an_account():
    async with books(("family-1", "0.40")) as (accounting, _):
        await granted(accounting, "v1")
        second = await granted(accounting, "v2")
        assert second.seconds == 45, "half of the 90 s that are left"
        assert (await more(accounting, "v1", 60)).seconds == 82
        assert (await more(accounting, "v2", 45)).seconds == 56
        assert (await more(accounting, "v1", 82)).seconds == 92
        await accounting.close(summary("v1", 92))
        await accounting.close(summary("v2", 56))
        assert await accounting.balance("family-1") < usd("0.01")


async def test_several_payers_share_each_slice_and_the_one_with_least_ends_it():
    payers = (Payer("family-1", 50), Payer("inside", 30), Payer("county", 20))
    async with books(("family-1", "1.00"), ("inside", "0.06"), ("county", "0")) as (accounting, _):
        first = await granted(accounting, "v1", payers=payers)
        assert (first.seconds, first.reach_s) == (60, 75)
        held = {each.account_id: each.held for each in await accounting.accounts() if each.held.micros}
        assert held == {"family-1": usd("0.08"), "inside": usd("0.048"), "county": usd("0.032")}
        assert (await more(accounting, "v1", 60)).seconds == 75
        assert (
            await refused(accounting, "v1", 75)
        ).message == "account inside cannot pay one second more of demo-video"
        await accounting.close(summary("v1", 75))
        (cdr,) = await accounting.cdrs()
        assert [(each.account, each.percent, each.amount) for each in cdr.payers] == [
            ("family-1", 50, "0.10"), ("inside", 30, "0.06"), ("county", 20, "0.04"),
        ]  # fmt: skip
        assert await accounting.balance("county") == usd("-0.04")


async def test_a_visit_by_invoice_holds_all_of_it_at_once():
    async with books(("county", "0")) as (accounting, _):
        assert (await granted(accounting, "v1", account="county")).seconds == 1200


async def test_a_daily_limit_counts_on_the_facilitys_calendar():
    evening = datetime(2026, 1, 6, 5, 0, tzinfo=UTC)  # eleven at night in Chicago
    async with books(("family-1", "5.00"), start=evening) as (accounting, clock):
        await accounting.set_limits("family-1", usd("0.40"), None, None)
        assert (await granted(accounting, "v1", setup_at=evening)).reach_s == 150
        await more(accounting, "v1", 60)
        assert (await more(accounting, "v1", 120)).seconds == 150
        assert (await refused(accounting, "v1", 150)).refusal == Refusal.SPENDING_LIMIT
        await accounting.close(summary("v1", 150))
        late = await accounting.authorise(intent("v2", setup_at=clock.now()))
        assert isinstance(late, HoldRefused)
        assert late.refusal == Refusal.SPENDING_LIMIT
        await clock.advance(3600)
        assert (await granted(accounting, "v3", setup_at=clock.now())).reach_s == 150, "it is another day"


async def test_a_weekly_limit_holds_for_an_account_by_invoice_too():
    async with books(("county", "0")) as (accounting, clock):
        await accounting.set_limits("county", None, usd("0.20"), None)
        assert (await granted(accounting, "v1", account="county")).seconds == 60
        await accounting.close(summary("v1", 60))
        await clock.advance(86_400)
        assert (await granted(accounting, "v2", account="county", setup_at=clock.now())).seconds == 15
        await accounting.close(summary("v2", 15))
        await clock.advance(6 * 86_400)
        assert (await granted(accounting, "v3", account="county", setup_at=clock.now())).seconds == 60


async def test_free_seconds_are_set_aside_once_and_given_back_unused():
    tariff = demo_tariffs().in_force("demo-video", at(0))
    assert tariff is not None
    tariffs = Tariffs([replace(tariff, tariff_id="any", free=FreeAllowance(120, Period.DAY))])
    async with books(("family-1", "0.16"), tariffs=tariffs) as (accounting, _):
        first = await granted(accounting, "v1", tariff="any", max_seconds=90)
        assert (first.amount, first.reach_s) == (usd("0"), 90)
        second = await granted(accounting, "v2", tariff="any", max_seconds=600)
        assert second.reach_s == 60, "30 s that the first left of the allowance, and half of what the account pays"
        await accounting.close(summary("v1", 40))
        await accounting.close(summary("v2", 30))
        third = await granted(accounting, "v3", tariff="any", max_seconds=600)
        assert (third.seconds, third.reach_s) == (60, 110)
        await accounting.close(summary("v3", 60))
        assert [each.total for each in await accounting.cdrs()] == ["0.00", "0.00", "0.026666"]


async def test_a_visit_without_a_sign_of_life_is_closed_whoever_had_it():
    async with books(("family-1", "1.00")) as (accounting, clock):
        await granted(accounting, "v1", node="renamed")
        await granted(accounting, "v2")
        await granted(accounting, "v3")
        await accounting.alive((proof("v1", 20),))
        await clock.advance(880)
        await accounting.alive((proof("v2", 860),))
        await clock.advance(100)
        closed = await accounting.expire(900, live={"v3"})
        assert [(each.visit_id, each.billable_s, each.reason) for each in closed] == [("v1", 20, "node_crash")]
        assert (await accounting.cdrs(node="renamed"))[0].total == "0.053333"
        assert (await accounting.account("family-1")).held == usd("0.32"), "those of v2 and v3, which live"
        assert await accounting.expire(900, live={"v3"}) == []
        await accounting.close(summary("v2", 60))
        await accounting.close(summary("v3", 60))


async def test_a_low_balance_is_told_once_until_money_came_in():
    async with books(("family-1", "0.40"), ("inside", "0.10")) as (accounting, _):

        async def low_after(number: int, account: str) -> list[tuple[str, str, bool]]:
            await granted(accounting, f"v{number}", account=account)
            receipt = await accounting.close(summary(f"v{number}", 30))
            return [(each.account, each.balance.amount, each.private) for each in receipt.low]

        assert await low_after(1, "family-1") == []
        assert await low_after(2, "family-1") == []
        assert await low_after(3, "family-1") == [("family-1", "0.16", False)]
        assert await low_after(4, "family-1") == []
        await accounting.deposit("family-1", usd("0.13"), "more")
        assert await low_after(5, "family-1") == [("family-1", "0.13", False)]
        assert await low_after(6, "inside") == [("inside", "0.02", True)], "no business of the family's page"
        await accounting.set_limits("family-1", None, None, usd("0.05"))
        await accounting.deposit("family-1", usd("0.01"), "above its own mark")
        assert await low_after(7, "family-1") == []
