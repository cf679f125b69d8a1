"""Somebody else's database adds up the exported Parquet and gets the statement, the report and the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from gateway.exports.export import Wanted, export
from gateway.exports.formats import Format
from gateway.reports.making import read_report
from gateway.reports.period import month
from gateway.reports.report import Kind
from gateway.store import Selection
from tests.reports.stage import AFTERWARDS, CHICAGO, books_on, local
from tests.reports.test_reports_add_up import busy_october


async def test_parquet_statement_report_and_ledger_say_the_same(tmp_path: Path) -> None:
    async with books_on() as books:
        await books.open()
        await books.deposit(local(20, month=9), "100.00")
        await busy_october(books)
        file = tmp_path / "cdr.parquet"
        wanted = Wanted(Selection("node1"))
        await export(books.accounting, wanted, Format.PARQUET, file, now=datetime(2026, 12, 1, tzinfo=UTC))
        statement = await books.statement()
        report = await read_report(books.store, Kind.CARRIER, "", month("2026-10", CHICAGO), AFTERWARDS)
        ledger = await books.accounting.ledger("family-1")
    october = "end_at >= TIMESTAMPTZ '2026-10-01 05:00:00Z' AND end_at < TIMESTAMPTZ '2026-11-01 05:00:00Z'"
    asked = f"""
        SELECT sum(total), sum(billable_s)::BIGINT, count(*) FILTER (answer_at IS NOT NULL), count(*)
        FROM '{file}' AS latest
        WHERE {october} AND NOT EXISTS (FROM '{file}' AS c WHERE c.corrects = latest.cdr_id)"""
    total, used_s, answered, attempts = duckdb.sql(asked).fetchall()[0]
    moved = [each.amount for each in ledger if local(1, 0) <= each.movement.at < local(1, 0, month=11)]
    assert total == -sum(each.decimal() for each in moved) == -(statement.charges + statement.given_back).decimal()
    assert total == statement.opening.decimal() - statement.closing.decimal()
    tally = report.tally.all
    assert total * 1_000_000 == tally.totals["USD"]
    assert (used_s, answered, attempts) == (tally.used_s, tally.answered, tally.attempts)
    assert used_s == sum(each.used_s for each in statement.visits)
