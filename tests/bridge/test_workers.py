"""Codec workers: order, bounds, and that nothing a job does ends more than itself."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.codecs import JobBroke, WorkerDied, Workers
from bridge.codecs.process import AUDIO_PENDING, VIDEO_PENDING
from bridge.errors import CodecFailed


@dataclass(frozen=True, slots=True)
class Odd:
    """A machine that does what its item says, and counts its turns: a new one counts from 1."""

    def make(self) -> OddMachine:
        return OddMachine()


class OddMachine:
    def __init__(self) -> None:
        self._turns = 0
        self._prefix = ""

    def turn(self, item: str) -> object:
        self._turns += 1
        match item.split():
            case ["square", number]:
                return int(number) ** 2
            case ["who"]:
                return os.getpid()
            case ["nice"]:
                return os.nice(0)
            case ["turns"]:
                return self._turns
            case ["nap", seconds]:
                time.sleep(float(seconds))
                return item
            case ["refuse"]:
                raise CodecFailed("not decodable")
            case ["break"]:
                raise ZeroDivisionError
            case ["crash"]:
                os.kill(os.getpid(), signal.SIGSEGV)
            case ["hang"]:
                signal.pause()
            case ["large", size]:
                return bytes(int(size))
        return self._prefix + item

    def obey(self, order: object) -> None:
        self._prefix = str(order)


@dataclass(frozen=True, slots=True)
class Unmakeable:
    def make(self) -> OddMachine:
        raise CodecFailed("no such size")


class Hearer:
    """What came back to the loop, and a way to wait for so much of it."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.failed: list[Exception] = []
        self.order: list[object] = []

    async def count(self, wanted: int) -> None:
        await until(lambda: len(self.done) + len(self.failed) >= wanted)


async def until(condition: Callable[[], bool], meanwhile: Callable[[], None] = lambda: None) -> None:
    async with asyncio.timeout(20):
        while not condition():
            meanwhile()
            await asyncio.sleep(0.002)


def parent_of(process_id: str) -> int:
    return int(Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[1])


@pytest.fixture
async def two() -> AsyncIterator[Workers]:
    workers = Workers(2)
    yield workers
    workers.close()


@pytest.fixture
async def one() -> AsyncIterator[Workers]:
    workers = Workers(1)
    yield workers
    workers.close()


def begin(workers: Workers, hearer: Hearer, *, urgent: bool = False):
    return workers.chain(Odd(), urgent=urgent, done=hearer.done.append, failed=hearer.failed.append)


async def test_results_come_back_in_order_from_other_processes(two: Workers) -> None:
    hearers = [Hearer(), Hearer(), Hearer()]
    for hearer in hearers:
        chain = begin(two, hearer)
        for number in range(20):
            assert chain.submit(f"square {number}")
        assert chain.submit("who")
    for hearer in hearers:
        await hearer.count(21)
        assert hearer.done[:20] == [number * number for number in range(20)]
    assert len({hearer.done[20] for hearer in hearers} - {os.getpid()}) == 2
    assert sorted(two.load) == [1, 2], "spread evenly"


async def test_a_job_that_fails_is_told_and_the_next_one_runs(one: Workers) -> None:
    hearer = Hearer()
    chain = begin(one, hearer)
    for item in ("refuse", "break", "still here"):
        chain.submit(item)
    await hearer.count(3)
    assert hearer.done == ["still here"]
    assert [type(each) for each in hearer.failed] == [CodecFailed, JobBroke]
    assert one.counters.deaths == 0


async def test_a_machine_that_cannot_be_made_says_so_at_each_turn(one: Workers) -> None:
    hearer = Hearer()
    chain = one.chain(Unmakeable(), urgent=False, done=hearer.done.append, failed=hearer.failed.append)
    chain.submit("one")
    chain.submit("two")
    await hearer.count(2)
    assert [str(each) for each in hearer.failed] == ["no such size"] * 2


async def test_orders_are_obeyed_before_what_waits(one: Workers) -> None:
    hearer = Hearer()
    chain = begin(one, hearer)
    chain.submit("nap 0.2")
    chain.submit("word")
    chain.order("another ")
    await hearer.count(2)
    assert hearer.done[1] == "another word"


async def test_sound_does_not_wait_behind_pictures(one: Workers) -> None:
    pictures, sound = Hearer(), Hearer()
    video, audio = begin(one, pictures), begin(one, sound, urgent=True)
    video.submit("ready")
    await pictures.count(1)
    video.submit("hang")
    assert 1 + sum(video.submit("picture") for _ in range(100)) == VIDEO_PENDING
    for number in range(5):
        assert audio.submit(f"square {number}")
    await sound.count(5)
    assert sound.done == [0, 1, 4, 9, 16]
    assert (pictures.done, pictures.failed) == (["ready"], []), "of pictures nothing came back meanwhile"


async def test_pictures_run_behind_all_else(one: Workers) -> None:
    pictures, sound = Hearer(), Hearer()
    begin(one, pictures).submit("nice")
    begin(one, sound, urgent=True).submit("nice")
    await pictures.count(1)
    await sound.count(1)
    assert pictures.done[0] > sound.done[0] == os.nice(0)


async def test_sound_is_bounded_too(one: Workers) -> None:
    hearer = Hearer()
    audio = begin(one, hearer, urgent=True)
    assert sum(audio.submit("nap 0") for _ in range(500)) == AUDIO_PENDING
    await hearer.count(AUDIO_PENDING)


async def test_frames_larger_than_a_socket_takes_arrive_whole(one: Workers) -> None:
    hearer = Hearer()
    chain = begin(one, hearer)
    assert chain.submit("x" * 3_000_000)
    assert chain.submit("large 3000000")
    await hearer.count(2)
    assert [len(each) for each in hearer.done] == [3_000_000, 3_000_000]


async def test_a_closed_chain_hears_nothing_more(one: Workers) -> None:
    hearer, other = Hearer(), Hearer()
    chain = begin(one, hearer)
    chain.submit("nap 0.05")
    chain.submit("waiting")
    beside = begin(one, other)
    await asyncio.sleep(0)
    chain.close()
    chain.close()
    assert not chain.submit("too late")
    beside.submit("beside")
    await other.count(1)
    assert hearer.done == []
    assert one.load == (1,)


@pytest.mark.parametrize("word", ["crash", "hang"])
async def test_a_worker_that_crashes_or_hangs_takes_only_what_it_had(two: Workers, word: str) -> None:
    victim, neighbour, beside = Hearer(), Hearer(), Hearer()
    chain, stranger, second = begin(two, victim), begin(two, beside), begin(two, neighbour)
    for each in (chain, stranger, second):
        each.submit("who")
    await until(lambda: bool(victim.done and beside.done and neighbour.done))
    assert victim.done == neighbour.done != beside.done, "the second chain shares the victim's worker"
    chain.submit(word)
    chain.submit("lost too")
    await until(lambda: len(victim.failed) == 2, meanwhile=two.look if word == "hang" else lambda: None)
    assert {type(each) for each in victim.failed} == {WorkerDied}
    for each in (chain, stranger, second):
        assert each.submit("turns")
    await until(lambda: len(victim.done) == len(neighbour.done) == len(beside.done) == 2)
    assert (victim.done[1], neighbour.done[1], beside.done[1]) == (1, 1, 2), "new machines, except beside"
    assert (two.counters.deaths, two.counters.lost) == (1, 2)
    assert two.counters.hangs == (word == "hang")
    assert neighbour.failed == beside.failed == []


async def test_what_is_submitted_while_a_worker_starts_again_is_not_lost(one: Workers) -> None:
    hearer = Hearer()
    chain = begin(one, hearer)
    chain.submit("who")
    await hearer.count(1)
    os.kill(int(str(hearer.done[0])), signal.SIGKILL)
    await until(lambda: one.counters.deaths == 1)
    assert all(chain.submit(f"square {number}") for number in range(4))
    await hearer.count(5)
    assert hearer.done[1:] == [0, 1, 4, 9]


async def test_a_worker_that_dies_again_and_again_is_not_started_in_a_loop(one: Workers) -> None:
    hearer = Hearer()
    chain = begin(one, hearer)
    for _ in range(3):
        before = len(hearer.failed)
        chain.submit("crash")
        await until(lambda before=before: len(hearer.failed) > before)
    chain.submit("turns")
    await until(lambda: bool(hearer.done))
    assert one.counters.deaths == 3


async def test_a_nursery_that_was_killed_comes_back(one: Workers) -> None:
    hearer = Hearer()
    chain = begin(one, hearer)
    chain.submit("who")
    await hearer.count(1)
    os.kill(parent_of(str(hearer.done[0])), signal.SIGKILL)
    await until(lambda: one.counters.deaths == 1)
    assert chain.submit("turns")
    await hearer.count(2)
    assert hearer.done[1] == 1


async def test_warm_workers_are_there_before_anything_is_to_be_done(two: Workers) -> None:
    two.warm()
    two.warm()
    assert two.load == (0, 0), "one for pictures, one for sound"
    pictures, sound = Hearer(), Hearer()
    begin(two, pictures).submit("turns")
    begin(two, sound, urgent=True).submit("turns")
    assert two.load == (1, 1)
    await pictures.count(1)
    await sound.count(1)


async def test_closing_ends_the_processes_and_refuses_new_chains() -> None:
    workers = Workers(2)
    hearer = Hearer()
    for _ in range(2):
        begin(workers, hearer).submit("who")
    await hearer.count(2)
    workers.close()
    workers.close()
    await until(lambda: not any(os.path.exists(f"/proc/{each}") for each in hearer.done))
    with pytest.raises(RuntimeError, match="closed"):
        begin(workers, hearer)
