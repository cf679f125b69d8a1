"""What people read, in English and Spanish: words, dates, lengths of time, amounts.

A word that has no entry is shown as it is written in the record, with spaces for underscores: better a plain word than
a page that fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from gateway.money import Money
from gateway.reports.vocabulary import MONTHS, SHORT_MONTHS, VOCABULARY, WEEKDAYS

_CENT = Decimal("0.01")
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
_MINUS = "\N{MINUS SIGN}"
_NO_BREAK = "\N{NO-BREAK SPACE}"


class Language(StrEnum):
    EN = "en"
    ES = "es"


@dataclass(frozen=True, slots=True)
class Words:
    """One language."""

    language: Language

    @property
    def _column(self) -> int:
        return 0 if self.language is Language.EN else 1

    @staticmethod
    def knows(key: str) -> bool:
        return key in VOCABULARY

    def say(self, key: str, **values: object) -> str:
        known = VOCABULARY.get(key)
        text = known[self._column] if known else key.rpartition(".")[2].replace("_", " ")
        return text.format(**values) if values else text

    def money(self, amount: Money) -> str:
        """Rounded to two decimals, as people read it: `$2.72`, a minus before it where it is below zero."""
        rounded = amount.decimal().quantize(_CENT, ROUND_HALF_EVEN)
        digits = f"{abs(rounded):,.2f}"
        sign = _MINUS if rounded < 0 else ""
        symbol = _SYMBOLS.get(amount.currency)
        return f"{sign}{symbol}{digits}" if symbol else f"{sign}{digits}{_NO_BREAK}{amount.currency}"

    def signed(self, amount: Money) -> str:
        """With a plus where what is shown is above zero."""
        text = self.money(amount)
        return f"+{text}" if amount.decimal().quantize(_CENT, ROUND_HALF_EVEN) > 0 else text

    def exact(self, amount: Money) -> str:
        """Every digit there is."""
        return str(amount)

    def month(self, day: date) -> str:
        """`October 2026`, `octubre de 2026`."""
        name = MONTHS[self._column][day.month - 1]
        return f"{name} {day.year}" if self.language is Language.EN else f"{name} de {day.year}"

    def day(self, day: date) -> str:
        """`Tue, Oct 6`, `mar 6 oct`."""
        weekday = WEEKDAYS[self._column][day.weekday()]
        name = SHORT_MONTHS[self._column][day.month - 1]
        if self.language is Language.EN:
            return f"{weekday}, {name}{_NO_BREAK}{day.day}"
        return f"{weekday} {day.day}{_NO_BREAK}{name}"

    def short_day(self, day: date) -> str:
        """`Oct 6`, `6 oct`."""
        name = SHORT_MONTHS[self._column][day.month - 1]
        return f"{name} {day.day}" if self.language is Language.EN else f"{day.day} {name}"

    def long_day(self, day: date) -> str:
        """`October 6, 2026`, `6 de octubre de 2026`."""
        name = MONTHS[self._column][day.month - 1]
        return f"{name} {day.day}, {day.year}" if self.language is Language.EN else f"{day.day} de {name} de {day.year}"

    def time(self, at: datetime) -> str:
        """`2:15 PM`, `2:15 p. m.`, on the clock of the time's own zone."""
        half = ("AM", "PM") if self.language is Language.EN else (f"a.{_NO_BREAK}m.", f"p.{_NO_BREAK}m.")
        return f"{at.hour % 12 or 12}:{at.minute:02d}{_NO_BREAK}{half[at.hour >= 12]}"

    def length(self, seconds: int) -> str:
        """`12 min 5 s`, `40 s`, `1 h 2 min`."""
        hours, rest = divmod(seconds, 3600)
        minutes, rest = divmod(rest, 60)
        parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
        said = [f"{count}{_NO_BREAK}{unit}" for count, unit in parts if count]
        return f"{_NO_BREAK}".join(said[:3]) or f"0{_NO_BREAK}s"

    def span(self, seconds: int) -> str:
        """A sum of many lengths: seconds are left out from an hour on."""
        if seconds < 3600:
            return self.length(seconds)
        hours, rest = divmod(seconds, 3600)
        return f"{hours:,}{_NO_BREAK}h{_NO_BREAK}{rest // 60}{_NO_BREAK}min"

    def count(self, number: int) -> str:
        return f"{number:,}"

    def weekdays(self) -> tuple[str, ...]:
        return WEEKDAYS[self._column]
