"""The call machine: event in, new state and commands out. Pure; it has no clock and does nothing itself.

The law:

1. Everything that changes a visit's state stands in this file, in ROWS. An event that is not listed for a state raises
   MachineError naming both: a bug of the session, or a person who came too late (the session asks `allows` first).
2. A visit moves forward: dialing, ringing, connecting; then it changes between talking, held and reconnecting as often
   as it must; then ending, then ended. Nothing leaves `ended`, and only the written record leads into it.
3. Whatever state it is in, hanging up, the death of the dialog, an officer, the end of a drain and a crash end it.
4. Ending happens once: the first reason stays. The station gets exactly one final act: a code while it was not
   answered, BYE after, nothing when it left by itself. Then the media closes, then the books.
5. The meter's mode follows from the state after each step (`VisitState.meter_mode`); no action sets it.
6. What the media or the station still say while a visit is ending is ignored; what people ask then is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from bridge import Prompt, Side, Slate
from gateway.call import commands as c
from gateway.call import events as e
from gateway.call import sip_codes
from gateway.call.facts import FactKind
from gateway.call.meter import Meter, Mode
from gateway.call.termination import Fault, Reason, Termination
from gateway.call.visit import Line, State, VisitState, end_in_sight, end_to_tell, seconds_left
from gateway.errors import MachineError

Step = tuple[VisitState, tuple[c.Command, ...]]
Action = Callable[[VisitState, Any, float], Step]


@dataclass(frozen=True, slots=True)
class Rule:
    """to: the states that the action may lead to."""

    to: tuple[State, ...]
    action: Action


def step(visit: VisitState, event: e.Event, now_s: float) -> Step:
    """The visit after `event` at `now_s`, and what is to be done, in order. Raises MachineError."""
    rule = TABLE.get((visit.state, type(event)))
    if rule is None:
        raise MachineError(f"no rule for {type(event).__name__} while {visit.state.name}")
    after, wanted = rule.action(visit, event, now_s)
    if after.state not in rule.to:
        raise MachineError(f"{type(event).__name__} while {visit.state.name} may not lead to {after.state.name}")
    if after.state is not visit.state:
        after = replace(after, entered_at_s=now_s)
    return _metered(visit, after, wanted, event, now_s)


def allows(visit: VisitState, event: e.Event) -> bool:
    """Whether the event has a rule now; a person's wish that has none came too late."""
    return (visit.state, type(event)) in TABLE


def _metered(
    before: VisitState, after: VisitState, wanted: tuple[c.Command, ...], event: e.Event, now_s: float
) -> Step:
    """Switches the meter when the state says so, and tells the family when it starts, stops or goes on."""
    mode = after.meter_mode()
    if mode is after.meter.mode:
        return after, wanted
    at_s = min(event.at_s, now_s) if isinstance(event, e.MediaFlows | e.MediaStops) else now_s
    end = end_in_sight(before)
    if end and mode is not Mode.USABLE:  # what is noticed late is not charged past the limit
        at_s = min(at_s, end.at_s)
    after = replace(after, meter=after.meter.switch(mode, at_s))
    if after.is_over or Mode.USABLE not in (mode, before.meter.mode):
        return after, wanted
    return replace(after, clock_told_at_s=now_s), (*wanted, c.TellClock())


# ---- the beginning ----


def _ring(visit: VisitState, event: e.Authorised, now_s: float) -> Step:
    after = replace(
        visit,
        state=State.RINGING,
        allowance=event,
        meter=Meter(limit_s=event.paid_s),
        marks=replace(visit.marks, ring_at_s=now_s),
    )
    return after, (c.RingStation(), c.RingFamily(), c.Publish(FactKind.RINGING))


def _refuse(visit: VisitState, event: e.Refused, now_s: float) -> Step:
    code, fault = sip_codes.REFUSALS[event.refusal]
    return _end(visit, now_s, Reason.REFUSED, fault, code, refusal=event.refusal.value)


def _accept(visit: VisitState, event: e.FamilyAccepted, now_s: float) -> Step:
    after = replace(visit, state=State.CONNECTING, marks=replace(visit.marks, accepted_at_s=now_s))
    return after, (c.Publish(FactKind.ACCEPTED), c.JoinMedia(event.web_offer))


def _answer(visit: VisitState, event: e.MediaJoined, now_s: float) -> Step:
    after = replace(visit, line=Line.ANSWERED, marks=replace(visit.marks, answered_at_s=now_s))
    waiting = (
        c.Show(Side.SIP, Slate.PLEASE_WAIT, until_picture=True),
        c.Show(Side.WEB, Slate.CALLING, until_picture=True),
    )
    return after, (c.AnswerStation(), *waiting)


def _confirm(visit: VisitState, event: e.StationConfirmed, now_s: float) -> Step:
    return visit, () if event.sdp is None else (c.CompleteMedia(event.sdp),)


def _settle(visit: VisitState, event: e.StationConfirmed, now_s: float) -> Step:
    return visit, () if event.sdp is None else (c.SettleMedia(event.sdp),)


# ---- media that comes and goes ----


def _flows(visit: VisitState, event: e.MediaFlows, now_s: float) -> Step:
    if visit.marks.media_start_at_s is not None:
        return replace(visit, state=_joined(visit), flowing=True), _back(visit)
    marks = replace(visit.marks, media_start_at_s=min(event.at_s, now_s))
    after = replace(visit, flowing=True, marks=marks)
    accepted_at_s = marks.accepted_at_s if marks.accepted_at_s is not None else now_s
    waited_ms = max(0, round((event.at_s - accepted_at_s) * 1000))
    told = c.Publish(FactKind.CONNECTED, (("after_accept_ms", waited_ms),))
    return replace(after, state=_joined(after)), (*_back(visit), c.StartRecording(), told)


def _stops(visit: VisitState, event: e.MediaStops, now_s: float) -> Step:
    return replace(visit, flowing=False), ()


def _web_down(visit: VisitState, event: e.WebDown, now_s: float) -> Step:
    waiting = c.Show(Side.SIP, Slate.RECONNECTING, Prompt.RECONNECTING)
    return replace(visit, state=State.RECONNECTING, flowing=False), (waiting,)


def _web_up(visit: VisitState, event: e.WebUp, now_s: float) -> Step:
    return replace(visit, state=_joined(visit)), _back(visit)


def _back(visit: VisitState) -> tuple[c.Command, ...]:
    """What the station sees and hears gives way to the browser's own."""
    return (c.Clear(Side.SIP),) if visit.state is State.RECONNECTING else ()


def _rejoin(visit: VisitState, event: e.FamilyRejoined, now_s: float) -> Step:
    """An offer alone ends no connection: the old one goes on until the new one is up, or until it is lost."""
    return visit, (c.RejoinMedia(event.web_offer),)


def _joined(visit: VisitState) -> State:
    if visit.held:
        return State.HELD
    return State.CONNECTING if visit.marks.media_start_at_s is None else State.TALKING


# ---- the station changes its mind ----


def _hold(visit: VisitState, event: e.StationHeld, now_s: float) -> Step:
    """Also before the first sound: what a station that calls on hold is to be waited for has no limit of its own."""
    state = visit.state if visit.state is State.RECONNECTING else State.HELD
    shown = c.Show(Side.WEB, Slate.HELD, Prompt.HELD)
    return replace(visit, state=state, held=True), (shown, c.TellHold(held=True), c.Publish(FactKind.HELD))


def _resume(visit: VisitState, event: e.StationResumed, now_s: float) -> Step:
    after = replace(visit, held=False)
    state = visit.state if visit.state is State.RECONNECTING else _joined(after)
    told = (c.TellHold(held=False), c.Publish(FactKind.RESUMED))
    return replace(after, state=state), (c.Clear(Side.WEB), *told)


def _change(visit: VisitState, event: e.StationOffered, now_s: float) -> Step:
    return visit, (c.ChangeMedia(event.sdp),)


def _refuse_change(visit: VisitState, event: e.StationOffered, now_s: float) -> Step:
    return visit, (c.RefuseOffer(sip_codes.NOT_ACCEPTABLE),)


# ---- what is only told ----


def _transfer(visit: VisitState, event: e.TransferTried, now_s: float) -> Step:
    return visit, (c.Publish(FactKind.TRANSFER_REFUSED),)


def _key(visit: VisitState, event: e.KeyPressed, now_s: float) -> Step:
    return visit, (c.Publish(FactKind.DTMF, (("source", event.source),)),)


def _first_picture(visit: VisitState, event: e.PictureSeen, now_s: float) -> Step:
    since_s = visit.marks.accepted_at_s if visit.marks.accepted_at_s is not None else now_s
    detail = (("source", event.source), ("after_accept_ms", max(0, round((event.at_s - since_s) * 1000))))
    return visit, (c.Publish(FactKind.FIRST_PICTURE, detail),)


def _recording_failed(visit: VisitState, event: e.RecordingFailed, now_s: float) -> Step:
    return visit, (c.Publish(FactKind.RECORDING_FAILED, (("word", event.word),)),)


def _no_picture(visit: VisitState, event: e.PictureMissing, now_s: float) -> Step:
    if event.source == Side.SIP and visit.held:
        return visit, ()  # the family sees why
    to = Side.WEB if event.source == Side.SIP else Side.SIP
    return visit, (c.Show(to, Slate.SOUND_ONLY, until_picture=True),)


def _ask_family(visit: VisitState, event: e.StationWantsPicture, now_s: float) -> Step:
    return visit, (c.AskFamilyForPicture(),)


def _offer_limit(visit: VisitState, event: e.LimitChanged, now_s: float) -> Step:
    return visit, (c.OfferLimit(),)


def _ask_station(visit: VisitState, event: e.PictureWanted, now_s: float) -> Step:
    return visit, (c.AskStationForPicture(),)


def _warn(visit: VisitState, event: e.WarningDue, now_s: float) -> Step:
    left, end = seconds_left(visit, now_s), end_to_tell(visit)
    reason = end.reason if end else Reason.TIME_LIMIT
    told = (("seconds_left", left), ("reason", str(reason)))
    prompt = Prompt.ONE_MINUTE if 55 <= left <= 65 else Prompt.ENDING_SOON
    after = replace(visit, warned=True)
    return after, (c.TellWarning(left, reason), *_to_both(prompt), c.Publish(FactKind.WARNED, told))


def _ask(visit: VisitState, event: e.SliceDue, now_s: float) -> Step:
    paid_s = visit.allowance.paid_s if visit.allowance else 0
    return replace(visit, asking=True, asked_at_s=now_s), (c.ExtendHold(paid_s),)


def _grown(visit: VisitState, event: e.HoldGrown, now_s: float) -> Step:
    """More money, or the certainty that there is none. Who was told of an end that is put off is told of the next."""
    return _with_money(replace(visit, answered=True), event.paid_s, event.reach_s, now_s)


def _unknown(visit: VisitState, event: e.HoldUnknown, now_s: float) -> Step:
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


def _farewell(visit: VisitState, event: e.FarewellDue, now_s: float) -> Step:
    return replace(visit, farewell_said=True), _to_both(Prompt.TIME_OVER)


def _to_both(prompt: Prompt) -> tuple[c.Command, ...]:
    return (c.Play(Side.SIP, prompt), c.Play(Side.WEB, prompt))


def _tell_clock(visit: VisitState, event: e.ClockDue, now_s: float) -> Step:
    return replace(visit, clock_told_at_s=now_s), (c.TellClock(),)


def _ignore(visit: VisitState, event: e.Event, now_s: float) -> Step:
    return visit, ()


# ---- the end ----


def _end(visit: VisitState, now_s: float, reason: Reason, fault: Fault, code: int = 0, *, refusal: str = "") -> Step:
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
    after = replace(
        visit,
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
    return after, (*farewell[visit.line], c.CloseMedia(), told, c.CloseBooks())


def _ends(reason: Reason, fault: Fault, code: int = 0) -> Action:
    """An action that ends the visit; code: what a station that was not answered is told."""
    return lambda visit, _event, now_s: _end(visit, now_s, reason, fault, code)


def _left(reason: Reason, fault: Fault, code: int = 0) -> Action:
    """The same when the dialog is gone already."""
    return lambda visit, _event, now_s: _end(
        replace(visit, line=Line.GONE), now_s, reason, fault, 0 if visit.line is Line.ANSWERED else code
    )


def _limit(visit: VisitState, event: e.LimitReached, now_s: float) -> Step:
    fault = Fault.POLICY
    if event.reason is Reason.BALANCE_EXHAUSTED:  # the money, or we, who could not ask for more of it
        fault = Fault.MONEY if visit.answered and not visit.asking else Fault.GATEWAY
    return _end(visit, now_s, event.reason, fault, sip_codes.FORBIDDEN)


def _draining(visit: VisitState, event: e.DrainBegan | e.DrainEnded, now_s: float) -> Step:
    return _end(visit, now_s, Reason.REFUSED, Fault.GATEWAY, sip_codes.UNAVAILABLE, refusal="draining")


def _drained(visit: VisitState, event: e.DrainEnded, now_s: float) -> Step:
    seen = visit.marks.media_start_at_s is not None  # else nobody saw or heard anybody: it was refused, only late
    return _ends(Reason.COMPLETED, Fault.GATEWAY)(visit, event, now_s) if seen else _draining(visit, event, now_s)


def _close_again(visit: VisitState, event: e.Crashed, now_s: float) -> Step:
    return visit, (c.HangUpStation(), c.CloseMedia(), c.CloseBooks())


def _recorded(visit: VisitState, event: e.Recorded, now_s: float) -> Step:
    receipt = event.receipt
    detail = (("sequence", receipt.sequence), ("billable_s", receipt.billable_s), ("reason", receipt.reason))
    told: tuple[c.Command, ...] = (c.Publish(FactKind.RECORDED, detail),)
    if receipt.low:
        told = (*told, c.TellLow(receipt.low))
    if visit.marks.ring_at_s is not None:
        return replace(visit, state=State.ENDED), (c.TellOver(receipt), *told)
    return replace(visit, state=State.ENDED), told


# ---- the table ----

_S = State
WAITING = (_S.REQUESTED, _S.RINGING)
JOINED = (_S.TALKING, _S.HELD, _S.RECONNECTING)
ALIVE = (*WAITING, _S.CONNECTING, *JOINED)
STAY: tuple[State, ...] = ()
ENDING = (_S.ENDING,)

Row = tuple[type[e.Event], tuple[State, ...], tuple[State, ...], Action]

ROWS: tuple[Row, ...] = (
    # event, the states it may come in, where it leads, what it does
    (e.Authorised, (_S.REQUESTED,), (_S.RINGING,), _ring),
    (e.Refused, (_S.REQUESTED,), ENDING, _refuse),
    (e.FamilyAccepted, (_S.RINGING,), (_S.CONNECTING,), _accept),
    (e.FamilyDeclined, (_S.RINGING,), ENDING, _ends(Reason.REJECTED, Fault.FAMILY, sip_codes.DECLINED)),
    (e.FamilyLeft, ALIVE[1:], ENDING, _ends(Reason.FAMILY_LEFT, Fault.FAMILY, sip_codes.DECLINED)),
    (e.FamilyRejoined, (_S.CONNECTING, *JOINED), STAY, _rejoin),
    (e.RingTimedOut, (_S.RINGING,), ENDING, _ends(Reason.NO_ANSWER, Fault.FAMILY, sip_codes.NO_ANSWER)),
    (e.MediaJoined, (_S.CONNECTING,), STAY, _answer),
    (e.StationConfirmed, (_S.CONNECTING,), STAY, _confirm),
    (e.StationConfirmed, JOINED, STAY, _settle),
    (e.MediaRefused, (_S.CONNECTING,), ENDING, _ends(Reason.MEDIA_FAILED, Fault.GATEWAY, sip_codes.NOT_ACCEPTABLE)),
    (e.ConnectTimedOut, (_S.CONNECTING,), ENDING, _ends(Reason.MEDIA_FAILED, Fault.NETWORK, sip_codes.NO_ANSWER)),
    (e.WebUp, (_S.CONNECTING, _S.TALKING, _S.HELD), STAY, _ignore),
    (e.WebUp, (_S.RECONNECTING,), (_S.TALKING, _S.HELD, _S.CONNECTING), _web_up),
    (e.WebDown, (_S.TALKING, _S.HELD), (_S.RECONNECTING,), _web_down),
    (e.WebDown, (_S.CONNECTING, _S.RECONNECTING), STAY, _ignore),
    (e.ReconnectTimedOut, (_S.RECONNECTING,), ENDING, _ends(Reason.FAMILY_LEFT, Fault.NETWORK)),
    (e.StationSilent, ALIVE[2:], ENDING, _ends(Reason.MEDIA_FAILED, Fault.NETWORK, sip_codes.NO_ANSWER)),
    (e.MediaFlows, (_S.CONNECTING, _S.RECONNECTING), (_S.TALKING, _S.HELD), _flows),
    (e.MediaFlows, (_S.TALKING, _S.HELD), STAY, _flows),
    (e.MediaStops, (_S.CONNECTING, *JOINED), STAY, _stops),
    (e.StationHeld, (_S.CONNECTING, _S.TALKING), (_S.HELD,), _hold),
    (e.StationHeld, (_S.RECONNECTING,), STAY, _hold),
    (e.StationResumed, (_S.CONNECTING,), STAY, _ignore),
    (e.StationResumed, (_S.HELD,), (_S.TALKING, _S.CONNECTING), _resume),
    (e.StationResumed, (_S.RECONNECTING,), STAY, _resume),
    (e.StationOffered, WAITING, STAY, _refuse_change),
    (e.StationOffered, (_S.CONNECTING, *JOINED), STAY, _change),
    (e.TransferTried, ALIVE, STAY, _transfer),
    (e.KeyPressed, ALIVE, STAY, _key),
    (e.PictureSeen, (_S.CONNECTING, *JOINED), STAY, _first_picture),
    (e.PictureMissing, (_S.CONNECTING, *JOINED), STAY, _no_picture),
    (e.StationWantsPicture, WAITING, STAY, _ignore),
    (e.StationWantsPicture, (_S.CONNECTING, *JOINED), STAY, _ask_family),
    (e.PictureWanted, (_S.CONNECTING, *JOINED), STAY, _ask_station),
    (e.RecordingFailed, (_S.CONNECTING, *JOINED), STAY, _recording_failed),
    (e.LimitChanged, (_S.TALKING,), STAY, _offer_limit),
    (e.LimitChanged, (_S.CONNECTING, _S.HELD, _S.RECONNECTING), STAY, _ignore),
    (e.SliceDue, (_S.CONNECTING, *JOINED), STAY, _ask),
    (e.HoldGrown, (_S.CONNECTING, *JOINED), STAY, _grown),
    (e.HoldUnknown, (_S.CONNECTING, *JOINED), STAY, _unknown),
    (e.WarningDue, JOINED, STAY, _warn),
    (e.FarewellDue, JOINED, STAY, _farewell),
    (e.ClockDue, (_S.TALKING,), STAY, _tell_clock),
    (e.LimitReached, (_S.CONNECTING, *JOINED), ENDING, _limit),
    (e.StationHungUp, ALIVE, ENDING, _left(Reason.INMATE_HUNG_UP, Fault.STATION, sip_codes.CANCELLED)),
    (e.StationLost, ALIVE, ENDING, _left(Reason.TRUNK_ERROR, Fault.NETWORK)),
    (e.OfficerEnded, ALIVE, ENDING, _ends(Reason.OFFICER_TERMINATED, Fault.OFFICER, sip_codes.FORBIDDEN)),
    (e.DrainBegan, WAITING, ENDING, _draining),
    (e.DrainBegan, (_S.CONNECTING, *JOINED), STAY, _ignore),
    (e.DrainEnded, ALIVE, ENDING, _drained),
    (e.Crashed, ALIVE, ENDING, _ends(Reason.NODE_CRASH, Fault.GATEWAY, sip_codes.SERVER_ERROR)),
    (e.Crashed, ENDING, STAY, _close_again),
    (e.Recorded, ENDING, (_S.ENDED,), _recorded),
    # the law's sixth sentence
    *(
        (event, ENDING, STAY, _ignore)
        for event in (
            e.StationConfirmed, e.StationOffered, e.StationHeld, e.StationResumed, e.StationHungUp, e.StationLost,
            e.TransferTried, e.KeyPressed, e.StationWantsPicture, e.MediaJoined, e.MediaRefused, e.WebUp, e.WebDown,
            e.StationSilent, e.MediaFlows, e.MediaStops, e.PictureSeen, e.PictureMissing, e.PictureWanted,
            e.LimitChanged, e.DrainBegan, e.DrainEnded, e.RecordingFailed, e.HoldGrown, e.HoldUnknown,
        )
    ),
)  # fmt: skip


def _table() -> Mapping[tuple[State, type[e.Event]], Rule]:
    table: dict[tuple[State, type[e.Event]], Rule] = {}
    for event, states, to, action in ROWS:
        for state in states:
            if (state, event) in table:
                raise MachineError(f"two rules for {event.__name__} while {state.name}")
            table[state, event] = Rule(to or (state,), action)
    return MappingProxyType(table)


TABLE = _table()
