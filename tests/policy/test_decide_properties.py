"""decide() answers every question, always the same, and a restriction never permits more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.billing.tariff import load_tariffs
from gateway.policy.decide import decide
from gateway.policy.decision import Allowed, Medium, VisitRequest
from gateway.policy.dialplan import load
from gateway.policy.pattern import Pattern
from gateway.policy.plan import Dialplan, Rule
from gateway.policy.schedule import Interval, Schedule

FOLDER = Path(__file__).parents[2] / "dialplans"
PLAN = load(FOLDER / "demo.yaml", load_tariffs([FOLDER / "tariffs" / "demo.yaml"]))
JAIL = PLAN.facilities["demo"]

NUMBERS = st.one_of(
    st.sampled_from(["5552368001", "5552368004", "5552368100", "5552369000", "911", "411", "9005551234"]), st.text()
)
REQUESTS = st.builds(
    VisitRequest,
    trunk=st.sampled_from(["demo", "demo", "demo", "elsewhere"]),
    station=st.sampled_from(["terminal-1", "phone-1", "terminal-9", ""]),
    dialled=NUMBERS,
    medium=st.sampled_from(Medium),
    at=st.integers(0, 366 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
    medium_known=st.booleans(),
)


def with_rules(*rules: Rule) -> Dialplan:
    return replace(PLAN, rules={JAIL.id: rules})


@settings(deadline=None)
@given(REQUESTS)
def test_every_question_has_one_answer(request: VisitRequest) -> None:
    decision = decide(PLAN, request)
    assert decision == decide(PLAN, request)
    assert decision.path[-1].endswith("PASS" if isinstance(decision, Allowed) else "FAIL")
    if isinstance(decision, Allowed):
        assert 1 <= decision.terms.max_seconds <= 60 * 60
        assert decision.terms.tariff


@settings(deadline=None)
@given(REQUESTS, st.sampled_from(["_X!", "_555.", "5552368001", "_NXXNXXXXXX"]))
def test_a_block_on_top_never_permits_more(request: VisitRequest, pattern: str) -> None:
    block = Rule("stop", JAIL.id, Pattern.parse(pattern), blocked=True)
    blocked = decide(with_rules(block, *PLAN.rules[JAIL.id]), request)
    if isinstance(blocked, Allowed):
        free = decide(PLAN, request)
        assert isinstance(free, Allowed)
        assert blocked.terms == free.terms


@settings(deadline=None)
@given(REQUESTS, st.integers(0, 23), st.integers(1, 60))
def test_tighter_hours_and_minutes_never_permit_more(request: VisitRequest, opens_h: int, minutes: int) -> None:
    hours = Schedule(JAIL.zone, ((Interval(opens_h * 60, opens_h * 60 + 60),),) * 7)
    tighter = tuple(
        replace(rule, schedule=rule.schedule or hours, max_minutes=min(minutes, rule.max_minutes))
        for rule in PLAN.rules[JAIL.id]
    )
    tight, free = decide(with_rules(*tighter), request), decide(PLAN, request)
    if isinstance(tight, Allowed):
        assert isinstance(free, Allowed)
        assert tight.terms.max_seconds <= free.terms.max_seconds


@settings(deadline=None)
@given(REQUESTS, st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_one_no_is_enough_for_nobody_to_watch(
    request: VisitRequest, by_rule: bool, by_station: bool, by_contact: bool, privileged: bool
) -> None:
    rules = [replace(each, monitored=by_rule, privileged=privileged) for each in PLAN.rules[JAIL.id]]
    rules = [replace(each, contact=each.contact and replace(each.contact, monitored=by_contact)) for each in rules]
    plan = replace(
        with_rules(*rules),
        stations={
            facility: {name: replace(station, monitored=by_station) for name, station in known.items()}
            for facility, known in PLAN.stations.items()
        },
        numbers={number: replace(contact, monitored=by_contact) for number, contact in PLAN.numbers.items()},
    )
    decision = decide(plan, request)
    if isinstance(decision, Allowed):
        assert decision.terms.monitored == (by_rule and by_station and by_contact and not privileged)
