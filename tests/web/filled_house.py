"""A facility with a past: a month of visits, people with names that mean harm, a gateway that takes bookings."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.access import AccessDesk
from gateway.call.termination import Fault, Reason, Termination
from gateway.clock import SystemClock
from gateway.config import StaffRole
from gateway.people import PeopleDesk, PinRules
from gateway.policy.decision import Medium, Refusal
from gateway.policy.people import Resident, Standing
from gateway.policy.plan import Contact
from gateway.store import By, Store
from gateway.store.people import Peoples
from tests.access.stage import PASSWORD
from tests.access.stage import QUICK as ACCESS_RULES
from tests.reports.stage import Books, books_on, local
from tests.support.gateway_process import GatewayProcess

QUICK = PinRules(tries=3, lockout_s=600, memory_mib=8, passes=1, lanes=1)
MONTH = "2026-10"
HARM = '<img src=x onerror="window.harm=1"><b>Mallory</b>'
HERE = {"facility": "demo-jail", "trunk": "demo"}


async def a_month(books: Books) -> None:
    """Two visits or three a day, more in the evenings; some are refused, some end badly."""
    chance = random.Random(2026)
    await books.open("family-1")
    await books.deposit(local(1, 9), "400.00")
    ends = [Termination(Reason.FAMILY_LEFT, Fault.FAMILY)] * 5 + [Termination(Reason.INMATE_HUNG_UP, Fault.STATION)]
    for day in range(1, 29):
        for hour in sorted(chance.sample([10, 13, 15, 16, 18, 19, 20], 2 + day % 2)):
            sound = Books.flows(60, mos=chance.choice([4.3, 4.2, 4.0, 3.4]))
            await books.visit(
                local(day, hour, chance.randrange(30)), 60 * chance.randrange(2, 18), termination=chance.choice(ends),
                flows=sound, medium=Medium.VIDEO, station=f"terminal-{1 + day % 4}", **HERE,
            )  # fmt: skip
        if day % 3 == 0:
            await books.attempt(local(day, 21), Termination(Reason.REFUSED, Fault.STATION, Refusal.HOURS, 603), **HERE)


def everybody(people: Peoples, by: By) -> None:
    for number, name in (("4711", "Sam Inside"), ("4712", HARM), ("4713", "Kim Inside")):
        people.put_resident(Resident(number, "demo-jail", name, unit="Pod A", max_minutes=15), by)
    people.put_contact(Contact("ann", "Ann Outside", "5553330001", "family-1"), by)
    people.put_contact(Contact("mal", HARM, "5553330002", "family-1"), by)
    people.set_standing("demo-jail", "4711", "ann", Standing.APPROVED, by=by)
    people.set_standing("demo-jail", "4711", "mal", Standing.PENDING, by=by)


@asynccontextmanager
async def filled_house(folder: Path) -> AsyncIterator[GatewayProcess]:
    """With staff `badge-all`, who has every role, and `badge-7`, an officer; both by PASSWORD."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    async with books_on(f"sqlite:///{folder}/kinbridge.db", node="test1") as books:
        await a_month(books)
        await PeopleDesk(books.store, books.accounting._clock, QUICK).change(everybody, HARM)
    booking = {"facilities": [{"facility": "demo-jail", "slot_minutes": 20, "approval": True, "call_station": False}]}
    async with GatewayProcess(folder, balance="", sections={"booking": booking}) as gateway:
        await hire(gateway, "badge-all", *StaffRole)
        await hire(gateway, "badge-7", StaffRole.OFFICER)
        yield gateway


async def hire(gateway: GatewayProcess, name: str, *roles: StaffRole) -> None:
    async with Store(f"sqlite:///{gateway.folder}/kinbridge.db") as store:
        await AccessDesk(store, SystemClock(), ACCESS_RULES).add(name, frozenset(roles), PASSWORD, "tester")
