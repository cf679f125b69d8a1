"""What is known of a recording cannot be changed afterwards; its key can be wrapped anew, and thrown away once."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest

from gateway.store import Recording, Store, from_ms
from tests.billing.stage import accounting_on, granted, summary, usd
from tests.support.databases import meddle

REFUSALS = (sqlite3.IntegrityError, psycopg.IntegrityError)
FINISHED = {
    "started_at": from_ms(1000), "ended_at": from_ms(2000), "size": 64, "sha256": "ab" * 32, "state": "complete",
    "dropped": 0,
}  # fmt: skip


async def with_a_recording(url: str) -> Store:
    async with accounting_on(url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5"), key="k")
        await granted(accounting, "v1")
        await accounting.close(summary("v1", 60))
    recording = Recording("r-1", "node1", "north", "v1", 1, "r-1.kbr", "key-1", "00ff", 90, from_ms(900))
    async with Store(url) as store:
        await store.write(lambda work: work.recordings.add(recording))
        await store.write(lambda work: work.recordings.finish("r-1", **FINISHED))
    return store


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE recordings SET sha256 = 'cd'",
        "UPDATE recordings SET bytes = 63",
        "UPDATE recordings SET state = 'cut'",
        "UPDATE recordings SET ended_at_ms = NULL",
        "UPDATE recordings SET visit_id = 'v2'",
        "UPDATE recordings SET file_name = 'r-2.kbr'",
        "DELETE FROM recordings",
    ],
)
async def test_what_it_was_stays(database_url: str, statement: str) -> None:
    await with_a_recording(database_url)
    with pytest.raises(REFUSALS, match="recordings is append-only"):
        meddle(database_url, statement)


async def test_its_key_is_wrapped_anew_and_thrown_away_once(database_url: str) -> None:
    await with_a_recording(database_url)
    async with Store(database_url) as store:
        await store.write(lambda work: work.recordings.rewrap("r-1", "key-2", "11ff"))
        await store.write(lambda work: work.recordings.purge("r-1", from_ms(3000)))
        found = await store.read(lambda work: work.recordings.get("r-1"))
    assert found is not None
    assert (found.key_id, found.wrapped_key, found.purged_at, found.sha256) == ("key-2", "", from_ms(3000), "ab" * 32)
    with pytest.raises(REFUSALS, match="recordings is append-only"):
        meddle(database_url, "UPDATE recordings SET wrapped_key = '11ff'")
    with pytest.raises(REFUSALS, match="recordings is append-only"):
        meddle(database_url, "UPDATE recordings SET purged_at_ms = NULL")
