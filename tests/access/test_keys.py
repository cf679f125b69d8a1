"""Keys of other systems: shown once, kept as a hash, good until a day."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.access import Scope
from gateway.errors import AccessError
from tests.access.stage import House, house_on

READS = frozenset({Scope.RECORDS_READ, Scope.REPORTS_READ})
DAY_S = 24 * 3600


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with house_on(database_url) as house:
        yield house


async def test_a_key_is_good_until_its_day_and_the_store_does_not_have_it(house: House) -> None:
    made = await house.keys.add("carrier north", READS, 30, "tester")
    assert made.key.startswith("kb_")
    assert made.key not in repr(made) + repr(await house.keys.all())
    holder = await house.keys.holder(made.key)
    assert holder is not None
    assert (holder.name, holder.scopes) == (made.row.key_id, READS)
    await house.clock.advance(30 * DAY_S - 1)
    assert await house.keys.holder(made.key) is not None
    await house.clock.advance(1)
    assert await house.keys.holder(made.key) is None
    assert [each.last_used_day for each in await house.keys.all()] == ["2026-02-04"]


async def test_a_revoked_key_is_none_and_is_revoked_once(house: House) -> None:
    kept = await house.keys.add("carrier north", READS, 30, "tester")
    lost = await house.keys.add("carrier south", READS, 30, "tester")
    await house.keys.revoke(lost.row.key_id, "tester")
    assert await house.keys.holder(lost.key) is None
    assert await house.keys.holder(kept.key) is not None
    with pytest.raises(AccessError, match="no key"):
        await house.keys.revoke(lost.row.key_id, "tester")
    assert await house.acts() == [
        ("tester", "key.added", kept.row.key_id),
        ("tester", "key.added", lost.row.key_id),
        ("tester", "key.revoked", lost.row.key_id),
    ]


@pytest.mark.parametrize(
    ("name", "scopes", "days", "words"),
    [(" ", READS, 30, "name"), ("carrier", frozenset[Scope](), 30, "records:read"), ("carrier", READS, 0, "days")],
)
async def test_what_is_missing_is_said(name: str, scopes: frozenset[Scope], days: int, words: str) -> None:
    async with house_on("sqlite://") as house:
        with pytest.raises(AccessError, match=words):
            await house.keys.add(name, scopes, days, "tester")
        assert await house.keys.all() == ()
