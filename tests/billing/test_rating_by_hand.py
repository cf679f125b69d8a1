"""Charges worked out with pencil and paper."""

import pytest

from gateway.billing.rating import LineKind, Rounding, RoundingMode, Tariff, affordable_seconds, charge
from gateway.money import Money
from gateway.policy.decision import Medium
from tests.billing.stage import START, demo_tariffs, usd

CENT = 10_000


def tariff(per_minute: str, *, fee: str = "0", increment_s: int = 1, minimum_s: int = 0, mode="down", step=1) -> Tariff:
    rounding = Rounding(RoundingMode(mode), step)
    return Tariff(
        "t", 1, Medium.VIDEO, usd(per_minute), usd(fee), increment_s, minimum_s, rounding, START, valid_to=None
    )


@pytest.mark.parametrize(
    ("terms", "seconds", "total"),
    [
        # 0.16 a minute by the second: 37 s = 5.92 / 60 = 0.0986666..., cut to a millionth
        (tariff("0.16"), 37, "0.098666"),
        (tariff("0.16"), 60, "0.16"),
        (tariff("0.16"), 1200, "3.20"),
        (tariff("0.16"), 0, "0"),
        # the same 37 s to the cent, four ways
        (tariff("0.16", mode="down", step=CENT), 37, "0.09"),
        (tariff("0.16", mode="up", step=CENT), 37, "0.10"),
        (tariff("0.16", mode="half_up", step=CENT), 37, "0.10"),
        (tariff("0.16", mode="half_even", step=CENT), 37, "0.10"),
        # 15 s of 0.06 = 0.015: exactly half a cent
        (tariff("0.06", mode="down", step=CENT), 15, "0.01"),
        (tariff("0.06", mode="up", step=CENT), 15, "0.02"),
        (tariff("0.06", mode="half_up", step=CENT), 15, "0.02"),
        (tariff("0.06", mode="half_even", step=CENT), 15, "0.02"),
        # 25 s of 0.06 = 0.025: the even neighbour is below
        (tariff("0.06", mode="half_up", step=CENT), 25, "0.03"),
        (tariff("0.06", mode="half_even", step=CENT), 25, "0.02"),
        # six-second increments: 1..6 s cost 0.01, 7 s cost 0.02
        (tariff("0.10", increment_s=6), 1, "0.01"),
        (tariff("0.10", increment_s=6), 6, "0.01"),
        (tariff("0.10", increment_s=6), 7, "0.02"),
        # first minute, then by the second
        (tariff("0.12", minimum_s=60), 1, "0.12"),
        (tariff("0.12", minimum_s=60), 61, "0.122"),
        # a minimum that is no multiple of the increment is filled up to one: 20 s -> 30 s
        (tariff("0.60", minimum_s=20, increment_s=15), 3, "0.30"),
        # fee and time; the fee alone; no usable second, no fee
        (tariff("0.12", fee="0.05"), 30, "0.11"),
        (tariff("0", fee="2.50"), 1, "2.50"),
        (tariff("0", fee="2.50"), 0, "0"),
    ],
)
def test_a_charge_is_what_pencil_and_paper_say(terms, seconds, total):
    assert charge(terms, seconds).total == usd(total)


def test_a_charge_shows_its_lines():
    result = charge(tariff("0.12", fee="0.05", minimum_s=60), 30)

    assert [(line.kind, line.quantity, line.amount) for line in result.lines] == [
        (LineKind.CONNECTION_FEE, 1, usd("0.05")),
        (LineKind.USAGE, 60, usd("0.12")),
    ]
    assert (result.seconds, result.billed_s, result.total) == (30, 60, usd("0.17"))


@pytest.mark.parametrize(
    ("terms", "amount", "seconds"),
    [
        (tariff("0.16"), "0.098666", 37),
        (tariff("0.16"), "0.098665", 36),
        (tariff("0.16"), "0.002665", 0),
        (tariff("0.16"), "0", 0),
        (tariff("0.10", increment_s=6), "0.0199", 6),
        (tariff("0.12", minimum_s=60), "0.1199", 0),
        (tariff("0.12", minimum_s=60), "0.12", 60),
        (tariff("0.12", fee="0.05"), "0.05", 0),
        (tariff("0.12", fee="0.05"), "0.052", 1),
    ],
)
def test_an_amount_buys_so_many_seconds(terms, amount, seconds):
    assert affordable_seconds(terms, usd(amount)) == seconds


def test_a_free_tariff_is_limited_by_time_alone():
    assert affordable_seconds(tariff("0"), usd("0"), at_most=1200) == 1200


def test_a_debt_buys_nothing_even_of_a_free_tariff():
    assert affordable_seconds(tariff("0"), usd("-1"), at_most=1200) == 0


def test_time_does_not_run_backwards():
    with pytest.raises(ValueError, match="-1"):
        charge(tariff("0.16"), -1)


def test_the_shipped_rates_are_those_of_the_demonstration():
    tariffs = demo_tariffs()
    video, audio = (tariffs.in_force(name, START) for name in ("demo-video", "demo-audio"))

    assert (video.per_minute, video.medium, audio.per_minute, audio.medium) == (
        Money(160_000, "USD"),
        Medium.VIDEO,
        Money(60_000, "USD"),
        Medium.AUDIO,
    )
    assert str(video.rounding) == "down to 0.000001"
