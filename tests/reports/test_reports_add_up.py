"""A report is the records added up: again here, record by record, the slow way; the latest of each visit counts."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import pytest

from gateway.billing.cdr import Cdr
from gateway.call.summary import Legs
from gateway.call.termination import Fault, Reason, Termination
from gateway.policy.decision import Medium
from gateway.reports import reading
from gateway.reports.making import read_report, report_csv, report_values
from gateway.reports.period import days, month
from gateway.reports.report import Kind, Report
from tests.reports.stage import AFTERWARDS, CHICAGO, Books, books_on, local

HOURS = Termination(Reason.REFUSED, Fault.POLICY, "hours", 403)
BLOCKED = Termination(Reason.REFUSED, Fault.POLICY, "blocked", 403)
UNANSWERED = Termination(Reason.NO_ANSWER, Fault.FAMILY, sip_code=480)


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three records, so that a page ends between records of the same instant."""
    monkeypatch.setattr(reading, "PAGE", 3)


@asynccontextmanager
async def books_with_money(url: str) -> AsyncIterator[Books]:
    async with books_on(url) as books:
        await books.open()
        await books.deposit(local(20, month=9), "100.00")
        yield books


@pytest.fixture
async def books() -> AsyncIterator[Books]:
    async with books_with_money("sqlite:///:memory:") as books:
        yield books


@pytest.fixture
async def each_books(database_url: str) -> AsyncIterator[Books]:
    """On both databases."""
    async with books_with_money(database_url) as books:
        yield books


async def busy_october(books: Books) -> None:
    await books.visit(local(30, 23, month=9), 100)
    first = await books.visit(local(2, 9), 601, flows=books.flows(601, mos=4.3, lost=0, frozen_s=0))
    await books.attempt(local(2, 10), HOURS)
    await books.attempt(local(2, 10), HOURS, facility="south", trunk="carrier-b")
    await books.attempt(local(2, 10), BLOCKED)
    await books.attempt(local(2, 10), UNANSWERED)
    audio = {"tariff": "county-audio", "medium": Medium.AUDIO}
    await books.visit(local(3, 19, 59), 1100, unusable_s=31, flows=books.flows(1100, mos=2.9, lost=2000), **audio)
    await books.visit(local(5, 21), 333, facility="south", timezone="America/New_York", trunk="carrier-b")
    await books.credit(local(6), first, "0.40")
    await books.credit(local(7), first, "0.10")
    await books.visit(local(1, 0, month=11), 60)


async def october(books: Books, kind: Kind = Kind.CARRIER, subject: str = "") -> Report:
    return await read_report(books.store, kind, subject, month("2026-10", CHICAGO), AFTERWARDS)


async def slowly(books: Books) -> list[Cdr]:
    """October's visits, each by the last record that names it."""
    found: dict[str, Cdr] = {}
    async for page in books.accounting.cdr_pages():
        for each in page:
            found[each.visit_id] = each
    return [each for each in found.values() if local(1, 0) <= each.end_at < local(1, 0, month=11)]


async def test_every_figure_is_the_sum_of_the_latest_records(each_books: Books) -> None:
    books = each_books
    await busy_october(books)
    tally = (await october(books)).tally
    records = await slowly(books)
    assert tally.all.attempts == len(records) == 7
    assert tally.all.answered == sum(each.answer_at is not None for each in records) == 3
    assert tally.all.used_s == sum(each.billable_s for each in records) == 601 + 1100 + 333
    assert tally.all.unusable_s == 31
    total = sum(each.charged.micros for each in records)
    assert dict(tally.all.totals) == {"USD": total}
    assert sum(tally.split("USD").values()) == total
    lines = Counter[str]()
    for record in records:
        for line in record.lines:
            lines[line.kind] += int(Decimal(line.amount) * 1_000_000)
    split = tally.split("USD")
    assert split["facility_share"] == lines["facility_share"] > 0
    assert sum(micros for part, micros in split.items() if part.startswith("tax:")) == lines["tax"] > 0
    assert split["credit"] == lines["credit"] == -500_000
    assert sum(each.used_s for each in tally.days.values()) == tally.all.used_s
    assert sum(each.totals["USD"] for each in tally.trunks.values()) == total
    assert tally.corrected == 1


async def test_a_telephone_counts_for_its_own_trunk_too(books: Books) -> None:
    await books.visit(local(5, 10), 60)
    await books.visit(local(5, 11), 120, legs=Legs(out_trunk="carrier", out_sip_call_id="x@us"))
    tally = (await october(books)).tally
    assert {name: (each.attempts, each.used_s) for name, each in tally.trunks.items()} == {"pbx": (2, 180)}
    assert {name: (each.attempts, each.used_s) for name, each in tally.out_trunks.items()} == {"carrier": (1, 120)}
    report = await october(books, subject="carrier")
    assert (report.tally.all.attempts, report.tally.all.used_s) == (1, 120)


async def test_what_the_report_says_was_charged_is_what_the_ledger_took(books: Books) -> None:
    """Of a month whose credits were given within it."""
    await busy_october(books)
    report = await read_report(books.store, Kind.CARRIER, "", days("2026-09-01", "2026-11-30", CHICAGO), AFTERWARDS)
    spent = Decimal("100.00") - (await books.accounting.account("family-1")).balance.decimal()
    assert Decimal(report.tally.all.totals["USD"]) / 1_000_000 == spent


async def test_a_day_in_two_currencies_counts_its_visits_once(books: Books) -> None:
    await books.visit(local(2), 60)
    await books.visit(local(2, 19), 120)
    report = await october(books)
    sums = report.tally.days[local(2).date()]
    sums.totals["EUR"] = 1_500_000
    rows = [row for row in report_values(report)["tables"]["days"] if row["day"] == "2026-10-02"]
    assert [(row["attempts"], row["visits"], row["seconds"]) for row in rows] == [(2, 2, 180), (None, None, None)]
    assert [row["charged"]["currency"] for row in rows] == ["EUR", "USD"]


async def test_refusals_and_reasons_are_told_apart(books: Books) -> None:
    await busy_october(books)
    tally = (await october(books)).tally
    assert tally.refusals == {"hours": 2, "blocked": 1}
    assert tally.reasons == {"no_answer": 1, "family_left": 3}


async def test_hours_are_those_on_the_wall_of_the_facility(books: Books) -> None:
    await busy_october(books)
    by_hour = (await october(books)).tally.by_hour
    visits = {(day, hour): n for day, row in enumerate(by_hour) for hour, n in enumerate(row) if n}
    assert visits == {(4, 9): 1, (5, 19): 1, (0, 22): 1}  # 21:00 in Chicago is 22:00 in New York


async def test_a_facility_and_a_trunk_see_their_own(each_books: Books) -> None:
    books = each_books
    await busy_october(books)
    south = (await october(books, Kind.FACILITY, "south")).tally
    trunk = (await october(books, Kind.CARRIER, "carrier-b")).tally
    assert (south.all.attempts, south.all.used_s, dict(south.refusals)) == (2, 333, {"hours": 1})
    assert (trunk.all.attempts, trunk.all.used_s) == (2, 333)
    assert set(south.facilities) == {"south"}


async def test_quality_falls_into_its_ranges(books: Books) -> None:
    await busy_october(books)
    tally = (await october(books)).tally
    values = report_values(await october(books))["tables"]
    assert sum(tally.mos.values()) == 6  # two directions of sound, three visits
    mos = {each["range"][:4]: each["count"] for each in values["mos"] if each["count"]}
    assert mos == {"2.75": 2, "4.00": 3, "4.25": 1}
    assert {each["range"]: each["count"] for each in values["loss"] if each["count"]} == {
        "0 %": 3, "≤ 0.5 %": 3, "≤ 5 %": 3,
    }  # fmt: skip
    assert {each["range"]: each["count"] for each in values["freeze"] if each["count"]} == {"0 s": 1, "≤ 1 s": 2}


async def test_a_day_of_twenty_five_hours_is_one_day(books: Books) -> None:
    await books.visit(local(1, 0, 30, month=11), 60)
    await books.visit(local(1, 23, 30, month=11), 60)
    period = days("2026-11-01", "2026-11-01", CHICAGO)
    report = await read_report(books.store, Kind.FACILITY, "north", period, AFTERWARDS)
    assert period.until - period.since == timedelta(hours=25)
    assert report.tally.days[period.first].answered == 2


async def test_a_period_without_anything_is_a_report_of_nothing(books: Books) -> None:
    report = await october(books, Kind.FACILITY, "empty")
    values = report_values(report)["tables"]
    assert values["summary"] == [
        dict.fromkeys(("attempts", "visits", "answered", "used", "unusable", "mean", "corrected"), 0)
    ]
    assert values["refusals"] == values["money"] == values["trunks"] == []


async def test_the_csv_has_every_figure_and_no_formula(books: Books) -> None:
    await busy_october(books)
    await books.attempt(local(2, 10, month=11), HOURS, trunk='=HYPERLINK("http://x.example";"pay, here")\n')
    period = days("2026-10-01", "2026-11-30", CHICAGO)
    report = await read_report(books.store, Kind.CARRIER, "", period, AFTERWARDS)
    rows = list(csv.reader(io.StringIO(report_csv(report), newline="")))
    assert rows[0] == ["table", "row", "measure", "value", "unit"]
    figures = {(table, row, measure): value for table, row, measure, value, _ in rows[1:]}
    assert figures["summary", "", "attempts"] == "9"
    assert figures["refusals", "hours", "count"] == "3"
    assert figures["money", "credit", "amount"] == "-0.50"
    assert (
        sum(int(value) for (table, _, measure), value in figures.items() if (table, measure) == ("days", "visits")) == 4
    )
    trunk = next(row for table, row, _ in figures if table == "trunks" and "HYPERLINK" in row)
    assert trunk == '\'=HYPERLINK("http://x.example";"pay, here")\n'
