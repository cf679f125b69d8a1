"""What statements and reports read of the store: a page a transaction, so that visits' own writes go between.

A statement is the exception: its balances and entries are read in one view, or they would not add up while the gateway
runs. It is small by its nature, and bounded here.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from gateway.billing.cdr import from_document
from gateway.errors import ReportError
from gateway.money import Money
from gateway.reports.period import Period, month, zone_of
from gateway.reports.statement import Statement, VisitRecords, state
from gateway.store import AccountKind, LedgerEntry, Place, Store, Work

PAGE = 500
MOST_ENTRIES = 1000  # as a PDF 130 pages, 20 s and 430 MiB; who has more wants a report, not a letter


async def read_statement(
    store: Store, account_id: str, month_text: str, *, zone: ZoneInfo | None, made_at: datetime
) -> Statement:
    """Raises ReportError: no such account or month, more entries than anybody reads; BillingError: books do not add up.

    zone None: that of the facility of the account's first record, which never changes, so that months neither overlap
    nor leave a gap; UTC as long as there is none.
    """
    if zone is None:
        zone = await store.read(lambda work: _own_zone(work, account_id))
    period = month(month_text, zone)
    if made_at < period.since:
        raise ReportError(f"{month_text} has not begun")
    return await store.read(lambda work: _statement(work, account_id, period, made_at))


def _own_zone(work: Work, account_id: str) -> ZoneInfo:
    document = work.latest.first_of_account(account_id)
    return zone_of(json.loads(document)["timezone"] or "UTC") if document else ZoneInfo("UTC")


def _statement(work: Work, account_id: str, period: Period, made_at: datetime) -> Statement:
    account = work.books.account(account_id)
    if account is None or account.kind is AccountKind.HOUSE:
        raise ReportError(f"there is no account {account_id!r}")
    since, until = period.since, period.until
    ledger = work.latest.ledger_between(account_id, since, until, after=0, limit=MOST_ENTRIES + 1)
    free = work.latest.free_of_account(account_id, since, until, MOST_ENTRIES + 1)
    if len(ledger) + len(free) > MOST_ENTRIES:
        raise ReportError(
            f"account {account_id} has more than {MOST_ENTRIES} entries in that month, too many to read; ask for a"
            " facility's report, or export the records"
        )
    return state(
        account,
        period,
        Money(work.latest.balance_before(account_id, since), account.currency),
        Money(work.latest.balance_before(account_id, until), account.currency),
        ledger=ledger,
        records=_records(work, ledger, free),
        made_at=made_at,
    )


def _records(work: Work, ledger: tuple[LedgerEntry, ...], free: tuple[str, ...]) -> Mapping[str, VisitRecords]:
    named = [each.movement.visit_id for each in ledger if each.movement.visit_id]
    named += [str(json.loads(each)["visit_id"]) for each in free]
    found: dict[str, VisitRecords] = {}
    for visit_id in dict.fromkeys(named):
        rows = work.records.of_visit(visit_id)
        if rows:
            first, last = (from_document(each.document, each.previous_hash, each.hash) for each in (rows[0], rows[-1]))
            found[visit_id] = VisitRecords(first, last)
    return found


async def latest_records(store: Store, period: Period, facility: str = "") -> AsyncIterator[list[dict[str, Any]]]:
    """The latest record of each visit that ended in the period, as JSON values, a page at a time."""
    since, until = period.since, period.until
    after: Place | None = None
    while True:
        read = partial(_page, since=since, until=until, facility=facility, after=after)
        documents, after = await store.read(read)
        yield [json.loads(each) for each in documents]
        if after is None:
            return


def _page(
    work: Work, *, since: datetime, until: datetime, facility: str, after: Place | None
) -> tuple[tuple[str, ...], Place | None]:
    page = work.latest.page(since, until, facility=facility, after=after, limit=PAGE)
    return page.documents, page.next
