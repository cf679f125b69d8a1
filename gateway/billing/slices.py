"""How much a visit gets next of the accounts that pay it: pure, exact, fair to the other visits on them.

    what it wants     slice_s more than it has, at most what is left of its time limit
    what is there     every payer has room for its part of the cost
    what is fair      the room of each account, divided by the visits that share it
    what it gets      what it wants, of what is there; where that runs short, no more than is fair, or least_slice_s

The price of seconds is always that of the whole visit up to there, less what is held: in how many slices it was taken
changes no micro-unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.billing.rating import Tariff, affordable_seconds, charge
from gateway.billing.rules import AccountRules
from gateway.billing.shares import apportion


@dataclass(frozen=True, slots=True)
class Purse:
    """An account as one visit sees it; micro-units.

    held: what this visit has reserved there. room: what it may reserve beyond; None: any amount, it pays by invoice.
    visits: how many share that room, this one included. by_limit: a spending limit, not the balance, sets it.
    """

    account_id: str
    percent: int
    held: int = 0
    room: int | None = None
    visits: int = 1
    by_limit: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """seconds: what the visit may talk in all. holds: what is to be reserved for that on each account, in all.

    reach_s, reach: what it could come to as things stand, of that what is fair; micro-units.
    """

    seconds: int
    holds: tuple[int, ...]
    reach_s: int
    reach: int


def next_slice(
    tariff: Tariff, purses: Sequence[Purse], *, has_s: int, limit_s: int, free_s: int, rules: AccountRules
) -> Slice:
    """has_s: what the visit may talk already. limit_s: its time limit. free_s: of the tariff's allowance, its own.

    `seconds` of the answer is has_s where there is nothing more to have.
    """

    def cost(seconds: int) -> int:
        return charge(tariff, seconds, free_s).total.micros

    most_s = limit_s
    if _empty(purses) and cost(limit_s):
        most_s = min(limit_s, free_s)  # rounding gives nothing away to who has nothing, an allowance does
    all_s = _payable_s(tariff, purses, [each.room for each in purses], most_s, free_s)
    fair = [None if each.room is None else each.room // each.visits for each in purses]
    fair_s = _payable_s(tariff, purses, fair, most_s, free_s)
    wanted_s = most_s if all(each.room is None for each in purses) else min(most_s, has_s + rules.slice_s)
    seconds = max(has_s, min(wanted_s, all_s, max(fair_s, has_s + rules.least_slice_s)))
    price = charge(tariff, seconds, free_s).total
    if seconds > has_s:  # what minimum and increment of the tariff have paid for already
        seconds = max(seconds, affordable_seconds(tariff, price, most_s, free_s))
    holds = apportion(price.micros, [each.percent for each in purses])
    reach_s = max(seconds, fair_s)
    return Slice(seconds, holds, reach_s, cost(reach_s))


def lacking(tariff: Tariff, purses: Sequence[Purse], *, has_s: int, limit_s: int, free_s: int) -> Purse | None:
    """The first account that cannot pay its part of one more second; None when all can."""
    if has_s >= limit_s:
        return None
    price = charge(tariff, has_s + 1, free_s).total.micros
    parts = apportion(price, [each.percent for each in purses])
    whole = charge(tariff, limit_s, free_s).total.micros
    for purse, part in zip(purses, parts, strict=True):
        if purse.room is not None and (part > purse.held + purse.room or (whole and purse.held + purse.room <= 0)):
            return purse
    return None


def _empty(purses: Sequence[Purse]) -> bool:
    return any(each.room is not None and each.percent and each.held + each.room <= 0 for each in purses)


def _payable_s(tariff: Tariff, purses: Sequence[Purse], rooms: Sequence[int | None], most_s: int, free_s: int) -> int:
    """The most seconds for which every account has room: a search, as `affordable_seconds` is, and for its reason."""
    percents = [each.percent for each in purses]
    limits = [
        None if room is None else max(each.held, each.held + room) for each, room in zip(purses, rooms, strict=True)
    ]

    def payable(seconds: int) -> bool:
        parts = apportion(charge(tariff, seconds, free_s).total.micros, percents)
        return all(limit is None or part <= limit for part, limit in zip(parts, limits, strict=True))

    if payable(most_s):
        return most_s
    enough, beyond = 0, most_s
    while beyond - enough > 1:
        middle = (enough + beyond) // 2
        if payable(middle):
            enough = middle
        else:
            beyond = middle
    return enough
