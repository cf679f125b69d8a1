"""What is said as a sequence of clips: numbers, money and minutes in words, by language. Pure.

    clips((Prompt.YOUR_BALANCE, SpokenMoney(7_250_000, "USD")), "en")
        -> your-balance, n-7, dollars, and, n-20, n-5, cents

A clip is the name of a file in `sounds/<language>`; `tools/make-prompts` speaks them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from bridge.own.words import Prompt

MICROS = 1_000_000
_MOST = 999_999
_UNITS: Mapping[str, tuple[str, str, str, str]] = MappingProxyType(
    {"USD": ("dollar", "dollars", "cent", "cents"), "EUR": ("euro", "euros", "cent", "cents")}
)


@dataclass(frozen=True, slots=True)
class SpokenDigits:
    """One by one."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SpokenMinutes:
    count: int


@dataclass(frozen=True, slots=True)
class SpokenMoney:
    """micros: millionths of one unit of `currency`; what is less than a cent is not said."""

    micros: int = field(repr=False)
    currency: str


Spoken = Prompt | SpokenDigits | SpokenMinutes | SpokenMoney


def clips(spoken: Sequence[Spoken], language: str) -> tuple[str, ...]:
    """language: `es`; any other is spoken as English is."""
    return tuple(clip for each in spoken for clip in _clips(each, language))


def _clips(spoken: Spoken, language: str) -> tuple[str, ...]:
    match spoken:
        case SpokenDigits(text):
            return tuple(f"n-{each}" for each in text if each in "0123456789")
        case SpokenMinutes(count):
            return (*number(count, language), "minute" if count == 1 else "minutes")
        case SpokenMoney(micros, currency):
            return _money(micros, currency, language)
        case _:
            return (str(spoken),)


def _money(micros: int, currency: str, language: str) -> tuple[str, ...]:
    whole, cents = divmod(max(0, micros) // (MICROS // 100), 100)
    units = _UNITS.get(currency)
    if units is None:  # whatever it is called: the number alone
        return (*number(whole, language), *(("point", *number(cents, language)) if cents else ()))
    one, many, cent, more = units
    said = (*number(whole, language), one if whole == 1 else many)
    if not cents:
        return said
    rest = (*number(cents, language), cent if cents == 1 else more)
    return (*said, "and", *rest) if whole else rest


def number(value: int, language: str) -> tuple[str, ...]:
    """0 to 999,999, before a masculine noun in Spanish (un minuto, veintiún dólares)."""
    value = min(max(0, value), _MOST)
    return _spanish(value) if language == "es" else _english(value)


def _english(value: int) -> tuple[str, ...]:
    if value >= 1000:
        rest = value % 1000
        return (*_english(value // 1000), "thousand", *(_english(rest) if rest else ()))
    if value >= 100:
        rest = value % 100
        return (f"n-{value // 100}", "hundred", *(_english(rest) if rest else ()))
    if value > 20 and value % 10:
        return (f"n-{value - value % 10}", f"n-{value % 10}")
    return (f"n-{value}",)


def _spanish(value: int) -> tuple[str, ...]:
    if value >= 1000:
        thousands, rest = divmod(value, 1000)
        said = () if thousands == 1 else _spanish(thousands)
        return (*said, "thousand", *(_spanish(rest) if rest else ()))
    if value >= 100:
        rest = value % 100
        if not rest and value == 100:
            return ("n-100",)
        return ("hundred" if value < 200 else f"n-{value - rest}", *(_spanish(rest) if rest else ()))
    if value > 30 and value % 10:
        return (f"n-{value - value % 10}", "y", _masculine(value % 10))
    return (_masculine(value),)


def _masculine(value: int) -> str:
    return {1: "un", 21: "veintiun"}.get(value, f"n-{value}")
