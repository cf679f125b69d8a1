"""The doctor names what is wrong, where, and what to do."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import yaml

from gateway.doctor import examine
from gateway.findings import Finding, Verdict

ROOT = Path(__file__).parents[2]


def document(tmp_path: Path, **sections: object) -> Path:
    plain = {
        "dialplan": str(ROOT / "dialplans/demo.yaml"),
        "tariffs": [str(ROOT / "dialplans/tariffs/demo.yaml")],
        "caps": [str(ROOT / "dialplans/caps/us-fcc.yaml")],
        "http": {"port": 0, "staff_token": "s" * 24, "link_secret": "l" * 24},
        "sip": {"port": 0},
        "mqtt": {"embedded_port": 0},
    }
    path = tmp_path / "kinbridge.yaml"
    path.write_text(yaml.safe_dump(plain | sections))
    return path


def faults(path: Path | None) -> list[Finding]:
    found = list(examine(path))
    assert all(each.remedy for each in found if each.verdict is not Verdict.OK), "a finding without a remedy"
    return [each for each in found if each.verdict is Verdict.FAULT]


def test_this_machine_and_a_sound_configuration_have_no_fault(tmp_path: Path) -> None:
    assert faults(document(tmp_path)) == []


def test_a_taken_port_is_named_with_its_field(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (fault,) = faults(document(tmp_path, mqtt={"embedded_port": port}))
    assert fault.what.startswith(f"mqtt.embedded_port {port}/tcp: ")
    assert "mqtt.embedded_port" in fault.remedy


def test_the_browsers_port_is_looked_at(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        (fault,) = faults(document(tmp_path, media={"web_port": port}))
        assert fault.what.startswith(f"media.web_port {port}/udp: ")
        assert "media.web_port" in fault.remedy
        (fault,) = faults(document(tmp_path, media={"web_ports": [port, port]}))
        assert fault.what.startswith(f"media.web_ports {port}/udp: ")
        assert faults(document(tmp_path, media={"web_ports": [port, port], "web_port": None})) == []


def test_a_wrong_key_is_named_with_its_line(tmp_path: Path) -> None:
    path = document(tmp_path, limits={"ring_timeout": 3})
    (fault,) = faults(path)
    assert f"{path}:" in fault.what
    assert "limits.ring_timeout: unknown key; did you mean 'ring_timeout_s'?" in fault.what


def test_a_dialplan_that_names_no_tariff_of_ours_is_found(tmp_path: Path) -> None:
    found = faults(document(tmp_path, tariffs=[str(ROOT / "dialplans/tariffs/per-visit.yaml")]))
    assert any("there is no tariff 'demo-video'" in each.what for each in found)


def test_empty_secrets_are_a_fault(tmp_path: Path) -> None:
    assert {each.what for each in faults(document(tmp_path, http={"port": 0}))} == {
        "http.staff_token is empty",
        "http.link_secret is empty",
    }


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (fault,) = faults(document(tmp_path, store={"url": "sqlite:///nowhere/kinbridge.db"}))
    assert "there is no folder" in fault.what


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    path = document(tmp_path)
    tmp_path.chmod(0o500)
    try:
        (fault,) = faults(path)
    finally:
        tmp_path.chmod(0o700)
    assert "cannot be written" in fault.what


def test_without_a_configuration_the_machine_alone_is_examined() -> None:
    assert faults(None) == []
