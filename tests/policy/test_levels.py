"""Facility, housing unit and station: each may narrow what a rule allows, none may widen it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.blackout import Blackout
from gateway.policy.decide import decide, explain
from gateway.policy.decision import Allowed, Decision, Medium, Refusal, Refused, VisitRequest
from gateway.policy.difference import differences
from gateway.policy.limits import Limits, Velocity
from gateway.policy.people import People, Resident, Standing
from gateway.policy.plan import Contact, Dialplan, Facility, Station, Unit
from gateway.policy.schedule import Interval, Schedule
from gateway.policy.usage import Usage
from tests.policy.test_dialplan_mistakes import complaints, read

PLAN = """\
facilities:
  - id: jail
    name: Jail
    timezone: America/Chicago
    trunks: [pbx]
    recording: {retention_days: 30}
    hours: {daily: ["06:00-22:00"]}
    max_minutes: 40
    units:
      - {id: seg, hours: {daily: ["09:00-11:00"]}, max_minutes: 15, blackouts: [2026-01-06]}
      - {id: sick, name: Infirmary, monitored: false, recorded: false}
stations:
  - {id: pod-1, facility: jail, name: Pod 1}
  - {id: seg-1, facility: jail, name: Segregation, unit: seg}
  - {id: seg-2, facility: jail, name: Segregation by night, unit: seg, hours: {monday: ["08:00-10:00"]}, max_minutes: 5}
  - {id: sick-1, facility: jail, name: Infirmary, unit: sick}
contacts:
  - {id: mary, name: Mary, number: "5552368001", account: mary}
rules:
  - name: lawyers
    facility: jail
    dialled: "1"
    contact: mary
    tariff: {video: visit}
    max_minutes: 60
    privileged: true
  - {name: family, facility: jail, dialled: _NXXNXXXXXX, tariff: {video: visit}, max_minutes: 20}
"""
MONDAY = "2026-01-05T"


def asked(station: str, time: str, dialled: str = "5552368001", **of_plan: Any) -> Decision:
    """time: on a Monday, or a whole day and time, by the clock of the jail (UTC-6)."""
    at = datetime.fromisoformat(f"{time if 'T' in time else MONDAY + time}-06:00").astimezone(UTC)
    return decide(read(PLAN), VisitRequest("pbx", station, dialled, Medium.VIDEO, at), **of_plan)


@pytest.mark.parametrize(
    ("station", "time", "seconds"),
    [
        ("pod-1", "12:00", 1200),
        ("pod-1", "06:00", 1200),
        ("pod-1", "21:50", 600),  # the facility's hours end it
        ("seg-1", "10:00", 900),  # its unit's minutes
        ("seg-1", "10:50", 600),  # its unit's hours
        ("seg-2", "09:30", 300),  # its own minutes
        ("seg-2", "09:58", 120),  # its own hours, before those of the unit
        ("sick-1", "12:00", 1200),
    ],
)
def test_the_least_of_all_levels_counts(station: str, time: str, seconds: int) -> None:
    decision = asked(station, time)
    assert isinstance(decision, Allowed), decision
    assert decision.terms.max_seconds == seconds


@pytest.mark.parametrize(
    ("station", "time", "refusal", "condition"),
    [
        ("pod-1", "22:00", Refusal.HOURS, "hours of the facility: FAIL"),
        ("pod-1", "05:59", Refusal.HOURS, "hours of the facility: FAIL"),
        ("seg-1", "11:00", Refusal.HOURS, "hours of unit seg: FAIL"),
        ("seg-2", "08:30", Refusal.HOURS, "hours of unit seg: FAIL"),
        ("seg-2", "10:30", Refusal.HOURS, "hours of the station: FAIL"),
        ("seg-2", "2026-01-07T09:30", Refusal.HOURS, "hours of the station: FAIL"),
        ("seg-1", "2026-01-06T10:00", Refusal.BLACKOUT, "no blackout of unit seg: FAIL"),
    ],
)
def test_each_level_may_refuse_and_says_which_it_was(station: str, time: str, refusal: Refusal, condition: str) -> None:
    decision = asked(station, time)
    assert isinstance(decision, Refused), decision
    assert (decision.refusal, decision.path[-1]) == (refusal, condition)


def test_a_unit_binds_privileged_visits_too() -> None:
    decision = asked("seg-1", "10:00", "1")
    assert isinstance(decision, Allowed)
    assert (decision.terms.max_seconds, decision.terms.privileged) == (900, True)
    assert isinstance(asked("seg-1", "12:00", "1"), Refused)


def test_a_unit_without_watching_and_recording() -> None:
    pod, sick = asked("pod-1", "12:00"), asked("sick-1", "12:00")
    assert isinstance(pod, Allowed)
    assert isinstance(sick, Allowed)
    assert (pod.terms.monitored, pod.terms.recorded) == (True, True)
    assert (sick.terms.monitored, sick.terms.recorded) == (False, False)


def test_an_explanation_shows_each_level() -> None:
    at = datetime(2026, 1, 5, 15, 30, tzinfo=UTC)
    decision = explain(read(PLAN), VisitRequest("pbx", "seg-2", "5552368001", Medium.VIDEO, at))
    assert decision.path[5:-1] == (
        "contact: PASS",
        "limits of the facility (40 minutes at most): PASS",
        "hours of the facility: PASS",
        "limits of unit seg (15 minutes at most): PASS",
        "no blackout of unit seg: PASS",
        "hours of unit seg: PASS",
        "limits of the station (5 minutes at most): PASS",
        "hours of the station: PASS",
        "hours: PASS",
    )


def test_a_residents_own_unit_counts_wherever_the_call_comes_from() -> None:
    plan = read(PLAN.replace("trunks: [pbx]", "trunks: [pbx]\n    identify: pin\n    ivr: {}"))
    people = People.of([Resident("4711", "jail", "Sam", unit="seg"), Resident("4712", "jail", "Kim", unit="attic")])

    def of(resident: str, hour: int) -> Decision:
        at = datetime(2026, 1, 5, hour + 6, tzinfo=UTC)
        request = VisitRequest("pbx", "pod-1", "5552368001", Medium.VIDEO, at, resident=resident, asked=True)
        return decide(plan, request, people)

    inside = of("4711", 10)
    assert isinstance(inside, Allowed)
    assert inside.terms.max_seconds == 900
    assert isinstance(of("4711", 12), Refused)
    assert isinstance(of("4712", 12), Allowed), "a unit of which the plan knows nothing restricts nothing"


@pytest.mark.parametrize(
    ("wrong", "right", "line", "says"),
    [
        ("unit: sick", "unit: sik", 16, "no unit 'sik'; did you mean 'sick'?"),
        ("id: sick,", "id: seg,", 11, "the unit 'seg' stands above already"),
        ('"09:00-11:00"', '"09:00-11:00", "10:00-12:00"', 10, "overlap on monday"),
        ('"09:00-11:00"', '"9-11"', 10, "write for instance 08:00-21:00"),
        ("[2026-01-06]", "[2026-13-06]", 10, "the calendar has no such day"),
        ('"06:00-22:00"', '"22:00-06:00"', 7, "split it at midnight"),
        ('"08:00-10:00"', '"08:00"', 15, "no hours"),
        (
            'daily: ["09:00-11:00"]',
            'daily: ["22:00-24:00"]',
            10,
            "never open: the hours of its facility are all outside",
        ),
        (
            "max_minutes: 20}",
            'max_minutes: 20, hours: {monday: ["22:30-23:00"]}}',
            27,
            "the hours of jail are all outside",
        ),
        ("max_minutes: 15", "max_minute: 15", 10, "did you mean 'max_minutes'?"),
    ],
)
def test_mistakes_have_their_place(wrong: str, right: str, line: int, says: str) -> None:
    assert PLAN.count(wrong) == 1
    found = complaints(PLAN.replace(wrong, right))
    assert any(says in each and each.startswith(f"plan.yaml:{line}: ") for each in found), found


def test_a_change_of_a_unit_is_shown() -> None:
    other = read(
        PLAN.replace("max_minutes: 15", "max_minutes: 10").replace('hours: {daily: ["06:00', 'hours: {daily: ["07:00')
    )
    assert differences(read(PLAN), other) == ("facility jail: schedule changes", "unit jail/seg: max_minutes 15 -> 10")


# ---- whatever is restricted, never more is permitted ----

OPEN = replace(
    read(PLAN.replace("trunks: [pbx]", "trunks: [pbx]\n    identify: pin\n    ivr: {}")),
    stations={"jail": {name: Station(name, "jail", name, unit="seg") for name in ("pod-1", "seg-1")}},
)
JAIL = replace(OPEN.facilities["pbx"], schedule=None, max_minutes=None, units={"seg": Unit("seg"), "a": Unit("a")})
OPEN = replace(OPEN, facilities={"pbx": JAIL})
SAM = Resident("4711", "jail", "Sam", unit="a", account="sam")
ANN = Contact("ann", "Ann", "5553330001", "ann")
HOURS = st.tuples(st.integers(0, 23), st.integers(1, 24)).map(
    lambda pair: Schedule(JAIL.zone, ((Interval(pair[0] * 60, min(24, pair[0] + pair[1]) * 60),),) * 7)
)
MINUTES = st.integers(1, 60)
DAYS = st.integers(1, 28).map(lambda day: (Blackout.parse(f"2026-01-{day:02d}"),))
BOUNDS = st.fixed_dictionaries(
    {},
    optional={
        "schedule": HOURS,
        "max_minutes": MINUTES,
        "monitored": st.just(False),
        "recorded": st.just(False),
        "blackouts": DAYS,
    },
)
LIMITS = st.builds(
    Limits,
    visits_per_day=st.none() | st.integers(1, 3),
    visits_per_week=st.none() | st.integers(1, 9),
    gap_s=st.sampled_from([0, 60, 86_400]),
    velocity=st.none() | st.builds(Velocity, st.integers(1, 4), st.just(600)),
    concurrent=st.none() | st.integers(1, 3),
)
MOMENTS = st.integers(0, 28 * 24 * 60).map(lambda each: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=each))
USAGES = st.builds(
    Usage,
    visits_today=st.integers(0, 4),
    visits_this_week=st.integers(0, 10),
    last_ended_at=st.none() | MOMENTS,
    attempts=st.integers(0, 5),
    live=st.integers(0, 4),
)
CALLS = st.builds(
    VisitRequest,
    trunk=st.just("pbx"),
    station=st.sampled_from(["pod-1", "seg-1", "elsewhere"]),
    dialled=st.sampled_from(["1", "5552368001", "5553330001", "5559999999"]),
    medium=st.sampled_from(Medium),
    at=MOMENTS,
    medium_known=st.booleans(),
    resident=st.sampled_from(["4711", "4711", "4711", "unknown"]),
    asked=st.just(True),
)
STANDINGS = st.sampled_from([None, *Standing])


def people(standing: Standing | None, **of_resident: Any) -> People:
    standings = {} if standing is None else {("jail", "4711", "ann"): standing}
    return People.of([replace(SAM, **of_resident)], [ANN], standings)


def narrowed(plan: Dialplan, level: str, bounds: dict[str, Any]) -> Dialplan:
    """The plan with one level that allows less."""
    facility: Facility = plan.facilities["pbx"]
    if level == "facility":
        kept = {key: value for key, value in bounds.items() if key in {"schedule", "max_minutes", "blackouts"}}
        return replace(plan, facilities={"pbx": replace(facility, **kept)})
    if level == "station":
        kept = {key: value for key, value in bounds.items() if key != "blackouts"}
        stations = {name: replace(each, **kept) for name, each in plan.stations["jail"].items()}
        return replace(plan, stations={"jail": stations})
    units = {**facility.units, level: replace(facility.units[level], **bounds)}
    return replace(plan, facilities={"pbx": replace(facility, units=units)})


def permits_no_more(narrow: Decision, wide: Decision) -> None:
    if not isinstance(narrow, Allowed):
        return
    assert isinstance(wide, Allowed), wide
    assert narrow.terms.max_seconds <= wide.terms.max_seconds
    assert narrow.terms.monitored <= wide.terms.monitored
    assert narrow.terms.recorded <= wide.terms.recorded


@settings(deadline=None, max_examples=150)
@given(CALLS, st.sampled_from(["facility", "seg", "a", "station"]), BOUNDS, STANDINGS)
def test_a_narrower_level_never_permits_more(
    request: VisitRequest, level: str, bounds: dict[str, Any], standing: Standing | None
) -> None:
    known = people(standing)
    permits_no_more(decide(narrowed(OPEN, level, bounds), request, known), decide(OPEN, request, known))


@settings(deadline=None, max_examples=150)
@given(CALLS, LIMITS, USAGES, USAGES)
def test_a_limit_never_permits_more_nor_does_more_use(
    request: VisitRequest, limits: Limits, usage: Usage, more: Usage
) -> None:
    known = people(Standing.APPROVED)
    limited = replace(OPEN, facilities={"pbx": replace(JAIL, limits=limits)})
    permits_no_more(decide(limited, request, known, usage), decide(OPEN, request, known, usage))
    heavier = Usage(
        visits_today=usage.visits_today + more.visits_today,
        visits_this_week=usage.visits_this_week + more.visits_this_week,
        last_ended_at=usage.last_ended_at,
        attempts=usage.attempts + more.attempts,
        live=usage.live + more.live,
    )
    permits_no_more(decide(limited, request, known, heavier), decide(limited, request, known, usage))


@settings(deadline=None, max_examples=150)
@given(CALLS, STANDINGS, st.none() | MINUTES, st.booleans(), st.booleans(), st.booleans())
def test_a_residents_own_restrictions_never_permit_more(
    request: VisitRequest, standing: Standing | None, minutes: int | None, active: bool, monitored: bool, recorded: bool
) -> None:
    own = people(standing, max_minutes=minutes, active=active, monitored=monitored, recorded=recorded)
    permits_no_more(decide(OPEN, request, own), decide(OPEN, request, people(standing)))


@settings(deadline=None, max_examples=150)
@given(CALLS, STANDINGS, LIMITS, USAGES, BOUNDS)
def test_with_people_and_limits_every_question_has_one_answer(
    request: VisitRequest, standing: Standing | None, limits: Limits, usage: Usage, bounds: dict[str, Any]
) -> None:
    plan = narrowed(replace(OPEN, facilities={"pbx": replace(JAIL, limits=limits)}), "seg", bounds)
    known = people(standing)
    decision = decide(plan, request, known, usage)
    assert decision == decide(plan, request, known, usage)
    assert replace(explain(plan, request, known, usage), path=()) == replace(decision, path=())
    assert decision.path[-1].endswith("PASS" if isinstance(decision, Allowed) else "FAIL")
    if isinstance(decision, Allowed) and decision.terms.privileged:
        assert not decision.terms.monitored
        assert not decision.terms.recorded
