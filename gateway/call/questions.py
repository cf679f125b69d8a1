"""The call machine's actions while the gateway's own voice talks with the station: `gateway.ivr` inside it.

What the voice wants becomes commands; that it is done, or gives up, moves the visit.
"""

from __future__ import annotations

from dataclasses import replace

from bridge import Prompt, Side, Slate
from gateway.call import commands as c
from gateway.call import endings, phoning, sip_codes
from gateway.call import events as e
from gateway.call.facts import FactKind
from gateway.call.meter import Meter
from gateway.call.phone import Phone
from gateway.call.step import Step
from gateway.call.termination import Reason
from gateway.call.visit import Line, State, VisitState
from gateway.ivr import values as v
from gateway.ivr.machine import fresh, step


def ask_first(visit: VisitState, event: e.IvrNeeded, now_s: float) -> Step:
    ivr = fresh(event.rules, event.dialled, now_s, event.resident)
    return replace(visit, state=State.IDENTIFYING, ivr=ivr), (c.GreetStation(), c.Publish(FactKind.IDENTIFYING))


def greeted(visit: VisitState, event: e.Greeted, now_s: float) -> Step:
    answered = replace(visit, line=Line.ANSWERED, marks=replace(visit.marks, answered_at_s=now_s))
    after, wanted = _hear(answered, v.Ready(), now_s)
    return after, (c.AnswerStation(), *wanted)


def key(visit: VisitState, event: e.KeyPressed, now_s: float) -> Step:
    return _hear(visit, v.Key(event.digit), now_s) if event.source == Side.SIP else (visit, ())


def said(visit: VisitState, event: e.PromptEnded, now_s: float) -> Step:
    return _hear(visit, v.SaidAll(event.turn), now_s)


def due(visit: VisitState, event: e.IvrDue, now_s: float) -> Step:
    return _hear(visit, v.Due(), now_s)


def pin_checked(visit: VisitState, event: e.PinChecked, now_s: float) -> Step:
    return _hear(visit, event.answer, now_s)


def granted(visit: VisitState, event: e.Authorised, now_s: float) -> Step:
    phone = Phone(event.phone) if event.phone else None
    paid = replace(visit, state=State.ANNOUNCING, allowance=event, meter=Meter(limit_s=event.paid_s), phone=phone)
    after, wanted = _hear(paid, v.Granted(event.notice or v.Notice(event.max_s)), now_s)
    return after, (c.Publish(FactKind.ANNOUNCING), *wanted)


def denied(visit: VisitState, event: e.Refused, now_s: float) -> Step:
    """The station hears why before it is hung up."""
    return _hear(visit, v.Denied(event.refusal), now_s)


def held(visit: VisitState, event: e.StationHeld, now_s: float) -> Step:
    return replace(visit, held=True), ()


def resumed(visit: VisitState, event: e.StationResumed, now_s: float) -> Step:
    return replace(visit, held=False), ()


def _hear(visit: VisitState, heard: v.Heard, now_s: float) -> Step:
    if visit.ivr is None:  # the table lets nobody talk before there is one; said for the type checker
        return visit, ()
    ivr, wanted = step(visit.ivr, heard, now_s)
    after, commands = replace(visit, ivr=ivr), list[c.Command]()
    for each in wanted:
        match each:
            case v.Say():
                commands.append(c.Speak(each))
            case v.Hush():
                commands.append(c.Hush())
            case v.CheckPin(resident, pin):
                commands.append(c.CheckPin(resident, pin))
            case v.Decide(resident, dialled):
                commands.append(c.AskPolicy(resident, dialled))
            case v.Proceed():
                return _ring(after, tuple(commands), now_s)
            case v.GiveUp(refusal):
                _, fault = sip_codes.REFUSALS[refusal]
                return endings.end(after, now_s, Reason.REFUSED, fault, refusal=refusal.value)
    return after, tuple(commands)


def _ring(visit: VisitState, before: tuple[c.Command, ...], now_s: float) -> Step:
    """The station was answered already: what it hears instead of a ringing tone is ours."""
    after = replace(visit, state=State.RINGING, marks=replace(visit.marks, ring_at_s=now_s))
    waiting = c.Show(Side.SIP, Slate.PLEASE_WAIT, Prompt.PLEASE_WAIT)
    if after.phone is not None:
        after, calling = phoning.call(after, now_s)
        return after, (*before, waiting, c.Publish(FactKind.RINGING), *calling)
    return after, (*before, waiting, c.RingFamily(), c.Publish(FactKind.RINGING))
