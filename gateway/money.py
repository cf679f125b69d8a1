"""Money: a whole number of micro-units of one currency. Never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

MICROS_PER_UNIT = 1_000_000


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`micros` millionths of one unit of `currency` (ISO 4217): 2.72 USD is Money(2_720_000, "USD")."""

    micros: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """From a decimal text. Raises ValueError when it is no number or finer than a micro-unit."""
        try:
            value = Decimal(text) * MICROS_PER_UNIT
        except InvalidOperation:
            raise ValueError(f"{text!r} is not an amount; write a decimal number such as 0.16") from None
        if not value.is_finite() or value != value.to_integral_value():
            raise ValueError(f"{text!r} is finer than a millionth of {currency}")
        return cls(int(value), currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.micros + self._same(other).micros, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.micros - self._same(other).micros, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.micros, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.micros < self._same(other).micros

    def __le__(self, other: Money) -> bool:
        return self.micros <= self._same(other).micros

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
        return other

    def decimal(self) -> Decimal:
        return Decimal(self.micros) / MICROS_PER_UNIT

    def __str__(self) -> str:
        """At least two decimals, as many as it takes: `2.72 USD`, `0.098666 USD`."""
        sign = "-" if self.micros < 0 else ""
        whole, fraction = divmod(abs(self.micros), MICROS_PER_UNIT)
        digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
        return f"{sign}{whole}.{digits} {self.currency}"
