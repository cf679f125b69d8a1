"""What is PostgreSQL's own: the session, its loss, writers who collide, what a text may hold, and the password."""

import asyncio
import logging
import os
import threading

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from gateway.errors import StoreError, StoreUnavailable
from gateway.money import Money
from gateway.store import AccountKind, Store, from_ms
from gateway.store.engine import parse_url
from gateway.store.tables import metadata
from tests.store.test_opening import account_names, open_an_account
from tests.support.databases import meddle
from tests.support.postgres import LOCKED


def limits(work) -> list[int]:
    """Read without any lock: what a careless function does."""
    return [each.day_limit.micros if each.day_limit else 0 for each in work.books.accounts()]


def end_own_session(work) -> None:
    work.books._connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")


# the schema


async def test_the_migrations_make_exactly_the_tables_of_this_version(postgres_server):
    url = postgres_server.new_database(empty=True)
    async with Store(url):
        pass
    engine = create_engine(parse_url(url))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    postgres_server.drop(url)


async def test_of_many_that_open_an_empty_database_at_once_one_makes_the_tables(postgres_server):
    url = postgres_server.new_database(empty=True)
    stores = [Store(url) for _ in range(6)]
    await asyncio.gather(*(each.open() for each in stores))
    await open_an_account(stores[0])
    assert [await account_names(each) for each in stores] == [["family-1"]] * 6
    await asyncio.gather(*(each.close() for each in stores))
    postgres_server.drop(url)


async def test_a_database_that_cannot_keep_every_text_is_refused(postgres_server):
    postgres_server.execute("CREATE DATABASE old TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'")
    with pytest.raises(StoreError, match="keeps text as LATIN1; make one with ENCODING 'UTF8'"):
        await Store(postgres_server.url("old")).open()


async def test_money_is_written_through_to_the_disk_and_nothing_hangs_for_ever(postgresql_url):
    names = ["synchronous_commit", "transaction_isolation", "lock_timeout", "statement_timeout", "application_name"]
    async with Store(f"{postgresql_url}?options=-csynchronous_commit%3Doff", busy_timeout_s=2) as store:

        def shown(work) -> dict[str, str]:
            execute = work.books._connection.exec_driver_sql
            return {name: execute(f"SHOW {name}").scalar() for name in (*names, "idle_in_transaction_session_timeout")}

        assert await store.write(shown) == {
            "synchronous_commit": "on",
            "transaction_isolation": "serializable",
            "lock_timeout": "2s",
            "statement_timeout": "2min",
            "application_name": "kinbridge",
            "idle_in_transaction_session_timeout": "15s",
        }
        assert (await store.read(shown))["transaction_isolation"] == "repeatable read"


async def test_ids_are_read_page_by_page_in_the_same_order_on_each_database(database_url):
    """The server of the tests sorts as people do; a cursor must not."""
    names = ["b", "a", "B", "_", "é", "z", "10", "9", "a-1", "a_1", "a.1", "Ä", "家"]
    async with Store(database_url) as store:
        for name in names:
            await open_an_account(store, name)
        pages, after = [], ""
        while page := await store.read(lambda work, after=after: work.books.accounts_page(after, 2)):
            pages += [each.account_id for each in page]
            after = pages[-1]
        assert pages == sorted(names)


# what a text and a number may be


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("half \ud83d a character", "it holds half a character"),
        ("nothing \0 there", "it holds a NUL character"),
        ("long" * 51, "a text that is too long for its column"),
    ],
)
async def test_a_text_that_no_column_holds_is_refused_in_words(postgresql_url, name, words):
    async with Store(postgresql_url) as store:
        with pytest.raises(StoreError, match=words):
            await open_an_account(store, name)
        assert await account_names(store) == []


async def test_half_a_character_is_refused_by_sqlite_as_well(tmp_path):
    async with Store(f"sqlite:///{tmp_path}/k.db") as store:
        with pytest.raises(StoreError, match="it holds half a character"):
            await open_an_account(store, "half \ud83d a character")


async def test_money_beyond_64_bits_is_refused_and_up_to_them_kept(postgresql_url):
    most = Money(2**63 - 1, "USD")
    async with Store(postgresql_url) as store:
        await open_an_account(store)
        await store.write(lambda work: work.books.set_limits("family-1", most, None, None))
        assert (await store.read(lambda work: work.books.account("family-1"))).day_limit == most
        with pytest.raises(StoreError, match="a number that it cannot hold"):
            await store.write(lambda work: work.books.set_limits("family-1", Money(2**63, "USD"), None, None))


async def test_a_constraint_names_columns_and_not_values(postgresql_url):
    def twice(work) -> None:
        for _ in range(2):
            work.books._connection.exec_driver_sql("INSERT INTO chains VALUES ('5552368001', 1, '')")

    async with Store(postgresql_url) as store:
        with pytest.raises(StoreError, match="refused a row: pk_chains of chains") as caught:
            await store.write(twice)
        assert "5552368001" not in str(caught.value)


# writers beside each other


@pytest.mark.parametrize("writers", [2, 5])
async def test_what_a_writer_read_is_still_true_when_it_writes(database_url, writers):
    """Each adds one to what it read without a lock: not one is lost."""

    def add_one(work) -> None:
        work.books.set_limits("family-1", Money(limits(work)[0] + 1, "USD"), None, None)

    stores = [Store(database_url) for _ in range(writers)]
    for each in stores:
        await each.open()
    await open_an_account(stores[0])
    await asyncio.gather(*(each.write(add_one) for each in stores for _ in range(20)))
    assert await stores[0].read(limits) == [20 * writers]
    for each in stores:
        await each.close()


async def test_two_who_each_change_what_the_other_one_read_come_one_after_the_other(postgresql_url):
    """Row locks and snapshots let both through (write skew); the first attempts are made to overlap."""
    both_have_read = threading.Barrier(2)
    attempts: dict[str, int] = {}

    def take_the_only_limit(work, account_id: str) -> None:
        attempts[account_id] = attempts.get(account_id, 0) + 1
        taken = sum(limits(work))
        if attempts[account_id] == 1:
            both_have_read.wait(20)
        if not taken:
            work.books.set_limits(account_id, Money(1, "USD"), None, None)

    async with Store(postgresql_url) as one, Store(postgresql_url) as two:
        for name in ("a", "b"):
            await open_an_account(one, name)
        await asyncio.gather(
            one.write(lambda work: take_the_only_limit(work, "a")),
            two.write(lambda work: take_the_only_limit(work, "b")),
        )
        assert sum(await one.read(limits)) == 1
        assert sorted(attempts.values()) == [1, 2]


async def test_a_reader_holds_up_no_writer_and_sees_nothing_of_it(database_url):
    reading, written = threading.Event(), threading.Event()

    def read_twice(work) -> list[list[int]]:
        first = limits(work)
        work.books.account("family-1")  # what a writer would lock
        reading.set()
        assert written.wait(20)
        return [first, limits(work)]

    async with Store(database_url) as reader, Store(database_url) as writer:
        await open_an_account(writer)
        slow = asyncio.create_task(reader.read(read_twice))
        await asyncio.to_thread(reading.wait, 20)
        await writer.write(lambda work: work.books.set_limits("family-1", Money(7, "USD"), None, None))
        written.set()
        assert await slow == [[0], [0]]
        assert await reader.read(limits) == [7]


async def test_who_waits_too_long_for_a_lock_is_told_so(postgresql_url):
    async with Store(postgresql_url, busy_timeout_s=0.1) as store:
        with psycopg.connect(postgresql_url) as holder:
            holder.execute("LOCK TABLE accounts")
            with pytest.raises(StoreUnavailable, match="locked by another process; nothing was written"):
                await open_an_account(store)
        await open_an_account(store)


# the session, its claim, and its loss


async def test_a_session_that_ended_while_nobody_used_it_is_not_noticed(postgresql_url):
    async with Store(postgresql_url) as store:
        await store.claim("node1")
        meddle(postgresql_url, _others_end("kinbridge"))
        await open_an_account(store)
        async with Store(postgresql_url) as second:
            with pytest.raises(StoreError, match="another gateway runs as node node1"):
                await second.claim("node1")  # it was taken again with the new session


async def test_a_session_that_ends_in_the_middle_leaves_nothing_and_is_begun_again(postgresql_url):
    runs = []

    def cut_once(work) -> None:
        work.books.open(f"family-{len(runs)}", AccountKind.PREPAID, "USD", from_ms(0))
        runs.append("run")
        if len(runs) == 1:
            end_own_session(work)

    async with Store(postgresql_url) as store:
        await store.write(cut_once)
        assert await account_names(store) == ["family-1"]


async def test_a_session_that_always_ends_is_given_up(postgresql_url):
    async with Store(postgresql_url) as store:
        with pytest.raises(StoreUnavailable, match="nothing was written"):
            await store.write(end_own_session)
        assert await account_names(store) == []


async def test_a_session_that_ends_while_it_commits_is_said_to_be_in_doubt(postgresql_url):
    meddle(
        postgresql_url,
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON accounts DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION cut()",
    )
    async with Store(postgresql_url) as store:
        with pytest.raises(StoreUnavailable, match="went away while it committed; repeat it"):
            await open_an_account(store)


async def test_a_claim_lost_with_its_session_and_taken_by_another_shuts_the_store(postgresql_url):
    async with Store(postgresql_url) as first:
        await first.claim("node1")
        with psycopg.connect(postgresql_url) as administrator:
            administrator.execute(_others_end("kinbridge").encode())
        async with Store(postgresql_url) as second:
            await second.claim("node1")
            with pytest.raises(StoreUnavailable, match="the claim of node node1 went with the lost connection"):
                await open_an_account(first)
        await open_an_account(first)  # the other one has stopped: the claim is had again
        assert await account_names(first) == ["family-1"]


def _others_end(application: str) -> str:
    ends = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    return f"{ends} WHERE application_name = '{application}' AND datname = current_database()"


async def test_the_administrators_shutdown_is_waited_out(postgres_server, postgresql_url):
    async with Store(postgresql_url) as store:
        await open_an_account(store)
        postgres_server.stop()
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            await account_names(store)
        postgres_server.start()
        assert await account_names(store) == ["family-1"]


# the password


async def test_the_password_comes_from_the_url_or_a_file_and_is_never_shown(
    postgres_server, postgresql_url, tmp_path, monkeypatch, caplog
):
    caplog.set_level(logging.DEBUG)
    postgres_server.execute(f"CREATE ROLE {LOCKED} LOGIN SUPERUSER PASSWORD 'geheim'")
    address = postgresql_url.rpartition("@")[2]
    (tmp_path / "password").write_text("geheim\n")
    (tmp_path / "pgpass").write_text(f"*:*:*:{LOCKED}:geheim\n")
    os.chmod(tmp_path / "pgpass", 0o600)  # libpq ignores one that others can read

    for url in (f"//{LOCKED}:geheim@{address}", f"//{LOCKED}@{address}?password_file={tmp_path}/password"):
        async with Store(f"postgresql:{url}") as store:
            assert await account_names(store) == []
    for url, words in (
        (f"//{LOCKED}@{address}", "asks for a password"),
        (f"//{LOCKED}:geheim1@{address}", "refuses the user or the password"),
        (f"//{LOCKED}@{address}?password_file={tmp_path}/none", "password_file .* cannot be read as text"),
        (f"//{LOCKED}:geheim@{address}x", "create them"),
    ):
        with pytest.raises(StoreError, match=words) as caught:
            await Store(f"postgresql:{url}").open()
        assert "geheim" not in f"{caught.value!r} {caught.value.__cause__!r}"
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    async with Store(f"postgresql://{LOCKED}@{address}") as store:
        assert await account_names(store) == []
    assert "geheim" not in caplog.text
    postgres_server.execute(f"DROP ROLE {LOCKED}")
