"""The columns that comparisons read: what the database took out of the signed texts, and nothing else."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta

import psycopg
import pytest

from gateway.store import FIGURES, Store
from gateway.store.figures import FigurePage
from tests.billing.stage import START, accounting_on, granted, summary, usd
from tests.support.databases import meddle

REFUSALS = (sqlite3.IntegrityError, psycopg.IntegrityError)
PERIOD = (START - timedelta(days=1), START + timedelta(days=1))


async def fill(url: str) -> None:
    """Five visits; the second is corrected, the third was refused, the fourth has a name in its number."""
    async with accounting_on(url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("20"), key="k")
        for number in range(1, 6):
            dialled = 'größer "als" 1\\2' if number == 4 else "5552368001"
            await granted(accounting, f"v{number}", dialled=dialled)
            never = {"answer_at": None, "media_start_at": None, "media_end_at": None} if number == 3 else {}
            await accounting.close(summary(f"v{number}", 0 if number == 3 else 60 * number, **never))
        (second,) = [each for each in await accounting.cdrs() if each.visit_id == "v2"]
        await accounting.credit(second.cdr_id, usd("0.10"), "goodwill", "once")


async def whole(url: str, limit: int = 100) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {name: [] for name in FIGURES}
    async with Store(url) as store:
        page = await store.read(lambda work: work.figures.page(FIGURES, *PERIOD, limit=limit))
        while True:
            for name, values in page.columns.items():
                found[name] += values
            after = page.next
            if after is None:
                return found
            page = await store.read(
                lambda work, after=after: work.figures.page(FIGURES, *PERIOD, after=after, limit=limit)
            )


async def test_they_say_what_the_latest_records_say(database_url: str) -> None:
    await fill(database_url)
    async with Store(database_url) as store:
        page = await store.read(lambda work: work.latest.page(*PERIOD, limit=100))
    records = [json.loads(each) for each in page.documents]
    assert len(records) == 5
    assert await whole(database_url) == {name: [each[name] for each in records] for name in FIGURES}
    assert await whole(database_url, limit=2) == await whole(database_url)


async def test_nobody_changes_them(database_url: str) -> None:
    await fill(database_url)
    for statement in ("UPDATE cdr_figures SET total = '0.00'", "DELETE FROM cdr_figures"):
        with pytest.raises(REFUSALS, match="cdr_figures is append-only"):
            meddle(database_url, statement)


async def test_an_empty_period_is_an_empty_page(database_url: str) -> None:
    await fill(database_url)
    async with Store(database_url) as store:
        page = await store.read(lambda work: work.figures.page(("cdr_id",), PERIOD[1], PERIOD[1], limit=10))
    assert page == FigurePage({"cdr_id": ()}, 0, None)
