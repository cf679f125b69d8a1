"""A trunk has as many calls as it may have: what is more is refused with a record, or called over the next trunk."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gateway.call.trunk_caps import TrunkCaps
from gateway.clock import ManualClock
from sip.types import Trunk
from tests.call.phones import phoning
from tests.call.stage import stage

AT = datetime(2026, 1, 5, 15, tzinfo=UTC)


def caps(live: int = 0, **of_trunk: int) -> tuple[TrunkCaps, ManualClock]:
    clock = ManualClock(AT)
    return TrunkCaps([Trunk("pbx", **of_trunk)], clock, lambda _: live), clock


def test_a_trunk_without_caps_takes_every_call() -> None:
    taking, _ = caps(live=1_000)
    assert all(taking.take("pbx") for _ in range(1_000))
    assert taking.take("of nobody")


def test_calls_at_once() -> None:
    assert caps(live=2, max_calls=3)[0].take("pbx")
    assert not caps(live=3, max_calls=3)[0].take("pbx")
    assert caps(live=3, max_calls=3)[0].take("pbx", counted=True), "it is one of the three itself"
    assert not caps(live=4, max_calls=3)[0].take("pbx", counted=True)


async def test_new_calls_a_second() -> None:
    taking, clock = caps(calls_per_s=2)
    assert [taking.take("pbx") for _ in range(4)] == [True, True, False, False]
    await clock.advance(0.9)
    assert not taking.take("pbx")
    await clock.advance(0.1)
    assert [taking.take("pbx") for _ in range(3)] == [True, True, False], "who was refused does not count"


def test_a_refusal_for_the_calls_at_once_uses_up_no_second() -> None:
    live = 1
    taking = TrunkCaps([Trunk("pbx", max_calls=1, calls_per_s=1)], ManualClock(AT), lambda _: live)
    assert not taking.take("pbx")
    live = 0
    assert taking.take("pbx")


async def test_one_call_too_many_is_refused_with_a_record(tmp_path: Path) -> None:
    async with stage(tmp_path, lines=(Trunk("demo", max_calls=1),)) as node:
        first = node.station_calls()
        await node.rung()
        second = node.station_calls(station="terminal-2")
        refusal = await second.final()
        assert (refusal.code, (await node.record()).reason) == (503, "refused_trunk_busy")
        assert node.visits.counters["trunk_busy"] == 1
        first.cancel()
        await node.record(2)
        node.station_calls(station="terminal-2")
        await node.rung()


async def test_a_carrier_that_is_full_is_passed_over(tmp_path: Path) -> None:
    carriers = (
        Trunk("carrier-a", server="a.invalid", max_calls=1),
        Trunk("carrier-b", server="b.invalid", max_calls=1),
    )
    async with phoning(tmp_path, lines=carriers, deposit="50.00") as call:
        node = call.node
        assert (await call.phone()).trunk == "carrier-a"
        node.station_calls(station="terminal-2")
        assert (await call.phone()).trunk == "carrier-b"
        third = node.station_calls(station="terminal-3")
        assert (await third.final()).code == 503
        assert (await node.record()).reason == "trunk_error"
