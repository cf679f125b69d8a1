"""Every picture codec of a real terminal against those of real browsers: pictures and sound both ways, on the path due.

baresip (H264 of mode 0, VP8, H263) --SIP, RTP--> one gateway --ICE, DTLS, SRTP--> one Chromium (H264, VP8), Firefox
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.baresip import Baresip
from tests.support.chromium import EXECUTABLE
from tests.support.family_tab import ChromiumTab, FamilyTab, FirefoxTab
from tests.support.firefox_page import is_ready, own_addresses
from tests.support.gateway_process import GatewayProcess
from tests.support.waiting import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(200),
    pytest.mark.skipif(not shutil.which("baresip"), reason="needs baresip: make setup"),
    pytest.mark.skipif(not Path(EXECUTABLE).exists(), reason="needs chromium: make setup"),
]
FAMILY = "5552368001"
_PICTURES = 20  # each way: a codec that does not fit shows none at all


@dataclass(frozen=True, slots=True)
class Pairing:
    station: str
    browser: str
    path: str
    size: str = "640x480"
    sound: str = "PCMU"


# H264 against both is what the first visit's tests look at, for longer
EACH_CODEC = (
    Pairing("VP8", "H264", "transcode", sound="PCMA"),
    Pairing("H263", "VP8", "transcode", "352x288"),
)
THE_OTHERS = (
    Pairing("VP8", "VP8", "relay"),
    Pairing("H263", "H264", "transcode", "352x288"),
)


@pytest.mark.parametrize(
    "pairings",
    [pytest.param(EACH_CODEC, id="each codec"), pytest.param(THE_OTHERS, id="the others", marks=pytest.mark.soak)],
)
async def test_each_terminal_and_chromium_see_each_other(tmp_path: Path, pairings: tuple[Pairing, ...]) -> None:
    async with GatewayProcess(tmp_path / "gateway") as gateway, ChromiumTab() as family:
        for number, pairing in enumerate(pairings, start=1):
            folder = tmp_path / f"{pairing.station}-{pairing.browser}"
            async with visit(gateway, family, folder, pairing, f"?video={pairing.browser}"):
                pass
            judge(await gateway.cdr(number), pairing)


@pytest.mark.skipif(not is_ready(), reason="needs puppeteer-core: make setup")
@pytest.mark.skipif(not shutil.which("firefox-esr"), reason="needs firefox-esr: make setup")
@pytest.mark.skipif(not own_addresses(), reason="Firefox uses no loopback address, and this machine has no other")
@pytest.mark.soak
async def test_a_terminal_of_vp8_and_firefox_relay(tmp_path: Path) -> None:
    pairing = Pairing("VP8", "VP8", "relay")
    media = {"media": {"host": own_addresses()[0]}}
    async with GatewayProcess(tmp_path / "gateway", sections=media) as gateway, FirefoxTab() as family:
        async with visit(gateway, family, tmp_path / "terminal", pairing, ""):
            pass
        judge(await gateway.cdr(), pairing)


@asynccontextmanager
async def visit(
    gateway: GatewayProcess, family: FamilyTab, folder: Path, pairing: Pairing, query: str
) -> AsyncIterator[None]:
    """From the call to the end of it, with what both sides saw and heard."""
    await family.open(await gateway.link("family-1", query))
    await family.phase("waiting")
    async with Baresip(
        folder,
        name="terminal-1",
        video_codecs=pairing.station,
        video_size=pairing.size,
        audio_codecs=f"{pairing.sound}/8000/1",
    ) as terminal:
        await terminal.dial(gateway.uri(FAMILY))
        await family.phase("ringing")
        await family.click("accept")
        await family.phase("visit")
        before = await family.stats_when("framesDecoded", 1)
        after = await family.stats_when("framesDecoded", before["framesDecoded"] + _PICTURES)
        assert (after["codecs"]["videoIn"], after["codecs"]["videoOut"]) == (pairing.browser, pairing.browser)
        await family.stats_when("audioPacketsReceived", 50)
        await moves(terminal)
        yield
        await terminal.hang_up()
        report = await terminal.finish()
    await family.phase("over")
    assert report.video_received_packets > _PICTURES
    assert report.audio_received_packets > 25


async def moves(terminal: Baresip) -> None:
    """Two pictures that the terminal decoded differ."""
    first = hashlib.sha256((await terminal.snapshot("first.png")).read_bytes()).hexdigest()

    async def moved() -> bool:
        return hashlib.sha256((await terminal.snapshot("next.png")).read_bytes()).hexdigest() != first

    await until(moved, "a second, different picture at the terminal")


def judge(cdr: dict[str, Any], pairing: Pairing) -> None:
    by_kind = {kind: {each["path"] for each in cdr["flows"] if each["kind"] == kind} for kind in ("audio", "video")}
    assert by_kind == {"video": {pairing.path}, "audio": {"relay"}}
    print(f"{pairing.station:5} x {pairing.browser:5} {pairing.path:9} {pairing.sound}")
