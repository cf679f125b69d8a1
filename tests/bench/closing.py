"""Visits closed a second, each with charge, ledger, release of its hold and chained record in one durable transaction.

SQLite with synchronous=FULL, PostgreSQL with fsync and synchronous_commit, as shipped. Many visits end at once, as they
do when a slot is over; each waits for its own commit.
"""

from __future__ import annotations

import asyncio
import tempfile
import time

from tests.billing.stage import accounting_on, intent, summary, usd
from tests.support.postgres import PostgresServer

ACCOUNTS = 50
AT_ONCE = 40  # that end together


def measure(visits: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="kinbridge-bench-") as folder:
        sqlite = asyncio.run(_closed_per_s(f"sqlite:///{folder}/k.db", visits))
    with PostgresServer(durable=True) as server:
        postgresql = asyncio.run(_closed_per_s(server.new_database(), visits))
    print(f"visits closed: {sqlite:.0f}/s on SQLite, {postgresql:.0f}/s on PostgreSQL")
    return {"close.sqlite.visits_per_s": sqlite, "close.postgresql.visits_per_s": postgresql}


async def _closed_per_s(url: str, visits: int) -> float:
    async with accounting_on(url) as accounting:
        for number in range(ACCOUNTS):
            await accounting.open_account(f"family-{number}")
            await accounting.deposit(f"family-{number}", usd("1000.00"), key=f"first-{number}")
        for number in range(visits):
            await accounting.authorise(intent(f"v{number}", account=f"family-{number % ACCOUNTS}", max_seconds=60))
        begin_s = time.perf_counter()
        for first in range(0, visits, AT_ONCE):
            together = range(first, min(visits, first + AT_ONCE))
            await asyncio.gather(*(accounting.close(summary(f"v{number}", 60)) for number in together))
        took_s = time.perf_counter() - begin_s
        report = await accounting.verify_chain()
        if report.records != visits or not report.sound or await accounting.verify_books():
            raise AssertionError("what was closed does not add up")
    return visits / took_s
