"""Those who watch on this node, now.

A watching is a seat: it begins with a row in the journal, is `connecting` until the officer's browser is there,
`watching` until it ends, and ends with one closed word (docs/watching.md lists them). What it does to the visit:
nothing. A watcher that is slow, gone or broken loses its seat, and is counted.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bridge import Media
from gateway.call.facts import Fact, FactKind
from gateway.call.ports import Facts
from gateway.call.view import VisitView
from gateway.clock import Clock
from gateway.errors import StoreError, StoreUnavailable, TooManyWatchers, VisitGone
from gateway.store import Watching
from gateway.watching.journal import Journal

log = logging.getLogger(__name__)

_RETRY_S = 2.0
_LAST_WORDS_S = 5.0

OFFICER_LEFT, FAILED = "officer_left", "failed"


class Visits(Protocol):
    """gateway.call.registry.Visits."""

    def watchable(self, visit_id: str) -> Media: ...

    def view(self, visit_id: str) -> VisitView: ...


class Watcher(Protocol):
    """bridge.watching.Watcher."""

    on_connected: Callable[[], None]

    async def close(self) -> None: ...


class Watch(Protocol):
    """bridge.MediaPlane.watch."""

    async def __call__(self, bridge: Media, web_offer: str, ended: Callable[[str], None], /) -> tuple[Watcher, str]: ...


class State(StrEnum):
    CONNECTING = "connecting"
    WATCHING = "watching"
    ENDED = "ended"


class Seat:
    """One watching, while it lasts and a moment longer. `changed` is set with each new state."""

    def __init__(self, watching: Watching) -> None:
        self.watching = watching
        self.state = State.CONNECTING
        self.reason = ""
        self.changed = asyncio.Event()
        self.watcher: Watcher | None = None

    def become(self, state: State, reason: str = "") -> None:
        if self.state is not State.ENDED:
            self.state, self.reason = state, reason
            self.changed.set()


class Monitoring:
    """most_a_visit, most: how many may watch one visit, and on this node. counters: ends, by reason."""

    def __init__(
        self,
        *,
        visits: Visits,
        watch: Watch,
        journal: Journal,
        facts: Facts,
        clock: Clock,
        node: str,
        most_a_visit: int,
        most: int,
    ) -> None:
        self._visits = visits
        self._watch = watch
        self._journal = journal
        self._facts = facts
        self._clock = clock
        self._node = node
        self._most_a_visit, self._most = most_a_visit, most
        self._seats: dict[str, Seat] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self.counters: Counter[str] = Counter()

    async def begin(self, visit_id: str, officer: str, web_offer: str) -> tuple[str, str]:
        """The watching's id and the answer for the officer's browser.

        Raises VisitGone, WatchingForbidden, NothingToWatch, TooManyWatchers, StoreUnavailable, and what the media plane
        raises for a bad offer (bridge.errors).
        """
        media = self._visits.watchable(visit_id)
        view = self._visits.view(visit_id)
        self._check_room(visit_id)
        watching_id = f"w-{secrets.token_hex(8)}"
        now = self._clock.now()
        seat = Seat(Watching(watching_id, view.node, view.facility, visit_id, officer, now))
        self._seats[watching_id] = seat
        try:
            await self._journal.began(seat.watching)
        except BaseException:
            del self._seats[watching_id]
            raise
        try:
            watcher, answer = await self._watch(media, web_offer, lambda reason: self._lost(watching_id, reason))
        except BaseException:
            self._lost(watching_id, FAILED)
            raise
        seat.watcher = watcher
        watcher.on_connected = lambda: seat.become(State.WATCHING)
        if seat.state is State.ENDED:  # while its answer was made
            await watcher.close()
            raise VisitGone(f"visit {visit_id} has ended")
        self._tell(FactKind.WATCHED, seat.watching, view)
        return watching_id, answer

    def seat(self, visit_id: str, watching_id: str) -> Seat:
        """Raises VisitGone."""
        seat = self._seats.get(watching_id)
        if seat is None or seat.watching.visit_id != visit_id:
            raise VisitGone(f"there is no watching {watching_id}")
        return seat

    def end(self, visit_id: str, watching_id: str, reason: str = OFFICER_LEFT) -> None:
        """Raises VisitGone."""
        self.seat(visit_id, watching_id)
        self._lost(watching_id, reason)

    async def message(self, officer: str, visit_id: str, characters: int) -> None:
        """That an officer wrote into a visit; what, is not kept. Raises StoreUnavailable."""
        await self._journal.acted(officer, "visit.message", visit_id, self._clock.now(), f"{characters} characters")

    async def ended_visit(self, officer: str, visit_id: str) -> None:
        """That an officer ended a visit: its record says so too, and not who. A database that is away is only told."""
        try:
            await self._journal.acted(officer, "visit.end", visit_id, self._clock.now())
        except StoreError as error:
            log.warning("visit %s: who ended it is not written (%s)", visit_id, type(error).__name__)

    def watchers(self, visit_id: str) -> int:
        return sum(each.watching.visit_id == visit_id for each in self._seats.values())

    def __len__(self) -> int:
        return len(self._seats)

    async def page(
        self, since: int = 0, limit: int = 100, *, visit_id: str = "", officer: str = ""
    ) -> tuple[Watching, ...]:
        return await self._journal.page(since, limit, visit_id=visit_id, officer=officer)

    async def recover(self) -> None:
        """Ends in the journal what a crash left open."""
        found = await self._journal.recover(self._node, self._clock.now())
        if found:
            log.warning("%d watchings that a crash had left open are ended", found)

    async def close(self) -> None:
        """Ends every watching and waits a little for the last rows. What is not written, the next start writes."""
        for watching_id in tuple(self._seats):
            self._lost(watching_id, "node_stopped")
        if self._ending:
            _, late = await asyncio.wait(self._ending, timeout=_LAST_WORDS_S)
            for each in late:
                each.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _check_room(self, visit_id: str) -> None:
        if self.watchers(visit_id) >= self._most_a_visit:
            self.counters["refused"] += 1
            raise TooManyWatchers(f"{self._most_a_visit} watch this visit already")
        if len(self._seats) >= self._most:
            self.counters["refused"] += 1
            raise TooManyWatchers(f"{self._most} watch on this node already")

    def _lost(self, watching_id: str, reason: str) -> None:
        """The one end of every watching, whoever wanted it."""
        seat = self._seats.pop(watching_id, None)
        if seat is None:
            return
        self.counters[reason] += 1
        seat.become(State.ENDED, reason)
        task = asyncio.create_task(self._finish(seat, self._clock.now()), name=f"watching {watching_id} ends")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _finish(self, seat: Seat, at: datetime) -> None:
        watching = seat.watching
        if seat.watcher is not None:
            await seat.watcher.close()
            self._tell(FactKind.UNWATCHED, watching, None, seat.reason)
        while True:
            try:
                await self._journal.ended(watching.watching_id, at, seat.reason)
            except StoreUnavailable:
                await self._clock.sleep(_RETRY_S)
            else:
                return

    def _tell(self, kind: FactKind, watching: Watching, view: VisitView | None, reason: str = "") -> None:
        detail: dict[str, str | int | bool] = {"watching_id": watching.watching_id}
        if reason:
            detail["reason"] = reason
        state = view.state if view is not None else self._state_of(watching.visit_id)
        self._facts.publish(
            Fact(kind, watching.node, watching.visit_id, watching.facility, state, self._clock.now(), detail=detail)
        )

    def _state_of(self, visit_id: str) -> str:
        try:
            return self._visits.view(visit_id).state
        except VisitGone:
            return "ended"
