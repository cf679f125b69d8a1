"""What the call machine knows of a visit. Values; instants are seconds of the monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.call.events import Authorised
from gateway.call.meter import ONLY_BOTH_WAYS, Meter, Metering, Mode
from gateway.call.phone import Phone
from gateway.call.termination import Reason, Termination
from gateway.ivr.machine import Ivr


class State(StrEnum):
    """The value is the word that staff see."""

    REQUESTED = "dialing"  # the INVITE is here, nothing is decided yet
    IDENTIFYING = "identifying"  # answered by the gateway's own voice, which asks who calls and whom
    ANNOUNCING = "announcement"  # allowed and paid for; the notice is said, and perhaps has to be accepted
    RINGING = "ringing"  # allowed, paid for, the family is being rung
    ACCEPTING = "accepting"  # the family's telephone was answered: who calls is said, and a key is waited for
    CONNECTING = "connecting"  # accepted; media has not gone both ways yet
    TALKING = "talking"
    HELD = "held"  # by the station, or by the family's telephone
    RECONNECTING = "reconnecting"  # the browser is gone and may come back
    ENDING = "ending"  # over for everybody; the record is being written
    ENDED = "ended"  # the record is written


BEFORE_ACCEPTANCE = (State.REQUESTED, State.IDENTIFYING, State.ANNOUNCING, State.RINGING, State.ACCEPTING)


class Line(StrEnum):
    """How far the SIP dialog is, as far as ending it needs to know."""

    PENDING = "pending"  # no final response yet: it ends with an error code
    ANSWERED = "answered"  # it ends with BYE
    GONE = "gone"  # the station ended it


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. warning_s 0: no warning. farewell_s: before the end, so that it is said in time; 0: not said.

    ask_again_s: how long the accounts may take to grant a slice, and the pause before the next one is asked for.
    trunk_s: without a word from a trunk that a telephone is called over, the next one is tried.
    """

    ring_s: float = 45.0
    connect_s: float = 30.0
    reconnect_s: float = 30.0
    warning_s: int = 60
    clock_every_s: float = 5.0
    farewell_s: float = 3.0
    ask_again_s: float = 5.0
    trunk_s: float = 10.0

    @property
    def ask_early_s(self) -> float:
        """How long before the money ends more is asked for: a refusal, or no answer, still leaves time to warn."""
        return self.warning_s + self.ask_again_s


@dataclass(frozen=True, slots=True)
class Marks:
    """When each step was reached; None: never."""

    ring_at_s: float | None = None
    accepted_at_s: float | None = None
    answered_at_s: float | None = None
    media_start_at_s: float | None = None
    media_end_at_s: float | None = None
    ended_at_s: float | None = None

    @property
    def talked_s(self) -> int:
        """From the answer to the end, whole seconds; 0 when there was no answer or is no end yet."""
        if self.answered_at_s is None or self.ended_at_s is None:
            return 0
        return int(self.ended_at_s - self.answered_at_s)


@dataclass(frozen=True, slots=True)
class VisitState:
    """flowing: what the media said last. held: what the station said last, also while the browser is away.

    asking, asked_at_s: for the next slice; answered: whether the accounts answered the last time.
    ivr: the conversation with the gateway's own voice; None: there is none. phone: the family's, where they have one.
    """

    timeouts: Timeouts
    entered_at_s: float
    metering: Metering = ONLY_BOTH_WAYS
    state: State = State.REQUESTED
    line: Line = Line.PENDING
    allowance: Authorised | None = None
    meter: Meter = field(default_factory=lambda: Meter(limit_s=0))
    marks: Marks = field(default_factory=Marks)
    flowing: bool = False
    held: bool = False
    warned: bool = False
    farewell_said: bool = False
    clock_told_at_s: float = 0.0
    asking: bool = False
    asked_at_s: float | None = None
    answered: bool = True
    termination: Termination | None = None
    ivr: Ivr | None = None
    phone: Phone | None = None

    @property
    def is_over(self) -> bool:
        return self.state in (State.ENDING, State.ENDED)

    @property
    def on_hold(self) -> bool:
        """By the station, or by the family's telephone."""
        return self.held or (self.phone is not None and self.phone.held)

    @property
    def joined_state(self) -> State:
        """Of a visit with both its sides there."""
        if self.on_hold:
            return State.HELD
        return State.CONNECTING if self.marks.media_start_at_s is None else State.TALKING

    def meter_mode(self) -> Mode:
        """What a second counts as in this state."""
        if self.is_over or self.marks.media_start_at_s is None:
            return Mode.IDLE
        charged = self.metering
        if self.on_hold:
            return Mode.USABLE if charged.held else Mode.HELD
        if self.state is State.RECONNECTING:
            return Mode.USABLE if charged.reconnecting else Mode.BROKEN
        return Mode.USABLE if self.flowing or charged.interrupted else Mode.BROKEN


_ALL_TALKED = Reason.TIME_LIMIT  # every second of the time limit was paid for, and talked


@dataclass(frozen=True, slots=True)
class End:
    """When the visit will end if nothing changes, and why."""

    at_s: float
    reason: Reason


def end_in_sight(visit: VisitState) -> End | None:
    """The first of: the money that is held (while the meter runs), the time limit and the hours (wall clock)."""
    return _end(visit, growth_s=0)


def end_to_tell(visit: VisitState) -> End | None:
    """The same with the money that could still be had: what people are warned of."""
    return _end(visit, growth_s=_growth_s(visit))


def _growth_s(visit: VisitState) -> int:
    allowance = visit.allowance
    return max(0, allowance.reach_s - allowance.paid_s) if allowance else 0


def _end(visit: VisitState, growth_s: int) -> End | None:
    if visit.allowance is None or visit.is_over or visit.state in BEFORE_ACCEPTANCE:
        return None
    ends: list[End] = []
    runs_out_at_s = visit.meter.runs_out_at_s()
    if runs_out_at_s is not None:
        reason = Reason.BALANCE_EXHAUSTED if visit.allowance.paid_s + growth_s < visit.allowance.max_s else _ALL_TALKED
        ends.append(End(runs_out_at_s + growth_s, reason))
    began_at_s = visit.marks.media_start_at_s
    if began_at_s is None and visit.on_hold:
        began_at_s = visit.marks.answered_at_s  # on hold from the start, and perhaps for ever
    if began_at_s is not None:
        ends.append(End(began_at_s + visit.allowance.max_s, Reason.TIME_LIMIT))
    if visit.allowance.closes_at_s is not None:
        ends.append(End(visit.allowance.closes_at_s, Reason.SCHEDULE_END))
    return min(ends, key=lambda each: each.at_s, default=None)


def seconds_left(visit: VisitState, now_s: float) -> int:
    """Whole seconds of talk that are left at most: of the money that can be had, of the time limit and of the hours."""
    if visit.allowance is None or visit.is_over:
        return 0
    started_at_s = visit.marks.media_start_at_s
    left = [visit.meter.left_s(now_s) + _growth_s(visit), visit.allowance.max_s]
    if started_at_s is not None:
        left.append(_whole(started_at_s + visit.allowance.max_s - now_s))
    if visit.allowance.closes_at_s is not None:
        left.append(_whole(visit.allowance.closes_at_s - now_s))
    return max(0, min(left))


def next_slice_at(visit: VisitState) -> float | None:
    """When more money is to be asked for; None while there is nothing to ask for."""
    if visit.allowance is None or visit.is_over or visit.asking or not visit.allowance.may_grow:
        return None
    runs_out_at_s = visit.meter.runs_out_at_s()
    if runs_out_at_s is None:  # nothing is used up meanwhile: once, so that the talk begins with a slice in hand
        return visit.entered_at_s if visit.state is State.CONNECTING and visit.asked_at_s is None else None
    early_at_s = runs_out_at_s - visit.timeouts.ask_early_s
    if visit.asked_at_s is None:
        return early_at_s
    return max(early_at_s, visit.asked_at_s + visit.timeouts.ask_again_s)


def _whole(seconds: float) -> int:
    return round(seconds * 1_000_000) // 1_000_000
