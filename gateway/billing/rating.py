"""What a visit costs: pure, exact, in whole micro-units. No float ever touches an amount.

    seconds --(free allowance)--> paid seconds --(included, minimum, increment)--> billed seconds
    connection fee + per visit + first minute + usage + facility's share      each line rounded once
    never above   cap x paid seconds   (actual seconds, not billed ones): what is above is taken off in a line
    + taxes on that = total

A visit without one paid second costs nothing, connection fee included. No line depends on anything but the seconds, so
a running total at any second is what the visit would cost if it ended there: slices change no cent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from gateway.billing.allowance import FreeAllowance
from gateway.billing.moments import holds
from gateway.money import Money
from gateway.policy.decision import Medium
from gateway.policy.schedule import Interval

SECONDS_PER_MINUTE = 60
PPM = 1_000_000  # shares and taxes are whole parts per million: 6.25 % is 62,500
LONGEST_VISIT_S = 366 * 86_400  # what "no limit" means when a tariff is free
PRIVILEGED_BAND = "privileged"


class RoundingMode(StrEnum):
    DOWN = "down"  # towards zero: never above the exact amount
    UP = "up"  # any remainder counts as a whole step
    HALF_UP = "half_up"  # a half goes up
    HALF_EVEN = "half_even"  # a half goes to the even neighbour


@dataclass(frozen=True, slots=True)
class Rounding:
    """Each line of a charge is brought to a multiple of `step_micros`, once, by `mode`."""

    mode: RoundingMode
    step_micros: int

    def __str__(self) -> str:
        """`down to 0.000001`."""
        return f"{self.mode} to {Money(self.step_micros, '').amount}"


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that an actual minute may cost, taxes apart, as it was in force for a facility when a visit began."""

    cap_id: str
    tier: str
    per_minute: Money


@dataclass(frozen=True, slots=True)
class FacilityShare:
    """What the facility gets, on top of the tariff's own prices: so much a billed minute, and a part of the prices."""

    label: str
    per_minute: Money
    ppm: int


@dataclass(frozen=True, slots=True)
class Tax:
    """A part of everything else, in parts per million."""

    label: str
    ppm: int


@dataclass(frozen=True, slots=True)
class Band:
    """Prices for some hours of the week, on the facility's wall clock. week: for each weekday from Monday (0)."""

    name: str
    week: tuple[tuple[Interval, ...], ...]
    per_minute: Money
    connection_fee: Money
    per_visit: Money | None = None
    first_minute: Money | None = None

    def holds(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        return any(each.start_min <= minute < each.end_min for each in self.week[local.weekday()])


@dataclass(frozen=True, slots=True)
class Tariff:
    """One version of a tariff. valid_from is included, valid_to is not; None has no end. See gateway.billing.moments.

    increment_s: time is billed in steps of so many seconds. minimum_s: a visit with any second to bill is billed for at
    least so many. included_s: the first seconds of a visit, which `per_visit` pays for. first_minute: the price of the
    first billed minute, used or not; None: it costs what the others do. facilities: whom it is for; empty: any.

    bands: prices by hour, of which `agreed` picks one; then `band` names it, and `cap` is what binds the visit.
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
    per_visit: Money | None = None
    first_minute: Money | None = None
    included_s: int = 0
    facilities: frozenset[str] = frozenset()
    privileged_free: bool = False
    free: FreeAllowance | None = None
    facility_share: FacilityShare | None = None
    taxes: tuple[Tax, ...] = ()
    bands: tuple[Band, ...] = ()
    band: str = ""
    cap: Cap | None = None

    @property
    def currency(self) -> str:
        return self.per_minute.currency

    def in_force(self, at: datetime, zone: tzinfo = UTC) -> bool:
        """zone: the facility's; it tells when a day begins."""
        return holds(self.valid_from, self.valid_to, at, zone)

    def serves(self, facility: str) -> bool:
        return not self.facilities or facility in self.facilities

    @property
    def shown_per_minute(self) -> Money:
        """What one more minute costs whoever pays, share and taxes in it: a price to tell people, never below it."""
        share = self.facility_share
        micros = self.per_minute.micros
        if share:
            micros += share.per_minute.micros + _parts(self.per_minute.micros, share.ppm, RoundingMode.UP, 1)
        if self.cap:
            micros = min(micros, self.cap.per_minute.micros)
        taxes = sum(_parts(micros, each.ppm, RoundingMode.UP, 1) for each in self.taxes)
        return Money(micros + taxes, self.currency)


def agreed(tariff: Tariff, local: datetime, cap: Cap | None, *, privileged: bool = False) -> Tariff:
    """What is agreed with a visit that begins at `local`, on the facility's wall clock: one set of prices, and the cap.

    It holds for the whole visit, though the next band begins meanwhile: what was agreed is what is charged.
    """
    if privileged and tariff.privileged_free:
        return without_prices(tariff)
    for each in tariff.bands:
        if each.holds(local):
            return with_prices(tariff, each, cap)
    return tariff if cap is None else replace(tariff, cap=cap)


def with_prices(tariff: Tariff, band: Band, cap: Cap | None = None) -> Tariff:
    return replace(
        tariff,
        per_minute=band.per_minute,
        connection_fee=band.connection_fee,
        per_visit=band.per_visit,
        first_minute=band.first_minute,
        band=band.name,
        bands=(),
        cap=cap,
    )


def without_prices(tariff: Tariff) -> Tariff:
    """For a privileged visit that is free: no price, no share, no tax, and nothing of the free allowance is used."""
    nothing = Money(0, tariff.currency)
    return replace(
        tariff,
        per_minute=nothing,
        connection_fee=nothing,
        per_visit=None,
        first_minute=None,
        facility_share=None,
        taxes=(),
        bands=(),
        free=None,
        band=PRIVILEGED_BAND,
        cap=None,
    )


class LineKind(StrEnum):
    CONNECTION_FEE = "connection_fee"
    PER_VISIT = "per_visit"
    FIRST_MINUTE = "first_minute"
    USAGE = "usage"
    FACILITY_SHARE = "facility_share"
    CAP = "cap"  # below zero: what the cap takes off the lines before it
    TAX = "tax"
    CREDIT = "credit"  # below zero: what was given back, with its reason


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """quantity: seconds of usage, of a share by the minute and of a cap; 1 for the others.

    label: the tariff's name of a tax or a share, the cap's id, else the band whose price it is.
    """

    kind: LineKind
    label: str
    quantity: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Charge:
    """The lines add up to the total. seconds: what was used; billed_s: what was billed after minimum and increment.

    free_s: how much of `seconds` the free allowance paid. lowered_micros: what the cap took off, taxes apart.
    """

    seconds: int
    billed_s: int
    lines: tuple[ChargeLine, ...]
    total: Money
    free_s: int = 0
    lowered_micros: int = 0

    @property
    def untaxed(self) -> Money:
        """What a cap is compared with."""
        taxes = (each.amount for each in self.lines if each.kind is LineKind.TAX)
        return self.total - sum(taxes, Money(0, self.total.currency))


def charge(tariff: Tariff, seconds: int, free_s: int = 0) -> Charge:
    """What `seconds` of usable media cost when `free_s` of the allowance are left. ValueError for a negative number."""
    found, lowered = _lines(tariff, seconds, free_s)
    lines = tuple(
        ChargeLine(each.kind, each.label, each.quantity, Money(each.micros, tariff.currency)) for each in found
    )
    total = Money(sum(each.micros for each in found), tariff.currency)
    billed_s = billed_seconds(tariff, seconds, free_s)
    return Charge(seconds, billed_s, lines, total, min(seconds, max(0, free_s)), lowered)


@dataclass(frozen=True, slots=True)
class Price:
    """What was agreed with a visit, as a function: `price(61)` is what 61 seconds of it cost."""

    tariff: Tariff
    free_s: int

    def __call__(self, seconds: int) -> Money:
        return Money(_total(self.tariff, seconds, self.free_s), self.tariff.currency)


def billed_seconds(tariff: Tariff, seconds: int, free_s: int = 0) -> int:
    """`seconds` after free allowance, included seconds, minimum and increment."""
    if seconds < 0:
        raise ValueError(f"a visit cannot last {seconds} seconds")
    to_bill = seconds - max(0, free_s) - tariff.included_s
    if to_bill <= 0:
        return 0
    steps = -(-max(to_bill, tariff.minimum_s) // tariff.increment_s)
    return steps * tariff.increment_s


def affordable_seconds(tariff: Tariff, amount: Money, at_most: int = LONGEST_VISIT_S, free_s: int = 0) -> int:
    """The most seconds, up to `at_most`, whose charge is not above `amount`: the exact inverse of `charge`.

    A search, not a formula: `charge` never falls as seconds grow, so what it finds is right for every rounding,
    minimum, increment, allowance and cap by the definition of the charge itself.
    """
    if amount < Money(0, tariff.currency):
        return 0
    affordable, beyond = 0, max(at_most, 0) + 1
    while beyond - affordable > 1:
        middle = (affordable + beyond) // 2
        if _total(tariff, middle, free_s) <= amount.micros:
            affordable = middle
        else:
            beyond = middle
    return affordable


@dataclass(slots=True)
class _Line:
    kind: LineKind
    label: str
    quantity: int
    micros: int


def _total(tariff: Tariff, seconds: int, free_s: int) -> int:
    return sum(each.micros for each in _lines(tariff, seconds, free_s)[0])


def _lines(tariff: Tariff, seconds: int, free_s: int) -> tuple[list[_Line], int]:
    """The lines, and how much the cap took off."""
    billed_s = billed_seconds(tariff, seconds, free_s)
    paid_s = seconds - max(0, free_s)
    if paid_s <= 0:
        return [], 0
    lines = list(_prices(tariff, billed_s))
    own = sum(each.micros for each in lines)
    share = _share(tariff, own, billed_s)
    wanted = untaxed = own + (share.micros if share else 0)
    limit = _limit(tariff, paid_s)
    if share and limit is not None:
        share.micros = min(share.micros, limit)  # so that the cap's line never takes more than the own prices are
    if share and share.micros:
        lines.append(share)
    if tariff.cap and limit is not None and wanted > limit:
        untaxed = limit
        taken = own + (share.micros if share else 0) - limit
        if taken:
            lines.append(_Line(LineKind.CAP, tariff.cap.cap_id, paid_s, -taken))
    mode, step = tariff.rounding.mode, tariff.rounding.step_micros
    lines += [_Line(LineKind.TAX, each.label, 1, _parts(untaxed, each.ppm, mode, step)) for each in tariff.taxes]
    return lines, wanted - untaxed


def _prices(tariff: Tariff, billed_s: int) -> Iterator[_Line]:
    """The tariff's own prices, for a visit with at least one paid second."""
    band = tariff.band
    if tariff.connection_fee.micros:
        yield _Line(LineKind.CONNECTION_FEE, band, 1, tariff.connection_fee.micros)
    if tariff.per_visit and tariff.per_visit.micros:
        yield _Line(LineKind.PER_VISIT, band, 1, tariff.per_visit.micros)
    usage_s = billed_s
    if tariff.first_minute is not None and billed_s:
        yield _Line(LineKind.FIRST_MINUTE, band, 1, tariff.first_minute.micros)
        usage_s = max(0, billed_s - SECONDS_PER_MINUTE)
    by_the_visit_alone = tariff.per_visit is not None and not tariff.per_minute.micros
    if usage_s and not by_the_visit_alone:
        micros = _rounded(tariff, tariff.per_minute.micros * usage_s, SECONDS_PER_MINUTE)
        yield _Line(LineKind.USAGE, band, usage_s, micros)


def _share(tariff: Tariff, own: int, billed_s: int) -> _Line | None:
    share = tariff.facility_share
    if share is None:
        return None
    numerator = share.per_minute.micros * billed_s * PPM + own * share.ppm * SECONDS_PER_MINUTE
    quantity = billed_s if share.per_minute.micros else 1
    return _Line(LineKind.FACILITY_SHARE, share.label, quantity, _rounded(tariff, numerator, SECONDS_PER_MINUTE * PPM))


def _limit(tariff: Tariff, actual_s: int) -> int | None:
    """cap x actual seconds, cut down to a whole step of the tariff; None where no cap binds."""
    if tariff.cap is None:
        return None
    step = tariff.rounding.step_micros
    return tariff.cap.per_minute.micros * actual_s // (SECONDS_PER_MINUTE * step) * step


def _rounded(tariff: Tariff, numerator: int, denominator: int) -> int:
    step = tariff.rounding.step_micros
    return _rounded_quotient(numerator, denominator * step, tariff.rounding.mode) * step


def _parts(micros: int, ppm: int, mode: RoundingMode, step: int) -> int:
    return _rounded_quotient(micros * ppm, PPM * step, mode) * step


def _rounded_quotient(numerator: int, denominator: int, mode: RoundingMode) -> int:
    """numerator / denominator (neither negative) as a whole number."""
    quotient, remainder = divmod(numerator, denominator)
    if mode is RoundingMode.DOWN or remainder == 0:
        return quotient
    if mode is RoundingMode.UP:
        return quotient + 1
    twice = 2 * remainder
    goes_up = twice > denominator or (twice == denominator and (mode is RoundingMode.HALF_UP or quotient % 2 == 1))
    return quotient + int(goes_up)
