"""A key stands for one movement or correction: said again it is answered again, said of another it is an error."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.billing.corrections import Hand, rerate
from gateway.billing.rating import charge
from gateway.billing.rules import AccountRules
from gateway.clock import ManualClock
from gateway.errors import BillingError
from gateway.store import Store
from tests.billing.stage import START, Accounting, assert_books_and_chain_sound, demo_tariffs, granted, summary, usd

RULES = AccountRules(slice_s=86_400)


class Counter:
    """A staffed one: an account with 5.00, of which the visit v1 took 1.60 for ten minutes."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.books = self.with_rules(RULES)

    def with_rules(self, rules: AccountRules) -> Accounting:
        return Accounting(self.store, demo_tariffs(), clock=ManualClock(START), rules=rules)

    async def rerate(self, seconds: int, key: str) -> str:
        """To the price of so many seconds. Returns the record's total."""
        tariff = demo_tariffs().in_force("demo-video", START)
        assert tariff is not None
        hand, price = Hand(key, "wrong rate", "badge-7", "node1"), charge(tariff, seconds)
        done = await self.store.write(lambda work: rerate(work, "cdr:v1", tariff, price, hand, now=START, rules=RULES))
        return done.total


@pytest.fixture
async def counter(database_url: str) -> AsyncIterator[Counter]:
    async with Store(database_url) as store:
        found = Counter(store)
        await found.books.open_account("family-1")
        await found.books.deposit("family-1", usd("5.00"), "first")
        await granted(found.books, "v1")
        await found.books.close(summary("v1", 600))
        yield found
        await assert_books_and_chain_sound(found.books)


async def test_the_message_names_the_key(counter: Counter) -> None:
    await counter.books.withdraw("family-1", usd("1.00"), "card-8")
    with pytest.raises(BillingError, match="key 'first' was used for another deposit"):
        await counter.books.deposit("family-1", usd("6.00"), "first")
    with pytest.raises(BillingError, match="key 'card-8' was used for another withdrawal"):
        await counter.books.withdraw("family-1", usd("2.00"), "card-8")


async def test_a_deposit_is_answered_again_even_if_it_would_be_too_high_by_now(counter: Counter) -> None:
    stricter = counter.with_rules(AccountRules(deposit_max="1.00"))
    assert (await stricter.deposit("family-1", usd("5.00"), "first")).balance == usd("3.40")


async def test_a_credit_with_the_key_of_a_rerating_is_not_taken_for_done(counter: Counter) -> None:
    assert await counter.rerate(300, "may") == "0.80"
    with pytest.raises(BillingError, match="key 'may' was used for another correction"):
        await counter.books.credit("cdr:v1", usd("0.80"), "frozen", "may")


async def test_a_rerating_with_the_key_of_a_credit_is_not_taken_for_done(counter: Counter) -> None:
    await counter.books.credit("cdr:v1", usd("0.80"), "frozen", "may")
    with pytest.raises(BillingError, match="key 'may' was used for another correction"):
        await counter.rerate(300, "may")


async def test_a_rerating_to_another_price_needs_another_key(counter: Counter) -> None:
    for _ in range(2):
        assert await counter.rerate(300, "may") == "0.80"
    with pytest.raises(BillingError, match="key 'may' was used for another correction"):
        await counter.rerate(150, "may")
    assert await counter.rerate(150, "june") == "0.40"
    with pytest.raises(BillingError, match="key 'may' was used for another correction"):
        await counter.rerate(300, "may")  # it is not what the visit stands at now


async def test_one_key_names_one_movement_of_each_kind(counter: Counter) -> None:
    await counter.books.withdraw("family-1", usd("1.00"), "first")
    await counter.books.credit("cdr:v1", usd("1.00"), "frozen", "first")
    assert await counter.books.balance("family-1") == usd("3.40")


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
async def test_texts_that_no_database_keeps_are_kept_in_part(counter: Counter, text: str) -> None:
    await counter.books.credit("cdr:v1", usd("0.10"), text, "c1", text)
    await counter.books.withdraw("family-1", usd("0.10"), "w1", text, text)
    await counter.books.deposit("family-1", usd("0.10"), "d1", text)
    with pytest.raises(BillingError, match="key"):
        await counter.books.deposit("family-1", usd("0.10"), text)
    with pytest.raises(BillingError, match="key"):
        await counter.books.credit("cdr:v1", usd("0.10"), "why", text)
