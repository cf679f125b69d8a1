"""Id and PIN at a real phone: SIPp keys them in RTP and by INFO, and each way out leaves a record with its reason."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.test_changes_in_mid_call import CALM, Phone, speaking
from tests.support.chromium import EXECUTABLE
from tests.support.family_tab import ChromiumTab
from tests.support.gateway_process import GatewayProcess
from tests.support.rtp_station import RtpStation
from tests.support.sipp import Sipp
from tests.support.sipp_script import Script
from tests.support.waiting import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not shutil.which("sipp"), reason="needs sip-tester: make setup"),
    pytest.mark.skipif(not Path(EXECUTABLE).exists(), reason="needs chromium: make setup"),
]
PLAN = Path(__file__).parent / "trunk.yaml"
IVR = "{consent: true, tries: 3, id_digits: [4, 4], pin_digits: [4, 4]}"
CAMP = "  - {id: camp, name: Camp, timezone: America/New_York, trunks: [camp], caps: none, ivr: {tries: 1}}\ncontacts:"
CAMP_HOST = "127.0.0.2"
TRUNKS = [{"name": "demo", "sources": ["127.0.0.1"]}, {"name": "camp", "sources": [CAMP_HOST]}]
RESIDENTS = "facility,id,name,pin\ncounty,4711,Sam Inside,2580\ncounty,4712,Kim Inside,8520\n"
KEY = "Signal={}\nDuration=160\n"
THINKS_S = 2.0  # whoever keys by INFO waits so long for the next question


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    plan, residents = tmp_path / "plan.yaml", tmp_path / "residents.csv"
    asking = PLAN.read_text().replace("trunks: [demo]", f"trunks: [demo], ivr: {IVR}")
    plan.write_text(asking.replace("contacts:", CAMP))
    residents.write_text(RESIDENTS)
    sections: dict[str, dict[str, Any]] = {
        "people": {"pin_tries": 3, "pin_memory_mib": 8},
        "sip": {"trunks": TRUNKS},
    }
    async with GatewayProcess(tmp_path / "gateway", dialplan=plan, sections=sections) as running:
        assert "2 were added" in await running.command("people", "import", "residents", str(residents))
        yield running


class Caller:
    """A phone of its own: calls, keys, and gives the record of the call."""

    def __init__(self, gateway: GatewayProcess, name: str, host: str = "127.0.0.1") -> None:
        self.gateway = gateway
        self.name = name
        self.host = host
        self.sound, self.picture = RtpStation(0, ssrc=1), RtpStation(97)

    def script(self) -> Script:
        return Script(self.sound.port, self.picture.port)

    def sipp(self, script: Script) -> Sipp:
        folder = self.gateway.folder
        script.write(folder, self.name)
        port = self.gateway.sip_port
        return Sipp(self.name, folder, port, host=self.host, scenarios=folder, arguments=CALM, timeout_s=90)

    async def record(self, sipp: Sipp) -> dict[str, Any]:
        """The one with the call's own Call-ID."""

        async def written() -> dict[str, Any] | None:
            cdrs = await self.gateway.cdrs()
            return next((each for each in cdrs if f"Call-ID: {each['sip_call_id']}\n" in sipp.trace()), None)

        found = await until(written, f"the record of {self.name}", 30)
        assert found is not None
        return found

    async def plays(self, script: Script) -> dict[str, Any]:
        """The whole script; what comes of it."""
        sipp = self.sipp(script)
        await sipp.run()
        return await self.record(sipp)

    def close(self) -> None:
        self.sound.close()
        self.picture.close()


async def test_every_way_through_the_questions(gateway: GatewayProcess) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(keys_nothing(gateway))
        group.create_task(a_wrong_pin_three_times_and_then_the_right_one(gateway))
        async with ChromiumTab() as family:
            await family.open(await gateway.link())
            await family.phase("waiting")
            await the_right_pin_by_rtp(gateway, family)
        group.create_task(the_right_pin_by_info_without_consent(gateway))
        for name, digits, resident in (("at-id", "", ""), ("at-pin", "4711", ""), ("at-notice", "47112580", "4711")):
            group.create_task(hangs_up(gateway, name, digits, resident))
    records = await gateway.cdrs()
    assert sorted(each["reason"] for each in records) == sorted(
        ["family_left", "refused_consent", "refused_pin", "refused_locked_out", "refused_no_input"]
        + ["inmate_hung_up"] * 3
    )
    told = gateway.log()
    assert "2580" not in told
    assert "8520" not in told


async def the_right_pin_by_rtp(gateway: GatewayProcess, family: ChromiumTab) -> None:
    caller = Caller(gateway, "right")
    sipp = caller.sipp(caller.script().invite("m=audio [1-9]").hears_bye())

    async def hears() -> bool:
        return caller.sound.aimed and not caller.sound.is_silent()

    async with speaking(Phone(sipp, [caller.sound])), asyncio.TaskGroup() as group:
        group.create_task(sipp.run())
        await until(hears, "the voice")
        for key in "47112580":
            caller.sound.press(key)

        async def told() -> bool:
            return "announcement" in [each["state"] for each in await gateway.visits()]

        await until(told, "the notice")
        caller.sound.press("1")
        await family.phase("ringing")
        await family.click("accept")
        await family.phase("visit")
        before = await family.stats()
        await family.stats_when("audioPacketsReceived", before["audioPacketsReceived"] + 100)
        await family.click("hangup")
    record = await caller.record(sipp)
    assert (record["reason"], record["resident"], record["contact"]) == ("family_left", "4711", "family-1")
    assert record["billable_s"] > 0
    caller.close()


def keyed(script: Script, digits: str) -> Script:
    for digit in digits:
        script.info("application/dtmf-relay", KEY.format(digit))
    return script.pause(THINKS_S)


async def the_right_pin_by_info_without_consent(gateway: GatewayProcess) -> None:
    caller = Caller(gateway, "refuses")
    script = keyed(keyed(caller.script().invite().pause(THINKS_S), "47112580"), "2").hears_bye()
    record = await caller.plays(script)
    assert (record["reason"], record["resident"], record["total"]) == ("refused_consent", "4711", "0.00")
    caller.close()


async def hangs_up(gateway: GatewayProcess, name: str, digits: str, resident: str) -> None:
    caller = Caller(gateway, name)
    record = await caller.plays(keyed(caller.script().invite().pause(THINKS_S), digits).bye())
    assert (record["reason"], record["resident"], record["billable_s"]) == ("inmate_hung_up", resident, 0)
    caller.close()


async def a_wrong_pin_three_times_and_then_the_right_one(gateway: GatewayProcess) -> None:
    caller = Caller(gateway, "wrong")
    script = caller.script().invite().pause(THINKS_S)
    for _ in range(3):
        keyed(script, "47121111")
    record = await caller.plays(script.hears_bye())
    assert (record["reason"], record["resident"]) == ("refused_pin", "")
    caller.close()
    again = Caller(gateway, "locked")
    record = await again.plays(keyed(again.script().invite().pause(THINKS_S), "47128520").hears_bye())
    assert (record["reason"], record["resident"]) == ("refused_locked_out", "")
    again.close()


async def keys_nothing(gateway: GatewayProcess) -> None:
    """At a camp that asks once, beside all the others: it takes the longest. The line is open all the while."""
    caller = Caller(gateway, "silent", CAMP_HOST)
    sipp = caller.sipp(caller.script().invite().hears_bye())
    async with speaking(Phone(sipp, [caller.sound])):
        await sipp.run()
    record = await caller.record(sipp)
    assert record["reason"] == "refused_no_input"
    caller.close()
