"""Nobody pays for a visit that was mostly frozen, and nobody has to ask."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.billing import corrections
from gateway.billing.accounting import Accounting
from gateway.billing.corrections import Hand
from gateway.billing.credits import credited, given_back
from gateway.billing.rating import charge
from gateway.store import Store, Work
from tests.billing.any_tariff import agreed_tariffs
from tests.billing.stage import START, WHOLE_VISITS, at, demo_tariffs, granted, summary, usd

TARIFF = demo_tariffs().in_force("demo-video", START)


@pytest.mark.parametrize(
    ("usable_s", "unusable_s", "percent", "total"),
    [
        (60, 0, 50, "0.16"),
        (60, 59, 50, "0.16"),
        (60, 60, 50, "0.00"),
        (60, 600, 50, "0.00"),
        (60, 600, 0, "0.16"),
        (60, 600, 100, "0.16"),
        (0, 600, 50, "0.00"),
        (90, 1, 1, "0.00"),
        (300, 3000, 50, "0.00"),
        (330, 3000, 50, "0.88"),  # who has talked for long cannot come and go until it was for nothing
    ],
)
def test_when_a_visit_is_taken_back(usable_s: int, unusable_s: int, percent: int, total: str) -> None:
    assert TARIFF is not None
    full = charge(TARIFF, usable_s)
    after = credited(full, unusable_s, percent=percent, at_most_s=300)
    assert after.total == usd(total)
    assert given_back(after) == full.total - after.total


@given(agreed_tariffs(), st.integers(0, 7200), st.integers(0, 7200), st.integers(0, 100))
def test_a_charge_is_whole_or_nothing(tariff, usable_s: int, unusable_s: int, percent: int) -> None:  # type: ignore[no-untyped-def]  # what hypothesis gives
    full = charge(tariff, usable_s)
    after = credited(full, unusable_s, percent=percent, at_most_s=3600)
    assert after.total.micros in (0, full.total.micros)
    assert sum(each.amount.micros for each in after.lines) == after.total.micros
    assert after == full or (percent and usable_s <= 3600 and unusable_s * 100 >= (usable_s + unusable_s) * percent)


async def test_the_record_shows_all_of_it_and_the_ledger_nothing(database_url: str) -> None:
    async with Store(database_url) as store:
        accounting = Accounting(store, demo_tariffs(), rules=WHOLE_VISITS)
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5.00"), key="first")
        await granted(accounting, "v1")
        receipt = await accounting.close(summary("v1", 60, unusable_s=75))
        (cdr,) = await accounting.cdrs()
        assert (receipt.charged, cdr.total, cdr.credited, cdr.credit_reason) == (
            usd("0"), "0.00", "0.16", "mostly_unusable"
        )  # fmt: skip
        assert [(each.kind, each.amount, each.label) for each in cdr.lines] == [
            ("usage", "0.16", ""), ("credit", "-0.16", "mostly_unusable")
        ]  # fmt: skip
        assert (cdr.billable_s, cdr.unusable_s, cdr.movement_id) == (60, 75, "")
        assert await accounting.balance("family-1") == usd("5.00")
        assert (await accounting.account("family-1")).held == usd("0")

        tariff = replace(TARIFF, per_minute=usd("0.10"))

        def rerated(work: Work) -> str:
            hand = Hand("r1", "a wrong tariff", "badge-7", "node1")
            return corrections.rerate(
                work, "cdr:v1", tariff, charge(tariff, 60), hand, now=at(900), rules=WHOLE_VISITS
            ).total

        assert await store.write(rerated) == "0.00"
        assert await accounting.balance("family-1") == usd("5.00")
        assert await accounting.verify_books() == ()
