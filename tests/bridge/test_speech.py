"""Numbers, money and minutes as clips, and that every clip there can be is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.own.speech import Spoken, SpokenDigits, SpokenMinutes, SpokenMoney, clips, number
from bridge.own.words import Prompt

SOUNDS = Path(__file__).parents[2] / "bridge" / "own" / "sounds"

SAID = [
    (0, "n-0", "n-0"),
    (1, "n-1", "un"),
    (15, "n-15", "n-15"),
    (20, "n-20", "n-20"),
    (21, "n-20 n-1", "veintiun"),
    (30, "n-30", "n-30"),
    (45, "n-40 n-5", "n-40 y n-5"),
    (71, "n-70 n-1", "n-70 y un"),
    (100, "n-1 hundred", "n-100"),
    (101, "n-1 hundred n-1", "hundred un"),
    (500, "n-5 hundred", "n-500"),
    (999, "n-9 hundred n-90 n-9", "n-900 n-90 y n-9"),
    (1000, "n-1 thousand", "thousand"),
    (2021, "n-2 thousand n-20 n-1", "n-2 thousand veintiun"),
    (123_456, "n-1 hundred n-20 n-3 thousand n-4 hundred n-50 n-6", "hundred n-23 thousand n-400 n-50 y n-6"),
]


@pytest.mark.parametrize(("value", "english", "spanish"), SAID)
def test_numbers(value: int, english: str, spanish: str) -> None:
    assert " ".join(number(value, "en")) == english
    assert " ".join(number(value, "es")) == spanish


SENTENCES: list[tuple[tuple[Spoken, ...], str]] = [
    ((Prompt.YOUR_BALANCE, SpokenMoney(7_250_000, "USD")), "your-balance n-7 dollars and n-20 n-5 cents"),
    ((SpokenMoney(1_010_000, "USD"),), "n-1 dollar and n-1 cent"),
    ((SpokenMoney(990_000, "EUR"),), "n-90 n-9 cents"),
    ((SpokenMoney(20_009_999, "USD"),), "n-20 dollars"),
    ((SpokenMoney(0, "USD"),), "n-0 dollars"),
    ((SpokenMoney(5_500_000, "MXN"),), "n-5 point n-50"),
    ((Prompt.TIME_ALLOWED, SpokenMinutes(1)), "time-allowed n-1 minute"),
    ((Prompt.TIME_ALLOWED, SpokenMinutes(20)), "time-allowed n-20 minutes"),
    (
        (Prompt.PRESS, SpokenDigits("1"), Prompt.FOR_NUMBER_ENDING, SpokenDigits("80-01")),
        "press n-1 for-number-ending n-8 n-0 n-0 n-1",
    ),
]


@pytest.mark.parametrize(("spoken", "expected"), SENTENCES)
def test_sentences(spoken: tuple[Spoken, ...], expected: str) -> None:
    assert " ".join(clips(spoken, "en")) == expected


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_word_of_every_number_and_sentence_is_recorded(language: str) -> None:
    there = {each.stem for each in (SOUNDS / language).glob("*.ogg")}
    wanted = {clip for value in (*range(2000), 123_456, 999_999) for clip in number(value, language)}
    spoken = [*Prompt, *(spoken for said, _ in SENTENCES for spoken in said), SpokenDigits("0123456789")]
    wanted |= set(clips(spoken, language))
    assert wanted <= there


def test_what_is_said_of_money_and_numbers_never_shows() -> None:
    assert "8001" not in repr(SpokenDigits("8001"))
    assert "7250000" not in repr(SpokenMoney(7_250_000, "USD"))
