"""Who may book what, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.billing.accounting import Accounting
from gateway.booking import Hand, Wanted
from gateway.booking.states import Attendance, ended, overdue, starting
from gateway.clock import ManualClock
from gateway.errors import BookingError, BookingUnknown, SlotTaken
from gateway.money import Money
from gateway.policy.people import People, Resident, Standing
from gateway.store import Booking, BookingState, Store
from tests.billing.stage import demo_tariffs
from tests.booking.facility import MONDAY, ONE_CELL, PLAN, RULES, at, desk_on

MARY, BOB, ZOE, STAFF = Hand("mary"), Hand("bob"), Hand("zoe"), Hand("badge-1", staff=True)
FEE = Money(2_000_000, "USD")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MONDAY)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(f"sqlite:///{tmp_path}/k.db") as opened:
        yield opened


@pytest.fixture
async def each_store(database_url: str) -> AsyncIterator[Store]:
    """For what a database has to get right by itself: races, money, what overlaps."""
    async with Store(database_url) as opened:
        yield opened


def visits(contact: str, resident: str = "") -> Wanted:
    return Wanted("jail", contact, resident)


async def balance(store: Store, account: str) -> str:
    found = await store.read(lambda work: work.books.account(account))
    assert found is not None
    return found.balance.amount


async def test_fifty_who_want_one_slot_at_the_same_time(
    each_store: Store, database_url: str, clock: ManualClock
) -> None:
    people = [f"c{number}" for number in range(50)]
    lines = "".join(f'  - {{id: {each}, name: X, number: "55523690{each[1:]:0>2}", account: x}}\n' for each in people)
    crowd = ONE_CELL.replace("contacts:\n", "contacts:\n" + lines)
    async with Store(database_url) as second:
        desks = [desk_on(each, clock, plan=crowd, node=name) for each, name in ((each_store, "1"), (second, "2"))]
        asked = [desks[index % 2].book(visits(each), at(9), Hand(each)) for index, each in enumerate(people)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [each for each in answers if not isinstance(each, (SlotTaken, Booking))] == []
    assert sum(isinstance(each, SlotTaken) for each in answers) == 49
    assert len(await each_store.read(lambda work: work.bookings.held("jail", at(9), at(10)))) == 1


async def test_each_slot_has_as_many_visits_as_there_are_stations(store: Store, clock: ManualClock) -> None:
    desk = desk_on(store, clock)
    first, second = [await desk.book(visits(each), at(9), Hand(each)) for each in ("mary", "bob")]
    assert {first.station, second.station} == {"cell-1", "cell-2"}
    with pytest.raises(SlotTaken):
        await desk.book(visits("zoe"), at(9), ZOE)
    free = await desk.slots(visits("zoe"), at(9), at(11))
    assert [each.slot.starts_at for each in free] == [at(9, 30), at(10), at(10, 30)]


async def test_nobody_is_in_two_visits_at_once(store: Store, clock: ManualClock) -> None:
    desk = desk_on(store, clock)
    await desk.book(visits("mary"), at(9), MARY)
    with pytest.raises(SlotTaken):
        await desk.book(visits("mary"), at(9), MARY)
    assert at(9) not in [each.slot.starts_at for each in await desk.slots(visits("mary"), at(8), at(11))]


async def test_slots_of_another_length_may_not_overlap_either(each_store: Store, clock: ManualClock) -> None:
    await desk_on(each_store, clock, plan=ONE_CELL).book(visits("mary"), at(9, 30), MARY)
    shorter = desk_on(each_store, clock, plan=ONE_CELL, slot=timedelta(minutes=20))
    found = await shorter.slots(visits("bob"), at(9), at(10, 30))
    assert [each.slot.starts_at for each in found] == [at(9), at(10), at(10, 20)]


@pytest.mark.parametrize(
    ("when", "says"),
    [
        (at(9, day=5), "too soon"),
        (at(10, day=5), "too soon"),
        (at(9, day=30), "too far ahead"),
        (at(9, 10), "no visit can begin then"),
        (at(13), "no visit can begin then"),
    ],
)
async def test_a_time_that_cannot_be_booked(store: Store, clock: ManualClock, when: object, says: str) -> None:
    with pytest.raises(BookingError, match=says):
        await desk_on(store, clock).book(visits("mary"), when, MARY)  # type: ignore[arg-type]  # of the table
    assert not await store.read(lambda work: work.bookings.listed())


async def test_rules_are_accepted_in_their_version_and_the_time_is_kept(store: Store, clock: ManualClock) -> None:
    desk = desk_on(store, clock, rules="2026-01")
    for version in ("", "2025-06"):
        with pytest.raises(BookingError, match="have to be accepted"):
            await desk.book(visits("mary"), at(9), MARY, accepts=version)
    booked = await desk.book(visits("mary"), at(9), MARY, accepts="2026-01")
    assert await desk.booking(booked.booking_id) == booked
    assert (booked.rules, booked.rules_at) == ("2026-01", MONDAY)


async def test_what_is_asked_for_holds_its_slot_until_staff_decide(store: Store, clock: ManualClock) -> None:
    desk = desk_on(store, clock, plan=ONE_CELL, approval=True)
    asked = await desk.book(visits("mary"), at(9), MARY)
    assert asked.state is BookingState.REQUESTED
    with pytest.raises(SlotTaken):
        await desk.book(visits("bob"), at(9), BOB)
    assert (await desk.refuse(asked.booking_id, "full")).state is BookingState.REFUSED
    again = await desk.book(visits("bob"), at(9), BOB)
    assert (await desk.approve(again.booking_id)).state is BookingState.APPROVED
    with pytest.raises(BookingError, match="approved cannot be approved"):
        await desk.approve(again.booking_id)


async def test_a_contact_touches_its_own_bookings_only(store: Store, clock: ManualClock) -> None:
    desk = desk_on(store, clock)
    booked = await desk.book(visits("mary"), at(9), MARY)
    with pytest.raises(BookingUnknown):
        await desk.cancel(booked.booking_id, BOB)
    with pytest.raises(BookingUnknown):
        await desk.move(booked.booking_id, at(10), BOB)
    assert (await desk.cancel(booked.booking_id, MARY)).state is BookingState.CANCELLED


async def test_moving_keeps_the_booking_and_frees_the_time_before(each_store: Store, clock: ManualClock) -> None:
    told: list[str] = []
    desk = desk_on(each_store, clock, plan=ONE_CELL, told=told.append)
    booked = await desk.book(visits("mary"), at(9, day=8), MARY)
    moved = await desk.move(booked.booking_id, at(9, 30, day=8), MARY)
    assert (moved.booking_id, moved.visit_id, moved.sequence) == (booked.booking_id, booked.visit_id, 1)
    assert told == [booked.visit_id]
    await desk.book(visits("bob"), at(9, day=8), BOB)
    with pytest.raises(SlotTaken):
        await desk.move(booked.booking_id, at(9, day=8), MARY)
    assert await desk.booking(booked.booking_id) == moved


async def test_late_it_can_be_cancelled_but_only_staff_move_it(store: Store, clock: ManualClock) -> None:
    desk = desk_on(store, clock)
    booked = await desk.book(visits("mary"), at(9), MARY)
    await clock.advance(3600)
    with pytest.raises(BookingError, match="too late to move it"):
        await desk.move(booked.booking_id, at(10), MARY)
    assert (await desk.move(booked.booking_id, at(10), STAFF)).starts_at == at(10)


@pytest.mark.parametrize(
    ("wait_h", "by", "left"),
    [(0, MARY, "10.00"), (30, MARY, "8.50"), (30, STAFF, "10.00")],
)
async def test_the_refund_rule(store: Store, clock: ManualClock, wait_h: int, by: Hand, left: str) -> None:
    books = Accounting(store, demo_tariffs(), clock=clock)
    await books.open_account("mary")
    await books.deposit("mary", Money(10_000_000, "USD"), "cash-1")
    desk = desk_on(store, clock, fee=FEE, late_refund_percent=25)
    booked = await desk.book(visits("mary"), at(9, day=7), MARY)
    assert (await balance(store, "mary"), booked.paid) == ("8.00", FEE)
    await clock.advance(3600 * wait_h)
    done = await desk.cancel(booked.booking_id, by)
    assert done.owed == done.paid
    assert await balance(store, "mary") == left


async def test_who_cannot_pay_the_fee_holds_no_slot(each_store: Store, clock: ManualClock) -> None:
    books = Accounting(each_store, demo_tariffs(), clock=clock)
    await books.open_account("mary")
    desk = desk_on(each_store, clock, fee=FEE)
    with pytest.raises(BookingError, match="cannot pay the fee"):
        await desk.book(visits("mary"), at(9), MARY)
    assert not await each_store.read(lambda work: work.bookings.listed())


async def test_visits_a_day_of_a_resident_are_bookings_too(each_store: Store, clock: ManualClock) -> None:
    plan = PLAN.replace("trunks: [pbx]", "trunks: [pbx], identify: pin, ivr: {}, limits: {visits_per_week: 2}")
    sam = Resident("4711", "jail", "Sam", visits_per_day=1)
    standings = {("jail", "4711", each): Standing.APPROVED for each in ("mary", "bob")}
    desk = desk_on(each_store, clock, plan=plan, people=People.of([sam], standings=standings))
    first = await desk.book(visits("mary", "4711"), at(9), MARY)
    with pytest.raises(BookingError, match="that day"):
        await desk.book(visits("bob", "4711"), at(10), BOB)
    await desk.book(visits("bob", "4711"), at(10, day=7), BOB)
    with pytest.raises(BookingError, match="that week"):
        await desk.book(visits("bob", "4711"), at(10, day=8), BOB)
    await desk.cancel(first.booking_id, MARY)
    await desk.book(visits("bob", "4711"), at(10, day=8), BOB)
    assert await desk.residents_of("jail", "bob") == ("4711",)
    assert not await desk.slots(visits("bob", "9999"), at(9), at(12))


async def test_visits_a_day_of_a_contact_are_bookings_too(each_store: Store, clock: ManualClock) -> None:
    plan = PLAN.replace("trunks: [pbx]", "trunks: [pbx], identify: pin, ivr: {}").replace(
        "- {id: mary,", "- {id: mary, visits_per_day: 1,"
    )
    assert plan.count("visits_per_day") == 1
    residents = [Resident(each, "jail", "Somebody") for each in ("4711", "4712")]
    desk = desk_on(each_store, clock, plan=plan, people=People.of(residents))
    await desk.book(visits("mary", "4711"), at(9), MARY)
    with pytest.raises(BookingError, match="that day"):
        await desk.book(visits("mary", "4712"), at(10), MARY)
    await desk.book(visits("mary", "4712"), at(10, day=7), MARY)


async def test_what_somebody_else_changed_meanwhile_is_not_overwritten(each_store: Store, clock: ManualClock) -> None:
    booked = await desk_on(each_store, clock).book(visits("mary"), at(9), MARY)
    claimed = starting(booked, "node1", MONDAY)
    assert await each_store.write(lambda work: work.bookings.put(booked, claimed))
    assert not await each_store.write(lambda work: work.bookings.put(booked, replace(claimed, node="node2")))


@pytest.mark.parametrize(
    ("attendance", "state", "owed"),
    [
        (Attendance(station=True, family=True), BookingState.KEPT, 2_000_000),
        (Attendance(station=True, family=False), BookingState.NO_SHOW_FAMILY, 1_000_000),
        (Attendance(station=False, family=True), BookingState.NO_SHOW_STATION, 0),
        (Attendance(station=False, family=False), BookingState.NO_SHOW_STATION, 0),
    ],
)
async def test_who_was_missing_and_what_it_costs(
    store: Store, clock: ManualClock, attendance: Attendance, state: BookingState, owed: int
) -> None:
    booked = await desk_on(store, clock).book(visits("mary"), at(9), MARY)
    rules = replace(RULES, fee=FEE, no_show_percent=50)
    done = ended(starting(replace(booked, owed=FEE), "node1", at(9)), attendance, rules, at(10))
    assert (done.state, done.owed.micros) == (state, owed)


async def test_what_nobody_approved_or_started_in_time(store: Store, clock: ManualClock) -> None:
    booked = await desk_on(store, clock).book(visits("mary"), at(9), MARY)
    assert overdue(booked, at(9, 29)) is None
    missed = overdue(booked, at(9, 30))
    assert missed is not None
    assert missed.state is BookingState.NO_SHOW_STATION
    asked = overdue(replace(booked, state=BookingState.REQUESTED), at(9))
    assert asked is not None
    assert asked.state is BookingState.REFUSED
