"""The call machine's actions that end a visit. Ending happens once, and leads through `end`."""

from __future__ import annotations

from dataclasses import replace

from gateway.call import commands as c
from gateway.call import events as e
from gateway.call import sip_codes
from gateway.call.facts import FactKind
from gateway.call.meter import Mode
from gateway.call.phone import Wire
from gateway.call.step import Action, Step
from gateway.call.termination import Fault, Reason, Termination
from gateway.call.visit import Line, State, VisitState

# ---- the end ----


def end(visit: VisitState, now_s: float, reason: Reason, fault: Fault, code: int = 0, *, refusal: str = "") -> Step:
    """code: what a station that was not answered is told."""
    code = 0 if visit.line is Line.ANSWERED else code
    farewell: dict[Line, tuple[c.Command, ...]] = {
        Line.PENDING: (c.RejectStation(code),),
        Line.ANSWERED: (c.HangUpStation(),),
        Line.GONE: (),
    }
    media_end_at_s = None
    if visit.marks.media_start_at_s is not None:
        broken = visit.meter.mode is Mode.BROKEN
        media_end_at_s = visit.meter.since_us / 1_000_000 if broken else now_s
    phone = visit.phone
    to_phone = (c.HangUpPhone(),) if phone and phone.is_up else ()
    after = replace(
        visit,
        phone=replace(phone, wire=Wire.GONE) if phone else None,
        state=State.ENDING,
        line=Line.GONE,
        termination=Termination(reason, fault, refusal, code),
        marks=replace(visit.marks, media_end_at_s=media_end_at_s, ended_at_s=now_s),
    )
    told = (
        c.Publish(FactKind.REFUSED, (("refusal", refusal), ("sip_code", code)))
        if refusal
        else c.Publish(FactKind.ENDED, (("reason", str(reason)), ("fault", str(fault))))
    )
    return after, (*farewell[visit.line], *to_phone, c.CloseMedia(), told, c.CloseBooks())


def ends(reason: Reason, fault: Fault, code: int = 0) -> Action:
    """An action that ends the visit; code: what a station that was not answered is told."""
    return lambda visit, _event, now_s: end(visit, now_s, reason, fault, code)


def station_left(reason: Reason, fault: Fault, code: int = 0) -> Action:
    """The same when the dialog is gone already."""
    return lambda visit, _event, now_s: end(
        replace(visit, line=Line.GONE), now_s, reason, fault, 0 if visit.line is Line.ANSWERED else code
    )


def limit(visit: VisitState, event: e.LimitReached, now_s: float) -> Step:
    fault = Fault.POLICY
    if event.reason is Reason.BALANCE_EXHAUSTED:  # the money, or we, who could not ask for more of it
        fault = Fault.MONEY if visit.answered and not visit.asking else Fault.GATEWAY
    return end(visit, now_s, event.reason, fault, sip_codes.FORBIDDEN)


def draining(visit: VisitState, event: e.DrainBegan | e.DrainEnded, now_s: float) -> Step:
    return end(visit, now_s, Reason.REFUSED, Fault.GATEWAY, sip_codes.UNAVAILABLE, refusal="draining")


def drained(visit: VisitState, event: e.DrainEnded, now_s: float) -> Step:
    seen = visit.marks.media_start_at_s is not None  # else nobody saw or heard anybody: it was refused, only late
    return ends(Reason.COMPLETED, Fault.GATEWAY)(visit, event, now_s) if seen else draining(visit, event, now_s)


def close_again(visit: VisitState, event: e.Crashed, now_s: float) -> Step:
    to_phone = (c.HangUpPhone(),) if visit.phone else ()
    return visit, (c.HangUpStation(), *to_phone, c.CloseMedia(), c.CloseBooks())


def recorded(visit: VisitState, event: e.Recorded, now_s: float) -> Step:
    receipt = event.receipt
    detail = (("sequence", receipt.sequence), ("billable_s", receipt.billable_s), ("reason", receipt.reason))
    told: tuple[c.Command, ...] = (c.Publish(FactKind.RECORDED, detail),)
    if receipt.low:
        told = (*told, c.TellLow(receipt.low))
    if visit.marks.ring_at_s is not None:
        return replace(visit, state=State.ENDED), (c.TellOver(receipt), *told)
    return replace(visit, state=State.ENDED), told
