"""The call machine's actions from the INVITE to the answer: policy has spoken, the family is rung and accepts."""

from __future__ import annotations

from dataclasses import replace

from bridge import Side, Slate
from gateway.call import commands as c
from gateway.call import endings, sip_codes
from gateway.call import events as e
from gateway.call.facts import FactKind
from gateway.call.meter import Meter
from gateway.call.phone import Phone
from gateway.call.step import Step
from gateway.call.termination import Reason
from gateway.call.visit import Line, State, VisitState

# ---- the beginning ----


def ring(visit: VisitState, event: e.Authorised, now_s: float) -> Step:
    after = replace(
        visit,
        state=State.RINGING,
        allowance=event,
        meter=Meter(limit_s=event.paid_s),
        marks=replace(visit.marks, ring_at_s=now_s),
        phone=Phone(event.phone) if event.phone else None,
    )
    if event.phone:  # it is called as soon as the station's media is up
        return after, (c.RingStation(), c.GreetStation(), c.Publish(FactKind.RINGING))
    return after, (c.RingStation(), c.RingFamily(), c.Publish(FactKind.RINGING))


def refuse(visit: VisitState, event: e.Refused, now_s: float) -> Step:
    code, fault = sip_codes.REFUSALS[event.refusal]
    return endings.end(visit, now_s, Reason.REFUSED, fault, code, refusal=event.refusal.value)


def accept(visit: VisitState, event: e.FamilyAccepted, now_s: float) -> Step:
    after = replace(visit, state=State.CONNECTING, marks=replace(visit.marks, accepted_at_s=now_s))
    return after, (c.Publish(FactKind.ACCEPTED), c.JoinMedia(event.web_offer))


def answer(visit: VisitState, event: e.MediaJoined, now_s: float) -> Step:
    waiting = (
        c.Show(Side.SIP, Slate.PLEASE_WAIT, until_picture=True),
        c.Show(Side.WEB, Slate.CALLING, until_picture=True),
    )
    if visit.line is Line.ANSWERED:  # by our own voice, which is still asking for patience
        return visit, (c.Clear(Side.SIP), *waiting)
    after = replace(visit, line=Line.ANSWERED, marks=replace(visit.marks, answered_at_s=now_s))
    return after, (c.AnswerStation(), *waiting)


def confirm(visit: VisitState, event: e.StationConfirmed, now_s: float) -> Step:
    if event.sdp is None:
        return visit, ()
    waits = visit.phone is not None and visit.state is State.CONNECTING  # for this description
    return visit, (c.CompleteMedia(event.sdp), c.ConnectPhone()) if waits else (c.CompleteMedia(event.sdp),)


def settle(visit: VisitState, event: e.StationConfirmed, now_s: float) -> Step:
    return visit, () if event.sdp is None else (c.SettleMedia(event.sdp),)
