"""Each example dialplan decides what the table beside it says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.billing.tariff import load_tariffs
from gateway.config import load_config
from gateway.policy.decide import decide
from gateway.policy.decision import Allowed, Medium, VisitRequest
from gateway.policy.dialplan import load

FOLDER = Path(__file__).parents[2] / "dialplans"
TARIFFS = load_tariffs([FOLDER / "tariffs" / "demo.yaml"])
PLAN = load(FOLDER / "demo.yaml", TARIFFS)
CASES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "demo.decisions.yaml").read_text("utf-8"))["cases"]
QUESTION = {"case", "trunk", "station", "dialled", "medium", "medium_known", "at", "expect"}


@pytest.mark.parametrize("case", CASES, ids=[each["case"] for each in CASES])
def test_demo(case: dict[str, Any]) -> None:
    at: datetime = case["at"]
    decision = decide(
        PLAN,
        VisitRequest(
            case["trunk"],
            case["station"],
            case["dialled"],
            Medium(case["medium"]),
            at.astimezone(UTC),
            medium_known=case.get("medium_known", True),
        ),
    )
    subject = decision.terms if isinstance(decision, Allowed) else decision
    assert ("allowed" if isinstance(decision, Allowed) else decision.refusal.value) == case["expect"]
    assert {key: getattr(subject, key) for key in case.keys() - QUESTION} == {
        key: value for key, value in case.items() if key not in QUESTION
    }


def test_the_path_names_conditions_and_no_number() -> None:
    at = datetime(2026, 1, 5, 13, 0, tzinfo=UTC)
    decision = decide(PLAN, VisitRequest("demo", "terminal-1", "5552369000", Medium.VIDEO, at))
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
