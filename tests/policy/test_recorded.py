"""Whether a visit is recorded: the facility must want it, and one no is enough."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.policy.decide import decide
from gateway.policy.decision import Allowed, Medium, Terms, VisitRequest
from gateway.policy.plan import Dialplan
from tests.policy.test_decide_properties import JAIL, PLAN

REQUEST = VisitRequest("demo", "terminal-1", "5552368001", Medium.VIDEO, datetime(2026, 1, 5, 17, tzinfo=UTC))


def plan_with(*, days: int | None = 90, rule: bool = True, station: bool = True, contact: bool = True) -> Dialplan:
    return replace(
        PLAN,
        facilities={trunk: replace(each, retention_days=days) for trunk, each in PLAN.facilities.items()},
        rules={JAIL.id: tuple(replace(each, recorded=rule) for each in PLAN.rules[JAIL.id])},
        stations={
            facility: {name: replace(each, recorded=station) for name, each in known.items()}
            for facility, known in PLAN.stations.items()
        },
        numbers={number: replace(each, recorded=contact) for number, each in PLAN.numbers.items()},
    )


def terms(plan: Dialplan) -> Terms:
    decision = decide(plan, REQUEST)
    assert isinstance(decision, Allowed)
    return decision.terms


@pytest.mark.parametrize(("rule", "station", "contact"), list(itertools.product([True, False], repeat=3)))
def test_one_no_is_enough(rule: bool, station: bool, contact: bool) -> None:
    found = terms(plan_with(rule=rule, station=station, contact=contact))
    assert found.recorded == (rule and station and contact)
    assert found.retention_days == (90 if found.recorded else 0)


def test_a_facility_that_says_nothing_is_not_recorded() -> None:
    assert not terms(plan_with(days=None)).recorded


def test_a_privileged_visit_is_not_recorded_whatever_the_others_say() -> None:
    plan = plan_with()
    rules = tuple(replace(each, privileged=True) for each in plan.rules[JAIL.id])
    assert not terms(replace(plan, rules={JAIL.id: rules})).recorded


def test_a_rule_may_keep_its_visits_for_another_time() -> None:
    plan = plan_with()
    rules = tuple(replace(each, retention_days=7) for each in plan.rules[JAIL.id])
    assert terms(replace(plan, rules={JAIL.id: rules})).retention_days == 7
