"""A statement is the ledger in words: added up again here from the ledger's own entries, and from the records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest

from gateway.billing.cdr import Cdr
from gateway.billing.corrections import Hand, rerate
from gateway.billing.rating import charge
from gateway.billing.rules import AccountRules
from gateway.errors import BillingError, ReportError
from gateway.money import Money
from gateway.reports import reading
from gateway.reports.statement import Why, state
from gateway.store import MovementKind
from tests.billing.stage import usd
from tests.reports.stage import Books, Payer, all_tariffs, books_on, local


@pytest.fixture
async def books() -> AsyncIterator[Books]:
    async with books_on() as books:
        await books.open()
        yield books


@pytest.fixture
async def each_books(database_url: str) -> AsyncIterator[Books]:
    """On both databases."""
    async with books_on(database_url) as books:
        await books.open()
        yield books


async def latest(books: Books) -> dict[str, Cdr]:
    """By visit: a correction stands behind what it corrects."""
    return {each.visit_id: each async for page in books.accounting.cdr_pages() for each in page}


def summed(amounts: list[Money]) -> Money:
    return sum(amounts, usd("0"))


async def eventful_october(books: Books) -> None:
    await books.deposit(local(20, month=9), "15.00")
    await books.visit(local(28, month=9), 701)
    await books.deposit(local(2), "20.00")
    first = await books.visit(local(3), 613, unusable_s=9)
    await books.visit(local(4), 59)
    await books.credit(local(5), first, "0.51")
    await books.visit(local(6), 1200, unusable_s=40)
    await books.withdraw(local(30), "2.50")
    await books.credit(local(2, month=11), first, "0.20")
    await books.deposit(local(3, month=11), "1.00")


async def test_it_leads_from_one_balance_to_the_other_to_the_micro_unit(each_books: Books) -> None:
    books = each_books
    await eventful_october(books)
    september, october, november = [await books.statement(f"2026-{month:02d}") for month in (9, 10, 11)]
    ledger = await books.accounting.ledger("family-1")
    by_hand = summed([each.amount for each in ledger if each.movement.at < local(1)])
    assert october.opening == september.closing == by_hand
    inside = [each for each in ledger if local(1) <= each.movement.at < local(1, 0, month=11)]
    assert [(each.number, each.amount) for each in october.entries] == [(each.number, each.amount) for each in inside]
    assert october.closing == november.opening == by_hand + summed([each.amount for each in inside])
    assert november.closing == (await books.accounting.account("family-1")).balance
    assert october.closing.micros % 10_000, "the amounts of this test have parts of a cent"
    assert not october.is_whole_cents
    parts = [october.deposits, october.charges, october.given_back, october.paid_out]
    assert october.opening + summed(parts) == october.closing
    assert (october.deposits, october.given_back, october.paid_out) == (usd("20"), usd("0.51"), usd("-2.50"))


async def test_each_visit_is_its_record_and_its_lines_are_its_price(books: Books) -> None:
    await eventful_october(books)
    october = await books.statement()
    records = await latest(books)
    assert [each.amount for each in october.visits] == [usd("1.634666"), usd("0.157333"), usd("3.20")]
    assert summed([each.amount for each in october.visits]) == -october.charges
    for visit in october.visits:
        assert summed([each.amount for each in visit.lines]) == visit.total == visit.amount
        record = records[visit.visit_id]
        assert (visit.used_s, visit.duration_s) == (record.billable_s, record.duration_ms // 1000)
        waited = sum(each.seconds for each in visit.not_charged)
        assert visit.used_s + waited == visit.duration_s
    corrected = october.visits[0]
    november = await books.statement("2026-11")
    assert corrected.given_back == usd("0.51")
    assert corrected.amount - corrected.given_back - november.given_back == records[corrected.visit_id].charged
    assert {each.why: each.seconds for each in corrected.not_charged} == {Why.CONNECTING: 3, Why.UNUSABLE: 9}


async def test_a_credit_says_for_which_visit_it_is(books: Books) -> None:
    await eventful_october(books)
    credit = next(each for each in (await books.statement()).entries if each.kind is MovementKind.CREDIT)
    assert credit.visit_at == local(3)
    assert credit.reason == "mostly_unusable"


async def test_who_shares_a_visit_sees_their_own_part(each_books: Books) -> None:
    books = each_books
    await books.open("grandma")
    for account in ("family-1", "grandma"):
        await books.deposit(local(1), "5.00", account)
    shared = (Payer("family-1", 67), Payer("grandma", 33))
    await books.visit(local(2), 601, payers=shared)
    own, others = await books.statement(), await books.statement(account="grandma")
    assert [each.visits[0].percent for each in (own, others)] == [67, 33]
    assert own.visits[0].total == others.visits[0].total == usd("1.602666")
    assert own.visits[0].amount + others.visits[0].amount == usd("1.602666")


async def test_a_free_visit_is_a_visit_and_a_refused_one_is_none(books: Books) -> None:
    from gateway.call.termination import Fault, Reason, Termination

    await books.deposit(local(1), "5.00")
    await books.visit(local(2), 600, tariff="county-audio", payers=(), privileged=True)
    await books.attempt(local(3), Termination(Reason.NO_ANSWER, Fault.FAMILY), account="family-1")
    october = await books.statement()
    assert [(each.amount, each.used_s) for each in october.visits] == [(usd("0"), 600)]
    assert october.visits[0].not_charged[-1].why is Why.INCLUDED
    assert len(october.entries) == 1


async def test_a_month_without_anything_is_still_a_statement(books: Books) -> None:
    await books.deposit(local(20, month=9), "7.00")
    october = await books.statement()
    assert (october.opening, october.closing) == (usd("7.00"), usd("7.00"))
    assert october.entries == october.visits == ()
    assert october.is_whole_cents


async def test_the_month_in_which_clocks_change_has_an_hour_more(books: Books) -> None:
    """1:30 comes twice on 1 November 2026; both are told apart, and both belong to November."""
    from datetime import timedelta

    await books.deposit(local(31, 23, 59), "5.00")
    first = local(1, 1, 30, month=11)
    await books.visit(first, 60)
    await books.visit(first.astimezone(first.tzinfo).replace(fold=1), 60)
    november, october = await books.statement("2026-11"), await books.statement()
    assert november.period.until - november.period.since == timedelta(days=30, hours=1)
    assert [each.at.strftime("%H:%M %Z") for each in november.visits] == ["01:30 CDT", "01:30 CST"]
    assert october.closing == november.opening == usd("5.00")


async def test_books_that_do_not_lead_there_are_not_printed(books: Books) -> None:
    await books.deposit(local(2), "5.00")
    good = await books.statement()
    account = await books.accounting.account("family-1")
    ledger = await books.accounting.ledger("family-1")
    with pytest.raises(BillingError, match=r"does not lead from 0.00 USD to 5.000001 USD"):
        state(
            account, good.period, good.opening, Money(5_000_001, "USD"), ledger=ledger, records={}, made_at=good.made_at
        )


async def test_an_account_of_a_thousand_visits_is_sent_to_a_report(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_ENTRIES", 3)
    await books.deposit(local(2), "5.00")
    for day in (3, 4):
        await books.visit(local(day), 60)
    assert len((await books.statement()).entries) == 3
    await books.visit(local(5), 60)
    with pytest.raises(ReportError, match=r"more than 3 entries in that month.*report"):
        await books.statement()


async def test_what_there_is_no_statement_of(books: Books) -> None:
    await books.deposit(local(2), "5.00")
    for account, month, words in (
        ("nobody", "2026-10", "no account 'nobody'"),
        ("house:cash:USD", "2026-10", "no account"),
        ("family-1", "2026-13", "no month"),
        ("family-1", "2027-03", "has not begun"),
    ):
        with pytest.raises(ReportError, match=words):
            await books.statement(month, account)


async def test_a_free_visit_stays_in_its_month_when_it_is_charged_later(each_books: Books) -> None:
    books = each_books
    await books.deposit(local(2), "20.00")
    visit_id = await books.visit(local(3), 0)
    before = await books.statement()
    tariff, hand = all_tariffs().in_force("demo-video", local(3)), Hand("r1", "wrong rate", "badge-7", "node1")
    assert tariff is not None
    later = partial(rerate, cdr_id=f"cdr:{visit_id}", tariff=tariff, charge=charge(tariff, 60), hand=hand)
    await books.store.write(partial(later, now=local(5, month=11), rules=AccountRules()))
    assert [each.visit_id for each in (await books.statement()).visits] == [each.visit_id for each in before.visits]
    assert (await books.statement("2026-11")).given_back == usd("-0.16")
