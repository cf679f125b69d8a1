"""A station that the gateway's own voice answers: SIPp presses keys in RTP and by INFO, a family's browser takes it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

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
    pytest.mark.timeout(120),
    pytest.mark.skipif(not shutil.which("sipp"), reason="needs sip-tester: make setup"),
    pytest.mark.skipif(not Path(EXECUTABLE).exists(), reason="needs chromium: make setup"),
]
PLAN = Path(__file__).parent / "trunk.yaml"
KEY = "Signal={}\nDuration=160\n"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    plan = tmp_path / "plan.yaml"
    asks = "trunks: [demo], ivr: {pin: false, consent: true}"
    plan.write_text(PLAN.read_text().replace("trunks: [demo]", asks))
    async with GatewayProcess(tmp_path / "gateway", dialplan=plan) as running:
        yield running


async def test_accepted_refused_and_left(gateway: GatewayProcess) -> None:
    sound, picture = RtpStation(0, ssrc=1), RtpStation(97)
    async with ChromiumTab() as family:
        await family.open(await gateway.link())
        await family.phase("waiting")
        await accepts_by_a_key_in_rtp(gateway, family, sound, picture)
    await refuses_by_info(gateway, sound, picture)
    await hangs_up_while_it_is_told(gateway, sound, picture)
    for each in (sound, picture):
        each.close()


async def accepts_by_a_key_in_rtp(
    gateway: GatewayProcess, family: ChromiumTab, sound: RtpStation, picture: RtpStation
) -> None:
    Script(sound.port, picture.port).invite("m=audio [1-9]").hears_bye().write(gateway.folder, "accepts")
    sipp = Sipp("accepts", gateway.folder, gateway.sip_port, scenarios=gateway.folder, arguments=CALM, timeout_s=60)
    async with speaking(Phone(sipp, [sound])), asyncio.TaskGroup() as group:
        group.create_task(sipp.run())
        await stands_at(gateway, "announcement")
        await until(lambda: hears(sound), "the voice")
        sound.press("1")
        await family.phase("ringing")
        await family.click("accept")
        await family.phase("visit")
        await stands_at(gateway, "talking")
        before = await family.stats()
        await family.stats_when("audioPacketsReceived", before["audioPacketsReceived"] + 100)
        await family.click("hangup")
    cdr = await gateway.cdr()
    assert (cdr["reason"], cdr["contact"]) == ("family_left", "family-1")
    assert cdr["billable_s"] > 0
    assert "SIP/2.0 180" not in sipp.trace(), "it was answered, not rung"


async def refuses_by_info(gateway: GatewayProcess, sound: RtpStation, picture: RtpStation) -> None:
    script = Script(sound.port, picture.port).invite().info("application/dtmf-relay", KEY.format(2)).hears_bye()
    script.write(gateway.folder, "refuses")
    await Sipp(
        "refuses", gateway.folder, gateway.sip_port, scenarios=gateway.folder, arguments=CALM, timeout_s=60
    ).run()
    cdr = await gateway.cdr(2)
    assert (cdr["reason"], cdr["total"]) == ("refused_consent", "0.00")


async def hangs_up_while_it_is_told(gateway: GatewayProcess, sound: RtpStation, picture: RtpStation) -> None:
    Script(sound.port, picture.port).invite().pause(0.5).bye().write(gateway.folder, "leaves")
    await Sipp("leaves", gateway.folder, gateway.sip_port, scenarios=gateway.folder, arguments=CALM).run()
    cdr = await gateway.cdr(3)
    assert (cdr["reason"], cdr["billable_s"]) == ("inmate_hung_up", 0)


async def hears(sound: RtpStation) -> bool:
    return sound.aimed and not sound.is_silent()


async def live(gateway: GatewayProcess) -> list[str]:
    return [each["state"] for each in await gateway.visits()]


async def stands_at(gateway: GatewayProcess, state: str) -> None:
    async def there() -> bool:
        return await live(gateway) == [state]

    await until(there, f"the visit at {state}")
