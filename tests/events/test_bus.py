"""The bus hands every fact to everybody and waits for nobody."""

from __future__ import annotations

import asyncio

from gateway.call.facts import Fact
from gateway.events.bus import Bus, Overflow
from tests.events.facts import fact


async def test_each_subscriber_gets_every_fact_in_order() -> None:
    bus = Bus()
    one, two = bus.subscribe("one"), bus.subscribe("two")
    for number in range(3):
        bus.publish(fact(visit_id=f"v{number}"))
    bus.close()
    assert [each.visit_id async for each in one] == ["v0", "v1", "v2"]
    assert [each.visit_id async for each in two] == ["v0", "v1", "v2"]


async def test_a_reader_that_waits_is_woken() -> None:
    bus = Bus()
    subscription = bus.subscribe("reader")
    reader = asyncio.create_task(anext(subscription))
    await asyncio.sleep(0)
    assert not reader.done()
    bus.publish(fact(visit_id="v9"))
    assert (await reader).visit_id == "v9"


async def test_a_full_subscription_keeps_the_newest_and_counts_the_rest() -> None:
    bus = Bus()
    slow, quick = bus.subscribe("slow", limit=2), bus.subscribe("quick", limit=10)
    for number in range(5):
        bus.publish(fact(visit_id=f"v{number}"))
    assert slow.dropped == 3
    assert quick.dropped == 0
    assert str(slow) == "slow: 2 of 2 waiting, 3 dropped"
    slow.close()
    assert [each.visit_id async for each in slow] == ["v3", "v4"]


async def test_a_slow_listener_is_closed_and_gets_nothing_stale() -> None:
    bus = Bus()
    listener = bus.subscribe("listener", limit=2, overflow=Overflow.CLOSE)
    for number in range(3):
        bus.publish(fact(visit_id=f"v{number}"))
    assert listener.closed
    assert listener.overflowed
    assert listener.dropped == 1
    assert [each async for each in listener] == []
    assert bus.subscriptions() == ()


async def test_leaving_the_block_unsubscribes() -> None:
    bus = Bus()
    with bus.subscribe("short") as subscription:
        bus.publish(fact())
    bus.publish(fact())
    assert len(subscription) == 1
    assert bus.subscriptions() == ()


async def test_a_broken_tap_harms_nobody() -> None:
    bus = Bus()
    seen: list[Fact] = []

    def broken(_: Fact) -> None:
        raise RuntimeError("no such counter")

    bus.tap(broken)
    bus.tap(seen.append)
    subscription = bus.subscribe("after")
    bus.publish(fact())
    assert len(seen) == 1
    assert len(subscription) == 1
