"""What the call machine knows of a visit. Values; instants are seconds of the monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.call.events import Authorised
from gateway.call.meter import Meter, Mode
from gateway.call.termination import Reason, Termination


class State(StrEnum):
    """The value is the word that staff see."""

    REQUESTED = "dialing"  # the INVITE is here, nothing is decided yet
    RINGING = "ringing"  # allowed, paid for, the family is being rung
    CONNECTING = "connecting"  # accepted; media has not gone both ways yet
    TALKING = "talking"
    HELD = "held"  # by the station
    RECONNECTING = "reconnecting"  # the browser is gone and may come back
    ENDING = "ending"  # over for everybody; the record is being written
    ENDED = "ended"  # the record is written


class Line(StrEnum):
    """How far the SIP dialog is, as far as ending it needs to know."""

    PENDING = "pending"  # no final response yet: it ends with an error code
    ANSWERED = "answered"  # it ends with BYE
    GONE = "gone"  # the station ended it


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. warning_s 0: no warning. farewell_s: before the end, so that it is said in time; 0: not said."""

    ring_s: float = 45.0
    connect_s: float = 30.0
    reconnect_s: float = 30.0
    warning_s: int = 60
    clock_every_s: float = 5.0
    farewell_s: float = 3.0


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
    """flowing: what the media said last. held: what the station said last, also while the browser is away."""

    timeouts: Timeouts
    entered_at_s: float
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
    termination: Termination | None = None

    @property
    def is_over(self) -> bool:
        return self.state in (State.ENDING, State.ENDED)

    def meter_mode(self) -> Mode:
        """What a second counts as in this state."""
        if self.is_over or self.marks.media_start_at_s is None:
            return Mode.IDLE
        if self.held:
            return Mode.HELD
        return Mode.USABLE if self.state is State.TALKING and self.flowing else Mode.BROKEN


@dataclass(frozen=True, slots=True)
class End:
    """When the visit will end if nothing changes, and why."""

    at_s: float
    reason: Reason


def end_in_sight(visit: VisitState) -> End | None:
    """The first of: the money (while the meter runs), the time limit and the hours (on the wall clock)."""
    if visit.allowance is None or visit.is_over:
        return None
    ends: list[End] = []
    runs_out_at_s = visit.meter.runs_out_at_s()
    if runs_out_at_s is not None:
        ends.append(End(runs_out_at_s, _spent(visit.allowance)))
    began_at_s = visit.marks.media_start_at_s
    if began_at_s is None and visit.held:
        began_at_s = visit.marks.answered_at_s  # on hold from the start, and perhaps for ever
    if began_at_s is not None:
        ends.append(End(began_at_s + visit.allowance.max_s, Reason.TIME_LIMIT))
    if visit.allowance.closes_at_s is not None and visit.state not in (State.REQUESTED, State.RINGING):
        ends.append(End(visit.allowance.closes_at_s, Reason.SCHEDULE_END))
    return min(ends, key=lambda each: each.at_s, default=None)


def seconds_left(visit: VisitState, now_s: float) -> int:
    """Whole seconds of talk that are left at most: of the money, of the time limit and of the hours."""
    if visit.allowance is None or visit.is_over:
        return 0
    started_at_s = visit.marks.media_start_at_s
    left = [visit.meter.left_s(now_s), visit.allowance.max_s]
    if started_at_s is not None:
        left.append(_whole(started_at_s + visit.allowance.max_s - now_s))
    if visit.allowance.closes_at_s is not None:
        left.append(_whole(visit.allowance.closes_at_s - now_s))
    return max(0, min(left))


def _spent(allowance: Authorised) -> Reason:
    return Reason.BALANCE_EXHAUSTED if allowance.limited_by_balance else Reason.TIME_LIMIT


def _whole(seconds: float) -> int:
    return round(seconds * 1_000_000) // 1_000_000
