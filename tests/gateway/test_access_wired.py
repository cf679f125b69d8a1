"""Accounts and keys from the command line, at the door of a gateway that runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from gateway.access import Scope
from gateway.app import Gateway
from gateway.cli import app
from gateway.command_line.staff import KeyScope, Role
from gateway.config import StaffRole, load_config
from gateway.errors import AccessError
from sip import FakeSipEndpoint
from tests.gateway.test_cli import config as whole_config  # noqa: F401 - a fixture

PASSWORD = "seven quiet herons at noon"


@pytest.fixture
def config(whole_config: Path) -> Path:  # noqa: F811 - pytest hands it over by its name
    """With hashes that cost little."""
    with whole_config.open("a") as file:
        file.write("access: {password_memory_mib: 8}\n")
    return whole_config


def said(config: Path, *words: str, typed: str = "") -> str:
    done = CliRunner().invoke(app, [*words, "--config", str(config)], input=typed, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_accounts_of_the_staff_are_made_shown_and_changed(config: Path) -> None:
    add = ("staff", "add", "badge-1138", "--role", "officer", "--role", "auditor")
    assert said(config, *add, typed=f"{PASSWORD}\n") == "badge-1138: auditor, officer\n"
    assert said(config, "staff", "roles", "badge-1138", "--role", "supervisor") == "badge-1138: supervisor\n"
    assert said(config, "staff", "password", "badge-1138", typed="another good long one\n").startswith(
        "badge-1138: the"
    )
    assert said(config, "staff", "disable", "badge-1138") == "badge-1138: disabled, 0 sessions ended\n"
    assert said(config, "staff", "list").splitlines() == ["badge-1138  supervisor  (disabled)", "1 account"]
    assert said(config, "staff", "enable", "badge-1138") == "badge-1138: enabled\n"


def test_the_command_line_knows_every_role_and_scope() -> None:
    assert {each.value for each in Role} == {each.value for each in StaffRole}
    assert {each.value for each in KeyScope} == {each.value for each in Scope}


def test_a_name_of_the_configuration_is_taken(config: Path) -> None:
    with pytest.raises(AccessError, match="the name of a token in the configuration"):
        said(config, "staff", "add", "staff", "--role", "officer", typed=f"{PASSWORD}\n")


def test_a_key_is_printed_once_and_listed_without_itself(config: Path) -> None:
    add = ("api-key", "add", "carrier north", "--scope", "records:read", "--days", "90")
    done = CliRunner().invoke(app, [*add, "--config", str(config)], catch_exceptions=False)
    key, key_id = done.stdout.strip(), done.stderr.split(":")[0]
    listed = said(config, "api-key", "list")
    assert f"{key_id}  carrier north  records:read  until " in listed
    assert "never used" in listed
    assert key not in listed
    assert said(config, "api-key", "revoke", key_id) == f"{key_id}: revoked\n"
    assert "  revoked " in said(config, "api-key", "list")


async def test_what_the_command_line_changes_holds_at_once_in_a_gateway_that_runs(config: Path) -> None:
    loaded = load_config(config)
    running = loaded.model_copy(update={"http": loaded.http.model_copy(update={"port": 0})})
    await asyncio.to_thread(said, config, "staff", "add", "badge-1", "--role", "officer", typed=f"{PASSWORD}\n")
    add = ["api-key", "add", "carrier", "--scope", "node:read", "--config", str(config)]
    key = (await asyncio.to_thread(CliRunner().invoke, app, add)).stdout.strip()
    async with (
        Gateway(running, endpoint=FakeSipEndpoint()) as gateway,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.http_port}") as client,
    ):
        signed_in = await client.post("/api/v1/session", json={"name": "badge-1", "password": PASSWORD})
        assert (signed_in.status_code, signed_in.json()["roles"]) == (200, ["officer"]), signed_in.text
        assert (await client.get("/api/v1/visits")).status_code == 200
        assert (await client.get("/api/v1/node", headers={"Authorization": f"Bearer {key}"})).status_code == 200
        ended = await asyncio.to_thread(said, config, "staff", "disable", "badge-1")
        assert ended == "badge-1: disabled, 1 session ended\n"
        assert (await client.get("/api/v1/visits")).status_code == 401
