"""One step of the voice on a family's telephone: who calls, what the visit is, and whether the call is accepted. Pure.

    ASKING -> DONE                 by key 1
           -> FAREWELL -> DONE     by key 2, by other keys, by silence

A voice mail, a child and a wrong number press nothing, and whoever presses nothing is not connected. A key ends what is
being said.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from gateway.ivr import values as v
from gateway.ivr.values import Line, Outcome

ACCEPT, REFUSE = "1", "2"


class Stage(StrEnum):
    ASKING = "asking"
    FAREWELL = "farewell"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. prompt_s: at most, for what is said once. answer_s: after it, for the key.

    rounds: how often it is said.
    """

    prompt_s: float = 30.0
    answer_s: float = 6.0
    rounds: int = 2


PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Acceptance:
    """resident: the id of who calls, digits that are said; empty: not known, or not made of digits.

    round: how often it was asked. turn: of what is being said. deadline_at_s: when Due comes; None: never.
    outcome: what it came to, once that is known.
    """

    language: str
    notice: v.Notice
    resident: str = field(default="", repr=False)
    patience: Patience = PATIENCE
    stage: Stage = Stage.ASKING
    round: int = 1
    turn: int = 0
    deadline_at_s: float | None = None
    outcome: Outcome | None = None


Step = tuple[Acceptance, tuple[v.Say | v.Hush | v.Proceed | v.NotAccepted, ...]]


def begin(acceptance: Acceptance, now_s: float) -> Step:
    """The telephone was answered, and can hear."""
    return _ask(acceptance, now_s, *_who_calls(acceptance))


def step(acceptance: Acceptance, heard: v.Key | v.SaidAll | v.Due, now_s: float) -> Step:
    """Total: what comes when nothing waits for it changes nothing."""
    if acceptance.stage is Stage.DONE:
        return acceptance, ()
    match heard:
        case v.SaidAll(turn):
            return _said(acceptance, turn, now_s)
        case v.Due():
            return _due(acceptance, now_s)
        case v.Key(digit) if acceptance.stage is Stage.ASKING:
            return _key(acceptance, digit, now_s)
        case _:
            return acceptance, ()


def _who_calls(acceptance: Acceptance) -> tuple[v.Phrase, ...]:
    if acceptance.resident:
        return (Line.FROM_FACILITY, Line.RESIDENT_NUMBER, v.Digits(acceptance.resident))
    return (Line.FROM_FACILITY,)


def _ask(acceptance: Acceptance, now_s: float, *before: v.Phrase) -> Step:
    notice = acceptance.notice
    phrases = list(before)
    if notice.privileged:
        phrases.append(Line.PRIVILEGED)
    if notice.recorded:
        phrases.append(Line.RECORDED)
    if notice.monitored:
        phrases.append(Line.MONITORED)
    return _say(acceptance, (*phrases, Line.ACCEPT), now_s)


def _say(acceptance: Acceptance, phrases: tuple[v.Phrase, ...], now_s: float) -> Step:
    deadline_at_s = now_s + acceptance.patience.prompt_s
    after = replace(acceptance, turn=acceptance.turn + 1, deadline_at_s=deadline_at_s)
    return after, (v.Say(phrases, after.language, after.turn),)


def _key(acceptance: Acceptance, digit: str, now_s: float) -> Step:
    if digit == ACCEPT:
        done = replace(acceptance, stage=Stage.DONE, deadline_at_s=None, outcome=Outcome.ACCEPTED)
        return done, (v.Hush(), v.Proceed())
    if digit == REFUSE:
        return _farewell(acceptance, Outcome.DECLINED, now_s)
    return _again(acceptance, now_s, Line.WRONG)


def _again(acceptance: Acceptance, now_s: float, *before: v.Phrase) -> Step:
    """Whoever has just taken up the receiver has missed the beginning: everything is said once more."""
    if acceptance.round >= acceptance.patience.rounds:
        return _farewell(acceptance, Outcome.NO_KEY, now_s)
    after = replace(acceptance, round=acceptance.round + 1)
    return _ask(after, now_s, *before, *_who_calls(after))


def _farewell(acceptance: Acceptance, outcome: Outcome, now_s: float) -> Step:
    after = replace(acceptance, stage=Stage.FAREWELL, outcome=outcome)
    return _say(after, (Line.GOODBYE,), now_s)


def _said(acceptance: Acceptance, turn: int, now_s: float) -> Step:
    if turn != acceptance.turn:  # of a sentence that gave way to another
        return acceptance, ()
    if acceptance.stage is Stage.FAREWELL:
        return _leave(acceptance)
    return replace(acceptance, deadline_at_s=now_s + acceptance.patience.answer_s), ()


def _due(acceptance: Acceptance, now_s: float) -> Step:
    if acceptance.stage is Stage.FAREWELL:
        return _leave(acceptance)
    return _again(acceptance, now_s)


def _leave(acceptance: Acceptance) -> Step:
    done = replace(acceptance, stage=Stage.DONE, deadline_at_s=None)
    return done, (v.NotAccepted(acceptance.outcome or Outcome.NO_KEY),)
