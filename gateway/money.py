"""Money: a whole number of micro-units of one currency. Never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation

MICROS_PER_UNIT = 1_000_000
WHOLE_DIGITS = 12  # micro-units then fit the 64-bit integers of every database
_MICRO = Decimal("0.000001")
_EXACT = Context(prec=40, traps=[Inexact])  # a digit that would be lost is an error, not a rounding


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`micros` millionths of one unit of `currency` (ISO 4217): 2.72 USD is Money(2_720_000, "USD")."""

    micros: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """From a decimal text. Raises ValueError when it is no number, too large, or finer than a micro-unit."""
        try:
            units = Decimal(text)
        except InvalidOperation:
            units = Decimal("NaN")
        if not units.is_finite():
            raise ValueError(f"{text!r} is not an amount; write a decimal number such as 0.16")
        if units and units.adjusted() >= WHOLE_DIGITS:
            raise ValueError(f"{text!r} is too large for an amount; at most {WHOLE_DIGITS} digits before the point")
        try:
            micros = units.quantize(_MICRO, context=_EXACT).scaleb(6)
        except Inexact:
            raise ValueError(f"{text!r} is finer than a millionth of {currency}") from None
        return cls(int(micros), currency)

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

    @property
    def amount(self) -> str:
        """The number alone, at least two decimals and as many as it takes: `2.72`, `0.098666`."""
        sign = "-" if self.micros < 0 else ""
        whole, fraction = divmod(abs(self.micros), MICROS_PER_UNIT)
        digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
        return f"{sign}{whole}.{digits}"

    def __str__(self) -> str:
        """`2.72 USD`"""
        return f"{self.amount} {self.currency}"
