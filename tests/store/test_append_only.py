"""Records and ledger grow and never change: the database itself says no, to everybody who opens the file."""

import sqlite3

import pytest

from tests.billing.stage import accounting_on, granted, summary, usd


@pytest.fixture
async def file(tmp_path):
    path = tmp_path / "k.db"
    async with accounting_on(f"sqlite:///{path}") as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5"), key="k")
        await granted(accounting, "v1")
        await accounting.close(summary("v1", 60))
    return path


@pytest.mark.parametrize("table", ["cdrs", "entries", "movements"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "INSERT OR REPLACE INTO {0} SELECT * FROM {0}"]
)
def test_nothing_written_is_changed_deleted_or_replaced(file, table, statement):
    column = {"cdrs": "total_micros", "entries": "amount_micros", "movements": "at_ms"}[table]
    connection = sqlite3.connect(file)
    before = connection.execute(f"SELECT * FROM {table}").fetchall()
    assert before
    with pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"):
        connection.execute(statement.format(table, column))
    assert connection.execute(f"SELECT * FROM {table}").fetchall() == before
    connection.close()


def test_a_second_record_cannot_take_the_place_of_the_first(file):
    """INSERT OR REPLACE with another cdr_id but the same place in the sequence."""
    connection = sqlite3.connect(file)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(cdrs)")]
    values = ", ".join("'other'" if each == "cdr_id" else each for each in columns)
    with pytest.raises(sqlite3.IntegrityError, match="cdrs is append-only"):
        connection.execute(f"INSERT OR REPLACE INTO cdrs SELECT {values} FROM cdrs")
    connection.close()
