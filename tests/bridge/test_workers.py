"""Codec threads: order, bounds, and that nothing a job does ends them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from bridge.codecs import Workers
from bridge.codecs.workers import AUDIO_PENDING, VIDEO_PENDING


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    threads = Workers(2)
    yield threads
    threads.close()


class Hearer:
    """What came back to the loop, and a way to wait for so much of it."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.failed: list[Exception] = []

    def take(self, value: object) -> None:
        assert threading.current_thread() is threading.main_thread()
        self.done.append(value)

    def lose(self, error: Exception) -> None:
        self.failed.append(error)

    async def count(self, wanted: int) -> None:
        async with asyncio.timeout(5):
            while len(self.done) + len(self.failed) < wanted:  # noqa: ASYNC110 - results come by plain callbacks
                await asyncio.sleep(0.001)


async def test_results_come_back_in_order_on_the_loop(workers: Workers) -> None:
    hearer = Hearer()
    chain = workers.chain(urgent=True, done=hearer.take, failed=hearer.lose)
    for number in range(20):
        assert chain.submit(lambda number=number: number * number)
    await hearer.count(20)
    assert hearer.done == [number * number for number in range(20)]


async def test_a_chain_stays_on_one_thread_and_chains_are_spread(workers: Workers) -> None:
    names: list[set[str]] = []
    for _ in range(4):
        hearer = Hearer()
        chain = workers.chain(urgent=True, done=hearer.take, failed=hearer.lose)
        for _ in range(5):
            chain.submit(lambda: threading.current_thread().name)
        await hearer.count(5)
        names.append(set(hearer.done))
    assert all(len(each) == 1 for each in names)
    assert sorted(workers.load) == [2, 2]


async def test_a_job_that_fails_is_told_and_the_next_one_runs(workers: Workers) -> None:
    hearer = Hearer()
    chain = workers.chain(urgent=False, done=hearer.take, failed=hearer.lose)

    def broken() -> object:
        raise ZeroDivisionError

    chain.submit(broken)
    chain.submit(lambda: "still here")
    await hearer.count(2)
    assert hearer.done == ["still here"]
    assert isinstance(hearer.failed[0], ZeroDivisionError)


async def test_pictures_are_refused_before_sound_when_a_thread_cannot_keep_up() -> None:
    workers = Workers(1)
    gate = threading.Event()
    pictures, sound = Hearer(), Hearer()
    order: list[str] = []
    video = workers.chain(urgent=False, done=pictures.take, failed=pictures.lose)
    audio = workers.chain(urgent=True, done=sound.take, failed=sound.lose)
    video.submit(gate.wait)
    taken = 1 + sum(video.submit(lambda: order.append("picture")) for _ in range(100))
    assert taken == VIDEO_PENDING
    for _ in range(5):
        assert audio.submit(lambda: order.append("sound"))
    gate.set()
    await pictures.count(taken)
    await sound.count(5)
    assert order == ["sound"] * 5 + ["picture"] * (VIDEO_PENDING - 1)
    assert video.submit(lambda: None), "there is room again"
    workers.close()


async def test_sound_is_bounded_too() -> None:
    workers = Workers(1)
    gate = threading.Event()
    hearer = Hearer()
    audio = workers.chain(urgent=True, done=hearer.take, failed=hearer.lose)
    audio.submit(gate.wait)
    assert 1 + sum(audio.submit(lambda: None) for _ in range(500)) == AUDIO_PENDING
    gate.set()
    workers.close()


async def test_a_closed_chain_hears_nothing_more() -> None:
    workers = Workers(1)
    gate = threading.Event()
    hearer, other = Hearer(), Hearer()
    chain = workers.chain(urgent=True, done=hearer.take, failed=hearer.lose)
    chain.submit(lambda: gate.wait() and "at hand")
    chain.submit(lambda: "waiting")
    chain.close()
    chain.close()
    assert not chain.submit(lambda: "too late")
    gate.set()
    beside = workers.chain(urgent=True, done=other.take, failed=other.lose)
    beside.submit(lambda: "beside")
    await other.count(1)
    assert hearer.done == []
    assert workers.load == (1,)
    workers.close()


async def test_closing_ends_the_threads_and_refuses_new_chains() -> None:
    workers = Workers(2)
    hearer = Hearer()
    chain = workers.chain(urgent=True, done=hearer.take, failed=hearer.lose)
    chain.submit(threading.current_thread)
    await hearer.count(1)
    workers.close()
    workers.close()
    thread = hearer.done[0]
    assert isinstance(thread, threading.Thread)
    assert not thread.is_alive()
    with pytest.raises(RuntimeError, match="closed"):
        workers.chain(urgent=True, done=hearer.take, failed=hearer.lose)


def test_a_loop_that_is_gone_harms_no_thread() -> None:
    workers = Workers(1)
    gate, ran = threading.Event(), threading.Event()

    async def visit() -> None:
        chain = workers.chain(urgent=True, done=lambda value: None, failed=lambda error: None)
        chain.submit(gate.wait)

    asyncio.run(visit())
    gate.set()

    async def next_visit() -> None:
        workers.chain(urgent=True, done=lambda value: None, failed=lambda error: None).submit(ran.set)
        await asyncio.to_thread(ran.wait, 5)

    asyncio.run(next_visit())
    assert ran.is_set()
    workers.close()
