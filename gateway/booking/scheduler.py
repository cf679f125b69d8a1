"""The task that begins booked visits, sends reminders and closes what nobody approved.

approved --claim in the store--> starting --both are there--> started --> kept
                                    \\--> no_show_family, no_show_station

The claim is one conditional write before anything is dialled: of several nodes, and of a node before and after a crash,
one begins a visit, once. After a crash what was only claimed is `interrupted`, what had both sides is `kept`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from gateway.booking import states
from gateway.booking.desk import BookingDesk
from gateway.booking.ports import CallStation, Remind, Reminder, Scheduled
from gateway.booking.states import Attendance
from gateway.clock import Clock
from gateway.errors import BookingError, StoreError
from gateway.store import Booking, BookingState, Store

log = logging.getLogger(__name__)
T = TypeVar("T")
_NOBODY = Attendance(station=False, family=False)
_GRACE_S = 60.0
"""So long after its end a visit may take to say who came."""
_RETRY_S = 5.0


class Scheduler:
    """run() is the whole of it. call None, or a facility whose rules say so: its stations call us, and nothing
    is begun or judged here.

    longest_reminder: nothing is reminded of earlier. every_s: between two looks. at_once: visits that run.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        desk: BookingDesk,
        call: CallStation | None,
        remind: Remind,
        node: str,
        longest_reminder: timedelta = timedelta(days=14),
        every_s: float = 5.0,
        at_once: int = 200,
    ) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._call = call
        self._remind = remind
        self._node = node
        self._longest = longest_reminder
        self._every_s = every_s
        self._at_once = at_once
        self._running = 0

    async def run(self) -> None:
        """Until it is cancelled; visits that it carries are cancelled with it and recovered at the next start."""
        await self._patiently(self.recover)
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    await self.look(tasks)
                except StoreError as error:
                    log.warning("booked visits wait: %s", error)
                await self._clock.sleep(self._every_s)

    async def recover(self) -> None:
        """What this node began and never ended, before it begins anything."""
        for booking in await self._store.read(lambda work: work.bookings.unfinished(self._node)):
            done = states.recovered(booking, self._clock.now())
            await self._desk.settle(booking, done)
            log.warning("booking %s: %s after a crash", booking.booking_id, done.state)

    async def look(self, tasks: asyncio.TaskGroup) -> None:
        """Once over everything whose time has come."""
        now, room = self._clock.now(), self._at_once - self._running
        if room > 0:
            for booking in await self._store.read(lambda work: work.bookings.due(now, room)):
                await self._due(booking, tasks)
        near = now + self._longest
        for booking in await self._store.read(lambda work: work.bookings.to_remind(now, near, self._at_once)):
            await self._reminded(booking)

    async def _due(self, booking: Booking, tasks: asyncio.TaskGroup) -> None:
        now = self._clock.now()
        calls = self._call is not None and self._desk.rules_for(booking).calls
        if not calls and booking.state is BookingState.APPROVED:
            if now >= booking.ends_at:
                await self._desk.settle(booking, states.passed(booking, now))
            return
        late = states.overdue(booking, now)
        if late is not None:
            await self._desk.settle(booking, late)
            return
        claimed = states.starting(booking, self._node, now)
        if await self._desk.settle(booking, claimed):
            mine = await self._desk.booking(booking.booking_id)
            self._running += 1
            tasks.create_task(self._carry(mine), name=f"booking {booking.booking_id}")

    async def _carry(self, booking: Booking) -> None:
        try:
            attendance = await self._attendance(booking)
            await self._patiently(lambda: self._end(booking.booking_id, attendance))
        finally:
            self._running -= 1

    async def _attendance(self, booking: Booking) -> Attendance:
        left_s = (booking.ends_at - self._clock.now()).total_seconds() + _GRACE_S
        calling = asyncio.ensure_future(self._called(booking))
        waiting = asyncio.ensure_future(self._clock.sleep(left_s))
        try:
            await asyncio.wait((calling, waiting), return_when=asyncio.FIRST_COMPLETED)
            if not calling.done():
                log.error("booking %s: nobody said who came", booking.booking_id)
                return _NOBODY
            return calling.result()
        except Exception as error:  # noqa: BLE001 - whatever it is, one visit must not end all others
            log.warning("booking %s: the station was not reached (%s)", booking.booking_id, type(error).__name__)
            return _NOBODY
        finally:
            calling.cancel()
            waiting.cancel()

    async def _called(self, booking: Booking) -> Attendance:
        if self._call is None:
            return _NOBODY
        trunk, dialled = await self._desk.way_to(booking)
        visit = Scheduled(
            visit_id=booking.visit_id,
            trunk=trunk,
            station=booking.station,
            dialled=dialled,
            contact=booking.contact,
            resident=booking.resident,
            until=booking.ends_at,
        )
        return await self._call(visit, lambda: self._joined(booking.booking_id))

    async def _joined(self, booking_id: str) -> None:
        before = await self._desk.booking(booking_id)
        await self._desk.settle(before, states.started(before, self._clock.now()))

    async def _end(self, booking_id: str, attendance: Attendance) -> None:
        before = await self._desk.booking(booking_id)
        came = Attendance(station=True, family=True) if before.state is BookingState.STARTED else attendance
        rules = self._desk.rules_for(before)
        done = states.ended(before, came, rules, self._clock.now())
        await self._desk.settle(before, done)
        log.info("booking %s: %s", booking_id, done.state)

    async def _reminded(self, booking: Booking) -> None:
        """Written first: of several nodes, one reminds, once."""
        now = self._clock.now()
        if booking.starts_at - now > self._desk.rules_for(booking).remind:
            return
        if await self._desk.settle(booking, replace(booking, reminded_at=now)):
            name, private = self._desk.facility_name(booking.facility), await self._desk.is_private(booking)
            self._remind(Reminder(booking.visit_id, booking.contact, booking.facility, name, booking.ends_at, private))

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """Again, while the store is away. A change that somebody else has made first is theirs."""
        while True:
            try:
                return await work()
            except BookingError as error:
                log.warning("a booking has changed meanwhile: %s", error)
                return None
            except StoreError as error:
                log.warning("booked visits wait: %s", error)
                await self._clock.sleep(_RETRY_S)
