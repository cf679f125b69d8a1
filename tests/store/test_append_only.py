"""Records, ledger and trails grow and never change: the database itself says no, to everybody who opens it."""

import sqlite3

import psycopg
import pytest

from gateway.store import Access, Store, Watching, from_ms
from tests.billing.stage import accounting_on, granted, summary, usd
from tests.support.databases import meddle

TABLES = {
    "cdrs": "total_micros",
    "entries": "amount_micros",
    "movements": "at_ms",
    "accesses": "at_ms",
    "watchings": "at_ms",
}
REFUSALS = (sqlite3.IntegrityError, psycopg.IntegrityError)


async def fill(url: str) -> None:
    async with accounting_on(url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5"), key="k")
        await granted(accounting, "v1")
        await accounting.close(summary("v1", 60))
    async with Store(url) as store:
        watching = Watching("w-1", "node1", "north", "v1", "badge-1", from_ms(1))
        await store.write(lambda work: work.watchings.began(watching))
        await store.write(lambda work: work.accesses.write(Access(from_ms(1), "badge-1", "play", "r-1", "", "")))


@pytest.mark.parametrize(
    "statement", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "UPDATE {0} SET {1} = 1 WHERE {1} < 0"]
)
async def test_nothing_written_is_changed_or_deleted(database_url, statement):
    await fill(database_url)
    for table, column in TABLES.items():
        if database_url.startswith("sqlite") and "<" in statement:
            continue  # its triggers are for each row: nothing found, nothing refused, nothing changed
        with pytest.raises(REFUSALS, match=f"{table} is append-only"):
            meddle(database_url, statement.format(table, column))


async def test_nothing_written_is_replaced(tmp_path):
    """SQLite only: no other database has INSERT OR REPLACE."""
    url = f"sqlite:///{tmp_path}/k.db"
    await fill(url)
    for table in TABLES:
        with pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"):
            meddle(url, f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


async def test_a_second_record_cannot_take_the_place_of_the_first(tmp_path):
    """INSERT OR REPLACE with another cdr_id but the same place in the sequence."""
    url = f"sqlite:///{tmp_path}/k.db"
    await fill(url)
    connection = sqlite3.connect(tmp_path / "k.db")
    columns = [row[1] for row in connection.execute("PRAGMA table_info(cdrs)")]
    connection.close()
    values = ", ".join("'other'" if each == "cdr_id" else each for each in columns)
    with pytest.raises(sqlite3.IntegrityError, match="cdrs is append-only"):
        meddle(url, f"INSERT OR REPLACE INTO cdrs SELECT {values} FROM cdrs")


async def test_nothing_written_is_emptied_or_written_over(postgresql_url):
    """PostgreSQL only: TRUNCATE passes row triggers by, and ON CONFLICT writes over what is there."""
    await fill(postgresql_url)
    for table in TABLES:
        with pytest.raises(psycopg.IntegrityError, match=f"{table} is append-only"):
            meddle(postgresql_url, f"TRUNCATE {table} CASCADE")
    over = "INSERT INTO cdrs SELECT * FROM cdrs ON CONFLICT (cdr_id) DO UPDATE SET total_micros = 0"
    with pytest.raises(psycopg.IntegrityError, match="cdrs is append-only"):
        meddle(postgresql_url, over)


async def test_not_even_where_triggers_are_off_for_replication(postgresql_url):
    await fill(postgresql_url)
    with pytest.raises(psycopg.IntegrityError, match="cdrs is append-only"):
        meddle(postgresql_url, "SET session_replication_role = replica", "DELETE FROM cdrs")
