"""An officer's Chromium at a real visit: baresip in the cell, Chromium at home, and nobody there notices.

What it took from the click to both pictures is measured in the officer's page, by its own clock, and printed.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.interop.test_first_visit import call_and_accept
from tests.support.baresip import Baresip
from tests.support.chromium import EXECUTABLE
from tests.support.family_tab import ChromiumTab, FamilyTab
from tests.support.gateway_process import STAFF_TOKEN, GatewayProcess
from tests.support.waiting import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not shutil.which("baresip"), reason="needs baresip: make setup"),
    pytest.mark.skipif(not Path(EXECUTABLE).exists(), reason="needs chromium: make setup"),
]


async def test_an_officer_watches_and_is_killed_and_the_visit_goes_on(tmp_path: Path) -> None:
    async with (
        GatewayProcess(tmp_path / "gateway") as gateway,
        Baresip(tmp_path / "terminal", name="terminal-1") as terminal,
        ChromiumTab() as family,
    ):
        await call_and_accept(gateway, terminal, family)
        await family.stats_when("framesDecoded", 30)
        visit = (await gateway.visits())[0]["visit_id"]

        async def told() -> bool:
            return "Prompt(" not in await pipelines(gateway, visit)

        await until(told, "the notice is said")
        before = await pipelines(gateway, visit)

        async with ChromiumTab(1280, 800) as officer:
            await sign_in(officer, gateway)
            times = await both_pictures(officer)
            took = {step: (at - times["asked"]) / 1000 for step, at in times.items()}
            print(
                f"from the click to the station's picture {took['station']:.2f} s, the family's {took['family']:.2f} s"
            )
            print({step: round(seconds, 2) for step, seconds in took.items()})
            assert max(took.values()) < 6, "2 s is the aim; a machine that does eight things at once may take longer"
            stats = await moving(officer)
            assert [each["codec"] for each in stats] == ["audio/PCMU", "video/H264", "video/H264"]
            assert stats[0]["totalAudioEnergy"] > 0

            during = await pipelines(gateway, visit)
            assert during.count("Tap(watching) -> ") == 4
            assert during.replace("Tap(watching) -> ", "") == before
        # the browser is gone, without a word
        assert await settles(gateway, visit, before)
        seen = await family.stats()
        await family.stats_when("framesDecoded", seen["framesDecoded"] + 30)

        (row,) = (await gateway.get("/api/v1/audit/watchings"))["items"]
        assert (row["officer"], row["visit_id"]) == ("staff", visit)
        assert row["reason"] in ("page_closed", "officer_left", "closed")
        assert row["since"] < row["until"]
        await terminal.hang_up()
        await family.phase("over")
        assert (await gateway.cdr())["reason"] == "inmate_hung_up"


async def sign_in(officer: FamilyTab, gateway: GatewayProcess) -> None:
    await officer.open(f"{gateway.base}/console")
    await officer.tab.evaluate("void document.getElementById('other-way').click()")
    token = f"document.getElementById('token').value = '{STAFF_TOKEN}'"
    await officer.tab.evaluate(f"void ({token}, document.getElementById('sign-in').requestSubmit())")

    async def listed() -> bool:
        return bool(await officer.tab.evaluate("document.querySelector('#visits button:not([hidden])') !== null"))

    await until(listed, "the visit in the officer's list")
    await officer.tab.evaluate("void document.querySelector('#visits button').click()")


async def both_pictures(officer: FamilyTab) -> dict[str, float]:
    """When they came, and when they were asked for: milliseconds of the officer's page."""

    async def there() -> dict[str, float]:
        times: dict[str, float] = (await officer.tab.evaluate("window.kinbridge.watching?.times")) or {}
        return times if times.get("station") and times.get("family") else {}

    return await until(there, "both pictures at the officer's", 30)


async def moving(officer: FamilyTab) -> list[dict[str, Any]]:
    """What the officer's browser gets, once it has decoded some of each."""

    async def enough() -> list[dict[str, Any]]:
        stats: list[dict[str, Any]] = await officer.tab.evaluate("window.kinbridge.stats()")
        pictures = [each for each in stats if each["kind"] == "video"]
        heard = any(each["totalAudioEnergy"] > 0 for each in stats)
        seen = len(pictures) == 2 and all(each["framesDecoded"] > 20 for each in pictures)
        return sorted(stats, key=lambda each: str(each["mid"])) if heard and seen else []

    return await until(enough, "moving pictures and sound at the officer's", 30)


async def pipelines(gateway: GatewayProcess, visit: str) -> str:
    return str((await gateway.get(f"/api/v1/visits/{visit}"))["pipelines"])


async def settles(gateway: GatewayProcess, visit: str, wanted: str) -> bool:
    async def so() -> bool:
        return await pipelines(gateway, visit) == wanted

    return await until(so, "the visit's pipelines as they were", 40)
