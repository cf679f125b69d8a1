"""Accounts, deposits and the ledger."""

import asyncio

import pytest

from gateway.errors import BillingError
from gateway.store import AccountKind, MovementKind
from tests.billing.stage import accounting_with, assert_books_and_chain_sound, granted, summary, usd

pytestmark = pytest.mark.usefixtures("each_database")


async def test_a_deposit_counts_once_however_often_it_is_sent():
    async with accounting_with("0") as accounting:
        await asyncio.gather(*(accounting.deposit("family-1", usd("20"), key="card-77") for _ in range(20)))
        assert await accounting.balance("family-1") == usd("20")
        await assert_books_and_chain_sound(accounting)


@pytest.mark.parametrize(("account", "amount"), [("family-1", "21"), ("family-2", "20")])
async def test_a_deposit_key_cannot_stand_for_another_deposit(account, amount):
    async with accounting_with("0") as accounting:
        await accounting.open_account("family-2")
        await accounting.deposit("family-1", usd("20"), key="card-77")
        with pytest.raises(BillingError, match="used for another deposit"):
            await accounting.deposit(account, usd(amount), key="card-77")


@pytest.mark.parametrize("amount", ["0", "-1"])
async def test_only_something_can_be_deposited(amount):
    async with accounting_with("0") as accounting:
        with pytest.raises(BillingError, match="cannot be paid"):
            await accounting.deposit("family-1", usd(amount), key="k")


async def test_nothing_is_paid_into_closed_or_unknown_accounts():
    async with accounting_with("1") as accounting:
        await accounting.close_account("family-1")
        with pytest.raises(BillingError, match="closed"):
            await accounting.deposit("family-1", usd("1"), key="k")
        with pytest.raises(BillingError, match="no account"):
            await accounting.deposit("family-9", usd("1"), key="k")
        with pytest.raises(BillingError, match="no account"):
            await accounting.balance("family-9")


async def test_opening_again_changes_nothing_but_must_agree():
    async with accounting_with("3") as accounting:
        assert (await accounting.open_account("family-1")).balance == usd("3")
        with pytest.raises(BillingError, match="open as prepaid in USD"):
            await accounting.open_account("family-1", "EUR")
        with pytest.raises(BillingError, match="open as prepaid in USD"):
            await accounting.open_account("family-1", kind=AccountKind.FACILITY)


@pytest.mark.parametrize("name", ["", "house:cash:USD"])
async def test_the_house_accounts_belong_to_the_house(name):
    async with accounting_with("3") as accounting:
        with pytest.raises(BillingError, match="belongs to the house"):
            await accounting.open_account(name)


async def test_the_ledger_tells_both_sides_and_sums_to_zero():
    async with accounting_with("5") as accounting:
        await granted(accounting, "v1")
        await accounting.close(summary("v1", 60))

        told = [
            (each.movement.kind, each.movement.visit_id, each.amount) for each in await accounting.ledger("family-1")
        ]
        assert told == [(MovementKind.DEPOSIT, "", usd("5")), (MovementKind.VISIT, "v1", usd("-0.16"))]
        everyone = {each.account_id: each.balance for each in await accounting.accounts()}
        assert everyone == {
            "family-1": usd("4.84"),
            "house:cash:USD": usd("-5"),
            "house:revenue:USD": usd("0.16"),
        }
        (cdr,) = await accounting.cdrs()
        assert cdr.movement_id == (await accounting.ledger("family-1"))[1].movement.movement_id


async def test_the_ledger_is_read_on_from_a_number():
    async with accounting_with("5") as accounting:
        first, second = (
            await accounting.ledger("family-1"),
            await accounting.deposit("family-1", usd("1"), key="second"),
        )
        rest = await accounting.ledger("family-1", since=first[-1].number)
        assert [each.amount for each in rest] == [usd("1")]
        assert second.balance == usd("6")
