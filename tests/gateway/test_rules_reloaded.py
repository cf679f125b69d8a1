"""A running gateway takes other rules: by the API, by the command and by SIGHUP; each shows or says what it did."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.gateway_process import ROOT, STAFF_TOKEN, GatewayProcess
from tests.support.waiting import until

ADMINISTRATOR, OFFICER = "administrator-token-of-the-test", "officer-token-of-the-test"
RULES = "/api/v1/rules"
QUESTION = {"station": "terminal-1", "dialled": "5552368001", "medium": "video", "at": "2026-01-05T12:00:00"}


async def test_rules_change_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMINISTRATOR", ADMINISTRATOR)
    monkeypatch.setenv("OFFICER", OFFICER)
    plan = tmp_path / "plan.yaml"
    plan.write_text((ROOT / "dialplans" / "demo.yaml").read_text())
    staff = [
        {"name": "admin-1", "token_env": "ADMINISTRATOR", "roles": ["administrator"]},
        {"name": "badge-1138", "token_env": "OFFICER", "roles": ["officer"]},
    ]
    async with (
        GatewayProcess(tmp_path / "gateway", dialplan=plan, sections={"http": {"staff": staff}}) as gateway,
        httpx.AsyncClient(base_url=gateway.base, headers={"Authorization": f"Bearer {ADMINISTRATOR}"}) as client,
    ):

        async def minutes() -> int:
            answer = (await client.post(f"{RULES}/explain", json=QUESTION)).json()
            assert answer["verdict"] == "allowed"
            return int(answer["max_seconds"]) // 60

        async def refused() -> bool:
            return "the rules stay as they are: 1 mistakes at" in gateway.log()

        await officers_change_nothing(gateway.base)
        assert await minutes() == 20

        write(plan, "max_minutes: 20", "max_minutes: 15")
        shown = (await client.post(f"{RULES}/candidates")).json()
        assert shown["differences"] == ["rule family: max_minutes 20 -> 15"]
        assert await minutes() == 20
        assert (await client.post(f"{RULES}/candidates/{shown['candidate']}/take")).status_code == 200
        assert await minutes() == 15
        gone = await client.post(f"{RULES}/candidates/{shown['candidate']}/take")
        assert (gone.status_code, gone.json()["type"]) == (409, "urn:kinbridge:problem:candidate-gone")

        write(plan, "max_minutes: 15", "max_minutes: 15\n    hour: daily")
        broken = (await client.post(f"{RULES}/candidates")).json()
        assert (broken["status"], broken["type"]) == (422, "urn:kinbridge:problem:rules-refused")
        assert "plan.yaml:" in broken["detail"]
        assert "hour" in broken["detail"]
        with pytest.raises(AssertionError, match=r"(?s)plan\.yaml:\d+.*hour"):
            await gateway.command("dialplan", "reload", "--yes")
        hang_up(gateway)
        await until(refused, "the log says why")
        assert await minutes() == 15

        write(plan, "max_minutes: 15\n    hour: daily", "max_minutes: 10")
        told = await gateway.command("dialplan", "reload", "--dry-run")
        assert told.splitlines() == ["rule family: max_minutes 15 -> 10", "nothing was changed"]
        assert "in force" in await gateway.command("dialplan", "reload", "--yes")
        assert await minutes() == 10
        assert (await gateway.command("dialplan", "reload", "--yes")).splitlines() == ["nothing would change"]

        write(plan, "max_minutes: 10", "max_minutes: 5")
        hang_up(gateway)

        async def five() -> bool:
            return await minutes() == 5

        await until(five, "the signal's rules")
        assert (await client.get(RULES)).json()["rules"] == 5


async def officers_change_nothing(base: str) -> None:
    async with httpx.AsyncClient(base_url=base) as client:
        for token, status in ((OFFICER, 403), ("nobody", 401)):
            for path, body in ((f"{RULES}/candidates", None), (f"{RULES}/explain", QUESTION)):
                answer = await client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == status, path


def write(plan: Path, old: str, new: str) -> None:
    """Changes the file's last place: the rule of the families."""
    head, found, tail = plan.read_text().rpartition(old)
    assert found
    plan.write_text(head + new + tail)


def hang_up(gateway: GatewayProcess) -> None:
    process: Any = gateway.process
    process.send_signal(signal.SIGHUP)


def test_the_token_of_the_command_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.command_line.running import TOKEN, post
    from gateway.config import Config, HttpConfig
    from gateway.errors import KinbridgeError

    config = Config.model_construct(http=HttpConfig(port=9))
    monkeypatch.delenv(TOKEN, raising=False)
    with pytest.raises(KinbridgeError, match=rf"role administrator into \${TOKEN}"):
        post(config, "/api/v1/rules/candidates")
    monkeypatch.setenv(TOKEN, STAFF_TOKEN)
    with pytest.raises(KinbridgeError, match=r"no gateway answers at http://127\.0\.0\.1:9"):
        post(config, "/api/v1/rules/candidates")
