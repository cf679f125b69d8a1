"""One shared timer: what is due runs, one broken callback harms no other, nothing is left behind."""

from __future__ import annotations

import asyncio
import logging

import pytest

from bridge.rtp.timer import Timer


class Hand:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def turn(timer: Timer, hand: Hand, seconds: float) -> None:
    for _ in range(round(seconds / 0.02)):
        hand.now += 0.02
        timer.tick()


def test_each_callback_runs_at_its_own_period() -> None:
    hand, seen = Hand(), []
    timer = Timer(hand)
    timer.every(0.1, lambda: seen.append("fast"))
    timer.every(0.5, lambda: seen.append("slow"))
    turn(timer, hand, 2.0)
    assert seen.count("fast") in (19, 20)
    assert seen.count("slow") in (3, 4)


def test_a_late_loop_does_not_repay_its_debt_in_a_burst() -> None:
    hand, seen = Hand(), []
    timer = Timer(hand)
    timer.every(0.1, lambda: seen.append(hand.now))
    hand.now += 5.0
    timer.tick()
    timer.tick()
    assert len(seen) == 1


def test_an_exception_stops_neither_the_others_nor_itself(caplog: pytest.LogCaptureFixture) -> None:
    hand, seen = Hand(), []
    timer = Timer(hand)

    def broken() -> None:
        seen.append("broken")
        raise ZeroDivisionError

    timer.every(0.1, broken)
    timer.every(0.1, lambda: seen.append("sound"))
    with caplog.at_level(logging.ERROR):
        turn(timer, hand, 1.0)
    assert seen.count("broken") >= 9
    assert seen.count("sound") >= 9
    assert "stays in service" in caplog.text


def test_cancel_within_the_callback() -> None:
    hand, seen = Hand(), []
    timer = Timer(hand)

    def once() -> None:
        seen.append(1)
        handle.cancel()

    handle = timer.every(0.1, once)
    turn(timer, hand, 1.0)
    assert seen == [1]
    assert len(timer) == 0


async def test_the_task_ticks_and_close_ends_it() -> None:
    called = asyncio.Event()
    async with Timer() as timer:
        timer.every(0.0, called.set)
        await asyncio.wait_for(called.wait(), 5)
    assert "media-timer" not in {task.get_name() for task in asyncio.all_tasks()}
