"""Who watches on the stage: begins, ends and remembers, as gateway.watching does, and shows a film."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bridge.plane import MediaPlane
from bridge.types import MediaSettings
from bridge.watching import Watcher
from gateway.errors import StoreUnavailable, VisitGone, WatchingForbidden
from gateway.store import Watching
from gateway.watching import Seat, State
from tests.support.projector import Projector


@dataclass
class WatchDesk:
    """may_watch(visit_id) raises VisitGone. `acts` has what else an officer did; `away`: the database is."""

    may_watch: Callable[[str], bool]
    media: bool
    seats: dict[str, Seat] = field(default_factory=dict)
    written: list[Watching] = field(default_factory=list)
    acts: list[tuple[str, str, str, int]] = field(default_factory=list)
    away: bool = False
    _plane: MediaPlane | None = None
    _projector: Projector = field(default_factory=Projector)
    _watchers: dict[str, Watcher] = field(default_factory=dict)
    _closing: list[asyncio.Task[None]] = field(default_factory=list)

    async def begin(self, visit_id: str, officer: str, web_offer: str) -> tuple[str, str]:
        if not self.may_watch(visit_id):
            raise WatchingForbidden("nobody may watch this visit: it is privileged")
        if self.away:
            raise StoreUnavailable("away")
        number = len(self.written) + 1
        watching = Watching(f"w-{number:016x}", "node1", "demo-jail", visit_id, officer, _now(), number=number)
        self.written.append(watching)
        self.seats[watching.watching_id] = Seat(watching)
        if not self.media:
            return watching.watching_id, "v=0\r\n"
        return watching.watching_id, await self._shown(watching, web_offer)

    async def _shown(self, watching: Watching, web_offer: str) -> str:
        if self._plane is None:
            self._plane = MediaPlane(MediaSettings(sheds_load=False))
            await self._plane.__aenter__()
        seat = self.seats[watching.watching_id]

        def lost(reason: str) -> None:
            if seat.state is not State.ENDED:
                self.end(watching.visit_id, watching.watching_id, reason)

        watcher, answer = await self._plane.watch(self._projector, web_offer, lost)
        watcher.on_connected = lambda: seat.become(State.WATCHING)
        self._watchers[watching.watching_id] = watcher
        return answer

    def seat(self, visit_id: str, watching_id: str) -> Seat:
        if watching_id not in self.seats or self.seats[watching_id].watching.visit_id != visit_id:
            raise VisitGone("there is no such watching")
        return self.seats[watching_id]

    def end(self, visit_id: str, watching_id: str, reason: str = "officer_left") -> None:
        seat = self.seat(visit_id, watching_id)
        del self.seats[watching_id]
        seat.become(State.ENDED, reason)
        place = seat.watching.number - 1
        self.written[place] = replace(self.written[place], until=_now(), reason=reason)
        watcher = self._watchers.pop(watching_id, None)
        if watcher is not None:
            self._closing.append(asyncio.create_task(watcher.close(), name="watcher leaves"))

    async def message(self, officer: str, visit_id: str, characters: int) -> None:
        self.acts.append((officer, "message", visit_id, characters))

    async def ended_visit(self, officer: str, visit_id: str) -> None:
        self.acts.append((officer, "end", visit_id, 0))

    def watchers(self, visit_id: str) -> int:
        return sum(each.watching.visit_id == visit_id for each in self.seats.values())

    async def page(
        self, since: int = 0, limit: int = 100, *, visit_id: str = "", officer: str = ""
    ) -> Sequence[Watching]:
        found = [each for each in self.written if each.number > since]
        found = [each for each in found if visit_id in ("", each.visit_id) and officer in ("", each.officer)]
        return found[:limit]

    async def close(self) -> None:
        if self._plane is not None:
            await asyncio.gather(*self._closing)
            await self._projector.close()
            await self._plane.__aexit__(None, None, None)


def _now() -> datetime:
    return datetime(2026, 1, 5, 15, 5, tzinfo=UTC)
