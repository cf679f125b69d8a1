"""Strangers at a whole gateway's SIP port: counted in the API and on the bus, and no visit of theirs is recorded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from gateway.app import Gateway
from gateway.call.facts import Fact
from gateway.config import SipConfig, TrunkConfig
from gateway.demo.facility import demo_config
from gateway.events.topics import topic
from sip.types import Strangers
from tests.support.raw_caller import RawCaller, description
from tests.support.waiting import until

JAIL_HOST = "127.0.0.7"


async def test_they_are_counted_without_their_addresses(tmp_path: Path) -> None:
    sip = SipConfig(port=0, strangers=Strangers.SILENT, trunks=(TrunkConfig(name="demo", sources=(JAIL_HOST,)),))
    config = demo_config(tmp_path).model_copy(update={"sip": sip})
    async with Gateway(config) as gateway:
        token = config.http.staff_token.get_secret_value()
        port = gateway.sip_addresses[0][2]
        with (
            gateway.bus.subscribe("test") as facts,
            RawCaller(port) as stranger,
            RawCaller(port, host=JAIL_HOST) as jail,
        ):
            for method in ("REGISTER", "INVITE", "INVITE"):
                await stranger.say(stranger.request(method, body=description(40_002)))
            said = "P-Asserted-Identity: <sip:terminal-1@jail>"
            await jail.say(jail.request("INVITE", body=description(40_004), headers=(said,)))
            assert (await jail.answer()).code == 403, "terminal-1 is not what From says"
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{gateway.http_port}", headers={"Authorization": f"Bearer {token}"}
            ) as staff:

                async def counted() -> list[dict[str, Any]] | None:
                    refused: list[dict[str, Any]] = (await staff.get("/api/v1/node")).json()["sip_refused"]
                    return refused if sum(each["number"] for each in refused) == 3 else None

                refused = await until(counted, "three refused requests in GET /api/v1/node")
            told: list[Fact] = []
            async with asyncio.timeout(20):
                async for fact in facts:
                    told.append(fact)
                    number = sum(int(each.detail["number"]) for each in told if each.kind == "sip-refused")
                    if number == 3 and any(each.kind == "recorded" for each in told):
                        break
            cdrs = await gateway.accounting.cdrs()
    assert refused == [
        {"why": "stranger", "method": "INVITE", "trunk": "", "number": 2},
        {"why": "stranger", "method": "REGISTER", "trunk": "", "number": 1},
    ]
    assert [each.reason for each in cdrs] == ["refused_unknown_station"], "of the trunk's call alone"
    of_node = [each for each in told if each.kind == "sip-refused"]
    assert {topic("kin", each) for each in of_node} == {"kin/demo/node/sip-refused"}
    assert "identity-ignored" in [each.kind for each in told]
    assert all("127." not in str(each.detail) for each in told)
