"""What holds for every tariff and every visit."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from gateway.billing.rating import Rounding, RoundingMode, Tariff, affordable_seconds, billed_seconds, charge
from gateway.billing.tariff import freeze, thaw
from gateway.money import Money
from gateway.policy.decision import Medium
from tests.billing.stage import START

seconds = st.integers(0, 4 * 3600)


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    step = draw(st.sampled_from([1, 100, 5_000, 10_000, 50_000, 1_000_000]))
    return Tariff(
        tariff_id="any",
        version=draw(st.integers(1, 99)),
        medium=draw(st.sampled_from(Medium)),
        per_minute=Money(draw(st.integers(0, 5_000_000)), "USD"),
        connection_fee=Money(step * draw(st.integers(0, 50)), "USD"),
        increment_s=draw(st.sampled_from([1, 6, 7, 15, 30, 60])),
        minimum_s=draw(st.sampled_from([0, 1, 20, 60, 61, 180])),
        rounding=Rounding(draw(st.sampled_from(RoundingMode)), step),
        valid_from=START,
        valid_to=None,
    )


@given(tariffs(), seconds, seconds)
def test_a_longer_visit_never_costs_less(tariff, one, other):
    shorter, longer = sorted((one, other))
    assert charge(tariff, shorter).total <= charge(tariff, longer).total


@given(tariffs(), st.integers(0, 50_000_000), st.integers(1, 4 * 3600))
def test_affordable_seconds_are_the_most_that_the_amount_pays(tariff, micros, at_most):
    amount = Money(micros, "USD")
    found = affordable_seconds(tariff, amount, at_most)

    assert 0 <= found <= at_most
    assert charge(tariff, found).total <= amount
    if found < at_most:
        assert amount < charge(tariff, found + 1).total


@given(tariffs(), seconds)
def test_what_a_visit_cost_affords_that_visit_again(tariff, used):
    assert affordable_seconds(tariff, charge(tariff, used).total) >= used


@given(tariffs(), seconds)
def test_the_charge_is_the_exact_amount_rounded_by_less_than_one_step(tariff, used):
    """Reckoned a second time in fractions, which cannot lose anything."""
    billed = billed_seconds(tariff, used)
    fee = tariff.connection_fee.micros if billed else 0
    exact = Fraction(tariff.per_minute.micros * billed, 60) + fee
    difference = charge(tariff, used).total.micros - exact
    step = tariff.rounding.step_micros

    assert {
        RoundingMode.DOWN: -step < difference <= 0,
        RoundingMode.UP: 0 <= difference < step,
        RoundingMode.HALF_UP: -step < 2 * difference <= step,
        RoundingMode.HALF_EVEN: -step <= 2 * difference <= step,
    }[tariff.rounding.mode]


@given(tariffs(), seconds)
def test_the_lines_add_up_to_the_total_in_whole_steps(tariff, used):
    result = charge(tariff, used)
    assert sum(line.amount.micros for line in result.lines) == result.total.micros
    assert result.total.micros % tariff.rounding.step_micros == 0
    assert result.billed_s >= used
    assert result.billed_s % tariff.increment_s == 0


@given(tariffs(), st.lists(st.integers(1, 600), max_size=12))
def test_reckoning_in_slices_changes_no_cent(tariff, slices):
    """A running total charged slice by slice (each slice pays the difference) ends where one charge would."""
    paid, used = Money(0, "USD"), 0
    for each in slices:
        used += each
        paid += charge(tariff, used).total - paid
    assert paid == charge(tariff, used).total


@given(tariffs())
def test_a_tariff_kept_with_a_visit_comes_back_as_it_was(tariff):
    assert thaw(freeze(tariff)) == tariff
