"""A station that changes everything three times in one visit, through the whole gateway, and one that falls silent."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.chromium import EXECUTABLE
from tests.support.family_tab import ChromiumTab, FamilyTab
from tests.support.gateway_process import GatewayProcess
from tests.support.rtp_station import RtpStation
from tests.support.sipp import Sipp
from tests.support.sipp_script import Script
from tests.support.waiting import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not shutil.which("sipp"), reason="needs sip-tester: make setup"),
    pytest.mark.skipif(not Path(EXECUTABLE).exists(), reason="needs chromium: make setup"),
]
# SIPp may pass over the INFO by which the gateway asks for pictures
CALM = ("-default_behaviors", "all,-abortunexp")
PLAN = Path(__file__).parent / "trunk.yaml"
RTP_TIMEOUT_S = 2.0
_FLOWS = "sendrecv|sendonly|recvonly|inactive"
_DESCRIBED = re.compile(rf"m=audio (\d+) RTP/AVP (\d)(?: 101)?\n(?:.*\n)*?a=({_FLOWS})")


class Phone:
    """The sound of SIPp's call: speaks from whatever port the script is at, to where the gateway said, unless held."""

    def __init__(self, sipp: Sipp, ports: list[RtpStation]) -> None:
        self._sipp = sipp
        self._ports = ports

    async def speak(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._aim())
            group.create_task(self._say())

    async def _aim(self) -> None:
        """The answers tell where to; what the station said last tells whether and from where."""
        while True:
            trace = self._sipp.trace()
            there = _DESCRIBED.findall(trace)
            ours = {each.port for each in self._ports}
            theirs = [(int(port), int(codec), flow) for port, codec, flow in there if int(port) not in ours]
            said = [(int(port), flow) for port, _, flow in there if int(port) in ours]
            for station in self._ports:
                talks = bool(said) and said[-1] == (station.port, "sendrecv") and bool(theirs)
                station.payload_type = theirs[-1][1] if theirs else 0
                station.aim(theirs[-1][0] if talks else 0)
            await asyncio.sleep(0.1)

    async def _say(self) -> None:
        while True:
            for station in self._ports:
                if station.aimed:
                    station.say(b"\x55" * 160)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def speaking(phone: Phone) -> AsyncIterator[None]:
    task = asyncio.create_task(phone.speak(), name="phone")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    sections = {"media": {"rtp_timeout_s": RTP_TIMEOUT_S}}
    async with GatewayProcess(tmp_path / "gateway", dialplan=PLAN, sections=sections) as running:
        yield running


def seconds(cdr: dict[str, Any], since: str, until_: str) -> float:
    return (datetime.fromisoformat(cdr[until_]) - datetime.fromisoformat(cdr[since])).total_seconds()


async def accepted(family: FamilyTab) -> None:
    await family.phase("ringing")
    await family.click("accept")


async def test_everything_changes_three_times_then_another_call_falls_silent(gateway: GatewayProcess) -> None:
    async with ChromiumTab() as family:
        await family.open(await gateway.link())
        await everything_changes_three_times(gateway, family)
        await family.click("again")
        await on_hold_from_the_start_then_silent(gateway, family)


async def everything_changes_three_times(gateway: GatewayProcess, family: FamilyTab) -> None:
    first, second, picture = RtpStation(0, ssrc=1), RtpStation(0, ssrc=2), RtpStation(97)
    script = Script(first.port, picture.port).invite("m=video [1-9]").pause(0.5)
    for number in range(3):
        there = (second, first, second)[number]
        script.reinvite("a=recvonly", flow="sendonly").reinvite("a=inactive", flow="inactive")
        script.pause(1.5 * RTP_TIMEOUT_S if number == 1 else 0.1)
        script.reinvite("a=sendrecv", flow="sendrecv")
        script.reinvite("a=recvonly", address="0.0.0.0").reinvite("a=sendrecv", address="[media_ip]")
        script.update("a=recvonly", flow="sendonly").update("a=sendrecv", flow="sendrecv")
        script.reinvite("m=video 0", video_port=0).reinvite("m=video [1-9]", video_port=picture.port)
        script.reinvite("a=sendrecv", audio_port=there.port)
        script.reinvite("RTP/AVP 8 101", codec=8).pause(0.2).reinvite("RTP/AVP 0 101", codec=0)
        script.pause(0.2)
    script.pause(1.5).bye().write(gateway.folder, "changes")
    sipp = Sipp("changes", gateway.folder, gateway.sip_port, scenarios=gateway.folder, arguments=CALM, timeout_s=40)
    async with speaking(Phone(sipp, [first, second])):
        await family.phase("waiting")
        async with asyncio.TaskGroup() as group:
            group.create_task(sipp.run())
            await accepted(family)
            await family.phase("visit")

            async def at_the_end() -> bool:
                return sipp.trace().count("RTP/AVP 8 101") >= 6

            await until(at_the_end, "the third change of codec", 40)
            before = await family.stats()
            await family.stats_when("audioPacketsReceived", before["audioPacketsReceived"] + 30)
        await family.phase("over")
    cdr = await gateway.cdr()
    assert cdr["reason"] == "inmate_hung_up"
    assert 0 < cdr["billable_s"] < seconds(cdr, "answer_at", "end_at") - RTP_TIMEOUT_S, "a hold is not charged"
    for each in (first, second, picture):
        each.close()


async def on_hold_from_the_start_then_silent(gateway: GatewayProcess, family: FamilyTab) -> None:
    """It is waited for while it holds, and given up when it is silent without."""
    sound, picture = RtpStation(0, ssrc=1), RtpStation(97)
    script = Script(sound.port, picture.port).invite("a=inactive", flow="inactive").pause(1.5 * RTP_TIMEOUT_S)
    script.reinvite("a=sendrecv", flow="sendrecv").hears_bye().write(gateway.folder, "silent")
    sipp = Sipp("silent", gateway.folder, gateway.sip_port, scenarios=gateway.folder, arguments=CALM, timeout_s=30)
    await family.phase("waiting")
    async with asyncio.TaskGroup() as group:
        group.create_task(sipp.run())
        await accepted(family)

        async def held() -> bool:
            return [each["state"] for each in await gateway.visits()] == ["held"]

        await until(held, "the visit on hold")
        assert len(await gateway.cdrs()) == 1
    cdr = await gateway.cdr(2)
    assert (cdr["reason"], cdr["billable_s"]) == ("media_failed", 0)
    assert seconds(cdr, "answer_at", "end_at") > 2 * RTP_TIMEOUT_S, "not while it was on hold"
    sound.close()
    picture.close()
