"""`kinbridge dialplan`: a plan's mistakes, what it decides and why, its tables, and its schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.command_line.dialplan import schema_text
from gateway.documents import DocumentError
from gateway.errors import KinbridgeError

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "dialplans" / "kinbridge.example.yaml"
QUESTION = "trunk: demo, station: terminal-1, medium: video"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["dialplan", *words, "--config", str(CONFIG)])


def explained(dialled: str, *words: str) -> list[str]:
    done = run("explain", "--from", "terminal-1", "--to", dialled, *words)
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


def table(folder: Path, *cases: str) -> str:
    path = folder / "plan.decisions.yaml"
    path.write_text("\n".join(["cases:", *(f"  - {{{each}, {QUESTION}}}" for each in cases)]))
    return str(path)


def test_each_condition_and_the_decision_are_told() -> None:
    assert explained("5552369000", "--at", "2026-01-05T08:30", "--medium", "audio") == [
        "trunk: PASS",
        "station: PASS",
        "rule emergency: FAIL",
        "rule premium: FAIL",
        "rule attorney: PASS",
        "not blocked: PASS",
        "contact: PASS",
        "hours: PASS",
        "medium audio: PASS",
        "allowed by attorney: audio with attorney for at most 3600 s, tariff demo-audio, paid by county, privileged",
    ]


@pytest.mark.parametrize(
    ("at", "decision"),
    [
        ("2026-01-05T07:59", "refused: hours"),  # the wall clock of the jail
        ("2026-01-05T08:00", "allowed by attorney"),
        ("2026-01-05T13:59Z", "refused: hours"),  # the same minute by UTC
        ("2026-07-06T13:00Z", "allowed by attorney"),  # in summer an hour earlier
    ],
)
def test_a_time_without_a_zone_is_the_facilitys(at: str, decision: str) -> None:
    assert explained("5552369000", "--at", at)[-1].startswith(decision)


def test_a_trunk_of_nobody_is_a_decision_too() -> None:
    assert explained("5552368001", "--trunk", "elsewhere") == ["trunk: FAIL", "refused: unknown_station"]


def test_what_is_no_time_is_told() -> None:
    done = run("explain", "--from", "terminal-1", "--to", "911", "--at", "noon")
    assert isinstance(done.exception, KinbridgeError)
    assert "write 2026-05-01T18:30" in str(done.exception)


def test_the_table_beside_the_plan_is_the_one_that_is_run() -> None:
    done = run("test")
    assert done.exit_code == 0
    assert done.stdout.endswith("decisions, all as expected\n")


def test_each_difference_is_told_with_its_line(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        'case: right, dialled: "911", at: 2026-01-05T12:00:00, expect: blocked',
        'case: wrong word, dialled: "911", at: 2026-01-05T12:00:00, expect: allowed',
        'case: wrong terms, dialled: "5552368001", at: 2026-01-05T12:00:00, expect: allowed, max_seconds: 60,'
        " contact: eve",
    )
    done = run("test", path)
    assert isinstance(done.exception, KinbridgeError)
    assert str(done.exception) == "2 of 3 decisions are not as expected"
    assert done.stderr.splitlines() == [
        f"{path}:3: cases[1]: wrong word: expected allowed, decided blocked (not blocked: FAIL)",
        f"{path}:4: cases[2]: wrong terms: expected contact 'eve', decided 'family-1'",
        f"{path}:4: cases[2]: wrong terms: expected max_seconds 60, decided 1200",
    ]


@pytest.mark.parametrize(
    ("case", "mistake"),
    [
        ('case: a, dialled: "911", at: 2026-01-05T12:00:00, expect: forbidden', "expect"),
        ('case: a, dialled: "911", at: 2026-01-05T12:00:00, expect: blocked, contact: ada', "a refusal has no such"),
        ('case: a, dialled: "911", at: noon, expect: blocked', "at"),
        ('case: a, dialled: "911", at: 2026-01-05T12:00:00, expect: blocked, expects: x', "did you mean 'expect'?"),
    ],
)
def test_a_table_with_a_mistake_is_refused(tmp_path: Path, case: str, mistake: str) -> None:
    done = run("test", table(tmp_path, case))
    assert isinstance(done.exception, DocumentError)
    assert mistake in str(done.exception)


def test_a_case_stands_once(tmp_path: Path) -> None:
    case = 'case: a, dialled: "911", at: 2026-01-05T12:00:00, expect: blocked'
    done = run("test", table(tmp_path, case, case))
    assert isinstance(done.exception, DocumentError)
    assert done.exception.problems[0].line == 3


def test_another_plan_is_read_with_the_same_tariffs(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text((ROOT / "dialplans" / "demo.yaml").read_text().replace("_900", "_976"))
    words = ("--plan", str(tmp_path / "other.yaml"))
    assert run("check", *words).exit_code == 0
    assert explained("9765551234", *words)[-1] == "refused: blocked"


def test_the_printed_schema_is_the_present_one() -> None:
    printed = (ROOT / "docs" / "dialplan.schema.json").read_text("utf-8")
    assert printed == schema_text(), "kinbridge dialplan schema > docs/dialplan.schema.json"
    Draft202012Validator.check_schema(json.loads(printed))
