"""A visit under a cap, from hold to record: held, charged and written down at no more than the cap allows."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path

from gateway.billing.accounting import Accounting
from gateway.billing.caps import CapsInForce, load_caps
from gateway.billing.tariff import load_tariffs
from gateway.clock import ManualClock
from gateway.store import Store
from tests.billing.stage import START, WHOLE_VISITS, assert_books_and_chain_sound, granted, summary, usd
from tests.billing.test_rate_caps import GOOD as CAPS

TARIFFS = """\
tariffs:
  - id: by-the-minute
    version: 1
    currency: USD
    medium: video
    per_minute: "0.25"
    minimum_s: 60
    rounding: {mode: up, to: "0.01"}
    valid_from: 2026-01-01
  - id: by-the-visit
    version: 1
    currency: USD
    medium: video
    per_visit: "5.00"
    facility_share: {label: County, percent: "10"}
    taxes: [{label: State tax, percent: "10"}]
    rounding: {mode: down, to: "0.0001"}
    valid_from: 2026-01-01
  - id: by-night
    version: 1
    currency: USD
    medium: video
    bands:
      - {name: day, hours: {daily: ["07:00-21:00"]}, per_minute: "0.25"}
      - {name: night, hours: {daily: ["00:00-07:00", "21:00-24:00"]}, per_minute: "0.10"}
    privileged_free: true
    rounding: {mode: down, to: "0.0001"}
    valid_from: 2026-01-01
"""
CAP = Fraction(25, 100)


@asynccontextmanager
async def accounting(folder: Path, balance: str) -> AsyncIterator[Accounting]:
    """One account, and a facility `north` that is a small jail: 0.25 a minute by video, from the first day on."""
    (folder / "t.yaml").write_text(TARIFFS)
    (folder / "c.yaml").write_text(CAPS.replace("2026-04-06", "2026-01-01"))
    caps = CapsInForce(load_caps([folder / "c.yaml"]), {"north": ("land", "small")})
    tariffs = load_tariffs([folder / "t.yaml"]).bound_by(caps)
    async with Store("sqlite:///:memory:") as store:
        books = Accounting(store, tariffs, node="node1", clock=ManualClock(START), rules=WHOLE_VISITS)
        await books.open_account("family-1")
        await books.deposit("family-1", usd(balance), key="first")
        yield books


async def test_seven_seconds_cost_what_the_cap_allows_for_seven_seconds(tmp_path, caplog):
    """A minute of 0.25 billed for 7 s; 0.25 x 7 / 60 = 0.0291..., in whole cents 0.02."""
    async with accounting(tmp_path, "20.00") as books:
        await granted(books, "v1", tariff="by-the-minute")
        with caplog.at_level(logging.INFO, logger="gateway.billing"):
            receipt = await books.close(summary("v1", 7))

        assert receipt.charged == usd("0.02")
        (cdr,) = await books.cdrs()
        assert [(each.kind, each.label, each.quantity, each.amount) for each in cdr.lines] == [
            ("usage", "", 60, "0.25"),
            ("cap", "land/2026-01-01/small/video", 7, "-0.23"),
        ]
        assert (cdr.cap_id, cdr.tier, cdr.total) == ("land/2026-01-01/small/video", "small", "0.02")
        assert "v1" in caplog.text
        assert "land/2026-01-01/small/video" in caplog.text
        await assert_books_and_chain_sound(books)


async def test_no_visit_is_charged_above_its_cap_for_the_actual_minutes(tmp_path):
    async with accounting(tmp_path, "40.00") as books:
        for seconds in (0, 1, 59, 60, 61, 600, 1199, 1200):
            for tariff in ("by-the-minute", "by-the-visit"):
                visit = f"{tariff}-{seconds}"
                await granted(books, visit, tariff=tariff)
                await books.close(summary(visit, seconds))
        for cdr in await books.cdrs():
            taxes = sum(Fraction(each.amount) for each in cdr.lines if each.kind == "tax")
            assert sum(Fraction(each.amount) for each in cdr.lines) == Fraction(cdr.total)
            assert Fraction(cdr.total) - taxes <= CAP * cdr.billable_s / 60
        await assert_books_and_chain_sound(books)


async def test_a_balance_buys_the_seconds_that_the_cap_makes_of_it(tmp_path):
    """0.55 pays two capped minutes of 0.25 with a tenth of tax, though the visit has a price of 5.00."""
    async with accounting(tmp_path, "0.55") as books:
        hold = await granted(books, "v1", tariff="by-the-visit")
        assert (hold.seconds, hold.amount, hold.limited_by_balance) == (120, usd("0.55"), True)
        receipt = await books.close(summary("v1", 120))
        assert (receipt.charged, receipt.balance) == (usd("0.55"), usd("0"))
        (cdr,) = await books.cdrs()
        assert [(each.kind, each.amount) for each in cdr.lines] == [
            ("per_visit", "5.00"),
            ("facility_share", "0.50"),
            ("cap", "-5.00"),
            ("tax", "0.05"),
        ]
        await assert_books_and_chain_sound(books)


async def test_the_band_of_the_beginning_holds_and_privilege_is_free(tmp_path):
    async with accounting(tmp_path, "20.00") as books:
        evening = START.replace(hour=2)  # 20:00 in Chicago, so an hour before the night begins
        await granted(books, "v1", tariff="by-night", setup_at=evening)
        await granted(books, "v2", tariff="by-night", setup_at=evening.replace(hour=3))
        await granted(books, "v3", tariff="by-night", privileged=True)
        charged = [(await books.close(summary(each, 600))).charged for each in ("v1", "v2", "v3")]
        assert charged == [usd("2.50"), usd("1.00"), usd("0")]
        assert [each.band for each in await books.cdrs()] == ["day", "night", "privileged"]
        await assert_books_and_chain_sound(books)
