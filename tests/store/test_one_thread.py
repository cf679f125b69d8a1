"""One thread owns the database; the queue in front of it is bounded."""

import asyncio
import threading

import pytest

from gateway.errors import StoreUnavailable
from gateway.store import Store
from tests.store.test_opening import account_names, open_an_account


async def test_everything_runs_in_one_thread_that_is_not_the_callers():
    async with Store("sqlite:///:memory:") as store:
        names = await asyncio.gather(*(store.read(lambda _: threading.current_thread().name) for _ in range(20)))
        assert set(names) == {"kinbridge-store"}


async def test_a_full_queue_refuses_in_words_and_counts():
    gate, busy = threading.Event(), threading.Event()

    def block(_work) -> None:
        busy.set()
        gate.wait(20)

    async with Store("sqlite:///:memory:", queue_size=2) as store:
        blocked = asyncio.create_task(store.read(block))
        await asyncio.to_thread(busy.wait, 20)
        waiting = [asyncio.create_task(account_names(store)) for _ in range(2)]
        await asyncio.sleep(0)  # let the two take their places
        with pytest.raises(StoreUnavailable, match="2 tasks behind"):
            await account_names(store)
        assert store.refused == 1
        gate.set()
        assert await asyncio.gather(*waiting) == [[], []]
        await blocked


async def test_closing_finishes_what_is_queued(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/k.db")
    await store.open()
    writing = [asyncio.create_task(open_an_account(store, f"family-{n}")) for n in range(10)]
    await asyncio.sleep(0)  # let them queue
    await store.close()
    await asyncio.gather(*writing)
    async with Store(f"sqlite:///{tmp_path}/k.db") as again:
        assert len(await account_names(again)) == 10


async def test_a_caller_who_goes_away_before_its_turn_is_skipped_and_the_thread_lives_on():
    gate, busy, ran = threading.Event(), threading.Event(), []

    def block(_work) -> None:
        busy.set()
        gate.wait(20)

    async with Store("sqlite:///:memory:") as store:
        blocked = asyncio.create_task(store.read(block))
        await asyncio.to_thread(busy.wait, 20)
        leaving = asyncio.create_task(store.read(lambda _: ran.append("ran")))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        gate.set()
        await blocked
        await open_an_account(store)
        assert (await account_names(store), ran) == (["family-1"], [])
