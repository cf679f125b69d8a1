"""A family whose network changes under the visit: in a namespace of its own, with an address that comes and goes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.baresip import Baresip, free_port
from tests.support.chromium import EXECUTABLE, Chromium
from tests.support.family_tab import ChromiumTab, FamilyTab
from tests.support.gateway_process import GatewayProcess
from tests.support.namespace import Namespace

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not shutil.which("baresip"), reason="needs baresip: make setup"),
    pytest.mark.skipif(not Path(EXECUTABLE).exists(), reason="needs chromium: make setup"),
    pytest.mark.skipif(not Namespace.possible(), reason="needs root that may make network namespaces"),
]
FAMILY = "5552368001"
CHANGES = 3


async def moves_on(family: FamilyTab) -> None:
    """Thirty more pictures, on whatever connection the page has now."""
    before = (await family.stats()).get("framesDecoded", 0)

    await family.stats_when("framesDecoded", before + 30, 40)


@pytest.mark.soak
async def test_a_family_that_changes_its_network_three_times(tmp_path: Path) -> None:
    with Namespace() as far:
        port = free_port()
        origin = f"http://{far.near}:{port}"
        sections = {
            "http": {"host": "0.0.0.0", "port": port, "public_url": origin},
            "media": {"host": far.near},
        }
        chromium = Chromium(command=far.command(tmp_path, EXECUTABLE), secure=origin)
        gateway = GatewayProcess(tmp_path / "gateway", sections=sections)
        gateway.http_port = port
        async with (
            gateway,
            Baresip(tmp_path / "phone", name="terminal-1") as phone,
            ChromiumTab(chromium=chromium) as family,
        ):
            await family.open(await gateway.link("family-1"))
            await family.phase("waiting")
            await phone.dial(gateway.uri(FAMILY))
            await family.phase("ringing")
            await family.click("accept")
            await family.phase("visit")
            await moves_on(family)
            for _ in range(CHANGES):
                far.change_address()
                await moves_on(family)
            await phone.hang_up()
            await family.phase("over")
            cdr = await gateway.cdr()
    assert cdr["reason"] == "inmate_hung_up"
