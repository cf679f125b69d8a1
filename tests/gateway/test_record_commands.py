"""`kinbridge cdr verify | show`: what an auditor asks a database."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from gateway.cli import app
from gateway.errors import KinbridgeError
from tests.billing.stage import accounting_on, granted, summary, usd

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def config(tmp_path: Path) -> Path:
    """A database with two visits that were paid for."""
    url = f"sqlite:///{tmp_path}/kinbridge.db"
    async with accounting_on(url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5.00"), key="first")
        for visit in ("v1", "v2"):
            await granted(accounting, visit)
            await accounting.close(summary(visit, 30))
    path = tmp_path / "kinbridge.yaml"
    document = {
        "dialplan": str(ROOT / "dialplans/demo.yaml"),
        "tariffs": [str(ROOT / "dialplans/tariffs/demo.yaml")],
        "caps": [str(ROOT / "dialplans/caps/us-fcc.yaml")],
        "store": {"url": url},
        "sip": {"trunks": [{"name": "demo", "sources": ["127.0.0.1"]}]},
    }
    path.write_text(yaml.safe_dump(document))
    return path


def asked(config: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["cdr", *words, "--config", str(config)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def tamper(config: Path, *statements: str) -> None:
    with sqlite3.connect(config.with_name("kinbridge.db")) as database:
        for statement in statements:
            database.execute(statement)


def test_sound_books_are_said_to_be_sound(config: Path) -> None:
    assert asked(config, "verify") == (0, "node1: 2 records, sound\nledger: adds up\n")


def test_a_node_that_is_not_there_and_a_period_turned_round_are_told(config: Path, tmp_path: Path) -> None:
    with pytest.raises(KinbridgeError, match="node north has no record in this database; --node: node1"):
        asked(config, "verify", "--node", "north")
    turned = ("--from", "2026-11-01", "--until", "2026-10-01")
    with pytest.raises(KinbridgeError, match="--until 2026-10-01T00:00:00 is not after --from"):
        asked(config, "export", "-o", str(tmp_path / "x.csv"), *turned)
    assert not (tmp_path / "x.csv").exists()


def test_a_changed_record_is_named(config: Path) -> None:
    tamper(
        config,
        "DROP TRIGGER cdrs_no_update",
        "UPDATE cdrs SET document = replace(document, '0.08', '0.07') WHERE sequence = 1",
    )
    code, told = asked(config, "verify")
    assert code == 1
    assert "node1: 2 records, NOT SOUND\n  record 1: was changed after it was written\n" in told


def test_a_record_that_the_ledger_does_not_know_is_named(config: Path) -> None:
    tamper(config, "DROP TRIGGER movements_no_update", "UPDATE movements SET visit_id = 'v1' WHERE visit_id = 'v2'")
    code, told = asked(config, "verify")
    assert code == 1
    assert "visit v1 has cost 160000 micro-units by the ledger, its last record says 80000" in told
    assert "visit v2 has cost 0 micro-units by the ledger, its last record says 80000" in told


@pytest.mark.parametrize("name", ["v1", "cdr:v1"])
def test_a_visit_is_shown_by_its_name_or_its_records(config: Path, name: str) -> None:
    code, told = asked(config, "show", name)
    (record,) = json.loads(told)
    assert (code, record["cdr_id"], record["total"]) == (0, "cdr:v1", "0.08")


def test_a_node_without_records_is_no_empty_month(config: Path, tmp_path: Path) -> None:
    with pytest.raises(KinbridgeError, match=r"node node9 has no record in this database; --node: node1"):
        asked(config, "export", "--node", "node9", "--output", str(tmp_path / "cdr.csv"))
    assert not (tmp_path / "cdr.csv").exists()
    with pytest.raises(KinbridgeError, match="the configuration has no `exports:`"):
        asked(config, "drop")


def test_what_is_not_there_is_said_in_a_sentence(config: Path) -> None:
    with pytest.raises(KinbridgeError, match="no record and no recorded visit 'v9'"):
        asked(config, "show", "v9")
