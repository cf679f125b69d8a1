"""A whole database moves from SQLite to PostgreSQL and back; what is written afterwards goes on where it stopped."""

import sqlite3

import psycopg
import pytest

from gateway.errors import StoreError
from gateway.store.copying import copy_database
from gateway.store.tables import metadata
from tests.billing.stage import accounting_on, assert_books_and_chain_sound, granted, summary, usd
from tests.store.test_append_only import fill


def rows_of(url: str) -> dict[str, list[tuple]]:
    connect = sqlite3.connect(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else psycopg.connect(url)
    asked = {
        table.name: f"SELECT * FROM {table.name} ORDER BY {', '.join(each.name for each in table.primary_key)}"
        for table in metadata.sorted_tables
    }
    found = {name: list(connect.execute(sql)) for name, sql in asked.items()}
    connect.close()
    return found


async def test_every_row_moves_and_the_books_go_on(tmp_path, postgresql_url):
    there, back = f"sqlite:///{tmp_path}/there.db", f"sqlite:///{tmp_path}/back.db"
    await fill(there)
    told = {}
    copy_database(there, postgresql_url, told.__setitem__)
    copy_database(postgresql_url, back, told.__setitem__)
    assert rows_of(back) == rows_of(there)
    assert told["cdrs"] == 1

    for url in (postgresql_url, back):
        async with accounting_on(url) as accounting:
            await granted(accounting, "v2")
            assert (await accounting.close(summary("v2", 30))).charged == usd("0.08")
            assert [each.sequence for each in await accounting.cdrs()] == [1, 2]
            await assert_books_and_chain_sound(accounting)
    assert rows_of(postgresql_url)["cdrs"][1][:4] == rows_of(back)["cdrs"][1][:4]


async def test_a_database_that_has_something_is_not_written(tmp_path, postgresql_url):
    there = f"sqlite:///{tmp_path}/there.db"
    await fill(there)
    await fill(postgresql_url)
    before = rows_of(postgresql_url)
    with pytest.raises(StoreError, match="has rows in accesses already; copy into an empty one"):
        copy_database(there, postgresql_url, lambda table, rows: None)
    assert rows_of(postgresql_url) == before


def test_a_database_in_memory_is_nothing_to_copy(postgresql_url):
    with pytest.raises(StoreError, match="in memory is nothing to copy"):
        copy_database("sqlite:///:memory:", postgresql_url, lambda table, rows: None)


def test_a_file_that_is_not_there_is_nothing_to_copy(tmp_path):
    with pytest.raises(StoreError, match=r"there is no database .*typo\.db to copy"):
        copy_database(f"sqlite:///{tmp_path}/typo.db", f"sqlite:///{tmp_path}/new.db", lambda table, rows: None)
    assert list(tmp_path.iterdir()) == []
