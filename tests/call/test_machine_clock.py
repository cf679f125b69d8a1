"""Money, time and hours end a visit at their instant; a warning comes before; pauses move what is to be moved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.call import commands as c
from gateway.call import events as e
from gateway.call.deadlines import next_due
from gateway.call.machine import step
from gateway.call.termination import Reason
from gateway.call.visit import State, Timeouts, VisitState, seconds_left
from tests.call.scenes import AUTHORISED, TALK, after, fresh, play

QUIET = Timeouts(warning_s=0, clock_every_s=1e9)
WARNING = Timeouts(warning_s=60, clock_every_s=1e9)


def talk(paid: e.Authorised, timeouts: Timeouts = QUIET, at_s: float = 0.0) -> VisitState:
    return after(paid, *TALK[1:3], (at_s, e.MediaFlows(at_s)), visit=fresh(timeouts))


def run_on(visit: VisitState) -> tuple[VisitState, float, list[c.Command]]:
    """Lets time alone pass until the visit ends."""
    wanted: list[c.Command] = []
    while due := next_due(visit):
        visit, commands = step(visit, due.event, due.at_s)
        wanted += commands
        if visit.is_over:
            return visit, due.at_s, wanted
    raise AssertionError("it never ends")


def test_a_balance_for_37_seconds_ends_after_37_seconds() -> None:
    paid = replace(AUTHORISED, paid_s=37)
    visit, at_s, wanted = run_on(talk(paid, WARNING, at_s=3.2))
    assert at_s == 40.2
    assert visit.meter.billable_s(at_s) == 37
    assert visit.termination
    assert visit.termination.reason is Reason.BALANCE_EXHAUSTED
    assert c.TellWarning(37, Reason.BALANCE_EXHAUSTED) in wanted


def test_the_warning_comes_once_60_seconds_before() -> None:
    asked = after((35.0, e.SliceDue()), (36.0, e.HoldGrown(100, 100)), visit=talk(AUTHORISED, WARNING))
    visit = after((40.0, e.SliceDue()), visit=asked)
    due = next_due(visit)
    assert due
    assert (due.at_s, due.event) == (40.0, e.WarningDue())
    visit, wanted = step(visit, due.event, 40.0)
    assert c.TellWarning(60, Reason.BALANCE_EXHAUSTED) in wanted
    assert run_on(visit)[1] == 100.0
    assert not [each for each in run_on(visit)[2] if isinstance(each, c.TellWarning)]


def test_the_time_limit_ends_it_when_the_money_would_not() -> None:
    paid = e.Authorised(paid_s=50, max_s=50)
    visit, at_s, _ = run_on(talk(paid))
    assert at_s == 50.0
    assert visit.termination
    assert visit.termination.reason is Reason.TIME_LIMIT


def test_the_hours_end_it() -> None:
    paid = replace(AUTHORISED, closes_at_s=20.0)
    visit, at_s, _ = run_on(talk(paid))
    assert at_s == 20.0
    assert visit.termination
    assert visit.termination.reason is Reason.SCHEDULE_END


@pytest.mark.parametrize(
    ("paid", "reason", "charged_s"),
    [
        (replace(AUTHORISED, paid_s=37), Reason.BALANCE_EXHAUSTED, 37),
        (replace(AUTHORISED, closes_at_s=20.0), Reason.SCHEDULE_END, 20),
        (replace(AUTHORISED, paid_s=100, max_s=50), Reason.TIME_LIMIT, 50),
    ],
)
def test_an_end_that_is_noticed_late_charges_no_second_past_the_limit(
    paid: e.Authorised, reason: Reason, charged_s: int
) -> None:
    """A bad offer may keep the visit's one ear busy for seconds while its end passes."""
    for late in (e.LimitReached(reason), e.StationHeld(), e.WebDown(), e.FamilyLeft(), e.OfficerEnded()):
        visit = after((75.0, late), visit=talk(paid))
        assert visit.meter.billable_s(80.0) == charged_s, late


def test_a_late_end_takes_nothing_off_what_was_charged_before_a_pause() -> None:
    paused = after((10.0, e.MediaStops(8.0)), visit=talk(replace(AUTHORISED, closes_at_s=20.0)))
    visit = after((35.0, e.LimitReached(Reason.SCHEDULE_END)), visit=paused)
    assert (visit.meter.billable_s(40.0), visit.meter.unusable_s(40.0)) == (8, 12)


def test_a_hold_pauses_the_money_but_not_the_time_limit() -> None:
    visit = after((10.0, e.StationHeld()), (25.0, e.StationResumed()), visit=talk(AUTHORISED))
    assert visit.meter.billable_s(25.0) == 10
    assert run_on(visit)[1] == 115.0
    held = after((10.0, e.StationHeld()), visit=talk(AUTHORISED))
    visit, at_s, _ = run_on(held)
    assert at_s == 600.0, "a station that never resumes does not keep the visit for ever"
    assert visit.meter.billable_s(at_s) == 10


def test_one_way_sound_is_not_charged_from_its_beginning_on() -> None:
    visit = after((12.0, e.MediaStops(10.0)), (20.0, e.MediaFlows(19.0)), visit=talk(AUTHORISED))
    assert (visit.meter.billable_s(20.0), visit.meter.unusable_s(20.0)) == (11, 9)
    assert visit.state is State.TALKING


def test_while_the_browser_is_away_nothing_is_charged_until_sound_is_back() -> None:
    visit = after(
        (10.0, e.WebDown()), (15.0, e.FamilyRejoined("offer")), (16.0, e.WebUp()), (17.0, e.MediaFlows(17.0)),
        visit=talk(AUTHORISED),
    )  # fmt: skip
    assert (visit.meter.billable_s(20.0), visit.meter.unusable_s(20.0)) == (13, 7)


def test_a_station_that_holds_while_the_browser_is_away() -> None:
    visit = after((10.0, e.WebDown()), (12.0, e.StationHeld()), (14.0, e.WebUp()), visit=talk(AUTHORISED))
    assert visit.state is State.HELD
    visit = after((15.0, e.MediaFlows(15.0)), (16.0, e.StationResumed()), visit=visit)
    assert (visit.state, visit.meter.billable_s(20.0)) == (State.TALKING, 14)


def test_a_station_that_is_on_hold_from_the_start_is_waited_for() -> None:
    """Nobody connects to a station that holds: that is no failure of the network."""
    early = after(*TALK[:3], (1.0, e.StationHeld()), visit=fresh(Timeouts(connect_s=30)))
    assert early.state is State.HELD
    visit, at_s, _ = run_on(early)
    assert visit.termination
    assert (at_s, visit.termination.reason, visit.meter.billable_s(at_s)) == (600.0, Reason.TIME_LIMIT, 0)

    resumed = after((300.0, e.StationResumed()), (300.0, e.SliceDue()), visit=early)
    assert resumed.state is State.CONNECTING
    due = next_due(resumed)
    assert due
    assert (due.at_s, due.event) == (330.0, e.ConnectTimedOut()), "from now on it has to speak"
    talking = after((301.0, e.MediaFlows(301.0)), visit=resumed)
    assert (talking.state, talking.meter.billable_s(311.0)) == (State.TALKING, 10)


def test_a_browser_that_comes_back_to_an_early_hold_waits_on() -> None:
    early = after(*TALK[:3], (1.0, e.StationHeld()), (2.0, e.WebDown()), visit=fresh(Timeouts(connect_s=30)))
    assert after((3.0, e.WebUp()), visit=early).state is State.HELD
    assert after((3.0, e.StationResumed()), (4.0, e.WebUp()), visit=early).state is State.CONNECTING


def test_the_page_is_told_when_the_meter_starts_pauses_and_goes_on() -> None:
    def tells(*happened: e.Event | tuple[float, e.Event]) -> int:
        return play(*happened)[1].count(c.TellClock())

    assert tells(*TALK[:3]) == 0
    assert tells(*TALK) == 1
    assert tells(*TALK, (5.0, e.StationHeld())) == 2
    assert tells(*TALK, (5.0, e.StationHeld()), (6.0, e.StationResumed())) == 3
    assert tells(*TALK, (5.0, e.FamilyLeft())) == 1


def test_and_every_few_seconds_between() -> None:
    visit = talk(AUTHORISED, Timeouts(warning_s=0, clock_every_s=5))
    dues = []
    for _ in range(3):
        due = next_due(visit)
        assert due
        dues.append((due.at_s, type(due.event)))
        visit, _ = step(visit, due.event, due.at_s)
    assert dues == [(5.0, e.ClockDue), (10.0, e.ClockDue), (15.0, e.ClockDue)]


def test_what_is_left_is_the_least_of_money_time_and_hours() -> None:
    assert seconds_left(after(AUTHORISED), 0.0) == 100
    assert seconds_left(talk(AUTHORISED), 30.0) == 70
    held = after((30.0, e.StationHeld()), visit=talk(AUTHORISED))
    assert [seconds_left(held, at) for at in (300.0, 530.0, 590.0)] == [70, 70, 10]
    assert seconds_left(talk(replace(AUTHORISED, closes_at_s=50.0)), 30.0) == 20


def test_ring_and_connect_have_their_limits() -> None:
    ringing = next_due(after(AUTHORISED, visit=fresh(Timeouts(ring_s=45))))
    assert ringing
    assert (ringing.at_s, ringing.event) == (45.0, e.RingTimedOut())
    accepted = after(AUTHORISED, (10.0, e.FamilyAccepted("offer")), visit=fresh(Timeouts(connect_s=30)))
    connecting = next_due(after((10.0, e.SliceDue()), visit=accepted))
    assert connecting
    assert (connecting.at_s, connecting.event) == (40.0, e.ConnectTimedOut())
