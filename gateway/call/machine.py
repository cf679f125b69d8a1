"""The call machine: event in, new state and commands out. Pure; it has no clock and does nothing itself.

The law:

1. Everything that changes a visit's state stands in ROWS; what a row does, in `beginnings`, `phoning`, `changes`,
   `clockwork` and `endings`. An event that is not listed for a state raises MachineError naming both: a bug of the
   session, or a person who came too late (the session asks `allows` first).
2. A visit moves forward: dialing, identifying and announcement (where the gateway's own voice asks first), ringing,
   accepting (where a telephone is asked for a key), connecting; then it changes between talking, held and reconnecting
   as often as it must; then ending, then ended. Nothing leaves `ended`, and only the written record leads into it.
3. Whatever state it is in, hanging up, the death of the dialog, an officer, the end of a drain and a crash end it.
4. Ending happens once: the first reason stays. The station gets exactly one final act: a code while it was not
   answered, BYE after, nothing when it left by itself. Then the media closes, then the books.
5. The meter's mode follows from the state after each step (`VisitState.meter_mode`); no action sets it.
6. What the media or the station still say while a visit is ending is ignored; what people ask then is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from gateway.call import beginnings, changes, clockwork, endings, phoning, questions, sip_codes
from gateway.call import commands as c
from gateway.call import events as e
from gateway.call.endings import ends, station_left
from gateway.call.meter import Mode
from gateway.call.step import Action, Step
from gateway.call.termination import Fault, Reason
from gateway.call.visit import State, VisitState, end_in_sight
from gateway.errors import MachineError


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


# ---- the table ----

_S = State
CALLED = (_S.RINGING, _S.ACCEPTING)
WAITING = (_S.REQUESTED, *CALLED)
JOINED = (_S.TALKING, _S.HELD, _S.RECONNECTING)
ASKED = (_S.IDENTIFYING, _S.ANNOUNCING)
ALIVE = (*WAITING, *ASKED, _S.CONNECTING, *JOINED)
RUNG = (_S.RINGING, _S.CONNECTING, *JOINED)
BOTH = (_S.CONNECTING, *JOINED)
STAY: tuple[State, ...] = ()
ENDING = (_S.ENDING,)
NO_MEDIA = ends(Reason.MEDIA_FAILED, Fault.GATEWAY, sip_codes.NOT_ACCEPTABLE)
IDENTIFIED = (_S.IDENTIFYING, _S.ENDING)
ANNOUNCED = (_S.ANNOUNCING, _S.RINGING, _S.ENDING)

Row = tuple[type[e.Event], tuple[State, ...], tuple[State, ...], Action]

ROWS: tuple[Row, ...] = (
    # event, the states it may come in, where it leads, what it does
    (e.Authorised, (_S.REQUESTED,), (_S.RINGING,), beginnings.ring),
    (e.Refused, (_S.REQUESTED,), ENDING, beginnings.refuse),
    (e.IvrNeeded, (_S.REQUESTED,), (_S.IDENTIFYING,), questions.ask_first),
    (e.Greeted, (_S.IDENTIFYING,), STAY, questions.greeted),
    (e.KeyPressed, (_S.IDENTIFYING,), IDENTIFIED, questions.key),
    (e.PromptEnded, (_S.IDENTIFYING,), IDENTIFIED, questions.said),
    (e.IvrDue, (_S.IDENTIFYING,), IDENTIFIED, questions.due),
    (e.PinChecked, (_S.IDENTIFYING,), STAY, questions.pin_checked),
    (e.Authorised, (_S.IDENTIFYING,), (_S.ANNOUNCING,), questions.granted),
    (e.Refused, (_S.IDENTIFYING,), STAY, questions.denied),
    (e.KeyPressed, (_S.ANNOUNCING,), ANNOUNCED, questions.key),
    (e.PromptEnded, (_S.ANNOUNCING,), ANNOUNCED, questions.said),
    (e.PromptEnded, RUNG, STAY, changes.ignore),
    (e.Greeted, (_S.RINGING,), (_S.RINGING, _S.ENDING), phoning.greeted),
    (e.PhoneProgress, (_S.RINGING,), STAY, phoning.progress),
    (e.PhoneProgress, (_S.ACCEPTING, *BOTH), STAY, changes.ignore),
    (e.TrunkDue, (_S.RINGING,), STAY, phoning.trunk_due),
    (e.PhoneEnded, (_S.RINGING,), (_S.RINGING, _S.ENDING), phoning.ended),
    (e.PhoneAnswered, (_S.RINGING,), (_S.RINGING, _S.ACCEPTING), phoning.answered),
    (e.PhoneAnswered, (_S.ACCEPTING, *BOTH), STAY, changes.ignore),
    (e.PhoneReady, (_S.ACCEPTING,), STAY, phoning.ready),
    (e.KeyPressed, (_S.ACCEPTING,), (_S.ACCEPTING, _S.CONNECTING), phoning.key),
    (e.PromptEnded, (_S.ACCEPTING,), (_S.ACCEPTING, _S.ENDING), phoning.said),
    (e.PhoneDue, (_S.ACCEPTING,), (_S.ACCEPTING, _S.ENDING), phoning.due),
    (e.PhoneJoined, (_S.CONNECTING, _S.HELD), STAY, phoning.joined),
    (e.PhoneOffered, (*CALLED, *BOTH), STAY, phoning.offered),
    (e.PhoneHeld, (_S.ACCEPTING, _S.CONNECTING, _S.RECONNECTING), STAY, phoning.held),
    *((e.PhoneHeld, (state,), (state, _S.HELD), phoning.held) for state in (_S.TALKING, _S.HELD)),
    (e.PhoneResumed, (_S.ACCEPTING, _S.CONNECTING, _S.TALKING, _S.RECONNECTING), STAY, phoning.resumed),
    (e.PhoneResumed, (_S.HELD,), (_S.HELD, _S.TALKING, _S.CONNECTING), phoning.resumed),
    (e.PhoneWantsPicture, CALLED, STAY, changes.ignore),
    (e.PhoneWantsPicture, BOTH, STAY, phoning.picture),
    *((e.PhoneEnded, (state,), (state, _S.ENDING), phoning.left) for state in (_S.ACCEPTING, *BOTH)),
    (e.IvrDue, (_S.ANNOUNCING,), ANNOUNCED, questions.due),
    (e.FamilyAccepted, (_S.RINGING,), (_S.CONNECTING,), beginnings.accept),
    (e.FamilyDeclined, (_S.RINGING,), ENDING, ends(Reason.REJECTED, Fault.FAMILY, sip_codes.DECLINED)),
    (e.FamilyLeft, RUNG, ENDING, ends(Reason.FAMILY_LEFT, Fault.FAMILY, sip_codes.DECLINED)),
    (e.FamilyRejoined, (_S.CONNECTING, *JOINED), STAY, changes.rejoin),
    (e.RingTimedOut, (_S.RINGING,), ENDING, ends(Reason.NO_ANSWER, Fault.FAMILY, sip_codes.NO_ANSWER)),
    (e.MediaJoined, (_S.CONNECTING,), STAY, beginnings.answer),
    (e.StationConfirmed, (*ASKED, *CALLED, _S.CONNECTING), STAY, beginnings.confirm),
    (e.StationConfirmed, JOINED, STAY, beginnings.settle),
    (e.MediaRefused, (_S.IDENTIFYING, *CALLED, _S.CONNECTING), ENDING, NO_MEDIA),
    (e.ConnectTimedOut, (_S.CONNECTING,), ENDING, ends(Reason.MEDIA_FAILED, Fault.NETWORK, sip_codes.NO_ANSWER)),
    (e.WebUp, (_S.CONNECTING, _S.TALKING, _S.HELD), STAY, changes.ignore),
    (e.WebUp, (_S.RECONNECTING,), (_S.TALKING, _S.HELD, _S.CONNECTING), changes.web_up),
    (e.WebDown, (_S.TALKING, _S.HELD), (_S.RECONNECTING,), changes.web_down),
    (e.WebDown, (_S.CONNECTING, _S.RECONNECTING), STAY, changes.ignore),
    (e.ReconnectTimedOut, (_S.RECONNECTING,), ENDING, ends(Reason.FAMILY_LEFT, Fault.NETWORK)),
    *((e.StationSilent, (state,), (state, _S.ENDING), phoning.station_silent) for state in CALLED),
    (e.StationSilent, (*ASKED, *BOTH), ENDING, ends(Reason.MEDIA_FAILED, Fault.NETWORK, sip_codes.NO_ANSWER)),
    (e.MediaFlows, (_S.CONNECTING, _S.RECONNECTING), (_S.TALKING, _S.HELD), changes.flows),
    (e.MediaFlows, (_S.TALKING, _S.HELD), STAY, changes.flows),
    (e.MediaStops, (_S.CONNECTING, *JOINED), STAY, changes.stops),
    (e.StationHeld, (_S.CONNECTING, _S.TALKING, _S.HELD), (_S.HELD,), changes.hold),
    (e.StationHeld, (*ASKED, *CALLED), STAY, questions.held),
    (e.StationResumed, (*ASKED, *CALLED), STAY, questions.resumed),
    (e.StationHeld, (_S.RECONNECTING,), STAY, changes.hold),
    (e.StationResumed, (_S.CONNECTING,), STAY, questions.resumed),
    (e.StationResumed, (_S.HELD,), (_S.TALKING, _S.CONNECTING, _S.HELD), changes.resume),
    (e.StationResumed, (_S.RECONNECTING,), STAY, changes.resume),
    (e.StationOffered, WAITING, STAY, changes.change_if_answered),
    (e.StationOffered, (*ASKED, _S.CONNECTING, *JOINED), STAY, changes.change),
    (e.TransferTried, ALIVE, STAY, changes.transfer),
    (e.ThreeWayTried, ALIVE, STAY, changes.three_way),
    (e.KeyPressed, (_S.REQUESTED, _S.RINGING, _S.CONNECTING, *JOINED), STAY, changes.key),
    (e.PictureSeen, (_S.CONNECTING, *JOINED), STAY, changes.first_picture),
    (e.PictureMissing, (_S.CONNECTING, *JOINED), STAY, changes.no_picture),
    *(
        (event, (*ASKED, *CALLED), STAY, changes.ignore)
        for event in (e.PictureSeen, e.PictureMissing, e.PictureWanted, e.LimitChanged)
    ),
    (e.StationWantsPicture, (*WAITING, *ASKED), STAY, changes.ignore),
    (e.StationWantsPicture, (_S.CONNECTING, *JOINED), STAY, changes.ask_family),
    (e.PictureWanted, (_S.CONNECTING, *JOINED), STAY, changes.ask_station),
    (e.RecordingFailed, (_S.CONNECTING, *JOINED), STAY, changes.recording_failed),
    (e.LimitChanged, (_S.TALKING,), STAY, changes.offer_limit),
    (e.LimitChanged, (_S.CONNECTING, _S.HELD, _S.RECONNECTING), STAY, changes.ignore),
    (e.SliceDue, (_S.CONNECTING, *JOINED), STAY, clockwork.ask),
    (e.HoldGrown, (_S.CONNECTING, *JOINED), STAY, clockwork.grown),
    (e.HoldUnknown, (_S.CONNECTING, *JOINED), STAY, clockwork.unknown),
    (e.WarningDue, JOINED, STAY, clockwork.warn),
    (e.FarewellDue, JOINED, STAY, clockwork.farewell),
    (e.ClockDue, (_S.TALKING,), STAY, clockwork.tell_clock),
    (e.LimitReached, (_S.CONNECTING, *JOINED), ENDING, endings.limit),
    (e.StationHungUp, ALIVE, ENDING, station_left(Reason.INMATE_HUNG_UP, Fault.STATION, sip_codes.CANCELLED)),
    (e.StationLost, ALIVE, ENDING, station_left(Reason.TRUNK_ERROR, Fault.NETWORK)),
    (e.OfficerEnded, ALIVE, ENDING, ends(Reason.OFFICER_TERMINATED, Fault.OFFICER, sip_codes.FORBIDDEN)),
    (e.DrainBegan, (*WAITING, *ASKED), ENDING, endings.draining),
    (e.DrainBegan, (_S.CONNECTING, *JOINED), STAY, changes.ignore),
    (e.DrainEnded, ALIVE, ENDING, endings.drained),
    (e.Crashed, ALIVE, ENDING, ends(Reason.NODE_CRASH, Fault.GATEWAY, sip_codes.SERVER_ERROR)),
    (e.Crashed, ENDING, STAY, endings.close_again),
    (e.Recorded, ENDING, (_S.ENDED,), endings.recorded),
    # the law's sixth sentence
    *(
        (event, ENDING, STAY, changes.ignore)
        for event in (
            e.StationConfirmed, e.StationOffered, e.StationHeld, e.StationResumed, e.StationHungUp, e.StationLost,
            e.TransferTried, e.ThreeWayTried, e.KeyPressed, e.StationWantsPicture, e.MediaJoined, e.MediaRefused,
            e.WebUp, e.WebDown, e.StationSilent, e.MediaFlows, e.MediaStops, e.PictureSeen, e.PictureMissing,
            e.PictureWanted, e.LimitChanged, e.PromptEnded, e.DrainBegan, e.DrainEnded, e.RecordingFailed, e.HoldGrown,
            e.HoldUnknown, e.PhoneProgress, e.PhoneAnswered, e.PhoneReady, e.PhoneJoined, e.PhoneEnded, e.PhoneOffered,
            e.PhoneHeld, e.PhoneResumed, e.PhoneWantsPicture,
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
