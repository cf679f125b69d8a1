"""Each example dialplan decides what the table beside it says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.billing.tariff import load_tariffs
from gateway.config import load_config
from gateway.policy.cases import checked, load_cases
from gateway.policy.decide import explain
from gateway.policy.decision import Medium, VisitRequest
from gateway.policy.dialplan import load

FOLDER = Path(__file__).parents[2] / "dialplans"
TARIFFS = load_tariffs([FOLDER / "tariffs" / "demo.yaml"])
PLAN = load(FOLDER / "demo.yaml", TARIFFS)
TABLES = sorted(FOLDER.rglob("*.decisions.yaml"))


@pytest.mark.parametrize("table", TABLES, ids=[each.name for each in TABLES])
def test_a_plan_decides_as_its_table_says(table: Path) -> None:
    plan = load(table.with_name(table.name.replace(".decisions", "")), TARIFFS)
    assert [str(each) for each in checked(plan, load_cases(table))] == []


def test_the_path_names_conditions_and_no_number() -> None:
    at = datetime(2026, 1, 5, 13, 0, tzinfo=UTC)
    decision = explain(PLAN, VisitRequest("demo", "terminal-1", "5552369000", Medium.VIDEO, at))
    assert decision.path == (
        "trunk: PASS",
        "station: PASS",
        "rule emergency: FAIL",
        "rule premium: FAIL",
        "rule attorney: PASS",
        "not blocked: PASS",
        "contact: PASS",
        "hours: FAIL",
    )


def test_the_example_configuration_loads() -> None:
    config = load_config(FOLDER / "kinbridge.example.yaml")
    assert Path(config.dialplan) == FOLDER / "demo.yaml"
    assert [each.name for each in config.sip_settings().trunks] == ["demo"]


def test_the_tables_ask_two_hundred_different_questions() -> None:
    cases = [(path.name, each) for path in TABLES for each in load_cases(path).cases]
    asked = {
        (
            name,
            each.trunk,
            each.station,
            each.resident,
            each.usage,
            each.dialled,
            each.at,
            each.medium,
            each.medium_known,
        )
        for name, each in cases
    }
    assert len(asked) == len(cases)
    assert len(cases) >= 200
