"""A rate that was wrong in a file is mended, and the visits of the period are corrected: seen first, then done once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.billing.accounting import Accounting
from gateway.billing.corrections import Hand, credit
from gateway.billing.rerating import Asked, Rerated, Rerating, Verdict
from gateway.billing.tariff import load_tariffs
from gateway.clock import ManualClock
from gateway.store import Store
from tests.billing.stage import START, WHOLE_VISITS, assert_books_and_chain_sound, granted, summary, usd

TARIFF = """\
tariffs:
  - id: visit
    version: 1
    currency: USD
    medium: video
    per_minute: "0.16"
    taxes: [{label: State tax, percent: "10"}]
    rounding: {mode: down, to: "0.0001"}
    valid_from: 2026-01-01
"""
ALL = Asked(START - timedelta(days=1), START + timedelta(days=1))


class Town:
    """Visits at one price, and the files with another."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self.store = store
        self.clock = ManualClock(START)
        self.books = self._books(TARIFF)

    def _tariffs(self, text: str):
        (self._folder / "t.yaml").write_text(text)
        return load_tariffs([self._folder / "t.yaml"])

    def _books(self, text: str) -> Accounting:
        return Accounting(self.store, self._tariffs(text), node="node1", clock=self.clock, rules=WHOLE_VISITS)

    def rerating(self, **change: str) -> Rerating:
        text = TARIFF
        for before, after in change.items():
            text = text.replace({"price": '"0.16"', "day": "2026-01-01", "currency": "USD"}[before], after)
        return Rerating(self.store, self._tariffs(text), node="node1", clock=self.clock)

    async def visit(self, visit_id: str, seconds: int, **changes: object) -> None:
        await granted(self.books, visit_id, tariff="visit", **changes)
        await self.books.close(summary(visit_id, seconds))


@asynccontextmanager
async def town(folder: Path, balance: str = "20.00") -> AsyncIterator[Town]:
    async with Store("sqlite:///:memory:") as store:
        found = Town(folder, store)
        await found.books.open_account("family-1")
        await found.books.deposit("family-1", usd(balance), key="first")
        yield found


async def every(found: AsyncIterator[Rerated]) -> dict[str, Rerated]:
    return {each.cdr.visit_id: each async for each in found}


async def test_a_dry_run_tells_every_difference_and_writes_nothing(tmp_path):
    async with town(tmp_path) as there:
        await there.visit("v1", 600)
        await there.visit("v2", 0)
        before = await there.books.cdrs()

        found = await every(there.rerating(price='"0.10"').looked_at(ALL))

        assert {name: (each.verdict, each.before, each.after) for name, each in found.items()} == {
            "v1": (Verdict.CHEAPER, usd("1.76"), usd("1.10")),
            "v2": (Verdict.SAME, usd("0"), usd("0")),
        }
        assert found["v1"].difference == usd("-0.66")
        assert await there.books.cdrs() == before


async def test_what_became_cheaper_is_given_back_once_by_a_record_that_corrects(tmp_path):
    async with town(tmp_path) as there:
        await there.visit("v1", 600)
        await there.visit("v2", 300)
        rerating = there.rerating(price='"0.10"')

        for _ in range(2):  # the second time nothing is left to do
            found = await every(rerating.corrected(ALL, "may", "wrong rate in January", "officer-7"))
        assert {each.verdict for each in found.values()} == {Verdict.SAME}

        records = await there.books.cdrs()
        assert [(each.cdr_id, each.corrects, each.total) for each in records[2:]] == [
            ("cdr:v2:may", "cdr:v2", "0.55"),  # it ended first
            ("cdr:v1:may", "cdr:v1", "1.10"),
        ]
        assert [(each.kind, each.amount) for each in records[3].lines] == [("usage", "1.00"), ("tax", "0.10")]
        assert (records[3].correction_reason, records[3].corrected_by) == ("wrong rate in January", "officer-7")
        assert await there.books.balance("family-1") == usd("18.35")
        await assert_books_and_chain_sound(there.books)


async def test_nobody_pays_more_than_was_agreed_unless_that_is_asked_for(tmp_path):
    async with town(tmp_path) as there:
        await there.visit("v1", 600)
        dearer = there.rerating(price='"0.20"')

        (kept,) = (await every(dearer.corrected(ALL, "k", "why", "me"))).values()
        assert (kept.verdict, kept.corrected) == (Verdict.DEARER, False)
        assert len(await there.books.cdrs()) == 1

        asked = Asked(ALL.since, ALL.until, dearer_too=True)
        (taken,) = (await every(dearer.corrected(asked, "k", "why", "me"))).values()
        assert (taken.verdict, taken.corrected) == (Verdict.DEARER, True)
        assert await there.books.balance("family-1") == usd("17.80")
        await assert_books_and_chain_sound(there.books)


async def test_who_has_no_more_keeps_what_he_has(tmp_path):
    async with town(tmp_path, balance="1.76") as there:
        await there.visit("v1", 600)
        asked = Asked(ALL.since, ALL.until, dearer_too=True)
        (found,) = (await every(there.rerating(price='"0.20"').corrected(asked, "k", "why", "me"))).values()
        assert (found.verdict, found.corrected) == (Verdict.UNPAID, False)
        assert await there.books.balance("family-1") == usd("0")
        await assert_books_and_chain_sound(there.books)


async def test_what_was_credited_stays_given_back(tmp_path):
    async with town(tmp_path) as there:
        await there.visit("v1", 600)
        hand = Hand("c1", "frozen picture", "me", "node1")
        await there.store.write(lambda work: credit(work, "cdr:v1", usd("0.50"), hand, now=START, rules=WHOLE_VISITS))

        (found,) = (await every(there.rerating(price='"0.10"').corrected(ALL, "k", "why", "me"))).values()

        assert (found.before, found.after) == (usd("1.76"), usd("1.10"))
        last = (await there.books.cdrs())[-1]
        assert (last.total, last.credited) == ("0.60", "0.50")
        assert await there.books.balance("family-1") == usd("19.40")
        await assert_books_and_chain_sound(there.books)


@pytest.mark.parametrize("change", [{"day": "2026-02-01"}, {"currency": "EUR"}])
async def test_a_visit_without_a_tariff_that_fits_is_told_and_left_alone(tmp_path, change):
    async with town(tmp_path) as there:
        await there.visit("v1", 600)
        (found,) = (await every(there.rerating(**change).corrected(ALL, "k", "why", "me"))).values()
        assert (found.verdict, found.corrected) == (Verdict.NO_TARIFF, False)


async def test_only_what_was_asked_for(tmp_path):
    async with town(tmp_path) as there:
        await there.visit("v1", 60)
        await there.visit("v2", 60, facility="south")
        await there.visit("v3", 60, account="")  # nobody paid it
        rerating = there.rerating(price='"0.10"')

        async def names(**limits: object) -> list[str]:
            asked = Asked(**{"since": ALL.since, "until": ALL.until, **limits})  # type: ignore[arg-type]
            return sorted(await every(rerating.looked_at(asked)))

        assert await names() == ["v1", "v2"]
        assert await names(facility="south") == ["v2"]
        assert await names(tariff_id="other") == []
        assert await names(until=START) == []


async def _credit(there: Town, amount: str, key: str, reason: str = "frozen picture", cdr_id: str = "cdr:v1") -> None:
    hand = Hand(key, reason, "me", "node1")
    await there.store.write(lambda work: credit(work, cdr_id, usd(amount), hand, now=START, rules=WHOLE_VISITS))


async def test_what_was_credited_is_remembered_through_a_lower_price(tmp_path):
    async with town(tmp_path) as there:
        await there.visit("v1", 600)
        await _credit(there, "1.76", "c1")
        asked = Asked(ALL.since, ALL.until, dearer_too=True)
        for key, price in (("may", '"0.10"'), ("june", '"0.16"')):
            await every(there.rerating(price=price).corrected(asked, key, "why", "me"))
        last = (await there.books.cdrs())[-1]
        assert (last.total, last.credited) == ("0.00", "1.76")
        assert await there.books.balance("family-1") == usd("20.00")
        await assert_books_and_chain_sound(there.books)


async def test_staff_s_word_for_a_credit_takes_no_visit_back_whole(tmp_path):
    async with town(tmp_path) as there:
        await there.visit("v1", 600)
        await _credit(there, "0.10", "c1", reason="mostly_unusable")
        await every(there.rerating(price='"0.10"').corrected(ALL, "may", "why", "me"))
        last = (await there.books.cdrs())[-1]
        assert (last.total, last.credited) == ("1.00", "0.10")
        await assert_books_and_chain_sound(there.books)


async def test_a_key_that_named_another_price_is_told_and_corrects_nothing(tmp_path):
    async with town(tmp_path) as there:
        await there.visit("v1", 600)
        await every(there.rerating(price='"0.10"').corrected(ALL, "may", "why", "me"))
        (found,) = (await every(there.rerating(price='"0.05"').corrected(ALL, "may", "why", "me"))).values()
        assert (found.verdict, found.corrected) == (Verdict.KEY_USED, False)
        assert await there.books.balance("family-1") == usd("18.90")
