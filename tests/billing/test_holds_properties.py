"""Whatever the tariff, the balance and the visit: nobody pays more than was held, or for more than was used."""

import asyncio
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.billing.accounting import Accounting
from gateway.billing.rating import Tariff, charge
from gateway.billing.tariff import Tariffs
from gateway.call.summary import HoldGranted
from gateway.clock import ManualClock
from gateway.money import Money
from gateway.store import Store
from tests.billing.any_tariff import agreed_tariffs
from tests.billing.stage import START, assert_books_and_chain_sound, intent, proof, summary

Visits = list[tuple[int, int, bool]]


@settings(max_examples=40, deadline=None)
@given(
    agreed_tariffs(),
    st.integers(1, 20_000_000),
    st.lists(st.tuples(st.integers(1, 3600), st.integers(0, 5000), st.booleans()), min_size=1, max_size=6),
)
def test_no_charge_is_above_its_hold_and_no_balance_below_zero(tariff, balance_micros, visits):
    """Each visit: its time limit, the seconds that its meter counted, whether its node crashed."""
    asyncio.run(live_through(tariff, Money(balance_micros, "USD"), visits))


async def live_through(tariff: Tariff, balance: Money, visits: Visits) -> None:
    async with Store("sqlite:///:memory:") as store:
        accounting = Accounting(store, Tariffs([tariff]), clock=ManualClock(START))
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", balance, key="k")
        for number, (limit_s, _, _) in enumerate(visits):
            await accounting.authorise(intent(f"v{number}", tariff="any", max_seconds=limit_s))
            account = await accounting.account("family-1")
            assert 0 <= account.held.micros <= account.balance.micros
        for number, (_, used_s, crashes) in enumerate(visits):
            await accounting.alive((proof(f"v{number}", used_s),))
            if not crashes:
                await accounting.close(summary(f"v{number}", used_s))
        await accounting.recover("node1", START + timedelta(hours=2))

        for cdr in await accounting.cdrs():
            again = await accounting.authorise(intent(cdr.visit_id, tariff="any"))
            held = again.amount if isinstance(again, HoldGranted) else Money(0, "USD")
            used_s = visits[int(cdr.visit_id.removeprefix("v"))][1]
            assert cdr.charged <= held
            assert cdr.charged <= charge(tariff, used_s).total
        account = await accounting.account("family-1")
        spent = sum((each.charged for each in await accounting.cdrs()), Money(0, "USD"))
        assert (account.held.micros, account.balance) == (0, balance - spent)
        assert account.balance.micros >= 0
        await assert_books_and_chain_sound(accounting)
