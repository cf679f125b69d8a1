"""The container files hold together, as far as that can be seen without a Docker daemon."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config import load_config
from tests.house.checkout import ROOT

DOCKER = ROOT / "docker"


@pytest.fixture
def compose() -> dict[str, Any]:
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (DOCKER / "compose.yaml").read_text())
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def test_compose_runs_gateway_broker_and_turn(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"gateway", "mosquitto", "coturn"}
    build = compose["services"]["gateway"]["build"]
    assert (DOCKER / build["context"] / build["dockerfile"]).is_file()


def test_every_mounted_file_is_there(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            found = source in compose["volumes"] if "/" not in source else (DOCKER / source).exists()
            assert found, f"{name} mounts {source}, which is not there"


def test_postgresql_is_added_by_a_file_of_its_own(compose: dict[str, Any]) -> None:
    added = yaml.safe_load((DOCKER / "compose.postgresql.yaml").read_text())
    assert set(added["services"]) - set(compose["services"]) == {"postgresql"}
    assert set(added["services"]["gateway"]["depends_on"]) <= set(added["services"])
    secrets = set(added["secrets"])
    assert {name for service in added["services"].values() for name in service["secrets"]} == secrets
    assert f"password_file=/run/secrets/{secrets.pop()}" in (DOCKER / "compose.postgresql.yaml").read_text()
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert all(str(Path("docker") / each["file"]) in ignored for each in added["secrets"].values())


def test_its_configuration_can_be_used(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "dialplans", tmp_path / "dialplans")
    shutil.copy(DOCKER / "kinbridge.yaml", tmp_path)
    config = load_config(tmp_path / "kinbridge.yaml")
    assert config.mqtt.url
    exposed = re.search(r"^EXPOSE (.+)$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    assert exposed is not None
    low, high = config.media.sip_ports[0], config.media.web_ports[1]
    assert exposed[1].split() == [
        f"{config.http.port}/tcp", f"{config.sip.port}/udp", f"{config.sip.port}/tcp", f"{low}-{high}/udp"
    ]  # fmt: skip


def test_the_image_copies_what_is_there_and_installs_as_make_does() -> None:
    lines = (DOCKER / "Dockerfile").read_text().splitlines()
    copies = [line.split()[1:-1] for line in lines if line.startswith("COPY ")]
    assert all((ROOT / each).exists() for sources in copies for each in sources)
    listed = subprocess.run([DOCKER / "prove.sh", "--list"], capture_output=True, text=True, check=True).stdout
    assert listed.splitlines() == [line.removeprefix("RUN ") for line in lines if line.startswith("RUN ")]
    assert "tools/setup runtime" in listed.splitlines()


def compose_command() -> list[str] | None:
    """`docker compose` or Debian's older docker-compose; neither needs a daemon to check a file."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0
        ):
            return command
    return None


def test_compose_accepts_the_file() -> None:
    command = compose_command()
    if command is None:
        pytest.skip("neither `docker compose` nor docker-compose is on this machine")
    done = subprocess.run(
        [*command, "-f", str(DOCKER / "compose.yaml"), "config", "--quiet"],
        capture_output=True, text=True, check=False, cwd=DOCKER,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
