"""What a visit costs: pure, exact, in whole micro-units. No float ever touches an amount.

    seconds --(minimum, increment)--> billed seconds --(per minute, rounding)--> usage
    usage + connection fee = total

A visit without one usable second costs nothing, connection fee included.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.money import Money
from gateway.policy.decision import Medium

SECONDS_PER_MINUTE = 60
LONGEST_VISIT_S = 366 * 86_400  # what "no limit" means when a tariff is free


class RoundingMode(StrEnum):
    DOWN = "down"  # towards zero: never above the exact amount
    UP = "up"  # any remainder counts as a whole step
    HALF_UP = "half_up"  # a half goes up
    HALF_EVEN = "half_even"  # a half goes to the even neighbour


@dataclass(frozen=True, slots=True)
class Rounding:
    """The usage of a visit is brought to a multiple of `step_micros`, once, by `mode`."""

    mode: RoundingMode
    step_micros: int

    def __str__(self) -> str:
        """`down to 0.000001`."""
        return f"{self.mode} to {Money(self.step_micros, '').amount}"


@dataclass(frozen=True, slots=True)
class Tariff:
    """One version of a tariff. valid_from is included, valid_to is not; None has no end.

    increment_s: time is billed in steps of so many seconds. minimum_s: a visit with any usable second is billed
    for at least so many.
    """

    tariff_id: str
    version: int
    medium: Medium
    per_minute: Money
    connection_fee: Money
    increment_s: int
    minimum_s: int
    rounding: Rounding
    valid_from: datetime
    valid_to: datetime | None

    @property
    def currency(self) -> str:
        return self.per_minute.currency

    def in_force(self, at: datetime) -> bool:
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


class LineKind(StrEnum):
    CONNECTION_FEE = "connection_fee"
    USAGE = "usage"


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """quantity is 1 for a fee, billed seconds for usage."""

    kind: LineKind
    quantity: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Charge:
    """The lines add up to the total. seconds: what was used; billed_s: what was billed after minimum and increment."""

    seconds: int
    billed_s: int
    lines: tuple[ChargeLine, ...]
    total: Money


def charge(tariff: Tariff, seconds: int) -> Charge:
    """What `seconds` of usable media cost. Raises ValueError for a negative number."""
    billed_s = billed_seconds(tariff, seconds)
    lines: list[ChargeLine] = []
    if billed_s and tariff.connection_fee.micros:
        lines.append(ChargeLine(LineKind.CONNECTION_FEE, 1, tariff.connection_fee))
    if billed_s:
        lines.append(ChargeLine(LineKind.USAGE, billed_s, _usage(tariff, billed_s)))
    total = sum((line.amount for line in lines), Money(0, tariff.currency))
    return Charge(seconds, billed_s, tuple(lines), total)


def billed_seconds(tariff: Tariff, seconds: int) -> int:
    """`seconds` after minimum and increment."""
    if seconds < 0:
        raise ValueError(f"a visit cannot last {seconds} seconds")
    if seconds == 0:
        return 0
    least = max(seconds, tariff.minimum_s)
    steps = -(-least // tariff.increment_s)
    return steps * tariff.increment_s


def affordable_seconds(tariff: Tariff, amount: Money, at_most: int = LONGEST_VISIT_S) -> int:
    """The most seconds, up to `at_most`, whose charge is not above `amount`: the exact inverse of `charge`.

    A search, not a formula: `charge` never falls as seconds grow, so what it finds is right for every rounding,
    minimum and increment by the definition of the charge itself.
    """
    affordable, beyond = 0, max(at_most, 0) + 1
    while beyond - affordable > 1:
        middle = (affordable + beyond) // 2
        if charge(tariff, middle).total <= amount:
            affordable = middle
        else:
            beyond = middle
    return affordable if Money(0, amount.currency) <= amount else 0


def _usage(tariff: Tariff, billed_s: int) -> Money:
    step = tariff.rounding.step_micros
    exact_numerator = tariff.per_minute.micros * billed_s
    steps = _rounded_quotient(exact_numerator, SECONDS_PER_MINUTE * step, tariff.rounding.mode)
    return Money(steps * step, tariff.currency)


def _rounded_quotient(numerator: int, denominator: int, mode: RoundingMode) -> int:
    """numerator / denominator (neither negative) as a whole number."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    goes_up = {
        RoundingMode.DOWN: False,
        RoundingMode.UP: remainder > 0,
        RoundingMode.HALF_UP: twice >= denominator,
        RoundingMode.HALF_EVEN: twice > denominator or (twice == denominator and quotient % 2 == 1),
    }
    return quotient + int(goes_up[mode])
