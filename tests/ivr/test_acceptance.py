"""The voice on a family's telephone, as a table of what is keyed and what comes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ivr import values as v
from gateway.ivr.acceptance import Acceptance, Stage, begin, step
from gateway.ivr.values import Line, Outcome

NOTICE = v.Notice(seconds=1200, recorded=True, monitored=True)


class Listener:
    """Who has taken up the receiver."""

    def __init__(self, acceptance: Acceptance) -> None:
        self.now_s = 100.0
        self.wanted: list[object] = []
        self.acceptance, wanted = begin(acceptance, self.now_s)
        self.wanted += wanted

    @property
    def said(self) -> tuple[v.Phrase, ...]:
        return next(each.phrases for each in reversed(self.wanted) if isinstance(each, v.Say))

    def hears(self, heard: v.Key | v.SaidAll | v.Due) -> None:
        self.acceptance, wanted = step(self.acceptance, heard, self.now_s)
        self.wanted += wanted

    def presses(self, digits: str) -> None:
        for each in digits:
            self.hears(v.Key(each))

    def listens(self) -> None:
        self.hears(v.SaidAll(self.acceptance.turn))

    def waits(self) -> None:
        """Until the voice has waited long enough."""
        assert self.acceptance.deadline_at_s is not None
        self.now_s = self.acceptance.deadline_at_s
        self.hears(v.Due())


@pytest.fixture
def listener() -> Listener:
    return Listener(Acceptance("es", NOTICE, "10042"))


def test_who_calls_and_what_the_visit_is_then_the_key(listener: Listener) -> None:
    assert listener.wanted == [
        v.Say(
            (Line.FROM_FACILITY, Line.RESIDENT_NUMBER, v.Digits("10042"), Line.RECORDED, Line.MONITORED, Line.ACCEPT),
            "es",
            1,
        )
    ]
    listener.presses("1")
    assert listener.wanted[1:] == [v.Hush(), v.Proceed()]
    assert listener.acceptance.deadline_at_s is None


def test_a_private_visit_is_announced_as_one() -> None:
    assert Listener(Acceptance("en", v.Notice(60, privileged=True))).said == (
        Line.FROM_FACILITY,
        Line.PRIVILEGED,
        Line.ACCEPT,
    )


def test_key_2_is_thanked_for(listener: Listener) -> None:
    listener.presses("2")
    assert listener.said == (Line.GOODBYE,)
    listener.presses("1")
    assert not any(isinstance(each, v.Proceed) for each in listener.wanted), "no is no"
    listener.listens()
    assert listener.wanted[-1] == v.NotAccepted(Outcome.DECLINED)


def test_another_key_is_no_yes(listener: Listener) -> None:
    listener.presses("9")
    assert listener.said[:2] == (Line.WRONG, Line.FROM_FACILITY)
    listener.presses("#")
    assert listener.said == (Line.GOODBYE,)
    listener.waits()
    assert listener.wanted[-1] == v.NotAccepted(Outcome.NO_KEY)


def test_who_is_silent_hears_it_twice_and_is_let_go(listener: Listener) -> None:
    began_at_s = listener.now_s
    listener.listens()
    listener.waits()
    assert listener.said[0] == Line.FROM_FACILITY
    listener.listens()
    listener.waits()
    assert listener.said == (Line.GOODBYE,)
    listener.listens()
    assert listener.wanted[-1] == v.NotAccepted(Outcome.NO_KEY)
    assert listener.now_s - began_at_s == 12.0


def test_a_voice_that_never_ends_does_not_wait_for_ever(listener: Listener) -> None:
    listener.waits()
    listener.waits()
    listener.waits()
    assert listener.acceptance.stage is Stage.DONE


def test_the_end_of_a_sentence_that_gave_way_means_nothing(listener: Listener) -> None:
    deadline_at_s = listener.acceptance.deadline_at_s
    listener.presses("9")
    listener.hears(v.SaidAll(1))
    assert listener.acceptance.turn == 2
    assert listener.acceptance.deadline_at_s == deadline_at_s


HEARD = st.one_of(st.sampled_from("0123456789*#ABCD").map(v.Key), st.integers(0, 5).map(v.SaidAll), st.just(v.Due()))


@given(st.lists(HEARD, max_size=20))
def test_it_ends_once_and_joins_by_key_1_alone(happened: list[v.Key | v.SaidAll | v.Due]) -> None:
    listener = Listener(Acceptance("en", NOTICE))
    for each in happened:
        before = listener.acceptance.stage
        listener.hears(each)
        if before is not Stage.DONE and v.Proceed() in listener.wanted:
            assert each == v.Key("1")
    ends = [each for each in listener.wanted if isinstance(each, v.Proceed | v.NotAccepted)]
    assert len(ends) == (listener.acceptance.stage is Stage.DONE)


def test_no_number_shows(listener: Listener) -> None:
    assert "10042" not in repr(listener.acceptance)
