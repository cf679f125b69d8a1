"""A record never changes; another one puts it right, and the ledger goes with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TypeVar

import pytest

from gateway.billing import corrections
from gateway.billing.accounting import Accounting
from gateway.billing.audit import verify_chain
from gateway.billing.cdr import Cdr
from gateway.billing.corrections import Hand
from gateway.billing.rating import Charge, ChargeLine, LineKind, charge
from gateway.billing.rules import AccountRules
from gateway.errors import BillingError, StoreError
from gateway.policy.decision import Payer
from gateway.store import Store, Work
from tests.billing.stage import START, accounting_on, at, demo_tariffs, granted, summary, usd

T = TypeVar("T")
RULES = AccountRules()


class Books:
    """One visit of a minute that cost 0.16, and whoever corrects it."""

    def __init__(self, store: Store, accounting: Accounting) -> None:
        self.accounting = accounting
        self._store = store

    async def _write(self, work: Callable[[Work], T]) -> T:
        return await self._store.write(work)

    async def credit(self, amount: str, key: str = "c1", cdr_id: str = "cdr:v1") -> Cdr:
        hand = Hand(key, "frozen picture", "badge-7", "node1")
        return await self._write(
            lambda work: corrections.credit(work, cdr_id, usd(amount), hand, now=at(900), rules=RULES)
        )

    async def rerate(self, seconds: int, tariff_id: str = "demo-video", key: str = "r1") -> Cdr:
        """At the price of so many seconds."""
        tariff = demo_tariffs().in_force(tariff_id, START)
        assert tariff is not None
        hand = Hand(key, "a wrong tariff", "badge-7", "node2")
        priced = charge(tariff, seconds)
        return await self._write(
            lambda work: corrections.rerate(work, "cdr:v1", tariff, priced, hand, now=at(900), rules=RULES)
        )

    async def balance(self) -> str:
        return (await self.accounting.account("family-1")).balance.amount

    async def adds_up(self) -> None:
        """Both chains are whole, the ledger sums to zero, and the last record says what the account has paid."""
        for node in ("node1", "node2"):
            assert (await verify_chain(self._store, node)).problems == ()
        assert await self._store.read(lambda work: work.books.discrepancies()) == ()
        last = await self._store.read(lambda work: corrections.latest(work, "cdr:v1"))
        assert usd("5.00") - usd(await self.balance()) == last.charged
        assert sum((usd(each.amount) for each in last.payers), usd("0")) == last.charged
        assert sum((usd(each.amount) for each in last.lines), usd("0")) == last.charged


@pytest.fixture
async def books() -> AsyncIterator[Books]:
    async with Store("sqlite:///:memory:") as store:
        accounting = Accounting(store, demo_tariffs(), rules=AccountRules(slice_s=86_400))
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5.00"), key="first")
        await granted(accounting, "v1")
        await accounting.close(summary("v1", 60))
        yield Books(store, accounting)


async def test_a_credit_is_a_record_and_a_movement(books: Books) -> None:
    assert await books.balance() == "4.84"
    corrected = await books.credit("0.06")
    assert (corrected.cdr_id, corrected.corrects, corrected.sequence) == ("cdr:v1:c1", "cdr:v1", 2)
    assert (corrected.total, corrected.credited, corrected.credit_reason) == ("0.10", "0.06", "frozen picture")
    assert (corrected.lines[-1].kind, corrected.lines[-1].amount) == ("credit", "-0.06")
    assert (corrected.correction_reason, corrected.corrected_by) == ("frozen picture", "badge-7")
    assert corrected.billable_s == 60
    assert await books.balance() == "4.90"
    await books.adds_up()


async def test_the_same_key_gives_nothing_back_twice(books: Books) -> None:
    first = await books.credit("0.06")
    assert await books.credit("0.06") == first
    assert await books.credit("0.06", cdr_id="cdr:v1:c1") == first
    with pytest.raises(BillingError, match="used for another correction"):
        await books.credit("0.07")
    assert await books.balance() == "4.90"
    await books.adds_up()


async def test_credits_add_up_to_the_charge_and_not_beyond(books: Books) -> None:
    await books.credit("0.06", "c1")
    last = await books.credit("0.10", "c2", cdr_id="cdr:v1")
    assert (last.corrects, last.total, last.credited) == ("cdr:v1:c1", "0.00", "0.16")
    with pytest.raises(BillingError, match=r"more than is left.*0\.00"):
        await books.credit("0.01", "c3")
    assert await books.balance() == "5.00"
    await books.adds_up()


@pytest.mark.parametrize(("seconds", "total"), [(30, "0.08"), (60, "0.16"), (90, "0.24"), (0, "0.00")])
async def test_another_price_moves_the_difference(books: Books, seconds: int, total: str) -> None:
    corrected = await books.rerate(seconds)
    assert (corrected.total, corrected.node, corrected.sequence, corrected.corrects) == (total, "node2", 1, "cdr:v1")
    assert bool(corrected.movement_id) == (total != "0.16")
    await books.adds_up()


async def test_a_credit_outlives_another_price_as_far_as_there_is_a_charge(books: Books) -> None:
    await books.credit("0.06")
    dearer = await books.rerate(90, key="r1")
    assert (dearer.total, dearer.credited) == ("0.18", "0.06")
    await books.adds_up()
    cheaper = await books.rerate(15, key="r2")
    assert (cheaper.total, cheaper.credited) == ("0.00", "0.04")
    await books.adds_up()


async def test_no_correction_takes_what_is_not_there(books: Books) -> None:
    with pytest.raises(BillingError, match=r"family-1 has 4\.84 USD; 9\.84 USD more would have to be taken"):
        await books.rerate(3750)
    assert await books.balance() == "4.84"
    await books.adds_up()


@pytest.mark.parametrize(("cdr_id", "key"), [("cdr:nobody", "c1"), ("cdr:v1", ""), ("cdr:v1", "c" * 61)])
async def test_what_names_nothing_corrects_nothing(books: Books, cdr_id: str, key: str) -> None:
    with pytest.raises(BillingError):
        await books.credit("0.01", key, cdr_id)
    await books.adds_up()


async def test_the_database_itself_lets_no_record_be_corrected_twice(tmp_path) -> None:
    async with accounting_on(f"sqlite:///{tmp_path}/kinbridge.db") as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5.00"), key="first")
        await granted(accounting, "v1")
        await accounting.close(summary("v1", 60))
    async with Store(f"sqlite:///{tmp_path}/kinbridge.db") as store:
        books = Books(store, accounting)
        await books.credit("0.01")
        row = (await store.read(lambda work: work.records.of_visit("v1")))[1]

        def fork(work: Work) -> None:
            end = work.records.chain_end("node1")
            changes = {"sequence": end.sequence + 1, "previous_hash": end.hash, "cdr_id": "cdr:v1:fork"}
            work.records.append(type(row)(**{name: changes.get(name, getattr(row, name)) for name in row.__slots__}))

        with pytest.raises(StoreError):
            await store.write(fork)


async def test_a_lower_price_takes_from_nobody_after_a_credit_between_two() -> None:
    """Not one micro-unit: both have withdrawn all that they had."""
    tariff = demo_tariffs().in_force("demo-video", START)
    assert tariff is not None
    payers = (Payer("family-1", 60), Payer("inside", 40))
    async with Store("sqlite:///:memory:") as store:
        books = Accounting(store, demo_tariffs(), rules=AccountRules(slice_s=86_400))
        for each in payers:
            await books.open_account(each.account)
            await books.deposit(each.account, usd("5.00"), key=each.account)
        await granted(books, "v1", payers=payers)
        await books.close(summary("v1", 600))
        await books.credit("cdr:v1", usd("0.834902"), "frozen picture", "c1")
        for each in payers:
            await books.withdraw(each.account, await books.balance(each.account), each.account)

        cheaper = Charge(600, 600, (ChargeLine(LineKind.USAGE, "", 600, usd("1.599999")),), usd("1.599999"))
        hand = Hand("r1", "a micro-unit too much", "badge-7", "node1")
        rerate = partial(corrections.rerate, tariff=tariff, charge=cheaper, hand=hand, now=START, rules=RULES)
        assert (await store.write(lambda work: rerate(work, "cdr:v1"))).total == "0.765097"
        assert sorted([(await books.balance(each.account)).micros for each in payers]) == [0, 1]
        assert await books.verify_books() == ()
