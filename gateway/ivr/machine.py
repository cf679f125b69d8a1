"""One step of the voice: what was heard in, the state after it and what is wanted out. Pure.

    GREETING -> LANGUAGE -> ID -> PIN -> CHECKING -> NUMBER -> DECIDING -> NOTICE -> DONE
    (asked where there is something to ask; whatever goes wrong leads to FAREWELL, which says why, and to DONE)

Who is silent is asked again, `tries` times. Who is wrong begins again with the id, so that nobody learns whether the id
or the PIN was wrong. A key ends what is being said. `#` ends what is typed, `*` takes it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from gateway.ivr import values as v
from gateway.ivr.values import Line
from gateway.policy.decision import Refusal
from gateway.policy.ivr import IvrRules

MOST_CHOICES = 9  # a menu's keys are 1 to 9
LAST_DIGITS = 4
LONGEST_NUMBER = 20
ACCEPT, REFUSE = "1", "2"


class Stage(StrEnum):
    GREETING = "greeting"  # nobody can hear anything yet
    LANGUAGE = "language"
    ID = "id"
    PIN = "pin"
    CHECKING = "checking"
    NUMBER = "number"
    DECIDING = "deciding"
    NOTICE = "notice"
    FAREWELL = "farewell"
    DONE = "done"


ASKING = (Stage.LANGUAGE, Stage.ID, Stage.PIN, Stage.NUMBER, Stage.NOTICE)
"""Stages in which a key is waited for."""


@dataclass(frozen=True, slots=True)
class Ivr:
    """dialled: what the INVITE asked for. resident: who it is, as far as the house knows without asking.

    typed: since the last prompt. silences, mistakes: so far. turn: of what is being said.
    deadline_at_s: when Due comes; None: never.
    """

    rules: IvrRules
    began_at_s: float
    dialled: str = field(repr=False)
    resident: str = field(default="", repr=False)
    language: str = ""
    stage: Stage = Stage.GREETING
    typed: str = field(default="", repr=False)
    numbers: tuple[str, ...] = field(default=(), repr=False)
    notice: v.Notice | None = None
    silences: int = 0
    mistakes: int = 0
    refusal: Refusal | None = None
    turn: int = 0
    deadline_at_s: float | None = None

    @property
    def all_over_at_s(self) -> float:
        return self.began_at_s + self.rules.at_most_s


Step = tuple[Ivr, tuple[v.Wanted, ...]]


def fresh(rules: IvrRules, dialled: str, now_s: float, resident: str = "") -> Ivr:
    return Ivr(rules, now_s, dialled, resident, language=rules.languages[0])


def step(ivr: Ivr, heard: v.Heard, now_s: float) -> Step:
    """Total: what comes when nothing waits for it changes nothing."""
    if ivr.stage in ASKING and now_s >= ivr.all_over_at_s:
        return _farewell(ivr, Refusal.NO_INPUT, now_s)
    if not _is_awaited(ivr, heard):
        return ivr, ()
    after, wanted = _step(ivr, heard, now_s)
    if after.stage in ASKING and after.deadline_at_s is not None:
        after = replace(after, deadline_at_s=min(after.deadline_at_s, after.all_over_at_s))
    return after, wanted


def _step(ivr: Ivr, heard: v.Heard, now_s: float) -> Step:  # noqa: PLR0911 - a dictionary, one line a word
    match heard:
        case v.Ready():
            first = Stage.LANGUAGE if len(ivr.rules.languages) > 1 else _after_language(ivr)
            return _enter(ivr, first, now_s, Line.WELCOME)
        case v.Key(digit):
            return _key(ivr, digit, now_s)
        case v.SaidAll():
            return _said(ivr, now_s)
        case v.Due():
            return _due(ivr, now_s)
        case v.Granted(notice):
            return _enter(replace(ivr, notice=notice), Stage.NOTICE, now_s)
        case v.Denied(refusal):
            return _farewell(ivr, refusal, now_s)
        case _:
            return _checked(ivr, heard, now_s)


_AWAITED: Mapping[type[v.Heard], tuple[Stage, ...]] = MappingProxyType(
    {
        v.Ready: (Stage.GREETING,),
        v.Key: ASKING,
        v.SaidAll: tuple(Stage),
        v.Due: tuple(Stage),
        v.PinRight: (Stage.CHECKING,),
        v.PinWrong: (Stage.CHECKING,),
        v.PinLocked: (Stage.CHECKING,),
        v.Granted: (Stage.DECIDING,),
        v.Denied: (Stage.CHECKING, Stage.DECIDING),
    }
)


def _is_awaited(ivr: Ivr, heard: v.Heard) -> bool:
    if isinstance(heard, v.SaidAll) and heard.turn != ivr.turn:  # of a sentence that gave way to another
        return False
    return ivr.stage in _AWAITED[type(heard)]


# ---- from stage to stage ----


def _after_language(ivr: Ivr) -> Stage:
    return Stage.ID if ivr.rules.pin else _after_pin(ivr)


def _after_pin(ivr: Ivr) -> Stage:
    return Stage.NUMBER if ivr.rules.number else Stage.DECIDING


def _enter(ivr: Ivr, stage: Stage, now_s: float, *before: v.Phrase) -> Step:
    """before: said first, and not again when the question is asked again."""
    after = replace(ivr, stage=stage, typed="", silences=0)
    if stage is Stage.DECIDING:
        decide = v.Decide(after.resident, after.dialled)
        after = replace(after, deadline_at_s=None)
        if not before:
            return after, (v.Hush(), decide)
        after, said = _say(after, before)
        return after, (*said, decide)
    return _ask(after, now_s, *before)


def _ask(ivr: Ivr, now_s: float, *before: v.Phrase) -> Step:
    after = replace(ivr, typed="", deadline_at_s=now_s + ivr.rules.prompt_s)
    return _say(after, (*before, *_question(after)))


def _say(ivr: Ivr, phrases: tuple[v.Phrase, ...]) -> Step:
    after = replace(ivr, turn=ivr.turn + 1)
    return after, (v.Say(phrases, ivr.language, after.turn),)


def _question(ivr: Ivr) -> tuple[v.Phrase, ...]:
    match ivr.stage:
        case Stage.LANGUAGE:
            return (Line.CHOOSE_LANGUAGE,)
        case Stage.ID:
            return (Line.ENTER_ID,)
        case Stage.PIN:
            return (Line.ENTER_PIN,)
        case Stage.NUMBER:
            return (Line.ENTER_NUMBER, *_menu(ivr.numbers))
        case Stage.NOTICE:
            return _notice(ivr)
        case _:
            return ()


def _menu(numbers: tuple[str, ...]) -> tuple[v.Phrase, ...]:
    phrases: list[v.Phrase] = []
    for position, number in enumerate(numbers[:MOST_CHOICES], 1):
        ending = v.Digits(number[-LAST_DIGITS:])
        phrases += [Line.PRESS, v.Digits(str(position)), Line.FOR_NUMBER_ENDING, ending]
    return tuple(phrases)


def _notice(ivr: Ivr) -> tuple[v.Phrase, ...]:
    notice = ivr.notice
    if notice is None:  # the stage is entered with one; said for the type checker
        return ()
    phrases: list[v.Phrase] = []
    if notice.balance is not None:
        phrases += [Line.YOUR_BALANCE, v.Amount(notice.balance)]
    if notice.seconds >= 60:
        phrases += [Line.TIME_ALLOWED, v.Minutes(notice.seconds // 60)]
    if notice.privileged:
        phrases.append(Line.PRIVILEGED)
    if notice.recorded:
        phrases.append(Line.RECORDED)
    if notice.monitored:
        phrases.append(Line.MONITORED)
    phrases.append(Line.ACCEPT if ivr.rules.consent else Line.CONNECTING)
    return tuple(phrases)


# ---- keys ----


def _key(ivr: Ivr, digit: str, now_s: float) -> Step:
    waiting = replace(ivr, deadline_at_s=now_s + ivr.rules.key_s)
    match ivr.stage, digit:
        case Stage.LANGUAGE, _:
            return _language(waiting, digit, now_s)
        case Stage.NOTICE, _:
            return _consent(waiting, digit, now_s)
        case _, "*":
            return _ask(ivr, now_s)
        case _, "#":
            return _typed(ivr, now_s)
        case _ if digit.isdigit():
            return _digit(waiting, digit, now_s)
        case _:  # A to D: no telephone of today sends them on purpose
            return ivr, ()


def _digit(ivr: Ivr, digit: str, now_s: float) -> Step:
    after = replace(ivr, typed=ivr.typed + digit)
    if len(after.typed) >= _most(after):
        return _typed(after, now_s)
    return after, (v.Hush(),) if len(after.typed) == 1 else ()


def _most(ivr: Ivr) -> int:
    match ivr.stage:
        case Stage.ID:
            return ivr.rules.id_digits[1]
        case Stage.PIN:
            return ivr.rules.pin_digits[1]
        case _:
            return LONGEST_NUMBER


def _language(ivr: Ivr, digit: str, now_s: float) -> Step:
    languages = ivr.rules.languages
    if not digit.isdigit() or not 1 <= int(digit) <= len(languages):
        return _wrong(ivr, Refusal.NO_INPUT, now_s)
    chosen = replace(ivr, language=languages[int(digit) - 1])
    return _enter(chosen, _after_language(chosen), now_s)


def _consent(ivr: Ivr, digit: str, now_s: float) -> Step:
    if not ivr.rules.consent:  # nothing was asked: a key ends the notice, and that is all that it does
        return ivr, ()
    if digit == ACCEPT:
        return _proceed(ivr)
    return _farewell(ivr, Refusal.CONSENT, now_s) if digit == REFUSE else _wrong(ivr, Refusal.CONSENT, now_s)


def _typed(ivr: Ivr, now_s: float) -> Step:
    """What was typed is complete."""
    if not ivr.typed:
        return _silent(ivr, now_s)
    match ivr.stage:
        case Stage.ID:
            if len(ivr.typed) < ivr.rules.id_digits[0]:
                return _wrong(ivr, Refusal.PIN, now_s)
            return _enter(replace(ivr, resident=ivr.typed), Stage.PIN, now_s)
        case Stage.PIN:
            check = v.CheckPin(ivr.resident, ivr.typed)
            return replace(ivr, stage=Stage.CHECKING, typed="", deadline_at_s=None), (v.Hush(), check)
        case _:
            chosen = replace(ivr, dialled=_number(ivr))
            return _enter(chosen, Stage.DECIDING, now_s)


def _number(ivr: Ivr) -> str:
    """A single digit is a place in the menu; anything longer is a number."""
    place = int(ivr.typed) if len(ivr.typed) == 1 else 0
    return ivr.numbers[place - 1] if 1 <= place <= min(len(ivr.numbers), MOST_CHOICES) else ivr.typed


# ---- answers of the house ----


def _checked(ivr: Ivr, answer: v.PinRight | v.PinWrong | v.PinLocked, now_s: float) -> Step:
    if isinstance(answer, v.PinLocked):
        return _farewell(ivr, Refusal.LOCKED_OUT, now_s)
    if isinstance(answer, v.PinWrong):
        again = replace(ivr, resident="", stage=Stage.ID)
        return _wrong(again, Refusal.PIN, now_s)
    language = answer.language if answer.language in ivr.rules.languages else ivr.language
    known = replace(ivr, numbers=answer.numbers, language=language, mistakes=0)
    return _enter(known, _after_pin(known), now_s)


# ---- what goes wrong ----


def _wrong(ivr: Ivr, refusal: Refusal, now_s: float) -> Step:
    after = replace(ivr, mistakes=ivr.mistakes + 1)
    if after.mistakes >= ivr.rules.tries:
        return _farewell(after, refusal, now_s)
    return _ask(after, now_s, Line.WRONG)


def _silent(ivr: Ivr, now_s: float) -> Step:
    after = replace(ivr, silences=ivr.silences + 1)
    if after.silences < ivr.rules.tries:
        return _ask(after, now_s, Line.NOTHING_HEARD)
    if ivr.stage is Stage.LANGUAGE:  # the first language is everybody's, and there are more questions to be silent to
        return _enter(after, _after_language(after), now_s)
    return _farewell(after, Refusal.CONSENT if ivr.stage is Stage.NOTICE else Refusal.NO_INPUT, now_s)


def _farewell(ivr: Ivr, refusal: Refusal, now_s: float) -> Step:
    after = replace(ivr, stage=Stage.FAREWELL, typed="", refusal=refusal, deadline_at_s=now_s + ivr.rules.prompt_s)
    return _say(after, (v.Why(refusal), Line.GOODBYE))


def _proceed(ivr: Ivr) -> Step:
    return replace(ivr, stage=Stage.DONE, deadline_at_s=None), (v.Hush(), v.Proceed())


# ---- time ----


def _said(ivr: Ivr, now_s: float) -> Step:
    if ivr.stage is Stage.FAREWELL:
        return _leave(ivr)
    if ivr.stage is Stage.NOTICE and not ivr.rules.consent:
        return _proceed(ivr)
    if ivr.stage in ASKING and not ivr.typed:
        return replace(ivr, deadline_at_s=now_s + ivr.rules.answer_s), ()
    return ivr, ()


def _due(ivr: Ivr, now_s: float) -> Step:
    if ivr.stage is Stage.FAREWELL:
        return _leave(ivr)
    if ivr.stage is Stage.NOTICE and not ivr.rules.consent:
        return _proceed(ivr)
    if ivr.stage not in ASKING:
        return replace(ivr, deadline_at_s=None), ()
    return _typed(ivr, now_s) if ivr.typed else _silent(ivr, now_s)


def _leave(ivr: Ivr) -> Step:
    done = replace(ivr, stage=Stage.DONE, deadline_at_s=None)
    return done, (v.GiveUp(ivr.refusal),) if ivr.refusal else ()
