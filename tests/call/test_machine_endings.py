"""How a visit ends: what the station is told, whose doing it was, and that it happens once."""

from __future__ import annotations

import pytest

from gateway.call import commands as c
from gateway.call import events as e
from gateway.call.deadlines import next_due
from gateway.call.machine import step
from gateway.call.termination import Fault, Reason
from gateway.call.visit import State, Timeouts
from gateway.policy.decision import Refusal
from tests.call.scenes import AUTHORISED, RECEIPT, TALK, WAY_TO, after, fresh, play

REFUSED = [
    (Refusal.UNKNOWN_NUMBER, 404),
    (Refusal.UNKNOWN_STATION, 403),
    (Refusal.BLOCKED, 403),
    (Refusal.HOURS, 403),
    (Refusal.MEDIUM, 488),
    (Refusal.MEDIA, 488),
    (Refusal.BLACKOUT, 403),
    (Refusal.UNKNOWN_RESIDENT, 403),
    (Refusal.INACTIVE, 403),
    (Refusal.NOT_APPROVED, 403),
    (Refusal.BANNED, 403),
    (Refusal.NUMBER_BLOCKED, 403),
    (Refusal.VISITS_PER_DAY, 403),
    (Refusal.VISITS_PER_WEEK, 403),
    (Refusal.GAP, 403),
    (Refusal.VELOCITY, 403),
    (Refusal.CONCURRENT, 403),
    (Refusal.TRUNK_BUSY, 503),
    (Refusal.PIN, 403),
    (Refusal.LOCKED_OUT, 403),
    (Refusal.NO_INPUT, 403),
    (Refusal.CONSENT, 403),
    (Refusal.BALANCE, 402),
    (Refusal.ACCOUNT_CLOSED, 402),
    (Refusal.SPENDING_LIMIT, 402),
    (Refusal.TARIFF, 503),
    (Refusal.OVERLOAD, 503),
    (Refusal.DRAINING, 503),
    (Refusal.UNAVAILABLE, 503),
]


def test_every_refusal_has_its_code() -> None:
    assert {refusal for refusal, _ in REFUSED} == set(Refusal)


@pytest.mark.parametrize(("refusal", "code"), REFUSED)
def test_refused(refusal: Refusal, code: int) -> None:
    visit, wanted = play(e.Refused(refusal))
    assert wanted[0] == c.RejectStation(code)
    assert wanted[-1] == c.CloseBooks()
    assert visit.termination
    assert (visit.termination.word, visit.termination.sip_code) == (f"refused_{refusal}", code)


BEFORE_THE_ANSWER = [
    (State.RINGING, e.RingTimedOut(), 480, "no_answer", Fault.FAMILY),
    (State.RINGING, e.FamilyDeclined(), 603, "rejected", Fault.FAMILY),
    (State.RINGING, e.FamilyLeft(), 603, "family_left", Fault.FAMILY),
    (State.RINGING, e.OfficerEnded(), 403, "officer_terminated", Fault.OFFICER),
    (State.RINGING, e.DrainBegan(), 503, "refused_draining", Fault.GATEWAY),
    (State.REQUESTED, e.DrainBegan(), 503, "refused_draining", Fault.GATEWAY),
    (State.CONNECTING, e.DrainEnded(), 503, "refused_draining", Fault.GATEWAY),
    (State.RINGING, e.Crashed(), 500, "node_crash", Fault.GATEWAY),
    (State.CONNECTING, e.MediaRefused(), 488, "media_failed", Fault.GATEWAY),
    (State.CONNECTING, e.FamilyLeft(), 603, "family_left", Fault.FAMILY),
]


@pytest.mark.parametrize(("state", "event", "code", "word", "fault"), BEFORE_THE_ANSWER)
def test_before_the_answer_by_a_code(state: State, event: e.Event, code: int, word: str, fault: Fault) -> None:
    visit, wanted = step(after(*WAY_TO[state]), event, 9.0)
    assert wanted[0] == c.RejectStation(code)
    assert visit.termination
    assert (visit.termination.word, visit.termination.fault, visit.termination.sip_code) == (word, fault, code)


AFTER_THE_ANSWER = [
    (e.FamilyLeft(), "family_left", Fault.FAMILY),
    (e.OfficerEnded(), "officer_terminated", Fault.OFFICER),
    (e.LimitReached(Reason.BALANCE_EXHAUSTED), "balance_exhausted", Fault.MONEY),
    (e.LimitReached(Reason.TIME_LIMIT), "time_limit", Fault.POLICY),
    (e.LimitReached(Reason.SCHEDULE_END), "schedule_end", Fault.POLICY),
    (e.StationSilent(), "media_failed", Fault.NETWORK),
    (e.DrainEnded(), "completed", Fault.GATEWAY),
    (e.Crashed(), "node_crash", Fault.GATEWAY),
]


@pytest.mark.parametrize(("event", "word", "fault"), AFTER_THE_ANSWER)
def test_after_the_answer_by_bye(event: e.Event, word: str, fault: Fault) -> None:
    visit, wanted = step(after(*TALK), event, 9.0)
    assert wanted[0] == c.HangUpStation()
    assert visit.termination
    assert (visit.termination.word, visit.termination.fault, visit.termination.sip_code) == (word, fault, 0)
    assert visit.marks.media_end_at_s == 9.0


@pytest.mark.parametrize("state", [State.REQUESTED, State.RINGING, State.CONNECTING, State.TALKING, State.HELD])
@pytest.mark.parametrize(
    ("event", "word", "code"), [(e.StationHungUp(), "inmate_hung_up", 487), (e.StationLost(), "trunk_error", 0)]
)
def test_a_station_that_left_is_told_nothing(state: State, event: e.Event, word: str, code: int) -> None:
    visit, wanted = step(after(*WAY_TO[state]), event, 9.0)
    assert not [each for each in wanted if isinstance(each, c.RejectStation | c.HangUpStation)]
    assert wanted[-1] == c.CloseBooks()
    assert visit.termination
    answered = state in (State.TALKING, State.HELD)
    assert (visit.termination.word, visit.termination.sip_code) == (word, 0 if answered else code)


def test_the_first_reason_stays() -> None:
    visit, wanted = play(*TALK, e.OfficerEnded(), e.StationHungUp(), e.StationLost(), e.WebDown(), e.Crashed())
    assert visit.termination
    assert visit.termination.reason is Reason.OFFICER_TERMINATED
    assert [each for each in wanted if isinstance(each, c.RejectStation)] == []


def test_the_page_hears_the_end_only_if_it_heard_the_ring() -> None:
    assert c.TellOver(RECEIPT) not in play(e.Refused(Refusal.HOURS), e.Recorded(RECEIPT))[1]
    assert c.TellOver(RECEIPT) in play(AUTHORISED, e.RingTimedOut(), e.Recorded(RECEIPT))[1]


def test_a_browser_that_does_not_come_back() -> None:
    visit = after(*TALK, (10.0, e.WebDown()), visit=fresh(Timeouts(reconnect_s=20)))
    due = next_due(visit)
    assert due
    assert (due.at_s, due.event) == (30.0, e.ReconnectTimedOut())
    visit, wanted = step(visit, due.event, due.at_s)
    assert wanted[0] == c.HangUpStation()
    assert visit.termination
    assert (visit.termination.reason, visit.termination.fault) == (Reason.FAMILY_LEFT, Fault.NETWORK)
    assert visit.marks.media_end_at_s == 10.0
    assert (visit.meter.billable_s(99), visit.meter.unusable_s(99)) == (10, 20)


def test_a_drain_that_ends_before_anybody_was_seen_or_heard_completes_nothing() -> None:
    visit, wanted = step(after(*TALK[:3]), e.DrainEnded(), 9.0)
    assert wanted[0] == c.HangUpStation()
    assert visit.termination
    assert (visit.termination.word, visit.termination.fault, visit.termination.sip_code) == (
        "refused_draining",
        Fault.GATEWAY,
        0,
    )
