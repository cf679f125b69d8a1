"""A key is one key, though the station tells of it in RTP, by INFO, or both."""

from __future__ import annotations

import pytest

from bridge import DtmfKey, Side, WebConnected
from gateway.call.keypad import Keypad
from sip import Dtmf


class Hand:
    """Tells of presses at instants; `told` has what was passed on."""

    def __init__(self) -> None:
        self.keypad = Keypad()
        self.told = ""

    def rtp(self, digit: str, now_s: float, ms: int = 100) -> None:
        self._tell(DtmfKey(Side.SIP, digit, ms), now_s)

    def info(self, digit: str, now_s: float, ms: int = 160) -> None:
        self._tell(Dtmf(digit, ms), now_s)

    def _tell(self, event: Dtmf | DtmfKey, now_s: float) -> None:
        if self.keypad.is_new(event, now_s):
            self.told += event.digit


@pytest.mark.parametrize("info_first", [False, True])
def test_a_press_told_both_ways_is_one(info_first: bool) -> None:
    hand = Hand()
    for at_s in (10.0, 12.0, 14.0):
        hand.info("5", at_s) if info_first else hand.rtp("5", at_s)
        hand.rtp("5", at_s + 0.1) if info_first else hand.info("5", at_s + 0.1)
    assert hand.told == "555"


def test_fast_presses_told_both_ways_are_matched_one_by_one() -> None:
    hand = Hand()
    for number in range(4):
        hand.info("1", 10.0 + number * 0.2)
    for number in range(4):
        hand.rtp("1", 10.5 + number * 0.2)
    assert hand.told == "1111"


def test_presses_told_one_way_are_all_told() -> None:
    hand = Hand()
    for number in range(3):
        hand.rtp("1", 10.0 + number * 0.2)
        hand.rtp("2", 10.1 + number * 0.2)
    assert hand.told == "121212"


def test_other_keys_and_other_times_are_other_presses() -> None:
    hand = Hand()
    hand.rtp("1", 10.0)
    hand.info("2", 10.1)
    hand.info("1", 13.0)
    assert hand.told == "121"


def test_a_long_press_told_by_info_at_its_beginning_is_one() -> None:
    hand = Hand()
    hand.info("0", 10.0)
    hand.rtp("0", 18.2, ms=8000)
    assert hand.told == "0"


def test_keys_of_the_family_and_all_else_pass() -> None:
    keypad = Keypad()
    assert [keypad.is_new(each, 1.0) for each in (Dtmf("1", 100), DtmfKey(Side.WEB, "1", 100))] == [True, True]
    assert keypad.is_new(WebConnected(), 1.0)
