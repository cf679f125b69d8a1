"""What a trunk may carry, with real phones: so many calls, by these codecs and no others."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.support.baresip import Baresip
from tests.support.gateway_process import ROOT, GatewayProcess
from tests.support.sipp import Sipp
from tests.support.waiting import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(90),
    pytest.mark.skipif(not (shutil.which("baresip") and shutil.which("sipp")), reason="needs baresip: make setup"),
]
FAMILY = "5552368001"
TELEPHONE = "+15552368001"
BOTH = "PCMU/8000/1,PCMA/8000/1"
ANYWHERE = {"name": "demo", "sources": ["127.0.0.0/8"]}


async def test_station_and_telephone_each_by_the_codec_of_its_trunk(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    text = (ROOT / "dialplans" / "demo.yaml").read_text()
    text = text.replace(f'number: "{FAMILY}"', f'number: "{FAMILY}", telephone: "{TELEPHONE}"', 1)
    plan.write_text(text.replace("trunks: [demo]", "trunks: [demo]\n    out_trunks: [carrier]", 1))
    async with (
        Baresip(tmp_path / "station", name="terminal-1", video=False, audio_codecs=BOTH) as station,
        Baresip(tmp_path / "phone", name=TELEPHONE, video=False, audio_codecs=BOTH, answer="auto") as phone,
    ):
        carrier = {"name": "carrier", "server": f"127.0.0.1:{phone.sip_port}", "codecs": ["PCMU"]}
        gateway = GatewayProcess(tmp_path / "gateway", dialplan=plan)
        gateway.sections = {"sip": {"port": gateway.sip_port, "trunks": [{**ANYWHERE, "codecs": ["PCMA"]}, carrier]}}
        async with gateway:
            await station.dial(gateway.uri(FAMILY))
            await phone.wait_for("CALL_ESTABLISHED")

            async def asked() -> bool:
                return [each["state"] for each in await gateway.visits()] == ["accepting"]

            await until(asked, "the phone is asked")
            await phone.command("sndcode", "1")
            await station.wait_for("CALL_ESTABLISHED")

            async def heard() -> bool:
                return any(each["seconds_left"] < 1196 for each in await gateway.visits())

            await until(heard, "both hear each other")
            await phone.hang_up()
            await station.finish()
            cdr = await gateway.cdr()
    flows = {(each["source"], each["source_codec"], each["target_codec"], each["path"]) for each in cdr["flows"]}
    assert flows == {("sip", "PCMA", "PCMU", "transcode"), ("web", "PCMU", "PCMA", "transcode")}


async def test_a_call_more_than_the_trunk_may_have(tmp_path: Path) -> None:
    sections = {"limits": {"ring_timeout_s": 4}, "sip": {"trunks": [{**ANYWHERE, "max_calls": 1}]}}
    async with GatewayProcess(tmp_path, dialplan=Path(__file__).parent / "trunk.yaml", sections=sections) as gateway:
        ringing = asyncio.create_task(Sipp("no_answer", tmp_path / "first", gateway.sip_port).run())

        async def rings() -> bool:
            return len(await gateway.visits()) == 1

        await until(rings, "the first rings")
        await Sipp("trunk_busy", tmp_path / "second", gateway.sip_port).run()
        await ringing
        await Sipp("cancel", tmp_path / "third", gateway.sip_port).run()
        await gateway.cdr(3)
        assert sorted(each["reason"] for each in await gateway.cdrs()) == [
            "inmate_hung_up",
            "no_answer",
            "refused_trunk_busy",
        ]
