"""A family that leaves in mid-visit and comes back, with baresip as the terminal and Chromium as the family.

What the terminal decoded meanwhile is judged: the slate's pixels, and the prompt in what it heard.
"""

from __future__ import annotations

import itertools
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bridge.own import Prompt, Slate
from bridge.own.draw import draw, planar
from bridge.own.studio import Studio
from tests.interop.test_first_visit import call_and_accept
from tests.support.baresip import Baresip
from tests.support.chromium import EXECUTABLE
from tests.support.family_tab import ChromiumTab
from tests.support.gateway_process import GatewayProcess
from tests.support.moving import psnr_db
from tests.support.waiting import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(150),
    pytest.mark.skipif(not shutil.which("baresip"), reason="needs baresip: make setup"),
    pytest.mark.skipif(not Path(EXECUTABLE).exists(), reason="needs chromium: make setup"),
]

SNAPSHOTS = itertools.count(1)


async def test_a_reload_and_a_way_back(tmp_path: Path) -> None:
    tab = ChromiumTab()
    async with (
        GatewayProcess(tmp_path / "gateway") as gateway,
        Baresip(tmp_path / "terminal", name="terminal-1") as terminal,
        tab as family,
    ):
        await call_and_accept(gateway, terminal, family)
        await family.stats_when("framesDecoded", 10)

        await tab.reload()
        await family.phase("visit")
        await family.stats_when("framesDecoded", 10)

        await family.open("about:blank")
        await until(lambda: sees(terminal, Slate.RECONNECTING), "the slate at the terminal")
        await family.tab.evaluate("new Promise(done => setTimeout(done, 3500))")  # it is away, and the prompt is said
        await family.open(await gateway.link("family-1", ""))
        await family.phase("waiting")
        await family.click("rejoin")
        await family.phase("visit")
        await family.stats_when("framesDecoded", 10)

        async def live() -> bool:
            return not await sees(terminal, Slate.RECONNECTING)

        await until(live, "the family at the terminal")
        await terminal.hang_up()
        await terminal.finish()
        cdr = await gateway.cdr()

    assert likeness(terminal, Prompt.RECONNECTING) > 0.7
    assert likeness(terminal, Prompt.TIME_OVER) < 0.5
    assert cdr["reason"] == "inmate_hung_up"
    assert cdr["unusable_s"] >= 3, "what the family was away is not charged"


async def sees(terminal: Baresip, slate: Slate) -> bool:
    with Image.open(await terminal.snapshot(f"{next(SNAPSHOTS)}.png")) as picture:
        seen = planar(np.asarray(picture.convert("RGB")))
    width, height = seen.shape[1], seen.shape[0] * 2 // 3
    drawn = draw(Studio().texts(slate, ""), width, height)
    return psnr_db(drawn, seen) > 25


def likeness(terminal: Baresip, prompt: Prompt) -> float:
    """The peak of the correlation of the prompt with what the terminal wrote down of all it decoded; 1: it is in it."""
    (file,) = terminal.folder.glob("dump-*-dec.wav")
    with wave.open(str(file)) as sound:
        heard = np.frombuffer(sound.readframes(sound.getnframes()), np.int16).astype(float)
    part = Studio().samples(prompt, 8000).astype(float)[4000:12_000]
    size = len(heard) + len(part)
    products = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(part, size)), size)
    return float(products.max() / np.linalg.norm(part) ** 2)
