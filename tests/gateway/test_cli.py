"""The command line: what it prints, and that mistakes are sentences with exit code 1."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gateway.api.links import Links

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-of-this-test-alone"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "kinbridge.yaml"
    document = {
        "dialplan": str(ROOT / "dialplans/demo.yaml"),
        "tariffs": [str(ROOT / "dialplans/tariffs/demo.yaml")],
        "caps": [str(ROOT / "dialplans/caps/us-fcc.yaml")],
        "http": {"port": 8099, "link_secret": SECRET, "staff_token": "staff-of-this-test"},
        "sip": {"trunks": [{"name": "demo", "sources": ["127.0.0.1"]}]},
    }
    path.write_text(yaml.safe_dump(document))
    return path


def kinbridge(*words: str, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    more = ["--config", str(config)] if config else []
    command = [sys.executable, "-m", "gateway", *words, *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def said(*words: str, config: Path) -> str:
    done = kinbridge(*words, config=config)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def refused(*words: str, config: Path) -> str:
    done = kinbridge(*words, config=config)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("kinbridge: ")
    return done.stderr


def test_money_goes_in_once_for_each_key(config: Path) -> None:
    said("account", "open", "family-1", config=config)
    said("account", "deposit", "family-1", "20.00", "--key", "receipt-1", config=config)
    again = said("account", "deposit", "family-1", "20.00", "--key", "receipt-1", config=config)
    assert again == "family-1: nothing moved, the key 'receipt-1' was used before; balance 20.00 USD\n"
    assert "20.00 USD" in said("account", "show", "family-1", config=config)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("account", "deposit", "nobody", "1.00", "--key", "k"), "there is no account 'nobody'"),
        (("account", "show", "nobody"), "there is no account 'nobody'"),
        (
            ("link", "nobody"),
            "there is no contact 'nobody', neither in the store nor in the dialplan, which has: attorney, ",
        ),
    ],
)
def test_what_is_not_there(config: Path, words: tuple[str, ...], complaint: str) -> None:
    assert complaint in refused(*words, config=config)


def test_an_amount_that_is_none(config: Path) -> None:
    said("account", "open", "family-1", config=config)
    assert "is not an amount" in refused("account", "deposit", "family-1", "lots", "--key", "k", config=config)


def test_a_link_opens_the_page_of_its_contact(config: Path) -> None:
    link = said("link", "family-2", config=config).strip()
    base, token = link.rsplit("/", 1)
    assert base == "http://127.0.0.1:8099/family"
    assert Links(SECRET).verify(token) == "family-2"


def test_dialplans_are_checked(config: Path) -> None:
    assert "5 rules, 6 contacts, 2 tariffs: no mistake" in said("dialplan", "check", config=config)


def test_a_trunk_that_sip_does_not_have_is_told(config: Path, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text((ROOT / "dialplans/demo.yaml").read_text().replace("[demo]", "[demo, pbx-2]", 1))
    checked = said("dialplan", "check", "--plan", str(tmp_path / "two.yaml"), config=config)
    assert "demo-jail: no call comes from trunk 'pbx-2': sip.trunks of" in checked
    assert "no mistake" in checked


def test_a_mistake_in_the_dialplan_is_named_with_line_and_remedy(config: Path, tmp_path: Path) -> None:
    text = (ROOT / "dialplans/demo.yaml").read_text().replace("contact: attorney", "contact: atorney")
    (tmp_path / "wrong.yaml").write_text(text)
    document = yaml.safe_load(config.read_text()) | {"dialplan": "wrong.yaml"}
    config.write_text(yaml.safe_dump(document))
    complaint = refused("dialplan", "check", config=config)
    line = text[: text.index("contact: atorney")].count("\n") + 1
    assert f"wrong.yaml:{line}: rules[2].contact: there is no contact 'atorney'; did you mean 'attorney'?" in complaint


def test_exports_are_whole_files_and_say_where_to_go_on(config: Path, tmp_path: Path) -> None:
    for form in ("csv", "jsonl"):
        out = tmp_path / f"cdrs.{form}"
        told = said("cdr", "export", "--format", form, "--since", "0", "--output", str(out), config=config)
        assert told == f"0 records in {out}; next time: --since 0\n"
    with (tmp_path / "cdrs.csv").open(newline="") as file:
        (header,) = csv.reader(file)
    assert {"sequence", "reason", "billable_s", "total", "currency"} <= set(header)
    assert [json.loads(line) for line in (tmp_path / "cdrs.jsonl").read_text().splitlines()] == []


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    assert "nowhere.yaml: cannot be read" in refused("serve", config=tmp_path / "nowhere.yaml")


def test_an_unknown_key_is_named_with_its_line(config: Path) -> None:
    config.write_text(config.read_text() + "sipp: {}\n")
    complaint = refused("serve", config=config)
    assert "sipp: unknown key; did you mean 'sip'?" in complaint


def test_without_a_command_it_says_what_there_is() -> None:
    done = kinbridge("--help")
    assert done.returncode == 0
    for word in ("serve", "run", "demo", "cdr", "dialplan", "account", "link", "doctor"):
        assert word in done.stdout
