"""People in the store: changed with a log, seen by every node, and their PINs guarded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.clock import ManualClock
from gateway.errors import PeopleError
from gateway.ivr.values import PinLocked, PinRight, PinWrong
from gateway.people import PeopleDesk, PinRules
from gateway.policy.pattern import Pattern
from gateway.policy.people import Barrier, People, Resident, Standing
from gateway.policy.plan import Contact
from gateway.store import By, PeopleChange, Store
from gateway.store.people import Peoples

MONDAY = datetime(2026, 1, 5, 15, tzinfo=UTC)
QUICK = PinRules(tries=3, lockout_s=600, memory_mib=8, passes=1, lanes=1)
SAM = Resident("4711", "north", "Sam Inside", unit="B2", account="sam", language="es", max_minutes=15)
ANN = Contact("ann", 'Ann "=HYPERLINK(1)", Outside', "5553330001", "ann", also=("bob",))
BOB = Contact("bob", "Bob", "5553330002", "bob", monitored=False, telephone="+15553330002")
BLOCK = Barrier("north", Pattern.parse("_1900XXXXXXX"), reason="premium")


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with Store(database_url) as store:
        yield store


def desk_on(store: Store, clock: ManualClock | None = None) -> PeopleDesk:
    return PeopleDesk(store, clock or ManualClock(MONDAY), QUICK)


def admitted(people: Peoples, by: By) -> None:
    people.put_resident(SAM, by)
    people.put_contact(ANN, by)
    people.put_contact(BOB, by)
    people.set_standing("north", "4711", "ann", Standing.APPROVED, by=by)
    people.set_standing("north", "4711", "bob", Standing.PENDING, by=by)
    people.put_barrier(BLOCK, by)


async def log_of(store: Store, subject: str = "") -> tuple[PeopleChange, ...]:
    return await store.read(lambda work: work.people.changes(0, 1000, subject))


async def test_what_is_written_is_what_policy_sees(store: Store) -> None:
    desk = desk_on(store)
    assert await desk.snapshot() == People()
    await desk.change(admitted, "badge-1")
    standings = {("north", "4711", "ann"): Standing.APPROVED, ("north", "4711", "bob"): Standing.PENDING}
    assert await desk.snapshot() == People.of([SAM], [ANN, BOB], standings, [BLOCK])
    assert await desk.snapshot() is await desk.snapshot(), "nothing changed, nothing is read again"


async def test_another_node_sees_a_change_at_its_next_question(store: Store, database_url: str) -> None:
    async with Store(database_url) as second:
        here, there = desk_on(store), desk_on(second)
        await here.change(admitted, "badge-1")
        assert (await there.snapshot()).residents["north", "4711"].active
        await here.change(lambda people, by: people.put_resident(replace(SAM, active=False), by), "badge-1")
        assert not (await there.snapshot()).residents["north", "4711"].active


async def test_each_change_says_who_when_before_and_after(store: Store) -> None:
    desk = desk_on(store)
    await desk.change(admitted, "badge-1")
    await desk.change(lambda people, by: people.put_resident(replace(SAM, unit="C1"), by), "badge-2")
    await desk.change(lambda people, by: people.set_standing("north", "4711", "bob", Standing.BANNED, by=by), "badge-2")
    await desk.change(lambda people, by: people.set_standing("north", "4711", "bob", None, by=by), "badge-3")
    await desk.change(lambda people, by: people.take_barrier(BLOCK, by), "badge-3")
    first, moved = await log_of(store, "north/4711")
    assert (first.who, first.kind, first.before, first.at) == ("badge-1", "resident", None, MONDAY)
    assert moved.who == "badge-2"
    assert ((moved.before or {})["unit"], (moved.after or {})["unit"]) == ("B2", "C1")
    standings = [(each.who, each.before, each.after) for each in await log_of(store, "north/4711/bob")]
    assert standings == [
        ("badge-1", None, {"standing": "pending"}),
        ("badge-2", {"standing": "pending"}, {"standing": "banned"}),
        ("badge-3", {"standing": "banned"}, None),
    ]
    assert [each.after for each in await log_of(store, "north/_1900XXXXXXX")][-1] is None


async def test_a_change_with_a_mistake_changes_nothing(store: Store) -> None:
    desk = desk_on(store)

    def half(people: Peoples, by: By) -> None:
        admitted(people, by)
        people.set_standing("north", "4711", "nobody", Standing.APPROVED, by=by)

    with pytest.raises(PeopleError, match="no contact 'nobody'"):
        await desk.change(half, "badge-1")
    assert await desk.snapshot() == People()
    assert await log_of(store) == ()


async def test_a_number_is_that_of_one_contact(store: Store) -> None:
    desk = desk_on(store)
    await desk.change(admitted, "badge-1")
    with pytest.raises(PeopleError, match="is that of contact 'ann'"):
        await desk.change(lambda people, by: people.put_contact(replace(BOB, number=ANN.number), by), "badge-1")


async def test_many_who_change_at_once_are_all_written_and_all_seen(store: Store, database_url: str) -> None:
    async with Store(database_url) as second:
        desks = [desk_on(store), desk_on(second)]

        async def put(number: int) -> None:
            resident = replace(SAM, id=str(number))
            await desks[number % 2].change(lambda people, by: people.put_resident(resident, by), f"badge-{number}")

        await asyncio.gather(*map(put, range(20)))
        for desk in desks:
            assert len((await desk.snapshot()).residents) == 20
    assert len(await log_of(store)) == 20


# ---- PINs ----


async def with_pin(store: Store, clock: ManualClock) -> PeopleDesk:
    desk = desk_on(store, clock)
    await desk.change(admitted, "badge-1")
    await desk.set_pin("north", "4711", "2580", "badge-1")
    return desk


async def test_the_right_pin_tells_language_and_whom_to_reach(store: Store) -> None:
    desk = await with_pin(store, ManualClock(MONDAY))
    assert await desk.check_pin("north", "4711", "2580") == PinRight("es", (ANN.number,))
    assert await desk.check_pin("north", "4711", "2581") == PinWrong()
    assert await desk.check_pin("north", "4712", "2580") == PinWrong(), "nobody has this id, and nobody is told so"
    assert await desk.check_pin("south", "4711", "2580") == PinWrong()


async def test_who_has_no_pin_gets_in_with_none(store: Store) -> None:
    desk = desk_on(store)
    await desk.change(admitted, "badge-1")
    for guess in ("", "0000", "nobody's"):
        assert await desk.check_pin("north", "4711", guess) != PinRight("es", (ANN.number,))


async def test_wrong_ones_lock_out_over_calls_and_a_right_one_forgives(store: Store) -> None:
    clock = ManualClock(MONDAY)
    desk = await with_pin(store, clock)
    wrong, right = [("north", "4711", each) for each in ("1111", "2580")]
    for _ in range(3):
        assert await desk.check_pin(*wrong) == PinWrong()
        assert await desk.check_pin(*wrong) == PinWrong()
        assert isinstance(await desk.check_pin(*right), PinRight)
    for _ in range(3):
        assert await desk.check_pin(*wrong) == PinWrong()
    assert await desk.check_pin(*right) == PinLocked()
    await clock.advance(599)
    assert await desk.check_pin(*right) == PinLocked()
    await clock.advance(1)
    assert isinstance(await desk.check_pin(*right), PinRight)


async def test_many_guesses_at_once_are_no_more_than_three(store: Store, database_url: str) -> None:
    clock = ManualClock(MONDAY)
    desk = await with_pin(store, clock)
    async with Store(database_url) as second:
        other = desk_on(second, clock)
        guesses = [each.check_pin("north", "4711", "1111") for each in (desk, other) for _ in range(6)]
        answers = await asyncio.gather(*guesses)
    assert answers.count(PinWrong()) == 3
    assert answers.count(PinLocked()) == 9


async def test_a_new_pin_ends_the_lock_out_and_none_lets_nobody_in(store: Store) -> None:
    desk = await with_pin(store, ManualClock(MONDAY))
    for _ in range(3):
        await desk.check_pin("north", "4711", "1111")
    await desk.set_pin("north", "4711", "8520", "badge-2")
    assert isinstance(await desk.check_pin("north", "4711", "8520"), PinRight)
    await desk.set_pin("north", "4711", "", "badge-2")
    assert await desk.check_pin("north", "4711", "8520") == PinWrong()


@pytest.mark.parametrize("pin", ["123", "123456789", "12a4", "1234", "7777", "4321", " 2580", "٢٥٨٠"])
async def test_what_is_no_pin_is_refused_and_not_quoted(store: Store, pin: str) -> None:
    desk = desk_on(store)
    await desk.change(admitted, "badge-1")
    with pytest.raises(PeopleError) as refused:
        await desk.set_pin("north", "4711", pin, "badge-1")
    assert pin.strip() not in str(refused.value)


async def test_neither_pin_nor_hash_is_in_the_log(store: Store) -> None:
    await with_pin(store, ManualClock(MONDAY))
    said = "".join(map(repr, await log_of(store)))
    assert "2580" not in said
    assert "argon2" not in said
    assert (await log_of(store, "north/4711"))[-1].after == {"set": True}


async def test_what_is_read_after_a_change_is_what_is_read_anew(store: Store) -> None:
    """Change after change, each seen by one who had the state before it."""
    desk = desk_on(store)
    await desk.change(admitted, "badge-1")
    await desk.snapshot()
    acts: list[Callable[[Peoples, By], object]] = [
        lambda people, by: people.put_resident(replace(SAM, active=False), by),
        lambda people, by: people.put_resident(replace(SAM, id="4712"), by),
        lambda people, by: people.put_contact(replace(ANN, number="5553330009", also=()), by),
        lambda people, by: people.put_contact(replace(BOB, number=ANN.number), by),
        lambda people, by: people.set_standing("north", "4711", "bob", Standing.BANNED, by=by),
        lambda people, by: people.set_standing("north", "4711", "ann", None, by=by),
        lambda people, by: people.set_pin("north", "4711", "a hash", by),
        lambda people, by: people.take_barrier(BLOCK, by),
        lambda people, by: people.put_barrier(replace(BLOCK, watched=True), by),
    ]
    for act in acts:
        await desk.change(act, "badge-2")
        assert await desk.snapshot() == await desk_on(store).snapshot()


async def test_many_changes_at_once_are_read_anew(store: Store) -> None:
    desk = desk_on(store)
    await desk.change(admitted, "badge-1")
    await desk.snapshot()

    def many(people: Peoples, by: By) -> None:
        for number in range(1_001):
            people.put_resident(replace(SAM, id=f"9{number}"), by)

    await desk.change(many, "badge-2")
    assert len((await desk.snapshot()).residents) == 1_002
