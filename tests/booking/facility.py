"""A facility that takes bookings: two cells in Chicago, two families, a desk on a store of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.booking import BookingDesk, BookingRules
from gateway.clock import ManualClock
from gateway.money import Money
from gateway.policy.people import NOBODY, People
from gateway.policy.plan import Dialplan
from gateway.store import Store
from tests.policy.test_dialplan_mistakes import read

MONDAY = datetime(2026, 1, 5, 15, tzinfo=UTC)  # 09:00 in Chicago
PLAN = """\
facilities:
  - {id: jail, name: Jail, timezone: America/Chicago, trunks: [pbx]}
stations:
  - {id: cell-1, facility: jail, name: Cell 1}
  - {id: cell-2, facility: jail, name: Cell 2}
contacts:
  - {id: mary, name: Mary, number: "5552368001", account: mary}
  - {id: bob, name: Bob, number: "5552368002", account: bob}
  - {id: zoe, name: Zoe, number: "5552368003", account: zoe}
rules:
  - {name: family, facility: jail, dialled: _NXXNXXXXXX, tariff: {video: visit}, max_minutes: 30,
     hours: {daily: ["09:00-12:00"]}}
"""
ONE_CELL = PLAN.replace("  - {id: cell-2, facility: jail, name: Cell 2}\n", "")
RULES = BookingRules("jail", Money(0, "USD"), free_until=timedelta(hours=24))


def at(local_hour: int, minute: int = 0, day: int = 6) -> datetime:
    """In Chicago's winter, January 2026."""
    return datetime(2026, 1, day, local_hour + 6, minute, tzinfo=UTC)


def desk_on(
    store: Store,
    clock: ManualClock,
    *,
    plan: str | Dialplan = PLAN,
    people: People = NOBODY,
    told: Callable[[str], None] = lambda _visit: None,
    node: str = "",
    **rules: Any,
) -> BookingDesk:
    async def present() -> People:
        return people

    numbers = itertools.count(1)
    dialplan = read(plan) if isinstance(plan, str) else plan
    return BookingDesk(
        store=store,
        clock=clock,
        rules={"jail": replace(RULES, **rules)},
        plan=lambda: dialplan,
        people=present,
        new_booking_id=lambda: f"b{node}-{next(numbers)}",
        new_visit_id=lambda: f"v{node}-{next(numbers)}",
        cancelled=told,
    )
