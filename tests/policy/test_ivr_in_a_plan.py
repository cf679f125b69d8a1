"""A facility that asks its callers first: how the dialplan says it, and what is decided."""

from __future__ import annotations

import typing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.own import LANGUAGES
from gateway.documents import DocumentError
from gateway.policy.decide import decide
from gateway.policy.decision import Allowed, Asks, Medium, Refusal, Refused, VisitRequest
from gateway.policy.dialplan import load
from gateway.policy.ivr import IvrRules
from gateway.policy.ivr_document import Language
from gateway.policy.people import People, Resident
from gateway.policy.plan import Dialplan
from tests.billing.stage import demo_tariffs

DEMO = Path(__file__).parents[2] / "dialplans" / "demo.yaml"
REQUEST = VisitRequest("demo", "terminal-1", "5552368001", Medium.VIDEO, datetime(2026, 1, 5, 15, 0, tzinfo=UTC))


def plan(folder: Path, ivr: str) -> Dialplan:
    path = folder / "plan.yaml"
    path.write_text(DEMO.read_text().replace("    trunks: [demo]\n", f"    trunks: [demo]\n    ivr: {ivr}\n"))
    return load(path, demo_tariffs())


def test_callers_are_asked_first_and_then_decided_about(tmp_path: Path) -> None:
    asking = plan(tmp_path, "{languages: [en, es], number: true, consent: true, tries: 2}")
    rules = IvrRules(languages=("en", "es"), number=True, consent=True, tries=2)
    assert decide(asking, REQUEST) == Asks(rules, "demo-jail", "America/Chicago", ("trunk: PASS", "station: PASS"))
    people = People.of([Resident("10042", "demo-jail", "Sam")])
    assert isinstance(decide(asking, replace(REQUEST, asked=True, resident="10042"), people), Allowed)
    nobody = decide(asking, replace(REQUEST, asked=True, resident="10043"), people)
    assert isinstance(nobody, Refused)
    assert nobody.refusal is Refusal.UNKNOWN_RESIDENT


def test_strangers_are_not_talked_to(tmp_path: Path) -> None:
    decision = decide(plan(tmp_path, "{}"), replace(REQUEST, station="terminal-9"))
    assert isinstance(decision, Refused)
    assert decision.refusal is Refusal.UNKNOWN_STATION


@pytest.mark.parametrize(
    ("ivr", "words"),
    [
        ("{languages: []}", "languages"),
        ("{languages: [fr]}", "'en' or 'es'"),
        ("{languages: [en, en]}", "each may stand once"),
        ("{pin_digits: [8, 4]}", "the least and the most, such as [4, 8]"),
        ("{tries: 0}", "tries"),
        ("{greeting: hello}", "greeting"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, ivr: str, words: str) -> None:
    with pytest.raises(DocumentError) as found:
        plan(tmp_path, ivr)
    (problem,) = found.value.problems
    assert words in str(problem)
    assert problem.line == 9


def test_a_plan_may_ask_in_every_language_that_is_spoken() -> None:
    assert set(typing.get_args(Language)) == set(LANGUAGES)
