"""Messages to receivers: at least once, signed, by one node at a time, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.clock import ManualClock
from gateway.reaching import Patience
from gateway.reaching.delivering import CLAIM_BEYOND_S
from gateway.store import Delivery, DeliveryState, Store
from tests.reaching.stage import QUICK, SECRET, Told, courier, delivery, put, receiver
from tests.support.receiver import WebhookReceiver
from tests.support.waiting import until


@asynccontextmanager
async def running(*works: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(each) for each in works]
    try:
        yield tasks
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def settled(store: Store, number: int = 1) -> list[Delivery]:
    async def all_settled() -> list[Delivery]:
        found = await store.read(lambda work: work.deliveries.find(limit=1000))
        return [each for each in found if each.state is not DeliveryState.WAITING]

    async def enough() -> list[Delivery] | None:
        done = await all_settled()
        return done if len(done) >= number else None

    found = await until(enough, f"{number} settled deliveries")
    assert found is not None
    return found


async def test_a_receiver_that_fails_twice_gets_it_the_third_time(database_url: str) -> None:
    told = Told()
    async with Store(database_url) as store, WebhookReceiver([503, 500]) as there:
        await put(store, delivery())
        async with courier(store, receiver(there.url), told=told) as carrying, running(carrying.run()):
            (done,) = await settled(store)
    assert len(there.got) == 3
    assert {each.headers["webhook-id"] for each in there.got} == {"msg_1"}
    assert {each.body for each in there.got} == {delivery().body.encode()}
    assert [each.verified(SECRET) for each in there.got][2] == {
        "type": "visit.ringing",
        "data": {"link": "https://kin.example/join/x1"},
    }
    assert (done.state, done.attempts, done.outcome) == (DeliveryState.DELIVERED, 3, "204")
    assert done.body == "", "a delivered message keeps no join link in the database"
    assert told.words() == [("webhook-delivered", "204")]
    assert told[0].detail["attempts"] == 3


async def test_two_nodes_never_send_the_same_message_at_the_same_moment(database_url: str) -> None:
    """Forty messages, two nodes that are eager to send them: each arrives once, since nobody fails."""
    async with Store(database_url) as one, Store(database_url) as other, WebhookReceiver() as there:
        to = receiver(there.url)
        await put(one, *(delivery(number) for number in range(40)))
        async with courier(one, to) as first, courier(other, to, node="node2") as second:
            async with running(first.run(), second.run()):
                await settled(one, 40)
            sent = {name: each.counters["delivered"] for name, each in (("one", first), ("two", second))}
    names = [each.headers["webhook-id"] for each in there.got]
    assert sorted(names) == sorted({f"msg_{number}" for number in range(40)})
    assert sum(sent.values()) == 40


async def test_what_a_dead_node_had_claimed_is_sent_by_another_when_the_claim_is_over(database_url: str) -> None:
    clock = ManualClock()
    async with Store(database_url) as store, WebhookReceiver([WebhookReceiver.hang]) as there:
        to = receiver(there.url)
        await put(store, delivery(at=clock.now()))
        async with courier(store, to, clock=clock) as dying, running(dying.run()) as (life,):
            await there.has(1)
            life.cancel()  # as by kill -9: nothing is written down
        claim_s = QUICK.timeout_s + CLAIM_BEYOND_S
        async with courier(store, to, clock=clock, node="node2") as second, running(second.run()):
            await clock.advance(claim_s - 1)
            assert second.counters["attempts"] == 0
            await until(lambda: advanced_until(clock, there, 2), "the second attempt")
            (done,) = await settled(store)
    assert (done.state, done.attempts) == (DeliveryState.DELIVERED, 2)
    assert len({(each.headers["webhook-id"], each.body) for each in there.got}) == 1


async def advanced_until(clock: ManualClock, there: WebhookReceiver, number: int) -> bool:
    await clock.advance(1)
    return len(there.got) >= number


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (500, "500"),
        (404, "404"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "302"),
        (b"220 smtp.example\r\n\r\n", "protocol"),
    ],
)
async def test_given_up_in_the_end_with_a_fact(database_url: str, answer: int | bytes, outcome: str) -> None:
    told = Told()
    patience = Patience(first_retry_s=60)  # longer than it lasts
    async with Store(database_url) as store, WebhookReceiver([answer]) as there:
        await put(store, delivery(lasts=timedelta(seconds=20)))
        async with courier(store, receiver(there.url), patience=patience, told=told) as each, running(each.run()):
            (done,) = await settled(store)
    assert (done.state, done.outcome) == (DeliveryState.GIVEN_UP, outcome)
    assert told.words() == [("webhook-given-up", outcome)]
    assert {each.path for each in there.got} == {"/hook"}


def test_pauses_double_up_to_an_hour_each_shortened_by_chance() -> None:
    patience = Patience()
    for attempts in (*range(1, 40), 10**9):
        full_s = min(3600.0, 2.0 ** min(attempts - 1, 20))
        assert 0.5 * full_s <= patience.pause_s(attempts) <= full_s
    assert len({patience.pause_s(5) for _ in range(10)}) > 1


async def test_gone_means_never_again() -> None:
    told = Told()
    async with Store("sqlite:///:memory:") as store, WebhookReceiver([410]) as there:
        await put(store, delivery())
        async with courier(store, receiver(there.url), told=told) as each, running(each.run()):
            (done,) = await settled(store)
    assert (len(there.got), done.state, done.outcome) == (1, DeliveryState.GIVEN_UP, "410")


async def test_no_more_at_once_than_allowed() -> None:
    patience = Patience(parallel=3, timeout_s=5.0)
    async with Store("sqlite:///:memory:") as store, WebhookReceiver() as there:
        there.hold.clear()
        await put(store, *(delivery(number) for number in range(10)))
        async with courier(store, receiver(there.url), patience=patience) as each, running(each.run()):
            await there.has(3)
            there.hold.set()
            await settled(store, 10)
    assert there.most_at_once == 3


async def test_one_that_hangs_does_not_hold_up_the_others() -> None:
    patience = Patience(parallel=2, timeout_s=20.0)
    async with Store("sqlite:///:memory:") as store, WebhookReceiver() as hangs, WebhookReceiver() as there:
        hangs.hold.clear()
        await put(store, *(delivery(number) for number in range(5)))
        await put(store, *(replace(delivery(number), receiver="push") for number in range(5, 8)))
        to = (receiver(hangs.url), receiver(there.url, name="push"))
        async with courier(store, *to, patience=patience) as each, running(each.run()):
            await there.has(3)
            assert len(hangs.got) <= 2


async def test_a_receiver_without_an_answer_is_left_after_a_while() -> None:
    patience = Patience(timeout_s=0.2, first_retry_s=0.01)
    async with Store("sqlite:///:memory:") as store, WebhookReceiver([WebhookReceiver.hang]) as there:
        await put(store, delivery())
        async with courier(store, receiver(there.url), patience=patience) as each, running(each.run()):
            (done,) = await settled(store)
    assert (done.state, done.attempts) == (DeliveryState.DELIVERED, 2)


async def test_an_answer_without_end_is_cut_off_and_counts() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n" + b"x" * 100_000
    async with Store("sqlite:///:memory:") as store, WebhookReceiver([endless]) as there:
        await put(store, delivery())
        async with courier(store, receiver(there.url)) as each, running(each.run()):
            (done,) = await settled(store)
    assert (done.state, done.attempts, done.outcome) == (DeliveryState.DELIVERED, 1, "200")


async def test_nothing_is_told_when_it_is_too_late(database_url: str) -> None:
    """A link that has ended would open nothing."""
    told = Told()
    late = delivery()
    async with Store(database_url) as store, WebhookReceiver() as there:
        await put(store, replace(late, useless_at=late.made_at))
        async with courier(store, receiver(there.url), told=told) as each, running(each.run()):
            await settled(store)
    assert there.got == []
    assert told.words() == [("webhook-given-up", "late")]


async def test_what_has_no_receiver_any_more_is_given_up_too(database_url: str) -> None:
    told = Told()
    old = delivery(lasts=timedelta(0))
    async with Store(database_url) as store:
        await put(store, old)
        async with courier(store, receiver("http://127.0.0.1:9/", name="push"), told=told) as each:
            await each.tidy(old.made_at + timedelta(seconds=1))
            (done,) = await settled(store)
            await each.tidy(old.made_at + timedelta(days=31))
            left = await store.read(lambda work: work.deliveries.find())
    assert (done.state, done.outcome, told.words()) == (
        DeliveryState.GIVEN_UP,
        "no-receiver",
        [("webhook-given-up", "no-receiver")],
    )
    assert left == []


def test_pauses_listen_to_the_receiver_within_reason() -> None:
    patience = Patience()
    assert patience.pause_s(1, wish_s=120) == 120
    assert patience.pause_s(1, wish_s=10**6) == 3600
    assert patience.pause_s(10**9) <= 3600
