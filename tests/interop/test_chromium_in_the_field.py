"""Headless Chromium at the end of a lossy wire: what its own statistics say of pictures and sound.

Long, so `make soak` runs it. The terminal is the one of the field tests; its wire is good.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from bridge.types import MediaSettings
from tests.support.chromium import Chromium, VisitPage
from tests.support.field import FieldTerminal
from tests.support.lossy_wire import BrowserWire, Weather

pytestmark = [
    pytest.mark.interop,
    pytest.mark.soak,
    pytest.mark.skipif(not Chromium.installed(), reason="Debian's chromium is not installed"),
]

_PATHS = {"relay": MediaSettings(), "transcode": MediaSettings(prefer_transcode=True, sheds_load=False)}


@dataclass(frozen=True, slots=True)
class Judged:
    """Of the inbound streams. frozen_s: total; concealed: share of all samples."""

    frames: int
    freezes: int
    frozen_s: float
    lost: int
    nacks: int
    plis: int
    samples: int
    concealed: int
    fec_packets: int


async def judged(page: VisitPage) -> Judged:
    found: list[dict[str, Any]] = (await page.page.evaluate("stats()"))["all"]
    inbound = {each["kind"]: each for each in found if each["type"] == "inbound-rtp"}
    video, audio = inbound["video"], inbound["audio"]
    return Judged(
        video.get("framesDecoded", 0),
        video.get("freezeCount", 0),
        video.get("totalFreezesDuration", 0.0),
        video.get("packetsLost", 0),
        video.get("nackCount", 0),
        video.get("pliCount", 0),
        audio.get("totalSamplesReceived", 0),
        audio.get("concealedSamples", 0),
        audio.get("fecPacketsReceived", 0),
    )


@asynccontextmanager
async def visit(path: str, seed: int) -> AsyncIterator[tuple[FieldTerminal, VisitPage, BrowserWire]]:
    wire = BrowserWire(seed)
    async with Chromium() as chromium, FieldTerminal(_PATHS[path], seed) as terminal:
        page = await chromium.page()
        await page.accept(wire.answer(await terminal.join(wire.offer(await page.offer()))))
        await page.until(lambda seen: seen.frames_decoded > 30)
        try:
            yield terminal, page, wire
        finally:
            wire.close()


@pytest.mark.parametrize("path", _PATHS)
@pytest.mark.parametrize("loss", [0.05, 0.10])
async def test_pictures_and_sound_go_on(path: str, loss: float) -> None:
    async with visit(path, 7) as (terminal, page, wire):
        wire.wire.blow(Weather(loss=loss, delay_ms=20, jitter_ms=30))
        await asyncio.sleep(3)
        before, begun = await judged(page), terminal.now()
        await asyncio.sleep(30)
        after = await judged(page)
        freezes = terminal.screen.freezes_s(begun.shot)
        print(f"\n{path} at {loss:.0%}: Chromium sees {after.frames - before.frames} pictures in 30 s,", end=" ")
        print(f"{after.freezes - before.freezes} freezes of {after.frozen_s - before.frozen_s:.2f} s in all,", end=" ")
        print(f"{(after.concealed - before.concealed) / (after.samples - before.samples):.1%} concealed,", end=" ")
        print(f"{after.nacks} NACKs, {after.plis} PLIs; the terminal's longest freezes {freezes}")
        assert after.frames - before.frames > 300
        assert after.concealed > before.concealed
        assert max(freezes) <= (0.6 if loss < 0.1 else 1.5)


@pytest.mark.parametrize("path", _PATHS)
async def test_pictures_are_back_after_an_outage(path: str) -> None:
    async with visit(path, 8) as (terminal, page, wire):
        wire.wire.blow(Weather(delay_ms=20))
        for _ in range(3):
            await asyncio.sleep(2)
            wire.wire.cut()
            await asyncio.sleep(3)
            before = await judged(page)
            wire.wire.mend()
            returned = terminal.now()
            loop = asyncio.get_running_loop()
            since = loop.time()
            await page.until(lambda seen, before=before: seen.frames_decoded > before.frames + 1)  # type: ignore[misc]
            browser_s = loop.time() - since
            while terminal.screen.back_after_s(returned) > 100:  # noqa: ASYNC110 - the terminal's own loop delivers
                await asyncio.sleep(0.05)
            print(f"\n{path}: Chromium saw again after {browser_s:.2f} s, the terminal after", end=" ")
            print(f"{terminal.screen.back_after_s(returned):.2f} s")
            assert browser_s < 1.5
            assert terminal.screen.back_after_s(returned) < 1.5
