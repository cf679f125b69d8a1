"""Who watched whom: two rows a watching, and the database itself lets nobody change them."""

import sqlite3

import pytest

from gateway.store import Store, Watching, from_ms
from tests.billing.stage import accounting_on, granted, usd


@pytest.fixture
async def url(tmp_path):
    url = f"sqlite:///{tmp_path}/k.db"
    async with accounting_on(url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5"), key="k")
        await granted(accounting, "v1")
    return url


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


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE watchings SET officer = 'nobody'",
        "DELETE FROM watchings",
        "INSERT OR REPLACE INTO watchings SELECT * FROM watchings",
        "INSERT OR REPLACE INTO watchings SELECT 7, watching_id, act, '', '', visit_id, 'x', 1, '' FROM watchings",
    ],
)
async def test_no_row_is_changed_deleted_or_replaced(url, statement):
    async with Store(url) as store:
        await store.write(lambda work: work.watchings.began(watching(1)))
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    with pytest.raises(sqlite3.IntegrityError, match="watchings is append-only"):
        connection.execute(statement)
    connection.close()
