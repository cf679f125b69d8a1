"""Parting an amount, and growing a hold: exact, monotonous, within what there is, whatever the tariff."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.billing.rating import Tariff, charge
from gateway.billing.rules import AccountRules
from gateway.billing.shares import apportion
from gateway.billing.slices import Purse, Slice, next_slice
from tests.billing.any_tariff import agreed_tariffs

WEIGHTS = st.lists(st.integers(1, 1000), min_size=1, max_size=5)
RULES = AccountRules(slice_s=60, least_slice_s=10)


@given(st.integers(0, 10**12), WEIGHTS)
def test_the_parts_sum_to_the_whole_and_who_stands_first_takes_the_rest(micros: int, weights: list[int]) -> None:
    parts = apportion(micros, weights)
    assert sum(parts) == micros
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - micros * weight) < sum(weights) * len(weights), "off by a micro-unit a payer"
    assert parts[0] == -(-micros * weights[0] // sum(weights))


@given(st.integers(0, 10**9), st.integers(0, 10**9), WEIGHTS)
def test_no_part_of_less_is_more(one: int, other: int, weights: list[int]) -> None:
    less, more = sorted((one, other))
    assert all(a <= b for a, b in zip(apportion(less, weights), apportion(more, weights), strict=True))


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=5).filter(any), st.data())
def test_nobody_gets_back_more_than_he_paid(paid: list[int], data: st.DataObject) -> None:
    back = apportion(data.draw(st.integers(0, sum(paid))), paid)
    assert all(a <= b for a, b in zip(back, paid, strict=True))


@st.composite
def purses(draw: st.DrawFn) -> tuple[Purse, ...]:
    cuts = sorted(draw(st.lists(st.integers(1, 99), unique=True, max_size=2)))
    percents = [b - a for a, b in zip([0, *cuts], [*cuts, 100], strict=True)]
    rooms = st.none() | st.integers(0, 3_000_000)
    return tuple(Purse(f"a{n}", percent, 0, draw(rooms), draw(st.integers(1, 5))) for n, percent in enumerate(percents))


def grown(found: Slice, before: tuple[Purse, ...]) -> tuple[Purse, ...]:
    """The purses after the slice was reserved."""
    return tuple(
        Purse(
            each.account_id,
            each.percent,
            held,
            None if each.room is None else each.room - (held - each.held),
            each.visits,
        )
        for each, held in zip(before, found.holds, strict=True)
    )


@settings(max_examples=150, deadline=None)
@given(agreed_tariffs(), purses(), st.integers(1, 1500), st.integers(0, 400))
def test_slices_stay_within_every_account_and_pay_for_what_they_say(
    tariff: Tariff, given_purses: tuple[Purse, ...], limit_s: int, free_s: int
) -> None:
    now, has_s = given_purses, 0
    while True:
        found = next_slice(tariff, now, has_s=has_s, limit_s=limit_s, free_s=free_s, rules=RULES)
        assert has_s <= found.seconds <= found.reach_s <= limit_s
        if found.seconds == has_s:
            break
        for before, held in zip(now, found.holds, strict=True):
            assert before.held <= held
            assert before.room is None or held - before.held <= before.room
        for seconds in {found.seconds, has_s, (found.seconds + has_s) // 2}:
            total = charge(tariff, seconds, free_s).total.micros
            parts = apportion(total, [each.percent for each in now])
            assert all(part <= held for part, held in zip(parts, found.holds, strict=True))
        now, has_s = grown(found, now), found.seconds
    at_once = AccountRules(slice_s=86_400, least_slice_s=86_400)
    whole = next_slice(tariff, given_purses, has_s=0, limit_s=limit_s, free_s=free_s, rules=at_once)
    assert has_s == whole.seconds, "slice by slice it comes to the same second"
    assert [each.held for each in now] == ([*whole.holds] if has_s else [0] * len(now)), "and to the same micro-unit"


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(1_000, 2_000_000))
def test_visits_that_ask_in_turn_end_about_together(visits: int, room: int) -> None:
    """Each asks when a slice is used up; what runs short is parted, down to the least slice."""
    tariff = _plain()
    has = [0] * visits
    left, moved = room, True
    while moved:
        moved = False
        for number in sorted(range(visits), key=lambda each: has[each]):
            held = charge(tariff, has[number]).total.micros
            purse = Purse("a", 100, held, left, visits)
            found = next_slice(tariff, (purse,), has_s=has[number], limit_s=10_000, free_s=0, rules=RULES)
            left -= found.holds[0] - held if found.seconds > has[number] else 0
            moved = moved or found.seconds > has[number]
            has[number] = found.seconds
    assert left * 60 < tariff.per_minute.micros * 2, "the last cent is spent"
    assert max(has) - min(has) <= RULES.slice_s


def _plain() -> Tariff:
    from tests.billing.stage import START, demo_tariffs

    found = demo_tariffs().in_force("demo-video", START)
    assert found is not None
    return found
