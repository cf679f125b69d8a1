"""SIPp calls the whole gateway, message by message; a browser is the family, and the CDRs tell the rest."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.chromium import EXECUTABLE
from tests.support.family_tab import ChromiumTab
from tests.support.gateway_process import GatewayProcess
from tests.support.sipp import Sipp

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not shutil.which("sipp"), reason="needs sip-tester: make setup"),
]
# these scenarios have no RTCP feedback: the gateway asks for pictures by INFO (RFC 5168), SIPp may pass that over
CALM = ("-default_behaviors", "all,-abortunexp")
PLAN = Path(__file__).parent / "trunk.yaml"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    limits = {"ring_timeout_s": 4}
    async with GatewayProcess(tmp_path / "gateway", dialplan=PLAN, sections={"limits": limits}) as running:
        yield running


async def test_calls_that_nobody_accepts_get_their_code_and_their_record(gateway: GatewayProcess) -> None:
    folder = gateway.folder
    for number, (scenario, arguments, transport, reason, sip_code) in enumerate(
        (
            ("cancel", (), "u1", "inmate_hung_up", 487),
            ("cancel", (), "t1", "inmate_hung_up", 487),
            ("no_answer", (), "u1", "no_answer", 480),
            ("refused", ("-s", "911"), "u1", "refused_blocked", 403),
        ),
        start=1,
    ):
        await Sipp(scenario, folder, gateway.sip_port, transport, arguments=arguments).run()
        cdr = await gateway.cdr(number)
        assert (scenario, cdr["reason"], cdr["sip_code"]) == (scenario, reason, sip_code)
        assert (cdr["sequence"], cdr["billable_s"]) == (number, 0)


async def test_a_broken_description_gets_400_and_the_gateway_goes_on(gateway: GatewayProcess) -> None:
    await Sipp("bad_sdp", gateway.folder, gateway.sip_port).run()
    await Sipp("cancel", gateway.folder, gateway.sip_port).run()
    assert (await gateway.cdrs())[-1]["reason"] == "inmate_hung_up"


async def test_the_fifth_call_on_one_agent_is_busy(gateway: GatewayProcess) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(4):
            sipp = Sipp("no_answer", gateway.folder / str(number), gateway.sip_port)
            group.create_task(sipp.run())
        async with asyncio.timeout(10):
            while len(await gateway.visits()) < 4:  # noqa: ASYNC110 - no event reaches us from another process
                await asyncio.sleep(0.1)
        await Sipp("fifth", gateway.folder / "fifth", gateway.sip_port).run()
    assert len(await gateway.cdrs()) >= 4


@pytest.mark.skipif(not Path(EXECUTABLE).exists(), reason="needs chromium: make setup")
async def test_calls_within_a_visit(gateway: GatewayProcess) -> None:
    """Each scenario is one accepted visit: hold, late offer, keys, a transfer that is refused, video dropped."""
    scenarios = ("answer", "hold", "update", "delayed_offer", "dtmf", "refer", "drop_video")
    async with ChromiumTab() as family:
        await family.open(await gateway.link())
        for number, scenario in enumerate(scenarios, start=1):
            await family.phase("waiting")
            async with asyncio.TaskGroup() as group:
                group.create_task(Sipp(scenario, gateway.folder, gateway.sip_port, arguments=CALM).run())
                await family.phase("ringing")
                await family.click("accept")
            await family.phase("over")
            cdr = await gateway.cdr(number)
            assert (scenario, cdr["reason"]) == (scenario, "inmate_hung_up")
            await family.click("again")
