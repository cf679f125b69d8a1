"""The start of booked visits, on a clock that moves only when told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.billing.accounting import Accounting
from gateway.booking import Attendance, BookingDesk, Hand, Reminder, Scheduled, Scheduler, Wanted
from gateway.clock import ManualClock
from gateway.money import Money
from gateway.store import Booking, BookingState, Store
from tests.billing.stage import demo_tariffs
from tests.booking.facility import MONDAY, ONE_CELL, PLAN, at, desk_on
from tests.support.waiting import until

MARY = Hand("mary")
BOTH = Attendance(station=True, family=True)
FEE = Money(2_000_000, "USD")


class Stations:
    """Who comes, by contact; a visit lasts until its end. crash: the gateway is cancelled in the midst of it."""

    def __init__(self, clock: ManualClock) -> None:
        self.called: list[tuple[datetime, Scheduled]] = []
        self.comes: dict[str, Attendance | Exception] = {}
        self._clock = clock

    async def __call__(self, visit: Scheduled, joined: Callable[[], Awaitable[None]]) -> Attendance:
        self.called.append((self._clock.now(), visit))
        comes = self.comes.get(visit.contact, BOTH)
        if isinstance(comes, Exception):
            raise comes
        if comes == BOTH:
            await joined()
            await self._clock.sleep((visit.until - self._clock.now()).total_seconds())
        return comes


class House:
    def __init__(self, store: Store, clock: ManualClock, plan: str = PLAN, **rules: Any) -> None:
        self.store, self.clock = store, clock
        self.desk: BookingDesk = desk_on(store, clock, plan=plan, **rules)
        self.stations = Stations(clock)
        self.reminded: list[tuple[datetime, Reminder]] = []

    def scheduler(self, node: str = "node1", *, calls: bool = True) -> Scheduler:
        return Scheduler(
            store=self.store,
            clock=self.clock,
            desk=self.desk,
            call=self.stations if calls else None,
            remind=lambda reminder: self.reminded.append((self.clock.now(), reminder)),
            node=node,
        )

    @asynccontextmanager
    async def running(self, *nodes: str, calls: bool = True) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.scheduler(each, calls=calls).run()) for each in nodes or ("node1",)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def pass_to(self, when: datetime) -> None:
        """In steps: the store answers from its own thread, and time must not run ahead of it."""
        while self.clock.now() < when:
            left_s = (when - self.clock.now()).total_seconds()
            await self.clock.advance(min(left_s, 300))
            await self.store.read(lambda work: work.bookings.listed())
        await self.settled()

    async def settled(self) -> None:
        for _ in range(12):
            await self.clock.advance(5)
            await self.store.read(lambda work: work.bookings.listed())

    async def is_now(self, booking: Booking, state: BookingState) -> Booking:
        async def check() -> Booking | None:
            await self.clock.advance(0)
            found = await self.desk.booking(booking.booking_id)
            return found if found.state is state else None

        found = await until(check, f"state {state}")
        assert found is not None
        return found


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(f"sqlite:///{tmp_path}/k.db") as opened:
        yield opened


@pytest.fixture
async def each_house(database_url: str) -> AsyncIterator[House]:
    """For what a database has to get right by itself: claims."""
    async with Store(database_url) as opened:
        yield House(opened, ManualClock(MONDAY))


@pytest.fixture
def house(store: Store) -> House:
    return House(store, ManualClock(MONDAY))


async def test_a_visit_begins_at_its_time_and_ends_at_its_end(house: House) -> None:
    booked = await house.desk.book(Wanted("jail", "mary"), at(9), MARY)
    async with house.running():
        await house.pass_to(at(8, 58))
        assert house.stations.called == []
        await house.pass_to(at(9))
        await house.is_now(booked, BookingState.STARTED)
        await house.pass_to(booked.ends_at)
        await house.is_now(booked, BookingState.KEPT)
    ((_, visit),) = house.stations.called
    assert (visit.trunk, visit.station, visit.dialled) == ("pbx", booked.station, "5552368001")
    assert (visit.visit_id, visit.until) == (booked.visit_id, at(9, 30))


async def test_a_late_start_does_not_move_the_end(house: House) -> None:
    booked = await house.desk.book(Wanted("jail", "mary"), at(9), MARY)
    await house.clock.advance((at(9, 20) - MONDAY).total_seconds())
    async with house.running():
        await house.is_now(booked, BookingState.STARTED)
    ((when, visit),) = house.stations.called
    assert (when, visit.until) == (at(9, 20), at(9, 30))


async def test_what_the_gateway_slept_through_is_nobodys_fault(house: House) -> None:
    booked = await house.desk.book(Wanted("jail", "mary"), at(9), MARY)
    await house.clock.advance((at(9, 30) - MONDAY).total_seconds())
    async with house.running():
        await house.is_now(booked, BookingState.NO_SHOW_STATION)
    assert house.stations.called == []


@pytest.mark.parametrize(
    ("comes", "state", "left"),
    [
        (Attendance(station=True, family=False), BookingState.NO_SHOW_FAMILY, "9.00"),
        (Attendance(station=False, family=False), BookingState.NO_SHOW_STATION, "10.00"),
        (OSError("no route"), BookingState.NO_SHOW_STATION, "10.00"),
    ],
)
async def test_who_does_not_come_pays_by_the_rule(
    store: Store, comes: Attendance | Exception, state: BookingState, left: str
) -> None:
    house = House(store, ManualClock(MONDAY), fee=FEE, no_show_percent=50)
    books = Accounting(store, demo_tariffs(), clock=house.clock)
    await books.open_account("mary")
    await books.deposit("mary", Money(10_000_000, "USD"), "cash-1")
    house.stations.comes["mary"] = comes
    booked = await house.desk.book(Wanted("jail", "mary"), at(9), MARY)
    await house.clock.advance((at(9) - MONDAY).total_seconds())
    async with house.running():
        await house.is_now(booked, state)
    assert (await books.account("mary")).balance.amount == left


async def test_two_nodes_begin_each_visit_once(each_house: House) -> None:
    booked = [await each_house.desk.book(Wanted("jail", each), at(9), Hand(each)) for each in ("mary", "bob")]
    await each_house.clock.advance((at(9) - MONDAY).total_seconds())
    async with each_house.running("node1", "node2"):
        for each in booked:
            await each_house.is_now(each, BookingState.STARTED)
        await each_house.settled()
    assert sorted(visit.visit_id for _, visit in each_house.stations.called) == sorted(each.visit_id for each in booked)


async def test_after_a_crash_nothing_is_called_again(each_house: House) -> None:
    mary, bob = [await each_house.desk.book(Wanted("jail", each), at(9), Hand(each)) for each in ("mary", "bob")]
    await each_house.clock.advance((at(9) - MONDAY).total_seconds())
    never = asyncio.Event()

    async def silent(visit: Scheduled, joined: Callable[[], Awaitable[None]]) -> Attendance:
        each_house.stations.called.append((each_house.clock.now(), visit))
        if visit.contact == "mary":
            await joined()
        await never.wait()
        return BOTH

    first = each_house.scheduler()
    first._call = silent
    task = asyncio.create_task(first.run())
    await each_house.is_now(mary, BookingState.STARTED)
    await each_house.is_now(bob, BookingState.STARTING)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await each_house.desk.booking(bob.booking_id)).state is BookingState.STARTING
    async with each_house.running("node2"):
        await each_house.settled()
        assert (await each_house.desk.booking(bob.booking_id)).state is BookingState.STARTING, "node1 may live"
    async with each_house.running("node1"):
        await each_house.is_now(mary, BookingState.KEPT)
        await each_house.is_now(bob, BookingState.INTERRUPTED)
    assert len(each_house.stations.called) == 2


async def test_nobody_approved_it(store: Store) -> None:
    house = House(store, ManualClock(MONDAY), approval=True)
    asked = await house.desk.book(Wanted("jail", "mary"), at(9), MARY)
    await house.clock.advance((at(9) - MONDAY).total_seconds())
    async with house.running():
        await house.is_now(asked, BookingState.REFUSED)
    assert house.stations.called == []


async def test_one_reminder_before_each_time(each_house: House) -> None:
    booked = await each_house.desk.book(Wanted("jail", "mary"), at(9, day=8), MARY)
    async with each_house.running("node1", "node2"):
        await each_house.pass_to(at(12))
        moved = await each_house.desk.move(booked.booking_id, at(9, 30, day=7), Hand("staff", staff=True))
        await each_house.pass_to(at(8, 20, day=7))
        assert each_house.reminded == []
        await each_house.pass_to(at(8, 40, day=7))
    ((_, reminder),) = each_house.reminded
    assert (reminder.visit_id, reminder.contact, reminder.until) == (moved.visit_id, "mary", moved.ends_at)
    assert not reminder.privileged


@pytest.mark.parametrize(
    ("before", "after"),
    [("max_minutes: 30", "max_minutes: 30, privileged: true"), ("09:00-12:00", "10:00-12:00")],
    ids=["private", "not allowed any more"],
)
async def test_a_reminder_of_a_private_visit_says_so(house: House, before: str, after: str) -> None:
    """By the rules of the time at which it goes out; where in doubt it is private."""
    await house.desk.book(Wanted("jail", "mary"), at(9), MARY)
    house.desk = desk_on(house.store, house.clock, plan=PLAN.replace(before, after))
    async with house.running():
        await house.pass_to(at(8, 40))
    ((_, reminder),) = house.reminded
    assert reminder.privileged


async def test_where_stations_call_themselves_it_only_reminds(house: House) -> None:
    booked = await house.desk.book(Wanted("jail", "mary"), at(9), MARY)
    await house.clock.advance((at(8, 30) - MONDAY).total_seconds())
    async with house.running(calls=False):
        await house.pass_to(at(9, 20))
        assert (await house.desk.booking(booked.booking_id)).state is BookingState.APPROVED
        await house.pass_to(booked.ends_at)
        await house.is_now(booked, BookingState.KEPT)
    assert (len(house.reminded), house.stations.called) == (1, [])


@pytest.mark.parametrize(
    ("eve", "first_utc", "count"),
    [
        (datetime(2026, 3, 7, 15, tzinfo=UTC), datetime(2026, 3, 8, 7, 30, tzinfo=UTC), 4),
        (datetime(2026, 10, 31, 15, tzinfo=UTC), datetime(2026, 11, 1, 6, 30, tzinfo=UTC), 7),
    ],
)
async def test_visits_of_the_night_in_which_the_clock_changes(
    store: Store, eve: datetime, first_utc: datetime, count: int
) -> None:
    """01:30 to 04:30 on the wall are two hours in spring, three and a half in autumn; each visit has an instant."""
    night = ONE_CELL.replace("09:00-12:00", "01:30-04:30")
    house = House(store, ManualClock(eve), plan=night, free_until=timedelta(0))
    free = await house.desk.slots(Wanted("jail", "mary"), eve, first_utc + timedelta(hours=12))
    starts = [each.slot.starts_at for each in free]
    assert starts[0] == first_utc
    booked = [await house.desk.book(Wanted("jail", "mary"), each, MARY) for each in starts[:count]]
    async with house.running():
        for each in booked:
            await house.pass_to(each.starts_at)
            await house.is_now(each, BookingState.STARTED)
            await house.pass_to(each.ends_at)
            await house.is_now(each, BookingState.KEPT)
    late = [(when - visit.until + timedelta(minutes=30)) for when, visit in house.stations.called]
    assert len(late) == count
    assert all(timedelta(0) <= each <= timedelta(minutes=6) for each in late)
