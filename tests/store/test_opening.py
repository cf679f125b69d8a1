"""Opening a database: new, old, newer, damaged, read-only, away. Each in words."""

import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from gateway.errors import StoreError, StoreUnavailable
from gateway.store import AccountKind, Store, from_ms
from gateway.store.tables import metadata


async def open_an_account(store: Store, name: str = "family-1") -> None:
    await store.write(lambda work: work.books.open(name, AccountKind.PREPAID, "USD", from_ms(0)))


async def account_names(store: Store) -> list[str]:
    return [each.account_id for each in await store.read(lambda work: work.books.accounts())]


async def test_a_new_database_is_made_and_an_old_one_is_kept(database_url):
    async with Store(database_url) as store:
        await open_an_account(store)
    async with Store(database_url) as store:
        assert await account_names(store) == ["family-1"]


async def test_a_new_database_is_its_owners_alone(tmp_path):
    async with Store(f"sqlite:///{tmp_path}/k.db") as store:
        await open_an_account(store)
        modes = {
            each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir() if not each.name.endswith(".lock")
        }
    assert modes == dict.fromkeys(("k.db", "k.db-wal", "k.db-shm"), 0o600)


async def test_the_migrations_make_exactly_the_tables_of_this_version(tmp_path):
    async with Store(f"sqlite:///{tmp_path}/k.db"):
        pass
    engine = create_engine(f"sqlite:///{tmp_path}/k.db")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


async def test_money_is_written_through_to_the_disk(tmp_path):
    async with Store(f"sqlite:///{tmp_path}/k.db") as store:
        pragmas = await store.read(
            lambda work: {
                name: work.books._connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
            }
        )
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}


async def test_two_that_open_a_database_at_once_both_get_it(database_url):
    async with Store(database_url) as one, Store(database_url) as two:
        await open_an_account(one)
        assert await account_names(two) == ["family-1"]


async def test_a_database_in_memory_lives_as_long_as_its_store():
    async with Store("sqlite:///:memory:") as store:
        await open_an_account(store)
        assert await account_names(store) == ["family-1"]


async def fails_to_open(url: str, kind: type[Exception], words: str) -> None:
    store = Store(url, busy_timeout_s=0.05)
    with pytest.raises(kind, match=words) as caught:
        await store.open()
    assert type(caught.value) is kind
    with pytest.raises(StoreUnavailable, match="is closed"):
        await account_names(store)


async def test_a_folder_that_is_not_there(tmp_path):
    await fails_to_open(f"sqlite:///{tmp_path}/no/k.db", StoreUnavailable, "check that the folder exists")


async def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "k.db").write_bytes(b"a letter to the editor" * 100)
    await fails_to_open(f"sqlite:///{tmp_path}/k.db", StoreError, "is not an SQLite database; move the file away")


async def test_a_database_of_somebody_else(tmp_path):
    with sqlite3.connect(tmp_path / "k.db") as connection:
        connection.execute("CREATE TABLE accounts (name TEXT)")
    connection.close()
    await fails_to_open(f"sqlite:///{tmp_path}/k.db", StoreError, "already has tables of these names")
    with sqlite3.connect(tmp_path / "k.db") as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
    connection.close()
    assert tables == ["accounts"]  # the failed migration left nothing behind


async def test_a_database_of_a_newer_version(tmp_path):
    async with Store(f"sqlite:///{tmp_path}/k.db"):
        pass
    with sqlite3.connect(tmp_path / "k.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    await fails_to_open(f"sqlite:///{tmp_path}/k.db", StoreError, "newer version of the gateway")


async def test_a_database_that_somebody_else_holds(tmp_path):
    holder = sqlite3.connect(tmp_path / "k.db", isolation_level=None)
    holder.execute("CREATE TABLE t (x)")
    holder.execute("BEGIN EXCLUSIVE")
    await fails_to_open(f"sqlite:///{tmp_path}/k.db", StoreUnavailable, "locked by another process")
    holder.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://kin:geheim@db.example/kin", "names mysql, which is not spoken here; write sqlite:"),
        ("postgresql+psycopg2://kin:geheim@db.example/kin", r"names postgresql\+psycopg2, which is not spoken here"),
        ("postgresql://kin:geheim@db.example", "names no database; write postgresql:"),
        ("postgresql://kin:geheim@db.example:x/kin", "is no database URL"),
        ("kinbridge.db", "is no database URL; write sqlite:"),
        ("", "is no database URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_at_once_and_not_quoted(url, words):
    with pytest.raises(StoreError, match=words) as caught:
        Store(url)
    assert "geheim" not in str(caught.value)


async def test_a_failed_opening_can_be_tried_again(tmp_path):
    folder = tmp_path / "late"
    store = Store(f"sqlite:///{folder}/k.db")
    with pytest.raises(StoreUnavailable):
        await store.open()
    folder.mkdir()
    await store.open()
    await open_an_account(store)
    await store.close()


async def test_opening_twice_is_a_mistake_and_closing_twice_is_none(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/k.db")
    await store.open()
    with pytest.raises(StoreError, match="open already"):
        await store.open()
    await store.close()
    await store.close()
