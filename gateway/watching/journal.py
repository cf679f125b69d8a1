"""The audit of officers: who watched which visit from when until when, and who wrote into one.

Nobody watches unwritten: when the database is away, nobody begins. An end that cannot be written waits for it; after a
crash the next start writes `node_crash`, at the time of that start.
"""

from __future__ import annotations

from datetime import datetime

from gateway.store import Access, Store, Watching, Work

NODE_CRASH = "node_crash"


class Journal:
    """Over the store. Each call raises StoreUnavailable: nothing was written, it may be repeated."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def began(self, watching: Watching) -> None:
        await self._store.write(lambda work: work.watchings.began(watching))

    async def ended(self, watching_id: str, at: datetime, reason: str) -> None:
        """Idempotent: the first end stands."""
        await self._store.write(lambda work: work.watchings.ended(watching_id, at, reason))

    async def recover(self, node: str, now: datetime) -> int:
        """Ends what a crash of `node` left open; how many there were. Before the node's first visit, never later."""

        def end_all(work: Work) -> int:
            found = work.watchings.open(node)
            for each in found:
                work.watchings.ended(each.watching_id, now, NODE_CRASH)
            return len(found)

        return await self._store.write(end_all)

    async def acted(self, officer: str, act: str, visit_id: str, at: datetime, detail: str = "") -> None:
        """Something else that an officer did to a visit. act: `visit.message`, `visit.end`."""
        await self._store.write(lambda work: work.accesses.write(Access(at, officer, act, visit_id, detail=detail)))

    async def page(
        self, since: int = 0, limit: int = 100, *, visit_id: str = "", officer: str = ""
    ) -> tuple[Watching, ...]:
        return await self._store.read(
            lambda work: work.watchings.find(since, limit, visit_id=visit_id, officer=officer)
        )
