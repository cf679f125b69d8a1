"""What holds for every tariff that loads and every visit."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from gateway.billing.rating import LineKind, RoundingMode, Tariff, affordable_seconds, billed_seconds, charge
from gateway.billing.tariff import freeze, thaw
from gateway.money import Money
from tests.billing.any_tariff import agreed_tariffs, documents, loaded

seconds = st.integers(0, 4 * 3600)
allowance = st.one_of(st.just(0), st.integers(0, 3600))
NOT_OWN = (LineKind.FACILITY_SHARE, LineKind.TAX)


@given(agreed_tariffs(capped=True), seconds, allowance)
def test_no_charge_is_above_the_cap_for_the_actual_minutes_taxes_apart(tariff, used, free_s):
    """In fractions, without any rounding: micro-units x 60 against cap x seconds."""
    result = charge(tariff, used, free_s)
    assert result.untaxed.micros * 60 <= tariff.cap.per_minute.micros * used
    assert result.untaxed.micros * 60 <= tariff.cap.per_minute.micros * max(0, used - free_s)


@given(agreed_tariffs(capped=True), seconds, allowance)
def test_the_cap_takes_no_more_than_it_must(tariff, used, free_s):
    """Either the charge is what it would be without a cap, or one more step would be above it."""
    result = charge(tariff, used, free_s)
    without = charge(replace(tariff, cap=None), used, free_s)
    assert result.lowered_micros == without.untaxed.micros - result.untaxed.micros >= 0
    if result.lowered_micros:
        more = result.untaxed.micros + tariff.rounding.step_micros
        assert more * 60 > tariff.cap.per_minute.micros * (used - free_s)


@given(agreed_tariffs(), seconds, allowance)
def test_the_lines_add_up_to_the_total_in_whole_steps(tariff, used, free_s):
    result = charge(tariff, used, free_s)
    step = tariff.rounding.step_micros
    assert sum(line.amount.micros for line in result.lines) == result.total.micros
    assert all(line.amount.micros % step == 0 for line in result.lines)
    assert all((line.amount.micros < 0) == (line.kind is LineKind.CAP) for line in result.lines)
    assert sum(line.amount.micros for line in result.lines if line.kind not in NOT_OWN) >= 0
    assert result.billed_s % tariff.increment_s == 0
    assert result.billed_s >= used - free_s - tariff.included_s


@given(agreed_tariffs(), seconds, seconds, allowance)
def test_a_longer_visit_never_costs_less(tariff, one, other, free_s):
    shorter, longer = sorted((one, other))
    assert charge(tariff, shorter, free_s).total <= charge(tariff, longer, free_s).total


@given(agreed_tariffs(), seconds, allowance, allowance)
def test_a_larger_allowance_never_costs_more(tariff, used, one, other):
    smaller, larger = sorted((one, other))
    assert charge(tariff, used, larger).total <= charge(tariff, used, smaller).total


@given(agreed_tariffs(), st.integers(0, 50_000_000), st.integers(1, 4 * 3600), allowance)
def test_affordable_seconds_are_the_most_that_the_amount_pays(tariff, micros, at_most, free_s):
    amount = Money(micros, "USD")
    found = affordable_seconds(tariff, amount, at_most, free_s)

    assert 0 <= found <= at_most
    assert charge(tariff, found, free_s).total <= amount
    if found < at_most:
        assert amount < charge(tariff, found + 1, free_s).total


@given(agreed_tariffs(), seconds, allowance)
def test_what_a_visit_cost_affords_that_visit_again(tariff, used, free_s):
    assert affordable_seconds(tariff, charge(tariff, used, free_s).total, free_s=free_s) >= used


@given(agreed_tariffs(capped=False), seconds, allowance)
def test_each_line_is_its_exact_amount_rounded_by_less_than_one_step(tariff, used, free_s):
    """Reckoned a second time in fractions, which cannot lose anything."""
    result = charge(tariff, used, free_s)
    billed = billed_seconds(tariff, used, free_s)
    usage_s = max(0, billed - 60) if tariff.first_minute is not None else billed
    own = sum(each.amount.micros for each in result.lines if each.kind not in NOT_OWN)
    share, rates = tariff.facility_share, {each.label: each.ppm for each in tariff.taxes}
    step = tariff.rounding.step_micros
    for line in result.lines:
        exact = Fraction(line.amount.micros)
        if line.kind is LineKind.USAGE:
            exact = Fraction(tariff.per_minute.micros * usage_s, 60)
        if line.kind is LineKind.FACILITY_SHARE:
            exact = Fraction(share.per_minute.micros * billed, 60) + Fraction(own * share.ppm, 1_000_000)
        if line.kind is LineKind.TAX:
            exact = Fraction(result.untaxed.micros * rates[line.label], 1_000_000)
        difference = line.amount.micros - exact
        assert {
            RoundingMode.DOWN: -step < difference <= 0,
            RoundingMode.UP: 0 <= difference < step,
            RoundingMode.HALF_UP: -step < 2 * difference <= step,
            RoundingMode.HALF_EVEN: -step <= 2 * difference <= step,
        }[tariff.rounding.mode]


@given(agreed_tariffs(), st.lists(st.integers(1, 600), max_size=12), allowance)
def test_reckoning_in_slices_changes_no_cent(tariff, slices, free_s):
    """A running total charged slice by slice (each slice pays the difference) ends where one charge would."""
    paid, used = Money(0, "USD"), 0
    for each in slices:
        used += each
        step = charge(tariff, used, free_s).total - paid
        assert step.micros >= 0
        paid += step
    assert paid == charge(tariff, used, free_s).total


@given(agreed_tariffs(), seconds)
def test_what_is_agreed_comes_back_as_it_was(tariff: Tariff, used: int):
    assert thaw(freeze(tariff)) == tariff
    assert charge(thaw(freeze(tariff)), used) == charge(tariff, used)


@given(documents())
def test_a_tariff_with_its_bands_comes_back_as_it_was(document):
    assert thaw(freeze(loaded(document))) == loaded(document)
