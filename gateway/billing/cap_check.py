"""Whether tariffs keep the rate caps of the facilities that use them: before any visit, when they are loaded.

What is refused here could only ever be charged by lowering every visit to the cap. What can exceed a cap in some visits
alone (minimum, increment, price for the visit, rounding up) loads, is told by `remarks`, and is lowered visit by visit
in `rating.charge`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gateway.billing.caps import CapRow, Caps, CapsInForce
from gateway.billing.moments import overlap, rank
from gateway.billing.rating import (
    PPM,
    SECONDS_PER_MINUTE,
    Cap,
    Tariff,
    charge,
    with_prices,
)
from gateway.billing.tariff import PlacedTariff, Tariffs
from gateway.documents import DocumentError, Problem
from gateway.money import Money
from gateway.policy.plan import Dialplan, Facility, Rule

_DAY_S = 86_400
Field = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """A version of a tariff, where it is used, and a row of caps that binds it there for a part of its time.

    longest_s: the longest visit at this tariff that the facility's rules allow.
    """

    placed: PlacedTariff
    facility: Facility
    row: CapRow
    longest_s: int


def under_caps(tariffs: Tariffs, caps: Caps, plan: Dialplan) -> Tariffs:
    """The tariffs bound by the caps of the plan's facilities. Raises DocumentError when one is above its cap."""
    problems = list(dict.fromkeys(each for use in uses(tariffs, caps, plan) for each in exceeding(use, caps)))
    if problems:
        raise DocumentError(problems)
    return tariffs.bound_by(CapsInForce(caps, {each.id: (each.caps, each.tier) for each in _facilities(plan)}))


def uses(tariffs: Tariffs, caps: Caps, plan: Dialplan) -> Iterator[Use]:
    """Every pairing of a version, a facility and a row of caps whose times overlap."""
    for facility in _facilities(plan):
        rules = [each for each in plan.rules.get(facility.id, ()) if not each.blocked]
        for placed in tariffs.placed:
            tariff = placed.tariff
            longest_s = _longest_s(tariff, facility, rules)
            if not longest_s or not tariff.serves(facility.id):
                continue
            for row in caps.rows(facility.caps, facility.tier, tariff.medium):
                whole, bound = (tariff.valid_from, tariff.valid_to), (row.valid_from, row.valid_to)
                if overlap(whole, bound, facility.zone):
                    yield Use(placed, facility, row, longest_s)


def _facilities(plan: Dialplan) -> Iterable[Facility]:
    return {each.id: each for each in plan.facilities.values() if each.caps}.values()


def _longest_s(tariff: Tariff, facility: Facility, rules: list[Rule]) -> int:
    """0 when the facility does not use it, or only where it is free."""
    minutes = [
        each.max_minutes
        for each in rules
        if tariff.tariff_id in each.tariffs.values() and not (each.privileged and tariff.privileged_free)
    ]
    named = facility.id in tariff.facilities and not any(tariff.tariff_id in each.tariffs.values() for each in rules)
    return max(minutes, default=0) * SECONDS_PER_MINUTE or (_DAY_S if named else 0)


def exceeding(use: Use, caps: Caps) -> Iterator[Problem]:
    """What of the tariff is above the cap, each with its field."""
    tariff, row = use.placed.tariff, use.row
    if tariff.currency != row.cap.per_minute.currency:
        message = (
            f"{tariff.currency} cannot be compared with a cap in {row.cap.per_minute.currency}, which {_binds(use)}"
        )
        yield use.placed.problem(message, "currency")
        return
    for where, prices in _price_sets(tariff):
        for field, message in _above(prices, use, caps):
            yield use.placed.problem(message, *where, field)
    share = tariff.facility_share
    if share and row.additive is not None and row.additive < share.per_minute:
        message = (
            f"{share.per_minute.amount} a minute is above {row.additive.amount}, the part for the facility of a cap"
        )
        yield use.placed.problem(f"{message} that {_binds(use)}", "facility_share", "per_minute")


def _price_sets(tariff: Tariff) -> Iterator[tuple[Field, Tariff]]:
    if not tariff.bands:
        yield (), tariff
    for position, band in enumerate(tariff.bands):
        yield ("bands", position), with_prices(tariff, band)


def _above(prices: Tariff, use: Use, caps: Caps) -> Iterator[tuple[str, str]]:
    """Field and message of each price that is above the cap."""
    cap = use.row.cap
    for field, price in (("per_minute", prices.per_minute), ("first_minute", prices.first_minute)):
        if price is not None and _minute_ppm(price, prices) > cap.per_minute.micros * PPM:
            beside = " with the facility's share" if prices.facility_share else ""
            yield field, f"{price.amount} a minute{beside} is above {cap.per_minute.amount}, the cap that {_binds(use)}"
    if prices.connection_fee.micros and not caps.table(use.facility.caps).ancillary_fees:
        message = (
            f"{prices.connection_fee.amount} is an ancillary fee, which is forbidden beside the cap that {_binds(use)}"
        )
        yield "connection_fee", f"{message}; take it away, or set ancillary_fees: true there where the law allows it"
    else:
        yield from _never_within(prices, use)


def _never_within(prices: Tariff, use: Use) -> Iterator[tuple[str, str]]:
    """Refused is what no visit can keep; what some visits keep and others do not is for `rating.charge`."""
    cap, longest_s = use.row.cap, use.longest_s
    bound = replace(prices, cap=cap)
    if _minute_ppm(prices.per_minute, prices) > cap.per_minute.micros * PPM:
        return
    if any(not charge(bound, each).lowered_micros for each in range(longest_s, 0, -1)):
        return
    minutes = longest_s // SECONDS_PER_MINUTE
    cost = charge(replace(prices, cap=None), longest_s).untaxed
    most = Money(cap.per_minute.micros * minutes, cost.currency)
    message = f"even the longest visit, {minutes} minutes, would cost {cost.amount}, and no shorter one keeps the cap"
    yield _culprit(prices), f"{message} either; at most {most.amount} is allowed by the cap that {_binds(use)}"


def _culprit(prices: Tariff) -> str:
    if prices.per_visit is not None and prices.per_visit.micros:
        return "per_visit"
    if prices.connection_fee.micros:
        return "connection_fee"
    return "minimum_s" if prices.minimum_s > prices.increment_s else "increment_s"


def _minute_ppm(price: Money, prices: Tariff) -> int:
    """What a minute at this price costs with the facility's share, in millionths of a micro-unit."""
    share = prices.facility_share
    if share is None:
        return price.micros * PPM
    return price.micros * (PPM + share.ppm) + share.per_minute.micros * PPM


def _binds(use: Use) -> str:
    row = use.row
    until = f" until {row.valid_to:%Y-%m-%d}" if row.valid_to else ""
    when = f"from {row.valid_from:%Y-%m-%d}{until}"
    binds = f"binds {use.facility.id} ({row.cap.tier}, {row.medium}) {when} ({row.place})"
    if rank(use.placed.tariff.valid_from) < rank(row.valid_from):
        return f"{binds}; end this version on that day and let the next one follow"
    return binds


def remarks(use: Use) -> Iterator[str]:
    """What is not wrong but should be known: which visits the cap will make cheaper than the tariff says."""
    for where, prices in _price_sets(use.placed.tariff):
        name = f" in band {prices.band}" if where else ""
        lowered = _lowered_until(prices, use.row.cap, use.longest_s)
        if lowered:
            yield (
                f"{use.placed.place}: {prices.tariff_id}{name}: the cap {use.row.cap.cap_id} lowers the charge of some "
                f"visits at {use.facility.id}, the longest of {lowered} s"
            )
    share, additive = use.placed.tariff.facility_share, use.row.additive
    own = (use.row.cap.per_minute - additive) if additive is not None else None
    if own is not None and share is None and any(own < each.per_minute for _, each in _price_sets(use.placed.tariff)):
        yield (
            f"{use.placed.place}: {use.placed.tariff.tariff_id}: only {own.amount} of the cap {use.row.cap.cap_id} is "
            "for the provider, the rest is for the facility's costs; this tariff is above that without a facility_share"
        )


def _lowered_until(prices: Tariff, cap: Cap, longest_s: int) -> int:
    """The longest visit, in seconds, that the cap lowers; 0 when it lowers none."""
    bound = replace(prices, cap=cap)
    return next((each for each in range(longest_s, 0, -1) if charge(bound, each).lowered_micros), 0)
