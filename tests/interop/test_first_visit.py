"""The first visit, with real peers at both ends: baresip is the terminal, a real browser is the family.

baresip --SIP, RTP--> gateway (its own process) --ICE, DTLS, SRTP--> Chromium or Firefox
"""

from __future__ import annotations

import hashlib
import shutil
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.baresip import Baresip, Report
from tests.support.chromium import EXECUTABLE
from tests.support.family_tab import ChromiumTab, FamilyTab, FirefoxTab
from tests.support.firefox_page import is_ready, own_addresses
from tests.support.gateway_process import GatewayProcess
from tests.support.waiting import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(150),
    pytest.mark.skipif(not shutil.which("baresip"), reason="needs baresip: make setup"),
    pytest.mark.skipif(not Path(EXECUTABLE).exists(), reason="needs chromium: make setup"),
]
FAMILY = "5552368001"
WATCHED_S = 10
MOST_FROZEN_S = 1.0  # a browser that decodes and draws on a busy machine stumbles by itself now and then


async def test_terminal_and_chromium_relay_both_ways(tmp_path: Path) -> None:
    async with (
        GatewayProcess(tmp_path / "gateway") as gateway,
        Baresip(tmp_path / "terminal", name="terminal-1") as terminal,
        ChromiumTab() as family,
    ):
        await call_and_accept(gateway, terminal, family)
        before, after = await watch(family)

        assert (after["framesDecoded"] - before["framesDecoded"]) / WATCHED_S >= 14
        assert after["totalFreezesDuration"] < MOST_FROZEN_S
        assert after["totalAudioEnergy"] > before["totalAudioEnergy"] > 0
        assert after["codecs"] == {"videoIn": "H264", "videoOut": "H264", "audioIn": "PCMU", "audioOut": "PCMU"}

        report = await pictures_move_then_hang_up(terminal)
        cdr = await gateway.cdr()

    saw_and_heard(report, terminal)
    assert {each["path"] for each in cdr["flows"]} == {"relay"}
    assert cdr["reason"] == "inmate_hung_up"
    charged_by_the_second(cdr, at_least_s=WATCHED_S)


async def test_vp8_forced_in_the_browser_is_transcoded(tmp_path: Path) -> None:
    async with (
        GatewayProcess(tmp_path / "gateway") as gateway,
        Baresip(tmp_path / "terminal", name="terminal-1") as terminal,
        ChromiumTab() as family,
    ):
        await call_and_accept(gateway, terminal, family, query="?video=VP8")
        before, after = await watch(family)

        assert (after["framesDecoded"] - before["framesDecoded"]) / WATCHED_S >= 14
        assert after["totalFreezesDuration"] < MOST_FROZEN_S
        assert after["totalAudioEnergy"] > before["totalAudioEnergy"] > 0
        assert (after["codecs"]["videoIn"], after["codecs"]["videoOut"]) == ("VP8", "VP8")

        report = await pictures_move_then_hang_up(terminal)
        cdr = await gateway.cdr()

    saw_and_heard(report, terminal)
    assert paths(cdr, "video") == {"transcode"}
    assert paths(cdr, "audio") == {"relay"}


@pytest.mark.skipif(not is_ready(), reason="needs puppeteer-core: make setup")
@pytest.mark.skipif(not shutil.which("firefox-esr"), reason="needs firefox-esr: make setup")
@pytest.mark.skipif(not own_addresses(), reason="Firefox uses no loopback address, and this machine has no other")
async def test_firefox_without_h264_is_transcoded(tmp_path: Path) -> None:
    async with (
        GatewayProcess(tmp_path / "gateway", sections={"media": {"host": own_addresses()[0]}}) as gateway,
        Baresip(tmp_path / "terminal", name="terminal-1") as terminal,
        FirefoxTab() as family,
    ):
        await call_and_accept(gateway, terminal, family)
        seen = await family.stats_when("framesDecoded", 60)
        heard = await family.stats_when("audioPacketsReceived", 500)  # baresip reckons its rate over five seconds
        assert seen["codecs"]["videoIn"] == "VP8"
        assert heard["audioPacketsSent"] > 0

        report = await pictures_move_then_hang_up(terminal)
        cdr = await gateway.cdr()

    saw_and_heard(report, terminal)
    assert paths(cdr, "video") == {"transcode"}


async def test_phone_without_video_shows_a_slate_not_black(tmp_path: Path) -> None:
    async with (
        GatewayProcess(tmp_path / "gateway") as gateway,
        Baresip(tmp_path / "phone", name="phone-1", video=False) as phone,
        ChromiumTab() as family,
    ):
        await call_and_accept(gateway, phone, family)
        heard = await family.stats_when("audioPacketsReceived", 100)
        await family.stats_when("audioPacketsSent", 100)
        assert heard["framesDecoded"] == 0
        assert await family.shows("slate")
        assert await family.text("slate-title")

        await family.click("hangup")
        await family.phase("over")
        report = await phone.finish()
        cdr = await gateway.cdr()

    assert report.audio_received_packets > 50  # the last of the hundred are on the way when it hangs up
    assert cdr["reason"] == "family_left"
    assert cdr["medium"] == "audio"
    assert paths(cdr, "video") <= {"none"}


async def call_and_accept(gateway: GatewayProcess, terminal: Baresip, family: FamilyTab, query: str = "") -> None:
    await family.open(await gateway.link("family-1", query))
    await family.phase("waiting")
    await terminal.dial(gateway.uri(FAMILY))
    await family.phase("ringing")
    await terminal.wait_for("CALL_RINGING")
    await family.click("accept")
    await family.phase("visit")
    await terminal.wait_for("CALL_ESTABLISHED")


async def watch(family: FamilyTab) -> tuple[dict[str, Any], dict[str, Any]]:
    """The browser's figures once the picture runs, and again after WATCHED_S of the browser's own clock."""
    before = await family.stats_when("framesDecoded", 10)
    await family.tab.evaluate(f"new Promise(done => setTimeout(done, {WATCHED_S * 1000}))")
    return before, await family.stats()


async def pictures_move_then_hang_up(terminal: Baresip) -> Report:
    """Two pictures that the terminal decoded differ: what it sees moves."""
    first = hashlib.sha256((await terminal.snapshot("first.png")).read_bytes()).hexdigest()

    async def moved() -> bool:
        return hashlib.sha256((await terminal.snapshot("next.png")).read_bytes()).hexdigest() != first

    await until(moved, "a second, different picture at the terminal")
    await terminal.hang_up()
    return await terminal.finish()


def saw_and_heard(report: Report, terminal: Baresip) -> None:
    assert report.audio_received_packets > 100
    assert report.video_received_packets > 100
    assert report.received_fps >= 10
    (heard,) = terminal.folder.glob("dump-*-dec.wav")
    with wave.open(str(heard)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    assert np.abs(samples).max() > 500  # Chromium's and Firefox's fake microphones beep


def paths(cdr: dict[str, Any], kind: str) -> set[str]:
    return {each["path"] for each in cdr["flows"] if each["kind"] == kind}


def charged_by_the_second(cdr: dict[str, Any], at_least_s: int) -> None:
    """demo-video is 0.16 USD a minute by the second, rounded down to the cent: reckoned here in whole cents."""
    assert cdr["billable_s"] >= at_least_s
    assert cdr["tariff_id"] == "demo-video"
    assert cdr["rounding"].startswith("down")
    micros = 160_000 * cdr["billable_s"] // 60
    step = round(float(cdr["rounding"].rsplit(" ", 1)[-1]) * 1_000_000)
    assert round(float(cdr["total"]) * 1_000_000) == micros // step * step
