"""Two visits at once on one account: both go on slice by slice, both are warned, and not a second is without money."""

from __future__ import annotations

from pathlib import Path

from gateway.billing.rules import AccountRules
from gateway.call.facts import FactKind
from gateway.call.notices import Clocked, Low, Over, Warned
from gateway.money import Money
from tests.call.stage import Node, stage

SLICES = AccountRules(slice_s=60, least_slice_s=10, low_balance="0.10")


async def pass_time(node: Node, seconds: int) -> None:
    """A second at a time: what is asked of the accounts meanwhile is answered meanwhile."""
    for _ in range(seconds):
        await node.clock.advance(1)
        await node.happenings.until(lambda: node.line.answered == node.line.asked, "the accounts have answered")


async def test_both_are_warned_in_time_and_end_when_the_money_does(tmp_path: Path) -> None:
    async with stage(tmp_path, deposit="0.80", rules=SLICES) as node:  # 300 seconds
        first, _ = await node.talks()
        second, _ = await node.talks(station="terminal-2")
        await pass_time(node, 400)
        for far in (first, second):
            assert (await far.request("BYE")).method == "BYE"
        cdrs = [await node.record(1), await node.record(2)]
        assert [each.reason for each in cdrs] == ["balance_exhausted"] * 2
        assert sum(each.billable_s for each in cdrs) == 300
        assert abs(cdrs[0].billable_s - cdrs[1].billable_s) <= 60, "neither lives on the other's money"
        left = 800_000 - sum(each.charged.micros for each in cdrs)
        assert await node.accounting.balance("family-1") == Money(left, "USD")
        assert left < 2667, "less than a second costs"
        assert (await node.accounting.account("family-1")).held.micros == 0
        warned = node.recorder.told(Warned)
        assert {each.visit_id for each in warned} == {"v1", "v2"}
        assert all(55 <= each.seconds_left <= 60 for each in warned)
        assert await node.accounting.verify_books() == ()


async def test_who_stays_gets_what_the_other_leaves(tmp_path: Path) -> None:
    async with stage(tmp_path, deposit="0.80", rules=SLICES) as node:
        await node.talks()
        second, _ = await node.talks(station="terminal-2")
        await pass_time(node, 100)
        second.bye()
        await node.record(1)
        await pass_time(node, 300)
        cdr = await node.record(2)
        assert (cdr.reason, cdr.billable_s) == ("balance_exhausted", 200)


async def test_money_paid_in_at_the_last_minute_is_talked_too(tmp_path: Path) -> None:
    async with stage(tmp_path, deposit="0.32", rules=SLICES) as node:  # 120 seconds
        await node.talks()
        await pass_time(node, 100)
        assert len(node.recorder.told(Warned)) == 1
        await node.accounting.deposit("family-1", Money(160_000, "USD"), "at the last minute")
        await pass_time(node, 10)
        assert node.recorder.told(Clocked)[-1].seconds_left > 60
        await pass_time(node, 100)
        assert ((await node.record()).reason, (await node.record()).billable_s) == ("balance_exhausted", 180)
        assert len(node.recorder.told(Warned)) == 2


async def test_a_database_that_is_away_ends_no_visit_before_what_is_held_ends(tmp_path: Path) -> None:
    async with stage(tmp_path, deposit="5.00", rules=SLICES) as node:
        await node.talks()
        await pass_time(node, 57)  # two slices are held, and a third
        node.line.away = True
        await pass_time(node, 60)
        assert node.visits.live()[0].state == "talking"
        node.line.away = False
        await pass_time(node, 83)
        assert node.visits.live()[0].state == "talking"
        assert node.visits.live()[0].seconds_left > 900


async def test_a_database_that_stays_away_lets_it_use_what_is_held(tmp_path: Path) -> None:
    async with stage(tmp_path, deposit="5.00", rules=SLICES) as node:
        far, _ = await node.talks()
        await pass_time(node, 1)
        node.line.away = True
        await pass_time(node, 130)
        assert (await far.request("BYE")).method == "BYE"
        node.line.away = False
        await node.clock.advance(60)
        cdr = await node.record()
        assert (cdr.reason, cdr.fault, cdr.billable_s) == ("balance_exhausted", "gateway", 120)
        assert [each.seconds_left for each in node.recorder.told(Warned)] == [60]


async def test_a_low_balance_is_told_to_the_bus_and_to_the_page_once(tmp_path: Path) -> None:
    async with stage(tmp_path, deposit="0.12", rules=SLICES) as node:
        for number in (1, 2):
            far, _ = await node.talks()
            await node.clock.advance(10)
            far.bye()
            await node.record(number)
        fact = await node.fact(FactKind.LOW_BALANCE)
        assert fact.detail == {"account": "family-1", "balance": "0.093334", "currency": "USD"}
        assert node.recorder.told(Low) == [Low("v1", Money(93_334, "USD"))]
        assert node.recorder.kinds().count(FactKind.LOW_BALANCE) == 1
        kinds = [type(each) for _, each in node.recorder.notices]
        assert kinds.index(Over) < kinds.index(Low), "the page says it when the visit is over"
