"""A NAT that forgets: the same stream comes from another address, and strangers try the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bridge.types import Flow, Kind
from tests.support.rtp_station import RtpStation
from tests.support.station_stage import PCMU, Stage, describe, on_stage, until


@pytest.fixture(params=["127.0.0.1", "::1"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with on_stage(request.param) as stage:
        yield stage


async def settled(stage: Stage, station: RtpStation, packets: int = 20) -> None:
    stage.line(station)
    for _ in range(packets):
        station.say()
    await until(lambda: len(stage.ear.packets) == packets)


def rebound(stage: Stage, station: RtpStation, line_port: int) -> RtpStation:
    """The same phone behind a NAT that gave it another port."""
    again = stage.station()
    again.ssrc, again.sequence, again.timestamp = station.ssrc, station.sequence, station.timestamp
    return again.aim(line_port)


async def test_the_stream_is_followed_to_another_address_once_the_old_one_is_silent(stage: Stage) -> None:
    station = stage.station()
    await settled(stage, station)
    line = stage.leg.line(Kind.AUDIO)
    assert line is not None
    again = rebound(stage, station, line.port)
    stage.pass_time(0.5)
    again.say()
    await until(lambda: line.counters.discarded_packets == 1)
    stage.pass_time(0.6)
    last = again.say()
    await until(lambda: stage.ear.packets[-1] == last)
    line.send(b"\x80" * 12)
    assert await again.heard() == b"\x80" * 12
    station.say()
    await until(lambda: line.counters.discarded_packets == 2)


async def test_a_station_that_moves_thrice_is_followed_thrice(stage: Stage) -> None:
    station = stage.station()
    await settled(stage, station)
    line = stage.leg.line(Kind.AUDIO)
    assert line is not None
    for _ in range(3):
        stage.pass_time(1.5)
        station = rebound(stage, station, line.port)
        for _ in range(20):
            last = station.say()
        await until(lambda last=last: stage.ear.packets[-1] == last)  # type: ignore[misc]  # bound at once
    assert line.counters.discarded_packets == 0


@pytest.mark.parametrize("trick", ["another stream", "an old number", "a number far away"])
async def test_a_stranger_who_does_not_know_the_stream_gets_nothing(stage: Stage, trick: str) -> None:
    station = stage.station()
    await settled(stage, station)
    line = stage.leg.line(Kind.AUDIO)
    assert line is not None
    stranger = rebound(stage, station, line.port)
    match trick:
        case "another stream":
            stranger.ssrc += 1
        case "an old number":
            stranger.sequence -= 10
        case _:
            stranger.sequence += 20_000
    stage.pass_time(5.0)
    stranger.say()
    await until(lambda: line.counters.discarded_packets == 1)
    line.send(b"\x80" * 12)
    assert await station.heard() == b"\x80" * 12


async def test_nobody_steals_a_stream_that_still_comes(stage: Stage) -> None:
    station = stage.station()
    await settled(stage, station)
    line = stage.leg.line(Kind.AUDIO)
    assert line is not None
    thief = rebound(stage, station, line.port)
    for number in range(1, 30):
        stage.pass_time(0.1)
        thief.say()
        await until(lambda seen=number: line.counters.discarded_packets == seen)  # type: ignore[misc]  # bound at once
        station.say()
        await until(lambda seen=number: len(stage.ear.packets) == 20 + seen)  # type: ignore[misc]  # bound at once


async def test_following_can_be_switched_off() -> None:
    async with on_stage(follow_after_s=0.0) as stage:
        station = stage.station()
        await settled(stage, station)
        line = stage.leg.line(Kind.AUDIO)
        assert line is not None
        again = rebound(stage, station, line.port)
        stage.pass_time(10.0)
        again.say()
        await until(lambda: line.counters.discarded_packets == 1)


async def test_after_a_hold_the_station_is_found_wherever_it_is_with_whatever_stream(stage: Stage) -> None:
    """A hold outlives what most NATs remember, and many phones begin a new stream after it."""
    station = stage.station()
    await settled(stage, station)
    line = stage.leg.line(Kind.AUDIO)
    assert line is not None
    held = describe(station.port, Kind.AUDIO, PCMU, Flow.INACTIVE, address=stage.host)
    stage.leg.apply([held])
    stage.pass_time(120.0)
    again = rebound(stage, station, line.port)
    again.ssrc, again.sequence = 0xBEEF, 7
    again.say()
    await until(lambda: line.counters.discarded_packets == 1)
    stage.leg.apply([replace(held, flow=Flow.SENDRECV)])
    last = again.say()
    await until(lambda: stage.ear.packets[-1] == last)
    line.send(b"\x80" * 12)
    assert await again.heard() == b"\x80" * 12
