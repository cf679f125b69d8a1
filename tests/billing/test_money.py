"""Amounts are read exactly or not at all."""

import pytest

from gateway.money import Money


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0.16", 160_000),
        ("2.72", 2_720_000),
        ("0", 0),
        ("-2.72", -2_720_000),
        ("0.000001", 1),
        ("0.10" + "0" * 60, 100_000),
        ("999999999999.999999", 999_999_999_999_999_999),
    ],
)
def test_an_amount_becomes_whole_micro_units(text, micros):
    assert Money.parse(text, "USD").micros == micros


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0.0000001", "finer"),
        ("0.16" + "0" * 60 + "1", "finer"),
        ("1e-99999999", "finer"),
        ("1000000000000", "too large"),
        ("1e999999999", "too large"),
        ("NaN", "not an amount"),
        ("Infinity", "not an amount"),
        ("sixteen", "not an amount"),
        ("", "not an amount"),
    ],
)
def test_what_cannot_be_held_exactly_is_refused_in_words(text, says):
    with pytest.raises(ValueError, match=says):
        Money.parse(text, "USD")


@pytest.mark.parametrize(
    ("micros", "text"),
    [(98_666, "0.098666"), (2_720_000, "2.72"), (0, "0.00"), (-1, "-0.000001"), (5_000_000, "5.00")],
)
def test_an_amount_is_written_with_as_many_digits_as_it_takes(micros, text):
    assert Money(micros, "USD").amount == text
    assert str(Money(micros, "USD")) == f"{text} USD"
    assert Money.parse(text, "USD").micros == micros


def test_currencies_do_not_mix():
    with pytest.raises(ValueError, match="cannot mix"):
        _ = Money(1, "USD") + Money(1, "EUR")
