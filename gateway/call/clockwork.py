"""The call machine's actions of money and time: slices of the hold, warnings, what the page is told of the clock."""

from __future__ import annotations

from dataclasses import replace

from bridge import Prompt, Side
from gateway.call import commands as c
from gateway.call import events as e
from gateway.call.facts import FactKind
from gateway.call.meter import Mode
from gateway.call.step import Step
from gateway.call.termination import Reason
from gateway.call.visit import VisitState, end_to_tell, seconds_left


def warn(visit: VisitState, event: e.WarningDue, now_s: float) -> Step:
    left, end = seconds_left(visit, now_s), end_to_tell(visit)
    reason = end.reason if end else Reason.TIME_LIMIT
    told = (("seconds_left", left), ("reason", str(reason)))
    prompt = Prompt.ONE_MINUTE if 55 <= left <= 65 else Prompt.ENDING_SOON
    after = replace(visit, warned=True)
    return after, (c.TellWarning(left, reason), *_to_both(prompt), c.Publish(FactKind.WARNED, told))


def ask(visit: VisitState, event: e.SliceDue, now_s: float) -> Step:
    paid_s = visit.allowance.paid_s if visit.allowance else 0
    return replace(visit, asking=True, asked_at_s=now_s), (c.ExtendHold(paid_s),)


def grown(visit: VisitState, event: e.HoldGrown, now_s: float) -> Step:
    """More money, or the certainty that there is none. Who was told of an end that is put off is told of the next."""
    return _with_money(replace(visit, answered=True), event.paid_s, event.reach_s, now_s)


def unknown(visit: VisitState, event: e.HoldUnknown, now_s: float) -> Step:
    """What is held is all that is sure: the end that people are told of is its end, until the accounts are back."""
    paid_s = visit.allowance.paid_s if visit.allowance else 0
    return _with_money(replace(visit, answered=False), paid_s, paid_s, now_s)


def _with_money(visit: VisitState, paid_s: int, reach_s: int, now_s: float) -> Step:
    if visit.allowance is None:  # the table lets nobody ask before there is one; said for the type checker
        return visit, ()
    before = end_to_tell(visit)
    paid_s = max(paid_s, visit.allowance.paid_s)
    allowance = replace(visit.allowance, paid_s=paid_s, reach_s=max(paid_s, reach_s))
    after = replace(visit, asking=False, allowance=allowance, meter=replace(visit.meter, limit_s=paid_s))
    end = end_to_tell(after)
    if end and end.at_s - now_s > visit.timeouts.warning_s:
        after = replace(after, warned=False)
    if end and end.at_s - now_s > visit.timeouts.farewell_s:
        after = replace(after, farewell_said=False)
    if before == end or visit.meter.mode is not Mode.USABLE:
        return after, ()
    return replace(after, clock_told_at_s=now_s), (c.TellClock(),)


def farewell(visit: VisitState, event: e.FarewellDue, now_s: float) -> Step:
    return replace(visit, farewell_said=True), _to_both(Prompt.TIME_OVER)


def _to_both(prompt: Prompt) -> tuple[c.Command, ...]:
    return (c.Play(Side.SIP, prompt), c.Play(Side.WEB, prompt))


def tell_clock(visit: VisitState, event: e.ClockDue, now_s: float) -> Step:
    return replace(visit, clock_told_at_s=now_s), (c.TellClock(),)
