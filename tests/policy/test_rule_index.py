"""The index finds the rule that going through all of them in order would find, and so does the check for shadows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.decide import decide, explain
from gateway.policy.decision import Medium, VisitRequest
from gateway.policy.pattern import Pattern
from gateway.policy.plan import Rule
from gateway.policy.rule_index import RuleIndex
from tests.policy.test_decide_properties import PLAN, REQUESTS, with_rules

ELEMENTS = st.sampled_from(["1", "2", "9", "X", "Z", "N", "[12]", "[1-5]", "[29]"])
PATTERNS = st.one_of(
    st.text("129", min_size=1, max_size=4),
    st.builds(
        lambda elements, end: "_" + "".join(elements) + end,
        st.lists(ELEMENTS, min_size=1, max_size=4),
        st.sampled_from(["", "", ".", "!"]),
    ),
).map(Pattern.parse)
ORDERS = st.lists(PATTERNS, max_size=30)
DIALLED = st.one_of(st.text("0129", max_size=6), st.text(max_size=3))


@settings(deadline=None)
@given(ORDERS, DIALLED)
def test_the_first_that_matches(patterns: list[Pattern], dialled: str) -> None:
    scanned = next((place for place, each in enumerate(patterns) if each.matches(dialled)), None)
    assert RuleIndex(patterns).first_match(dialled) == scanned


@settings(deadline=None)
@given(ORDERS, PATTERNS)
def test_the_first_that_covers(patterns: list[Pattern], pattern: Pattern) -> None:
    scanned = next((place for place, each in enumerate(patterns) if each.covers(pattern)), None)
    assert RuleIndex(patterns).first_that_covers(pattern) == scanned


@settings(deadline=None)
@given(REQUESTS, ORDERS)
def test_what_is_explained_is_what_is_decided(request: VisitRequest, patterns: list[Pattern]) -> None:
    family = PLAN.rules["demo-jail"][-1]
    stops = [Rule(f"stop-{place}", "demo-jail", each, blocked=True) for place, each in enumerate(patterns)]
    plan = with_rules(*stops, family)
    assert replace(explain(plan, request), path=()) == replace(decide(plan, request), path=())


def test_a_decision_names_its_rule_and_an_explanation_those_before_it() -> None:
    request = VisitRequest(
        "demo", "terminal-1", "5552368001", Medium.VIDEO, datetime(2026, 1, 5, 15, tzinfo=UTC), asked=True
    )
    short, long = decide(PLAN, request).path, explain(PLAN, request).path
    assert short == ("trunk: PASS", "station: PASS", "rule family: PASS", *long[-4:])
    assert [each for each in long if each.endswith("FAIL")] == [
        "rule emergency: FAIL",
        "rule premium: FAIL",
        "rule attorney: FAIL",
        "rule evening-calls: FAIL",
    ]
