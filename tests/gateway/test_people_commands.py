"""`kinbridge people ...`, as staff type it."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.documents import DocumentError
from gateway.errors import KinbridgeError, PeopleError
from tests.gateway.test_cli import config as config  # noqa: PLC0414 - a fixture, re-exported

RESIDENTS = "facility,id,name\ndemo-jail,4711,Sam Inside\ndemo-jail,4712,Kim Inside\n"
CONTACTS = "id,name,number,account\nann,Ann Outside,5553330001,family-1\n"


def said(config: Path, *words: str, typed: str = "") -> str:
    command = [*words, "--config", str(config)]
    done = CliRunner().invoke(app, command, input=typed, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_people_from_file_to_list(config: Path, tmp_path: Path) -> None:
    residents, contacts = tmp_path / "residents.csv", tmp_path / "contacts.csv"
    residents.write_text(RESIDENTS)
    contacts.write_text(CONTACTS)
    tried = said(config, "people", "import", "residents", str(residents), "--dry-run")
    assert tried == f"{residents}: 2 would be added, 0 changed, 0 already as the file says\n"
    assert "2 were added" in said(config, "people", "import", "residents", str(residents))
    assert "1 was added" in said(config, "people", "import", "contacts", str(contacts))
    assert said(config, "people", "list", "demo-jail").splitlines() == [
        "4711  Sam Inside",
        "4712  Kim Inside",
        "2 residents",
    ]
    nowhere = CliRunner().invoke(app, ["people", "list", "nowhere", "--config", str(config)])
    assert nowhere.exit_code == 1
    assert "the dialplan has no facility 'nowhere'; known here: demo-jail" in nowhere.output + str(nowhere.exception)
    assert (
        said(config, "people", "standing", "demo-jail", "4711", "ann", "approved", "--by", "badge-7")
        == "ann: approved\n"
    )
    assert said(config, "people", "standing", "demo-jail", "4711", "ann", "approved") == "ann: approved, as before\n"
    assert said(config, "people", "pin", "demo-jail", "4711", typed="2580\n") == "4711: the PIN is set\n"
    shown = said(config, "people", "show", "demo-jail", "4711").splitlines()
    assert shown == [
        "name: Sam Inside",
        "unit: -",
        "active: yes",
        "PIN: set",
        "account: -",
        "approved: ann, Ann Outside",
    ]
    told = [json.loads(each) for each in said(config, "people", "history", "demo-jail/4711/ann").splitlines()]
    assert [(each["who"], each["before"], each["after"]) for each in told] == [
        (f"badge-7 ({getpass.getuser()})", None, {"standing": "approved"})
    ]
    assert "/family/" in said(config, "link", "ann"), "a contact of the store has a page, too"
    assert said(config, "people", "pin", "demo-jail", "4711", "--remove") == "4711: no PIN any more\n"


@pytest.mark.parametrize(
    ("words", "typed", "error", "says"),
    [
        (("import", "residents", "nowhere.csv"), "", DocumentError, "nowhere.csv: cannot be read"),
        (("show", "demo-jail", "4711"), "", PeopleError, "there is no resident '4711'"),
        (("standing", "demo-jail", "4711", "ann", "approved"), "", PeopleError, "there is no resident '4711'"),
        (("pin", "demo-jail", "4711"), "2580\n", PeopleError, "there is no resident '4711'"),
        (("pin", "demo-jail", "4711"), "\n", PeopleError, "no PIN was given"),
        (("pin", "demo-jail", "4711"), "1111\n", PeopleError, "guessed first"),
    ],
)
def test_what_does_not_fit_is_said(
    config: Path, words: tuple[str, ...], typed: str, error: type[KinbridgeError], says: str
) -> None:
    with pytest.raises(error, match=says):
        said(config, "people", *words, typed=typed)


def test_an_explanation_knows_the_people_of_the_database(config: Path, tmp_path: Path) -> None:
    for name, text in (("residents", RESIDENTS), ("contacts", CONTACTS)):
        (tmp_path / f"{name}.csv").write_text(text)
        said(config, "people", "import", name, str(tmp_path / f"{name}.csv"))
    plan = tmp_path / "known.yaml"
    demo = Path(__file__).parents[2] / "dialplans" / "demo.yaml"
    plan.write_text(demo.read_text().replace("trunks: [demo]", "trunks: [demo]\n    ivr: {}"))
    question = ("--from", "terminal-1", "--to", "5553330001", "--at", "2026-01-05T12:00", "--plan", str(plan))
    told = said(config, "dialplan", "explain", *question, "--resident", "4711").splitlines()
    assert told[-2:] == ["approved: FAIL", "refused: not_approved"]
    said(config, "people", "standing", "demo-jail", "4711", "ann", "approved")
    assert "allowed by family" in said(config, "dialplan", "explain", *question, "--resident", "4711")
    assert said(config, "dialplan", "explain", *question).splitlines()[-1] == "refused: unknown_resident"
