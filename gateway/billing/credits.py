"""Visits that were mostly unusable cost nothing, without anybody asking. Pure.

usable seconds 40, unusable 60, threshold 50 %  ->  the charge stands line by line, and a credit takes it away

A visit with more than `at_most_s` usable seconds keeps its charge: otherwise who has talked for an hour could leave and
come back until half of the time is unusable, and would have talked for nothing. Staff may credit it all the same.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.billing.rating import Charge, ChargeLine, LineKind
from gateway.money import Money

MOSTLY_UNUSABLE = "mostly_unusable"


def credited(charge: Charge, unusable_s: int, *, percent: int, at_most_s: int) -> Charge:
    """The charge, or the same taken back whole. percent: of the time with media, from which it is; 0: never.

    Nothing of a free allowance is used by a visit that is taken back.
    """
    all_s = charge.seconds + unusable_s
    if not percent or not charge.total.micros or unusable_s * 100 < all_s * percent or charge.seconds > at_most_s:
        return charge
    line = ChargeLine(LineKind.CREDIT, MOSTLY_UNUSABLE, 1, -charge.total)
    return replace(charge, lines=(*charge.lines, line), total=Money(0, charge.total.currency), free_s=0)


def given_back(charge: Charge) -> Money:
    """What credits took off the charge."""
    nothing = Money(0, charge.total.currency)
    return sum((-each.amount for each in charge.lines if each.kind is LineKind.CREDIT), nothing)
