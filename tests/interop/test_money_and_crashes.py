"""Money in real time, and what a crash leaves behind: one gateway process, baresip and a browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.interop.test_first_visit import FAMILY, call_and_accept
from tests.support.baresip import Baresip
from tests.support.chromium import EXECUTABLE
from tests.support.family_tab import ChromiumTab
from tests.support.gateway_process import GatewayProcess
from tests.support.waiting import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not shutil.which("baresip"), reason="needs baresip: make setup"),
    pytest.mark.skipif(not Path(EXECUTABLE).exists(), reason="needs chromium: make setup"),
]
PAYS_37_SECONDS = "0.098667"  # 37 s x 0.16 USD / 60 s = 0.0986666...: the least balance that pays for them


async def test_a_balance_for_37_seconds_ends_the_visit_at_37_seconds(tmp_path: Path) -> None:
    async with (
        GatewayProcess(
            tmp_path / "gateway", balance=PAYS_37_SECONDS, sections={"limits": {"warning_s": 30}}
        ) as gateway,
        Baresip(tmp_path / "terminal", name="terminal-1") as terminal,
        ChromiumTab() as family,
    ):
        await call_and_accept(gateway, terminal, family)

        async def warned() -> bool:
            return await family.shows("banner")

        await until(warned, "the warning on the page", 30)
        await terminal.wait_for("CALL_CLOSED", 60)
        await family.phase("over")
        cdr = await gateway.cdr()
        balance = await gateway.command("account", "show", "family-1")

    assert cdr["reason"] == "balance_exhausted"
    assert cdr["billable_s"] == 37
    assert cdr["total"] == "0.098666"
    assert "0.000001 USD" in balance


async def test_kill_9_in_mid_visit_leaves_one_record_up_to_the_last_proof_of_life(tmp_path: Path) -> None:
    async with (
        GatewayProcess(tmp_path / "gateway") as gateway,
        Baresip(tmp_path / "terminal", name="terminal-1") as terminal,
        ChromiumTab() as family,
    ):
        await call_and_accept(gateway, terminal, family)
        await family.stats_when("audioPacketsReceived", 250)  # five seconds of sound
        await gateway.kill()
        assert gateway.process is not None
        await gateway.start()
        cdr = await gateway.cdr()
        await gateway.stop()
        await gateway.start()
        again = await gateway.cdrs()

    assert cdr["reason"] == "node_crash"
    assert 2 <= cdr["billable_s"] <= 60
    assert [each["cdr_id"] for each in again] == [cdr["cdr_id"]]


async def test_two_visits_at_once_never_spend_the_same_cent(tmp_path: Path) -> None:
    """Two terminals, one account that pays for one visit of some seconds: the second is told 402."""
    async with (
        GatewayProcess(tmp_path / "gateway", balance="0.05") as gateway,
        Baresip(tmp_path / "one", name="terminal-1") as one,
        Baresip(tmp_path / "two", name="terminal-2") as two,
    ):
        await one.dial(gateway.uri(FAMILY))
        await one.wait_for("CALL_RINGING")
        await two.dial(gateway.uri(FAMILY))
        closed = await two.wait_for("CALL_CLOSED")
        cdr = await gateway.cdr()
        await one.hang_up()
        await gateway.cdr(2)

    assert closed["param"].startswith("402")
    assert cdr["reason"] == "refused_balance"
    assert cdr["total"] in ("0", "0.00", "0.000000")


async def test_sigterm_lets_a_visit_end_first_and_refuses_new_ones(tmp_path: Path) -> None:
    async with (
        GatewayProcess(tmp_path / "gateway", sections={"limits": {"drain_s": 30}}) as gateway,
        Baresip(tmp_path / "one", name="terminal-1") as one,
        Baresip(tmp_path / "two", name="terminal-2") as two,
        ChromiumTab() as family,
    ):
        await call_and_accept(gateway, one, family)
        await family.stats_when("audioPacketsReceived", 50)
        assert gateway.process is not None
        gateway.process.terminate()

        async def draining() -> bool:
            return "drain" in gateway.log()

        await until(draining, "the drain in the log")
        await two.dial(gateway.uri("5552368002"))
        refused = await two.wait_for("CALL_CLOSED")
        still = await family.stats()
        await one.hang_up()
        await gateway.process.wait()
        assert gateway.process.returncode == 0
        await gateway.start()
        reasons = [each["reason"] for each in await gateway.cdrs()]

    assert refused["param"].startswith("503")
    assert still["connectionState"] == "connected"
    assert sorted(reasons) == ["inmate_hung_up", "refused_draining"]
