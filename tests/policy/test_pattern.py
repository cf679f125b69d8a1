"""Patterns match as Asterisk's do, and know exactly when one makes another useless."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.pattern import Pattern


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("5551234567", ["5551234567"], ["555123456", "55512345678", "", "5551234568"]),
        ("mary", ["mary"], ["Mary", "marys"]),
        (
            "_NXXNXXXXXX",
            ["2125550100", "9999999999"],
            ["1125550100", "2121550100", "212555010", "21255501000", "212555010a"],
        ),
        ("_Z", ["1", "9"], ["0", "10", ""]),
        ("_[29]11", ["211", "911"], ["411", "91", "9111"]),
        ("_[1-38]X", ["10", "29", "35", "80"], ["40", "70"]),
        ("_[5-]0", ["50", "-0"], ["60"]),
        ("_011.", ["0114", "01144123"], ["011", "01"]),
        ("_011!", ["011", "0114"], ["01"]),
        ("_.", ["1", "anything"], [""]),
        ("_!", ["", "1"], []),
        ("_*72X", ["*721"], ["721", "*72"]),
    ],
)
def test_matches(pattern: str, yes: list[str], no: list[str]) -> None:
    parsed = Pattern.parse(pattern)
    assert [each for each in yes if not parsed.matches(each)] == []
    assert [each for each in no if parsed.matches(each)] == []
    assert str(parsed) == pattern


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("", "_X!"),
        ("_", "_X!"),
        ("_1.2", "must come last"),
        ("_!5", "must come last"),
        ("_[12", "without ']'"),
        ("_[]1", "no character"),
        ("_[9-1]", "write 1-9"),
    ],
)
def test_says_what_is_wrong(pattern: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy.replace("[", r"\[")):
        Pattern.parse(pattern)


ELEMENTS = st.sampled_from(["X", "Z", "N", "0", "1", "5", "[12]", "[2-9]"])
PATTERNS = st.builds(
    lambda elements, end: "_" + "".join(elements) + end,
    st.lists(ELEMENTS, min_size=1, max_size=3),
    st.sampled_from(["", ".", "!"]),
)
NUMBERS = ["".join(digits) for size in range(1, 5) for digits in itertools.product("01259", repeat=size)]


@settings(deadline=None)
@given(PATTERNS, PATTERNS)
def test_covers_means_matching_everything_the_other_does(first: str, second: str) -> None:
    outer, inner = Pattern.parse(first), Pattern.parse(second)
    contained = all(outer.matches(number) for number in NUMBERS if inner.matches(number))
    if outer.covers(inner):
        assert contained
    else:
        # the digits 0, 1, 2, 5, 9 tell all classes above apart, but for any character: a letter does that
        assert not contained or any(
            inner.matches(number) and not outer.matches(number)
            for number in (prefix + letter for prefix in ["", *NUMBERS] for letter in ("a", "aa"))
        )
