"""The desk of who may come in, on a clock that is moved by hand and with hashes that cost little."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.access import AccessDesk, AccessRules, KeyDesk
from gateway.access.throttle import Limit
from gateway.clock import ManualClock
from gateway.config import StaffRole
from gateway.store import Store

MONDAY = datetime(2026, 1, 5, 15, tzinfo=UTC)
QUICK = AccessRules(
    idle=timedelta(minutes=30),
    longest=timedelta(hours=12),
    of_account=Limit(3, timedelta(minutes=15)),
    of_source=Limit(8, timedelta(minutes=15)),
    memory_mib=8,
)
PASSWORD = "seven quiet herons at noon"
HERE = "198.51.100.7"


@dataclass
class House:
    store: Store
    clock: ManualClock
    desk: AccessDesk
    keys: KeyDesk

    def other_node(self) -> AccessDesk:
        return AccessDesk(self.store, self.clock, QUICK)

    async def hire(self, name: str = "badge-1", *roles: StaffRole) -> None:
        await self.desk.add(name, frozenset(roles or {StaffRole.OFFICER}), PASSWORD, "tester")

    async def seen_at(self, cookie: str) -> datetime:
        """When the session of this cookie was last used, as the store has it."""
        digest = hashlib.sha256(cookie.encode()).hexdigest()
        found = await self.store.read(lambda work: work.staff.session(digest))
        assert found is not None
        return found.seen_at

    async def acts(self) -> list[tuple[str, str, str]]:
        """Of the audit: who, what, whom."""
        found = await self.store.read(lambda work: work.accesses.of())
        return [(each.who, each.act, each.subject) for each in found]


@asynccontextmanager
async def house_on(url: str) -> AsyncIterator[House]:
    clock = ManualClock(MONDAY)
    async with Store(url) as store:
        yield House(store, clock, AccessDesk(store, clock, QUICK), KeyDesk(store, clock))
