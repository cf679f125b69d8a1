"""Who watched whom: two rows a watching, and the database itself lets nobody change them."""

import asyncio
import threading

import psycopg
import pytest

from gateway.store import Store, Watching, from_ms
from tests.billing.stage import accounting_on, granted, usd
from tests.support.waiting import until


@pytest.fixture
async def url(database_url):
    await make_a_visit(database_url)
    return database_url


async def make_a_visit(url: str) -> None:
    async with accounting_on(url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5"), key="k")
        await granted(accounting, "v1")


def watching(number: int, officer: str = "badge-1", visit_id: str = "v1") -> Watching:
    return Watching(f"w-{number}", "node1", "demo-jail", visit_id, officer, from_ms(1000 * number))


async def test_the_first_end_stands(url):
    async with Store(url) as store:
        await store.write(lambda work: work.watchings.began(watching(1)))
        assert [each.until for each in await store.read(lambda work: work.watchings.open("node1"))] == [None]
        for at, reason in ((5000, "officer_left"), (6000, "node_crash")):
            await store.write(lambda work, at=at, reason=reason: work.watchings.ended("w-1", from_ms(at), reason))
        (found,) = await store.read(lambda work: work.watchings.find(0, 10))
        assert (found.since, found.until, found.reason) == (from_ms(1000), from_ms(5000), "officer_left")
        assert await store.read(lambda work: work.watchings.open("node1")) == ()
        await store.write(lambda work: work.watchings.ended("w-9", from_ms(1), "nobody"))


async def test_they_are_found_by_cursor_visit_and_officer(url):
    async with Store(url) as store:
        for number, officer in ((1, "badge-1"), (2, "badge-2"), (3, "badge-1")):
            await store.write(lambda work, n=number, o=officer: work.watchings.began(watching(n, o)))
            await store.write(lambda work, n=number: work.watchings.ended(f"w-{n}", from_ms(9000), "closed"))

        async def ids(since=0, limit=10, **more):
            found = await store.read(lambda work: work.watchings.find(since, limit, **more))
            return [each.watching_id for each in found]

        assert await ids() == ["w-1", "w-2", "w-3"]
        first = (await store.read(lambda work: work.watchings.find(0, 1)))[0]
        assert await ids(since=first.number) == ["w-2", "w-3"]
        assert await ids(officer="badge-1") == ["w-1", "w-3"]
        assert await ids(visit_id="v2") == []


async def test_numbers_are_committed_in_their_order_so_that_a_cursor_misses_none(postgresql_url):
    """The second writer's number is given after the first one's commit, not merely after its insert."""
    await make_a_visit(postgresql_url)
    inserted, go_on = threading.Event(), threading.Event()

    def write_slowly(work) -> None:
        work.watchings.began(watching(1))
        inserted.set()
        assert go_on.wait(20)

    async with Store(postgresql_url) as slow, Store(postgresql_url) as quick:
        first = asyncio.create_task(slow.write(write_slowly))
        await asyncio.to_thread(inserted.wait, 20)
        second = asyncio.create_task(quick.write(lambda work: work.watchings.began(watching(2))))
        await until(lambda: waits_for_a_lock(postgresql_url), "the second writer at the lock")
        go_on.set()
        await asyncio.gather(first, second)
        found = await quick.read(lambda work: work.watchings.find(0, 10))
        assert [each.watching_id for each in found] == ["w-1", "w-2"]


async def waits_for_a_lock(url: str) -> bool:
    with psycopg.connect(url) as session:
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return session.execute(waiting).fetchone() is not None
