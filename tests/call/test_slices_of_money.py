"""The hold grows while a visit runs: when more is asked for, what people are told, and when the money really ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.call import commands as c
from gateway.call import events as e
from gateway.call.deadlines import next_due
from gateway.call.machine import step
from gateway.call.meter import Mode
from gateway.call.termination import Fault, Reason
from gateway.call.visit import State, Timeouts, VisitState, seconds_left
from tests.call.scenes import TALK, after, fresh

TIMES = Timeouts(warning_s=60, farewell_s=3, ask_again_s=5, clock_every_s=1e9)
SLICED = e.Authorised(paid_s=60, max_s=600, reach_s=300)


def talk(paid: e.Authorised = SLICED, times: Timeouts = TIMES) -> VisitState:
    return after(paid, *TALK[1:], visit=fresh(times))


class Bank:
    """An account with `seconds` to give, in slices of a minute. While `away`, it does not answer."""

    def __init__(self, seconds: int, away: tuple[float, float] = (1e9, 1e9)) -> None:
        self.seconds = seconds
        self.away = away
        self.asked: list[float] = []

    def answer(self, command: c.ExtendHold, now_s: float) -> e.Event:
        self.asked.append(now_s)
        if self.away[0] <= now_s < self.away[1]:
            return e.HoldUnknown()
        more = min(60, self.seconds - command.paid_s)
        return e.HoldGrown(command.paid_s + max(0, more), max(command.paid_s, self.seconds))


def live(visit: VisitState, bank: Bank) -> tuple[VisitState, float, list[tuple[float, c.Command]]]:
    """Lets time alone pass, with a bank that answers at once, until the visit ends."""
    told: list[tuple[float, c.Command]] = []
    while due := next_due(visit):
        events, now_s = [due.event], max(0.0, due.at_s)
        while events:
            visit, commands = step(visit, events.pop(0), now_s)
            told += [(now_s, each) for each in commands]
            events += [bank.answer(each, now_s) for each in commands if isinstance(each, c.ExtendHold)]
        if visit.is_over:
            return visit, now_s, told
    raise AssertionError("it never ends")


def warnings(told: list[tuple[float, c.Command]]) -> list[tuple[float, int, Reason]]:
    return [(at_s, each.seconds_left, each.reason) for at_s, each in told if isinstance(each, c.TellWarning)]


def test_it_ends_in_the_second_that_the_account_ends_and_is_told_a_minute_before() -> None:
    visit, at_s, told = live(talk(), Bank(250))
    assert at_s == 250.0
    assert visit.meter.billable_s(at_s) == 250
    assert warnings(told) == [(190.0, 60, Reason.BALANCE_EXHAUSTED)]
    assert visit.termination
    assert (visit.termination.reason, visit.termination.fault) == (Reason.BALANCE_EXHAUSTED, Fault.MONEY)


def test_slices_are_asked_for_before_the_warning_would_have_to_come() -> None:
    bank = Bank(600)
    visit, at_s, told = live(talk(), bank)
    assert bank.asked[:3] == [0.0, 55.0, 115.0]
    assert warnings(told) == [(540.0, 60, Reason.TIME_LIMIT)], "the end of a slice is no end"
    assert visit.termination
    assert (at_s, visit.termination.reason) == (600.0, Reason.TIME_LIMIT)


def test_the_first_slice_is_asked_for_as_soon_as_the_family_accepts() -> None:
    accepted = after(SLICED, e.FamilyAccepted("offer"), visit=fresh(TIMES))
    due = next_due(accepted)
    assert due
    assert isinstance(due.event, e.SliceDue)
    asked, commands = step(accepted, due.event, 0.0)
    assert commands == (c.ExtendHold(60),)
    grown = after(e.HoldGrown(120, 300), visit=asked)
    assert grown.meter.limit_s == 120
    assert not isinstance(getattr(next_due(grown), "event", None), e.SliceDue), "one in hand is enough while it waits"


def test_nothing_is_asked_for_where_nothing_is_needed() -> None:
    whole = e.Authorised(paid_s=600, max_s=600, reach_s=600)
    bank = Bank(600)
    visit, at_s, _ = live(talk(whole), bank)
    assert (at_s, bank.asked) == (600.0, [])
    assert visit.termination
    assert visit.termination.reason is Reason.TIME_LIMIT


@pytest.mark.parametrize("state", [State.HELD, State.RECONNECTING])
def test_while_the_meter_stands_no_more_is_asked_for(state: State) -> None:
    away = e.StationHeld() if state is State.HELD else e.WebDown()
    visit = after((0.0, e.SliceDue()), (0.0, e.HoldGrown(120, 300)), (50.0, away), visit=talk())
    assert visit.meter.mode is not Mode.USABLE
    due = next_due(visit)
    assert due
    assert not isinstance(due.event, e.SliceDue)


def test_an_account_that_does_not_answer_lets_the_visit_use_what_it_has_and_says_so() -> None:
    bank = Bank(600, away=(50.0, 1e9))
    visit, at_s, told = live(talk(), bank)
    assert at_s == 120.0, "what was held when the database went away"
    assert warnings(told) == [(60.0, 60, Reason.BALANCE_EXHAUSTED)]
    assert bank.asked[1:4] == [55.0, 60.0, 65.0], "it asks again and again"
    assert visit.termination
    assert (visit.termination.reason, visit.termination.fault) == (Reason.BALANCE_EXHAUSTED, Fault.GATEWAY)


def test_a_database_that_is_away_for_a_minute_ends_no_visit() -> None:
    visit, at_s, told = live(talk(), Bank(600, away=(50.0, 110.0)))
    assert visit.termination
    assert (at_s, visit.termination.reason) == (600.0, Reason.TIME_LIMIT)
    assert warnings(told) == [(60.0, 60, Reason.BALANCE_EXHAUSTED), (540.0, 60, Reason.TIME_LIMIT)]


def test_money_that_comes_in_at_the_last_minute_puts_the_end_off_and_the_page_hears_it() -> None:
    warned = after(
        (0.0, e.SliceDue()), (0.0, e.HoldGrown(120, 120)), (60.0, e.WarningDue()), (60.0, e.SliceDue()), visit=talk()
    )
    assert warned.warned
    assert seconds_left(warned, 60.0) == 60
    visit, commands = step(warned, e.HoldGrown(180, 400), 61.0)
    assert c.TellClock() in commands
    assert (visit.warned, seconds_left(visit, 61.0)) == (False, 339)
    _, at_s, told = live(visit, Bank(400))
    assert (at_s, warnings(told)) == (400.0, [(340.0, 60, Reason.BALANCE_EXHAUSTED)])


def test_an_answer_that_takes_for_ever_keeps_nobody_beyond_what_is_held() -> None:
    asked = after((0.0, e.SliceDue()), visit=talk())
    due = next_due(after((57.0, e.FarewellDue()), (58.0, e.WarningDue()), visit=asked))
    assert due
    assert (due.at_s, due.event) == (60.0, e.LimitReached(Reason.BALANCE_EXHAUSTED))


def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    ended = after((0.0, e.SliceDue()), (60.0, e.LimitReached(Reason.BALANCE_EXHAUSTED)), visit=talk())
    late = after((61.0, e.HoldGrown(120, 300)), (61.0, e.HoldUnknown()), visit=ended)
    assert late == ended
    assert late.meter.billable_s(70.0) == 60


def test_less_than_it_has_is_never_taken_from_a_visit() -> None:
    visit = after((0.0, e.SliceDue()), (0.0, e.HoldGrown(30, 30)), visit=talk())
    assert visit.meter.limit_s == 60


def test_hours_that_end_before_the_money_are_what_is_told() -> None:
    visit, at_s, told = live(talk(replace(SLICED, closes_at_s=100.0)), Bank(600))
    assert visit.termination
    assert (at_s, visit.termination.reason) == (100.0, Reason.SCHEDULE_END)
    assert warnings(told) == [(40.0, 60, Reason.SCHEDULE_END)]
