"""A PostgreSQL server that is stopped where it stands: it holds its connections and answers nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import psycopg
import pytest

from gateway.errors import StoreError, StoreUnavailable
from gateway.store import Store, Work
from gateway.store.postgresql import lock_number
from tests.store.test_opening import account_names, open_an_account
from tests.support.postgres import PostgresServer

LIMIT_S = 0.5
SILENT = "does not answer; nothing was written"


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """Nobody else's tests are to be stopped."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def url(own_server: PostgresServer) -> Iterator[str]:
    found = own_server.new_database()
    yield f"{found}?connect_timeout=2"
    own_server.drop(found)


async def test_who_asks_is_told_in_time_and_all_is_well_when_it_goes_on(own_server: PostgresServer, url: str) -> None:
    async with Store(url, answer_within_s=LIMIT_S) as store:
        await store.claim("node1")
        await open_an_account(store)
        own_server.freeze()
        for _ in range(2):  # on its connection, and on the next one that it never takes
            with pytest.raises(StoreUnavailable, match=SILENT):
                await open_an_account(store, "family-2")
        own_server.thaw()
        await asked_until_it_answers(store)
        assert await account_names(store) == ["family-1"]
        await open_an_account(store, "family-2")
        async with Store(url) as second:
            with pytest.raises(StoreError, match="another gateway runs as node node1"):
                await second.claim("node1")


async def asked_until_it_answers(store: Store) -> None:
    """The server may need a moment to find its old sessions gone, and with them the claim."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(StoreUnavailable):
                await account_names(store)
                return
            await asyncio.sleep(0.05)


async def test_all_who_wait_learn_of_it_at_once(own_server: PostgresServer, url: str) -> None:
    """Else the last of many would wait the time of all of them."""
    async with Store(url, answer_within_s=LIMIT_S) as store:
        own_server.freeze()
        asked = []

        def ask(work: Work) -> None:
            asked.append(work)
            work.books.accounts()

        answers = await asyncio.gather(*(store.read(ask) for _ in range(200)), return_exceptions=True)
        own_server.thaw()
    assert {str(each) for each in answers} == {f"the database {store.name} {SILENT}"}
    assert len(asked) <= 1  # it was asked once, if its transaction was begun at all


async def test_one_whose_turn_does_not_come_is_told_as_well(
    own_server: PostgresServer, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """After a collision writers ask for their turn before their transaction begins."""
    async with Store(url, answer_within_s=LIMIT_S) as store:
        store._session._crowded = 50
        own_server.freeze()
        with pytest.raises(StoreUnavailable, match=SILENT):
            await open_an_account(store)
        own_server.thaw()
        await open_an_account(store)
        assert await account_names(store) == ["family-1"]
    assert "Traceback" not in caplog.text


async def test_a_backend_that_stands_still_alone_keeps_its_claim_until_it_goes_on(url: str) -> None:
    async with Store(url, answer_within_s=LIMIT_S) as store:
        await store.claim("node1")
        pid = await store.read(own_backend)
        os.kill(pid, signal.SIGSTOP)  # of our own server: it told us
        try:
            with pytest.raises(StoreUnavailable, match=SILENT):
                await open_an_account(store)
            with pytest.raises(StoreUnavailable, match="another session has it"):
                await open_an_account(store)
        finally:
            os.kill(pid, signal.SIGCONT)
        await asked_until_it_answers(store)
        await open_an_account(store)


def own_backend(work: Work) -> int:
    return int(work.books._connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


async def test_a_commit_without_an_answer_is_said_to_be_in_doubt(own_server: PostgresServer, url: str) -> None:
    async with Store(url, answer_within_s=LIMIT_S) as store:

        def freezing(work: Work) -> None:
            work.books.accounts()
            work.books._connection.exec_driver_sql("INSERT INTO chains VALUES ('node1', 1, '')")
            own_server.freeze()

        with pytest.raises(StoreUnavailable, match="went away while it committed; repeat it"):
            await store.write(freezing)
        own_server.thaw()


async def test_a_slow_statement_is_given_up_by_the_server_and_keeps_the_session(url: str) -> None:
    async with Store(url, answer_within_s=LIMIT_S) as store:
        before = await store.read(own_backend)
        with pytest.raises(StoreUnavailable, match="took too long and gave up; nothing was written"):
            await store.read(lambda work: work.books._connection.exec_driver_sql("SELECT pg_sleep(60)"))
        assert await store.read(own_backend) == before


async def test_a_migration_may_take_its_time(own_server: PostgresServer) -> None:
    found = own_server.new_database(empty=True)
    with psycopg.connect(found) as holder:  # somebody else migrates, for longer than an answer may take
        number = lock_number("migrations")
        holder.execute("SELECT pg_advisory_xact_lock(%s)", (number,))
        store = Store(found, answer_within_s=LIMIT_S)
        opening = asyncio.create_task(store.open())
        await asyncio.to_thread(waits, found, 3 * LIMIT_S)
    await opening
    assert await account_names(store) == []
    await store.close()
    own_server.drop(found)


def waits(url: str, seconds: float) -> None:
    """Until somebody has waited for a lock of ours for so long, by the server's own clock."""
    with psycopg.connect(url, autocommit=True) as looking:
        asked = (
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE locktype = 'advisory' AND NOT granted AND now() - query_start > make_interval(secs => %s)"
        )
        while looking.execute(asked, (seconds,)).fetchone() != (1,):
            threading.Event().wait(0.05)


async def test_closing_does_not_wait_for_it(own_server: PostgresServer, url: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    store = Store(url, answer_within_s=LIMIT_S)
    await store.open()
    own_server.freeze()
    await store.close()
    own_server.thaw()
    assert len(os.listdir("/proc/self/fd")) <= before
