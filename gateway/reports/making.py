"""From a store to bytes in a form: what the commands and the API's child processes both call."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from gateway.errors import ReportError
from gateway.money import Money
from gateway.reports.charts import charts_of
from gateway.reports.names import Names
from gateway.reports.pages import pdf_of, report_page, statement_page
from gateway.reports.period import Period
from gateway.reports.reading import latest_records
from gateway.reports.report import Cell, Column, Kind, Report, Unit, shown
from gateway.reports.statement import Statement
from gateway.reports.statement_json import statement_values
from gateway.reports.tally import Tally
from gateway.reports.words import Language, Words
from gateway.store import Store

FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - a spreadsheet takes the wide forms for the narrow ones
_CHARTED = frozenset({"summary", "hours", "refusals", "reasons"})  # what a page shows another way


class Form(StrEnum):
    HTML = "html"
    PDF = "pdf"
    JSON = "json"
    CSV = "csv"


def statement_as(statement: Statement, form: Form, names: Names, language: Language) -> bytes:
    """Raises ValueError for CSV: a statement is a letter; its numbers are in the JSON."""
    if form is Form.JSON:
        return _json(statement_values(statement, names))
    if form is Form.CSV:
        raise ValueError("a statement is not made as CSV")
    page = statement_page(statement, names, language)
    return pdf_of(page) if form is Form.PDF else page.encode()


async def read_report(
    store: Store,
    kind: Kind,
    subject: str,
    period: Period,
    made_at: datetime,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """subject: a facility; or a trunk, empty for all of them. progress: told how many records were read so far."""
    tally = Tally(period)
    count = 0
    async for records in latest_records(store, period, subject if kind is Kind.FACILITY else ""):
        for each in records:
            if kind is Kind.FACILITY or not subject or subject in (each["trunk"], each.get("out_trunk")):
                tally.add(each)
        count += len(records)
        progress(count)
    return Report(kind, subject, period, made_at.astimezone(period.zone), tally)


def report_as(report: Report, form: Form, names: Names, language: Language) -> bytes:
    if form is Form.JSON:
        return _json(report_values(report))
    if form is Form.CSV:
        return report_csv(report).encode()
    page = _page(report, names, Words(language))
    return pdf_of(page) if form is Form.PDF else page.encode()


def write_charts(report: Report, folder: Path, language: Language) -> None:
    """A file for each chart. Raises ReportError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in charts_of(report, Words(language)):
            (folder / f"{each.name}.svg").write_bytes(each.svg)
    except OSError as error:
        raise ReportError(f"{folder}: charts cannot be written: {error.strerror}") from None


def _page(report: Report, names: Names, w: Words) -> str:
    period = report.period
    if period.is_month:
        said = w.month(period.first).capitalize()
    else:
        said = w.say("report.period", first=w.long_day(period.first), last=w.long_day(period.last))
    return report_page(
        "report.html",
        w.language,
        charts_of(report, w),
        title=w.say(f"report.{report.kind}"),
        subject=_subject(report, names, w),
        period=said,
        headline=_headline(report, w),
        tables=[each for each in report.tables() if each.name not in _CHARTED],
        numeric=_numeric,
        shown=lambda column, cell: shown(w, column, cell),
        zone=period.zone.key,
        made=w.long_day(report.made_at.date()),
    )


def _subject(report: Report, names: Names, w: Words) -> str:
    if report.kind is Kind.FACILITY:
        return names.facility(report.subject)
    return w.say("report.trunk", name=report.subject) if report.subject else w.say("report.all_trunks")


def _headline(report: Report, w: Words) -> list[tuple[str, str]]:
    every = report.tally.all
    mean_s = every.used_s // every.answered if every.answered else 0
    found = [
        (w.count(every.answered), w.say("report.visits")),
        (w.count(every.used_s // 60), w.say("report.minutes")),
        (w.length(mean_s), w.say("report.mean")),
    ]
    found += [(w.money(Money(micros, currency)), w.say("report.charged")) for currency, micros in every.totals.items()]
    found.append((w.span(every.unusable_s), w.say("report.not_charged")))
    return found


def _numeric(column: Column) -> bool:
    return column.unit not in (Unit.TEXT, Unit.WORD, Unit.DAY)


def report_csv(report: Report) -> str:
    """A figure a line: table, what names the row, measure, value, unit. RFC 4180, safe from injection."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("table", "row", "measure", "value", "unit"))
    for table in report.tables():
        for row in table.rows:
            name = " / ".join(str(each) for each in row[: table.keys] if each != "")
            for column, cell in zip(table.columns[table.keys :], row[table.keys :], strict=True):
                if cell is not None:
                    writer.writerow((table.name, _text(name), column.name, *_figure(column, cell)))
    return out.getvalue()


def _figure(column: Column, cell: Cell) -> tuple[str | int, str]:
    if isinstance(cell, Money):
        return cell.amount, cell.currency
    return (cell if isinstance(cell, int) else _text(str(cell))), str(column.unit)


def _text(text: str) -> str:
    """What a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises."""
    return f"'{text}" if text[:1] in FORMULA_STARTS else text


def report_values(report: Report) -> dict[str, Any]:
    """As JSON: amounts as decimal text, time in whole seconds, a table as a list of objects."""
    return {
        "kind": str(report.kind),
        "subject": report.subject,
        "first_day": report.period.first.isoformat(),
        "last_day": report.period.last.isoformat(),
        "timezone": report.period.zone.key,
        "made_at": report.made_at.isoformat(timespec="seconds"),
        "tables": {
            table.name: [
                {column.name: _value(cell) for column, cell in zip(table.columns, row, strict=True)}
                for row in table.rows
            ]
            for table in report.tables()
        },
    }


def _value(cell: Cell) -> Any:
    return {"amount": cell.amount, "currency": cell.currency} if isinstance(cell, Money) else cell


def _json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, ensure_ascii=False, indent=2) + "\n").encode()
