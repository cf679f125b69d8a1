"""Signs that somebody else is to be brought into a visit."""

from __future__ import annotations

import pytest

from bridge import DtmfKey, Side
from gateway.call import events as e
from gateway.call.threeway import ThreeWaySigns
from sip import ConferenceSeen, Dtmf, Info

CODES = ("!", "*3", "*71")


def pressed(keys: str, *, codes: tuple[str, ...] = CODES, pause_s: float = 0.5) -> list[str]:
    """The sign after each key, "" for none."""
    signs = ThreeWaySigns(codes)
    found = [signs.sign_in(Dtmf(key, 160), at * pause_s) for at, key in enumerate(keys)]
    return [each.sign if each else "" for each in found]


@pytest.mark.parametrize(
    ("keys", "signs"),
    [
        ("!", ["flash"]),
        ("*3", ["", "code"]),
        ("15*71", ["", "", "", "", "code"]),
        ("*7*3", ["", "", "", "code"]),
        ("33", ["", ""]),
        ("*33", ["", "code", ""]),
        ("*3*3", ["", "code", "", "code"]),
        ("1234567890#", [""] * 11),
    ],
)
def test_keys_that_bring_somebody_in(keys: str, signs: list[str]) -> None:
    assert pressed(keys) == signs


def test_keys_far_apart_are_no_code() -> None:
    assert pressed("*3", pause_s=11.0) == ["", ""]


def test_without_codes_nothing_is_a_sign() -> None:
    assert pressed("!*3", codes=()) == ["", "", ""]


def test_each_side_presses_for_itself() -> None:
    signs = ThreeWaySigns(CODES)
    assert signs.sign_in(DtmfKey(Side.SIP, "*", 100), 0.0) is None
    assert signs.sign_in(DtmfKey(Side.WEB, "3", 100), 0.5) is None
    assert signs.sign_in(DtmfKey(Side.WEB, "!", 100), 1.0) == e.ThreeWayTried("web", "flash")


def test_a_conference_is_a_sign_and_other_words_are_none() -> None:
    signs = ThreeWaySigns(CODES)
    assert signs.sign_in(ConferenceSeen(), 0.0) == e.ThreeWayTried("sip", "focus")
    assert signs.sign_in(Info("text/plain", "!"), 0.0) is None
