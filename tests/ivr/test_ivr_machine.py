"""The voice on the phone, as a table of what is keyed and what comes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ivr import values as v
from gateway.ivr.machine import Stage
from gateway.ivr.values import Line
from gateway.money import Money
from gateway.policy.decision import Refusal
from gateway.policy.ivr import IvrRules
from tests.ivr.stage import RIGHT_PIN, Caller

PIN_ALONE = IvrRules()
EVERYTHING = IvrRules(languages=("en", "es"), pin=True, number=True, consent=True)
NOTICE = v.Notice(seconds=1200, balance=Money(7_250_000, "USD"), recorded=True, monitored=True)


def test_a_caller_who_does_everything_right() -> None:
    caller = Caller(EVERYTHING)
    assert caller.said == (Line.WELCOME, Line.CHOOSE_LANGUAGE)
    caller.keys("2")
    assert (caller.said, caller.language) == ((Line.ENTER_ID,), "es")
    caller.keys("10042#")
    assert caller.said == (Line.ENTER_PIN,)
    caller.keys(RIGHT_PIN + "#")
    assert caller.wanted == [v.CheckPin("10042", RIGHT_PIN)]
    caller.hears(v.PinRight(numbers=("5552368001", "5552369000")))
    assert caller.said == (
        Line.ENTER_NUMBER,
        *(Line.PRESS, v.Digits("1"), Line.FOR_NUMBER_ENDING, v.Digits("8001")),
        *(Line.PRESS, v.Digits("2"), Line.FOR_NUMBER_ENDING, v.Digits("9000")),
    )
    caller.keys("2")
    caller.waits()  # a single key may be the first of a number: it counts when no other follows
    assert caller.wanted[-1] == v.Decide("10042", "5552369000")
    caller.hears(v.Granted(NOTICE))
    assert caller.said == (
        Line.YOUR_BALANCE,
        v.Amount(Money(7_250_000, "USD")),
        Line.TIME_ALLOWED,
        v.Minutes(20),
        Line.RECORDED,
        Line.MONITORED,
        Line.ACCEPT,
    )
    caller.keys("1")
    assert (caller.wanted[-1], caller.stage) == (v.Proceed(), Stage.DONE)


def test_a_number_keyed_in_full() -> None:
    caller = Caller(IvrRules(pin=False, number=True))
    caller.keys("5552368001#")
    assert caller.wanted == [v.Decide("", "5552368001")]


def test_where_nothing_is_asked_the_notice_is_said_and_the_call_goes_on() -> None:
    caller = Caller(IvrRules(pin=False))
    assert (caller.said, caller.wanted) == ((Line.WELCOME,), [v.Decide("", "5552368001")])
    caller.hears(v.Granted(v.Notice(seconds=600, recorded=True)))
    assert caller.said == (Line.TIME_ALLOWED, v.Minutes(10), Line.RECORDED, Line.CONNECTING)
    caller.listens()
    assert caller.wanted[-1] == v.Proceed()


def test_a_privileged_call_is_told_that_nobody_listens() -> None:
    caller = Caller(IvrRules(pin=False))
    caller.hears(v.Granted(v.Notice(seconds=3600, privileged=True)))
    assert Line.PRIVILEGED in caller.said
    assert not {Line.RECORDED, Line.MONITORED} & set(caller.said)


def test_three_wrong_pins() -> None:
    caller = Caller(PIN_ALONE)
    for tried in range(1, 4):
        caller.keys("10042#")
        caller.keys("1111#")
        caller.hears(v.PinWrong())
        if tried < 3:
            assert caller.said == (Line.WRONG, Line.ENTER_ID), "the id again, so that nobody learns which was wrong"
    assert caller.said == (v.Why(Refusal.PIN), Line.GOODBYE)
    assert caller.stage is Stage.FAREWELL
    caller.listens()
    assert (caller.wanted[-1], caller.stage) == (v.GiveUp(Refusal.PIN), Stage.DONE)


def test_a_right_pin_after_a_wrong_one() -> None:
    caller = Caller(PIN_ALONE)
    caller.keys("10042#1111#")
    caller.hears(v.PinWrong())
    caller.keys("10042#" + RIGHT_PIN + "#")
    caller.hears(v.PinRight(language="es"))
    assert caller.wanted[-1] == v.Decide("10042", "5552368001")
    assert caller.ivr.language == "en", "Spanish is none of this facility's languages"


def test_a_locked_resident_is_told_so_and_let_go() -> None:
    caller = Caller(PIN_ALONE)
    caller.keys("10042#1111#")
    caller.hears(v.PinLocked())
    assert caller.said == (v.Why(Refusal.LOCKED_OUT), Line.GOODBYE)
    caller.waits()
    assert caller.wanted[-1] == v.GiveUp(Refusal.LOCKED_OUT)


@pytest.mark.parametrize(
    ("keyed", "refusal"),
    [("", Refusal.NO_INPUT), ("10042#", Refusal.NO_INPUT)],
    ids=["nothing at all", "an id and then nothing"],
)
def test_a_silent_caller(keyed: str, refusal: Refusal) -> None:
    caller = Caller(PIN_ALONE)
    caller.keys(keyed)
    for _ in range(2):
        caller.listens()
        caller.waits()
        assert caller.said[0] is Line.NOTHING_HEARD
    caller.listens()
    caller.waits()
    assert caller.said == (v.Why(refusal), Line.GOODBYE)


def test_a_prompt_whose_end_is_never_heard_of_waits_no_longer_than_prompts_last() -> None:
    caller = Caller(PIN_ALONE)
    assert caller.ivr.deadline_at_s == caller.now_s + PIN_ALONE.prompt_s


def test_who_chooses_no_language_gets_the_first() -> None:
    caller = Caller(EVERYTHING)
    for _ in range(3):
        caller.listens()
        caller.waits()
    assert (caller.said, caller.language) == ((Line.ENTER_ID,), "en")


def test_what_was_typed_too_short_or_taken_back() -> None:
    caller = Caller(PIN_ALONE)
    caller.keys("12#")
    assert caller.said == (Line.WRONG, Line.ENTER_ID)
    caller.keys("99*10042#")
    caller.keys("24682468")
    assert caller.wanted == [v.CheckPin("10042", "24682468")], "eight digits are all there can be"


def test_keys_that_are_waited_for_no_longer_than_between_two_keys() -> None:
    caller = Caller(PIN_ALONE)
    caller.keys("10042")
    caller.waits()
    assert caller.said == (Line.ENTER_PIN,)


def test_the_first_key_ends_what_is_being_said() -> None:
    caller = Caller(PIN_ALONE)
    assert caller.keys("1") == (v.Hush(),)
    assert caller.keys("0") == ()


def test_the_notice_is_refused_by_key_by_silence_and_by_other_keys() -> None:
    for answer in ("2", "", "999"):
        caller = Caller(IvrRules(pin=False, consent=True))
        caller.hears(v.Granted(NOTICE))
        caller.keys(answer)
        while caller.stage is Stage.NOTICE:
            caller.waits()
        assert caller.ivr.refusal is Refusal.CONSENT, answer


def test_a_refusal_is_said_in_words_before_the_call_ends() -> None:
    caller = Caller(IvrRules(pin=False))
    caller.hears(v.Denied(Refusal.HOURS))
    assert caller.said == (v.Why(Refusal.HOURS), Line.GOODBYE)
    assert caller.hears(v.SaidAll(caller.ivr.turn - 1)) == (), "an earlier sentence's end ends nothing"
    caller.listens()
    assert caller.wanted[-1] == v.GiveUp(Refusal.HOURS)


def test_a_caller_who_keeps_the_line_busy_is_let_go() -> None:
    caller = Caller(PIN_ALONE)
    while caller.stage is Stage.ID:
        caller.keys("1*")
    assert caller.ivr.refusal is Refusal.NO_INPUT
    assert caller.now_s <= 100 + PIN_ALONE.at_most_s + 1


HEARD = st.one_of(
    st.builds(v.Key, st.sampled_from("0123456789*#AD")),
    st.builds(v.SaidAll, st.integers(0, 20)),
    st.just(v.Due()),
    st.builds(v.PinRight, st.sampled_from(["", "es", "xx"]), st.just(("5552368001",) * 12)),
    st.just(v.PinWrong()),
    st.just(v.PinLocked()),
    st.just(v.Granted(NOTICE)),
    st.builds(v.Denied, st.sampled_from(list(Refusal))),
)
RULES = st.builds(
    IvrRules,
    languages=st.sampled_from([("en",), ("en", "es")]),
    pin=st.booleans(),
    number=st.booleans(),
    consent=st.booleans(),
)


@given(RULES, st.lists(HEARD, max_size=60))
def test_whatever_is_heard_it_ends_once_and_rings_nobody_unasked(rules: IvrRules, heard: list[v.Heard]) -> None:
    caller = Caller(rules)
    for each in heard:
        caller.now_s += 1
        caller.hears(each)
    while caller.stage not in (Stage.CHECKING, Stage.DECIDING, Stage.DONE):
        caller.waits()
    if caller.stage is Stage.DONE:
        endings = [each for each in caller.wanted if isinstance(each, v.Proceed | v.GiveUp)]
        assert len(endings) == 1
        assert endings == [caller.wanted[-1]]
    if v.Proceed() in caller.wanted:
        asked = [type(each) for each in caller.wanted]
        assert v.Decide in asked
        assert (v.CheckPin in asked) == rules.pin
        assert caller.ivr.notice is not None
    decided = [each for each in caller.wanted if isinstance(each, v.Decide)]
    assert all(bool(each.resident) == rules.pin for each in decided)


@given(st.text("0123456789", min_size=4, max_size=8))
def test_what_was_keyed_never_shows(pin: str) -> None:
    caller = Caller(IvrRules(id_digits=(12, 12)))
    caller.keys("987654321098")
    shown = [repr(caller.ivr)]
    caller.keys(pin)
    shown += [repr(caller.ivr), repr(v.Key("7")), repr(v.CheckPin("987654321098", pin))]
    assert not [each for each in shown if "987654321098" in each or f"'{pin}'" in each]
