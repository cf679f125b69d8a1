"""Pictures and sound over a bad network, with real encoders and decoders at both ends.

The short runs are of the suite; those of a minute are `soak`.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np
import pytest

from bridge.types import FlowStats, Kind, MediaSettings, Side
from tests.support.field import Ear, Field, loudness
from tests.support.lossy_wire import Weather
from tests.support.moving import tone_share

BAD = Weather(loss=0.05, delay_ms=20, jitter_ms=30, duplicates=0.01)
WORSE = Weather(loss=0.10, delay_ms=20, jitter_ms=30, duplicates=0.01)
PATHS = {"relay": MediaSettings(), "transcode": MediaSettings(prefer_transcode=True, sheds_load=False)}
_START_S = 3.0
_OURS = 0.9  # on a machine that is not busy it is 0.99
_FREEZE_S = 0.5  # of the long runs, on a machine of one's own
_UNREPAIRED_S = 1.0  # without a repair a picture stands for 1 to 2.4 s; what a busy machine adds is not ours to judge


async def weathered(field: Field, weather: Weather, seconds: float) -> dict[str, list[float]]:
    """The freezes of each picture in so many seconds, after the first three, the longest first."""
    field.weather(weather)
    await field.seconds(_START_S)
    begun = {whose: camera.shot for whose, _, camera in field.screens()}
    await field.seconds(seconds)
    return {whose: screen.freezes_s(begun[whose]) for whose, screen, _ in field.screens()}


def worst(freezes: dict[str, list[float]]) -> float:
    return max(max(each) for each in freezes.values())


def starved(field: Field) -> float:
    """2 on a machine that has other work: what waits for a processor adds up to more than is counted as a stall."""
    return 2.0 if field.pulse.share() < _OURS else 1.0


async def outage(field: Field, seconds: float) -> dict[str, float]:
    """How long after the network's return each picture was back."""
    wire = field.browser.wire.wire
    wire.cut()
    await field.seconds(seconds)
    wire.mend()
    back = {whose: field.now(camera) for whose, _, camera in field.screens()}
    await field.seconds(2.5)
    return {whose: screen.back_after_s(back[whose]) for whose, screen, _ in field.screens()}


def judge_mended(ear: Ear, flow: FlowStats) -> None:
    """What a telephone got of a browser's sound: all of it, in time, the lost blocks filled in."""
    blocks = ear.blocks()
    holes = sum(later - earlier != 160 for earlier, later in pairwise(blocks))
    assert holes <= flow.frames_dropped, "a hole in the sound that no overload of this machine explains"
    heard = list(blocks.values())
    levels = [loudness(each) for each in heard]
    quiet = sum(level < 0.3 * float(np.median(levels)) for level in levels)
    assert quiet <= 0.02 * len(levels) + 3 * flow.frames_dropped, (
        f"{quiet} of {len(levels)} blocks are as good as silent"
    )
    assert tone_share(np.concatenate(heard), 8000, 400) > 0.8
    assert flow.concealed_ms > 20, "some of it was lost, and is counted"


async def a_short_visit(path: str, seed: int) -> None:
    async with Field(PATHS[path], seed) as field:
        freezes = await weathered(field, BAD, 4.0)
        sound = field.station.ear
        del sound.packets[:50]  # codecs were starting
        flow = field.bridge.stats().flow(Kind.AUDIO, Side.WEB)
        assert flow is not None
        heard, sound.packets = sound.packets, []
        if path == "transcode":
            ear = Ear(sound.codec)
            ear.packets = heard
            judge_mended(ear, flow)
        else:
            numbers = [int.from_bytes(each[2:4]) for each in heard]
            assert numbers == sorted(numbers), "a telephone got the browser's sound out of order"
        returned = await outage(field, 3.0)
        assert worst(freezes) <= _UNREPAIRED_S * starved(field), (path, freezes)
        assert max(returned.values()) <= 1.0 * starved(field), (path, returned)


async def test_lost_pictures_are_repaired_at_5_percent_and_come_back_after_an_outage() -> None:
    """A relayed and a transcoded visit at once."""
    await asyncio.gather(a_short_visit("relay", 1), a_short_visit("transcode", 11))


@pytest.mark.soak
@pytest.mark.parametrize("path", PATHS)
async def test_a_minute_at_5_percent(path: str) -> None:
    async with Field(PATHS[path], 21) as field:
        freezes = await weathered(field, BAD, 60.0)
        print(path, "5 %", freezes)
        assert worst(freezes) <= _FREEZE_S * starved(field)


@pytest.mark.soak
@pytest.mark.parametrize("path", PATHS)
async def test_a_minute_at_10_percent_always_recovers(path: str) -> None:
    async with Field(PATHS[path], 31) as field:
        freezes = await weathered(field, WORSE, 60.0)
        print(path, "10 %", freezes)
        assert worst(freezes) <= 1.0 * starved(field)


@pytest.mark.soak
@pytest.mark.parametrize("path", PATHS)
async def test_five_outages(path: str) -> None:
    async with Field(PATHS[path], 41) as field:
        field.weather(BAD)
        await field.seconds(_START_S)
        for _ in range(5):
            returned = await outage(field, 3.0)
            print(path, "back after", returned)
            assert max(returned.values()) <= 1.0 * starved(field)


@pytest.mark.soak
@pytest.mark.parametrize("path", PATHS)
async def test_both_networks_are_bad_and_the_terminal_knows_nack(path: str) -> None:
    async with Field(PATHS[path], 51, station_repair=True) as field:
        field.weather(BAD, BAD)
        freezes = await weathered(field, BAD, 40.0)
        print(path, "5 % on both sides", freezes)
        assert worst(freezes) <= 1.0 * starved(field)
