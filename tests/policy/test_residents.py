"""Who calls, whom they may reach, and how often: the conditions that come with residents."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.policy.decide import decide, explain
from gateway.policy.decision import Allowed, Another, Medium, Payer, Refusal, Refused, Terms, VisitRequest
from gateway.policy.pattern import Pattern
from gateway.policy.people import Barrier, People, Resident, Standing
from gateway.policy.plan import Contact, Dialplan
from gateway.policy.usage import PastVisit, Usage, begin_of_week, counted
from tests.policy.test_dialplan_mistakes import SOUND, complaints, read

LIMITS = "{visits_per_day: 2, visits_per_week: 5, gap_minutes: 30, velocity: {attempts: 4, minutes: 10}, concurrent: 8}"
KNOWN = SOUND.replace("trunks: [pbx]", f"trunks: [pbx], identify: pin, ivr: {{}}, limits: {LIMITS}")
MONDAY = datetime(2026, 1, 5, 17, tzinfo=UTC)
SAM = Resident("4711", "jail", "Sam Inside", account="sam")
ANN = Contact("ann", "Ann Outside", "5553330001", "ann")
LAWYER = Contact("lawyer", "Lee Lawyer", "5553330002", "lee", also=("ann", "mary"))
POOR = Contact("poor", "No Account", "5553330003", "")
PEOPLE = People.of(
    [SAM, Resident("4712", "jail", "Released", active=False)],
    [ANN, LAWYER, POOR],
    {
        ("jail", "4711", "ann"): Standing.APPROVED,
        ("jail", "4711", "lawyer"): Standing.PRIVILEGED,
        ("jail", "4711", "poor"): Standing.APPROVED,
    },
)
CALL = VisitRequest("pbx", "cell-1", "5553330001", Medium.VIDEO, MONDAY, resident="4711", asked=True)


@pytest.fixture(scope="module")
def plan() -> Dialplan:
    return read(KNOWN)


def terms(plan: Dialplan, request: VisitRequest = CALL, people: People = PEOPLE, usage: Usage | None = None) -> Terms:
    decision = decide(plan, request, people, usage or Usage())
    assert isinstance(decision, Allowed), decision
    return decision.terms


def refusal(plan: Dialplan, request: VisitRequest, people: People = PEOPLE, usage: Usage | None = None) -> Refusal:
    decision = decide(plan, request, people, usage or Usage())
    assert isinstance(decision, Refused), decision
    assert decision.path[-1].endswith("FAIL")
    return decision.refusal


def standing(word: Standing | None, contact: str = "ann") -> People:
    others = {key: each for key, each in PEOPLE.standings.items() if key[2] != contact}
    return replace(PEOPLE, standings=others if word is None else {**others, ("jail", "4711", contact): word})


def with_sam(**changes: object) -> People:
    return People.of([replace(SAM, **changes)], [ANN, LAWYER, POOR], PEOPLE.standings)  # type: ignore[arg-type]  # by name


def test_a_resident_reaches_an_approved_contact_by_name(plan: Dialplan) -> None:
    found = terms(plan)
    assert (found.resident, found.caller_name, found.contact, found.account) == ("4711", "Sam Inside", "ann", "ann")
    assert not found.privileged
    assert found.monitored


@pytest.mark.parametrize(
    ("resident", "word"),
    [
        ("", Refusal.UNKNOWN_RESIDENT),
        ("4713", Refusal.UNKNOWN_RESIDENT),
        ("4712", Refusal.INACTIVE),
    ],
)
def test_nobody_calls_unknown_or_inactive(plan: Dialplan, resident: str, word: Refusal) -> None:
    assert refusal(plan, replace(CALL, resident=resident)) is word


def test_a_resident_of_another_facility_is_unknown_here(plan: Dialplan) -> None:
    assert refusal(plan, CALL, People.of([replace(SAM, facility="camp")], [ANN])) is Refusal.UNKNOWN_RESIDENT


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        (None, Refusal.NOT_APPROVED),
        (Standing.PENDING, Refusal.NOT_APPROVED),
        (Standing.BANNED, Refusal.BANNED),
    ],
)
def test_a_contact_has_to_be_approved(plan: Dialplan, word: Standing | None, verdict: Refusal) -> None:
    assert refusal(plan, CALL, standing(word)) is verdict


def test_whom_the_plan_names_everybody_may_reach_unless_banned(plan: Dialplan) -> None:
    mary = replace(CALL, dialled="5552368001")
    assert terms(plan, mary).contact == "mary"
    assert terms(plan, mary, standing(Standing.PENDING, "mary")).contact == "mary"
    assert refusal(plan, mary, standing(Standing.BANNED, "mary")) is Refusal.BANNED


def test_a_privileged_contact_makes_a_visit_that_nobody_hears_or_counts(plan: Dialplan) -> None:
    recording = read(KNOWN.replace("identify: pin", "identify: pin, recording: {retention_days: 30}"))
    assert terms(recording).recorded
    found = terms(recording, replace(CALL, dialled="5553330002"), usage=Usage(9, 9, MONDAY))
    assert (found.privileged, found.monitored, found.recorded, found.also) == (True, False, False, ())


def test_others_who_ring_along_have_to_be_approved_too(plan: Dialplan) -> None:
    approved = {**PEOPLE.standings, ("jail", "4711", "lawyer"): Standing.APPROVED}
    call = replace(CALL, dialled="5553330002")
    both = terms(plan, call, replace(PEOPLE, standings=approved)).also
    assert both == (Another("ann", "Ann Outside"), Another("mary", "Mary"))
    banned = {**approved, ("jail", "4711", "ann"): Standing.PENDING, ("jail", "4711", "mary"): Standing.BANNED}
    assert terms(plan, call, replace(PEOPLE, standings=banned)).also == ()


def test_contacts_of_the_store_are_reached_by_residents_only() -> None:
    unknown = decide(read(SOUND), CALL, PEOPLE)
    assert isinstance(unknown, Refused)
    assert unknown.refusal is Refusal.UNKNOWN_NUMBER


@pytest.mark.parametrize("number", ["5553330001", "_555333XXXX"])
def test_a_blocked_number_reaches_nobody(plan: Dialplan, number: str) -> None:
    for facility in ("jail", ""):
        blocked = replace(PEOPLE, barriers=(Barrier(facility, Pattern.parse(number)),))
        assert refusal(plan, CALL, blocked) is Refusal.NUMBER_BLOCKED
    elsewhere = replace(PEOPLE, barriers=(Barrier("camp", Pattern.parse(number)),))
    assert terms(plan, people=elsewhere).contact == "ann"


@pytest.mark.parametrize("number", ["5553330001", "_555333XXXX"])
def test_a_watched_number_is_told_and_goes_on(plan: Dialplan, number: str) -> None:
    watched = replace(PEOPLE, barriers=(Barrier("jail", Pattern.parse(number), watched=True),))
    assert terms(plan, people=watched).watched
    assert not terms(plan).watched


def test_the_most_restrictive_of_all_wins(plan: Dialplan) -> None:
    assert terms(plan).max_seconds == 20 * 60
    assert terms(plan, people=with_sam(max_minutes=5)).max_seconds == 5 * 60
    assert terms(plan, people=with_sam(max_minutes=50)).max_seconds == 20 * 60
    assert not terms(plan, people=with_sam(monitored=False)).monitored


def test_who_has_no_account_does_not_visit_for_nothing(plan: Dialplan) -> None:
    assert refusal(plan, replace(CALL, dialled="5553330003")) is Refusal.BALANCE


def test_a_resident_may_pay() -> None:
    plan = read(KNOWN.replace("max_minutes: 20", "max_minutes: 20, payers: [{of: resident, percent: 100}]"))
    assert (terms(plan).account, terms(plan).payers) == ("sam", ())
    assert refusal(plan, CALL, with_sam(account="")) is Refusal.BALANCE
    halves = "payers: [{of: resident, percent: 50}, {of: contact, percent: 50}]"
    shared = terms(read(KNOWN.replace("max_minutes: 20", f"max_minutes: 20, {halves}")))
    assert shared.payers == (Payer("sam", 50), Payer("ann", 50))


@pytest.mark.parametrize(
    ("usage", "word"),
    [
        (Usage(visits_today=1), None),
        (Usage(visits_today=2), Refusal.VISITS_PER_DAY),
        (Usage(visits_this_week=4), None),
        (Usage(visits_this_week=5), Refusal.VISITS_PER_WEEK),
        (Usage(last_ended_at=MONDAY - timedelta(minutes=30)), None),
        (Usage(last_ended_at=MONDAY - timedelta(minutes=29, seconds=59)), Refusal.GAP),
        (Usage(attempts=3), None),
        (Usage(attempts=4), Refusal.VELOCITY),
        (Usage(live=7), None),
        (Usage(live=8), Refusal.CONCURRENT),
    ],
)
def test_limits_of_the_facility(plan: Dialplan, usage: Usage, word: Refusal | None) -> None:
    if word is None:
        assert terms(plan, usage=usage).contact == "ann"
    else:
        assert refusal(plan, CALL, usage=usage) is word


def test_a_resident_may_have_stricter_limits_not_looser_ones(plan: Dialplan) -> None:
    assert refusal(plan, CALL, with_sam(visits_per_day=1), Usage(visits_today=1)) is Refusal.VISITS_PER_DAY
    assert refusal(plan, CALL, with_sam(visits_per_day=9), Usage(visits_today=2)) is Refusal.VISITS_PER_DAY
    unlimited = read(KNOWN.replace(f", limits: {LIMITS}", ""))
    assert refusal(unlimited, CALL, with_sam(visits_per_week=1), Usage(visits_this_week=1)) is Refusal.VISITS_PER_WEEK


def test_a_contact_may_have_limits_of_its_own(plan: Dialplan) -> None:
    """Of all visits with them, whoever calls; and the shortest visit of all that say how long one may be."""
    [ann] = [each for each in PEOPLE.contacts.values() if each.id == "ann"]

    def with_ann(**limits: int) -> People:
        others = [each for each in PEOPLE.contacts.values() if each.id != "ann"]
        return People.of(PEOPLE.residents.values(), [replace(ann, **limits), *others], PEOPLE.standings)

    usage = Usage(contact_today=1, contact_this_week=3)
    assert terms(plan, usage=usage).contact == "ann"
    assert refusal(plan, CALL, with_ann(visits_per_day=1), usage) is Refusal.VISITS_PER_DAY
    assert refusal(plan, CALL, with_ann(visits_per_week=3), usage) is Refusal.VISITS_PER_WEEK
    assert terms(plan, people=with_ann(visits_per_day=2, visits_per_week=4), usage=usage).contact == "ann"
    assert terms(plan, people=with_ann(max_minutes=7)).max_seconds == 420
    private = with_ann(visits_per_day=1)
    private = replace(private, standings={**private.standings, ("jail", "4711", "ann"): Standing.PRIVILEGED})
    assert terms(plan, people=private, usage=usage).privileged, "nobody counts those"


def test_an_explanation_names_every_condition(plan: Dialplan) -> None:
    path = explain(plan, CALL, PEOPLE, Usage(visits_today=2)).path
    assert [each for each in path if not each.startswith("rule ")] == [
        "trunk: PASS",
        "station: PASS",
        "resident: PASS",
        "active: PASS",
        "not blocked: PASS",
        "contact: PASS",
        "not banned: PASS",
        "approved: PASS",
        "hours: PASS",
        "medium video: PASS",
        "limit velocity: PASS",
        "limit concurrent: PASS",
        "limit gap: PASS",
        "limit visits_per_day: FAIL",
    ]


# ---- what counts ----

CHICAGO = ZoneInfo("America/Chicago")


def past(setup: str, *, minutes: int | None = 10, allowed: bool = True, privileged: bool = False) -> PastVisit:
    """minutes None: it never came to media. On the wall clock of Chicago."""
    at = datetime.fromisoformat(setup).replace(tzinfo=CHICAGO)
    ended = at + timedelta(minutes=minutes or 1)
    return PastVisit(setup, at, at if minutes else None, ended, allowed, recorded=True, privileged=privileged)


def test_days_and_weeks_are_those_of_the_facility() -> None:
    at = datetime(2026, 1, 7, 5, 30, tzinfo=UTC)  # Tuesday 23:30 in Chicago
    visits = [past("2026-01-06T00:05"), past("2026-01-05T23:50"), past("2026-01-04T23:50"), past("2026-01-06T20:00")]
    usage = counted(visits, at, CHICAGO)
    assert (usage.visits_today, usage.visits_this_week) == (2, 3)
    assert usage.last_ended_at == datetime(2026, 1, 7, 2, 10, tzinfo=UTC)
    assert begin_of_week(at, CHICAGO) == datetime(2026, 1, 5, 6, tzinfo=UTC)


def test_a_day_of_25_hours_is_one_day() -> None:
    at = datetime(2026, 11, 2, 5, 30, tzinfo=UTC)  # Sunday 23:30, the clocks went back
    assert counted([past("2026-11-01T00:10")], at, CHICAGO).visits_today == 1
    assert counted([past("2026-10-31T23:50")], at, CHICAGO).visits_today == 0


def test_only_visits_that_took_place_count_but_each_attempt_is_one() -> None:
    at = datetime(2026, 1, 5, 18, tzinfo=UTC)
    visits = [
        past("2026-01-05T11:55", minutes=None),
        past("2026-01-05T11:56", minutes=None, allowed=False),
        past("2026-01-05T11:40", privileged=True),
        past("2026-01-05T11:49"),
    ]
    usage = counted(visits, at, CHICAGO, velocity_s=600)
    assert (usage.visits_today, usage.attempts) == (1, 2)


def test_a_live_visit_counts_and_leaves_no_gap() -> None:
    at = datetime(2026, 1, 5, 18, tzinfo=UTC)
    live = PastVisit("v", at - timedelta(minutes=5), None, None, allowed=True, recorded=False, privileged=False)
    asked = replace(live, allowed=False)
    assert counted([live], at, CHICAGO) == Usage(1, 1, at, 0, 0)
    assert counted([asked], at, CHICAGO) == Usage()


# ---- mistakes in the plan ----


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SOUND.replace("trunks: [pbx]", "trunks: [pbx], identify: pin"), "nobody asks for a PIN"),
        (KNOWN.replace("identify: pin", "identify: station"), "the voice asks for a PIN"),
        (KNOWN.replace("identify: pin", "identify: face"), "'none', 'station' or 'pin'"),
        (KNOWN.replace(LIMITS, "{}"), "sets no limit"),
        (KNOWN.replace("visits_per_week: 5", "visits_per_week: 1"), "it would never count"),
        (KNOWN.replace("gap_minutes: 30", "gap_minutes: 0"), "gap_minutes"),
        (KNOWN.replace("attempts: 4", "attemps: 4"), "attemps"),
        (SOUND.replace("max_minutes: 20", "max_minutes: 20, payers: [{of: resident, percent: 100}]"), "who calls"),
    ],
)
def test_what_does_not_fit_is_said(text: str, says: str) -> None:
    assert any(says in each for each in complaints(text))


def test_a_station_names_its_resident_where_stations_say_who_calls() -> None:
    stations = "stations:\n  - {id: cell-1, facility: jail, name: Cell 1, resident: '4711'}\ncontacts:"
    text = SOUND.replace("trunks: [pbx]", "trunks: [pbx], identify: station").replace("contacts:", stations)
    found = terms(read(text), replace(CALL, resident=""))
    assert found.resident == "4711"
    assert "has no `resident`" in complaints(text.replace(", resident: '4711'", ""))[0]
    assert "identify: station" in complaints(text.replace("identify: station", "identify: none"))[0]
