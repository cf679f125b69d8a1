"""What time alone will do to a visit: one next event, computed from its state. Nothing is armed or cancelled."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.call.events import (
    ClockDue,
    ConnectTimedOut,
    Event,
    FarewellDue,
    IvrDue,
    LimitReached,
    PhoneDue,
    ReconnectTimedOut,
    RingTimedOut,
    SliceDue,
    TrunkDue,
    WarningDue,
)
from gateway.call.meter import Mode
from gateway.call.phone import Wire
from gateway.call.visit import State, VisitState, end_in_sight, end_to_tell, next_slice_at

_WAITS: dict[State, tuple[str, Event]] = {
    State.RINGING: ("ring_s", RingTimedOut()),
    State.CONNECTING: ("connect_s", ConnectTimedOut()),
    State.RECONNECTING: ("reconnect_s", ReconnectTimedOut()),
}


ASKED = (State.IDENTIFYING, State.ANNOUNCING)


@dataclass(frozen=True, slots=True)
class Due:
    """The event that happens at `at_s` unless another comes first."""

    at_s: float
    event: Event


def next_due(visit: VisitState) -> Due | None:
    """The earliest; of two at one instant, the one that ends the visit."""
    dues: list[Due] = []
    end = end_in_sight(visit)
    if end:
        dues.append(Due(end.at_s, LimitReached(end.reason)))
    if visit.state in _WAITS:
        setting, event = _WAITS[visit.state]
        dues.append(Due(visit.entered_at_s + getattr(visit.timeouts, setting), event))
    if visit.ivr is not None and visit.ivr.deadline_at_s is not None and visit.state in ASKED:
        dues.append(Due(visit.ivr.deadline_at_s, IvrDue()))
    dues += _phone(visit)
    asks_at_s = next_slice_at(visit)
    if asks_at_s is not None:
        dues.append(Due(asks_at_s, SliceDue()))
    told = end_to_tell(visit)
    if told and visit.marks.media_start_at_s is not None:
        if visit.timeouts.warning_s and not visit.warned:
            dues.append(Due(told.at_s - visit.timeouts.warning_s, WarningDue()))
        if visit.timeouts.farewell_s and not visit.farewell_said:
            dues.append(Due(told.at_s - visit.timeouts.farewell_s, FarewellDue()))
    if visit.meter.mode is Mode.USABLE:
        dues.append(Due(visit.clock_told_at_s + visit.timeouts.clock_every_s, ClockDue()))
    return min(dues, key=lambda each: each.at_s, default=None)


def _phone(visit: VisitState) -> list[Due]:
    phone = visit.phone
    if phone is None:
        return []
    if visit.state is State.RINGING and phone.wire is Wire.CALLING and phone.has_another_trunk and not phone.alive:
        return [Due(phone.called_at_s + visit.timeouts.trunk_s, TrunkDue())]
    acceptance = phone.acceptance
    if visit.state is State.ACCEPTING and acceptance is not None and acceptance.deadline_at_s is not None:
        return [Due(acceptance.deadline_at_s, PhoneDue())]
    return []
