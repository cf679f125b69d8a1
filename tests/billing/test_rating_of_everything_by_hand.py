"""Fees, first minutes, included seconds, allowances, shares, taxes, bands and caps, with pencil and paper."""

from datetime import UTC, datetime, timedelta
from textwrap import indent
from zoneinfo import ZoneInfo

import pytest

from gateway.billing.allowance import Period, period_start
from gateway.billing.rating import Cap, Charge, Tariff, affordable_seconds, agreed, charge
from gateway.billing.tariff import Tariffs, freeze, thaw
from gateway.billing.tariff_document import TariffDocument, tariff_of, unsound
from gateway.documents import parse_document
from gateway.errors import BillingError
from tests.billing.stage import usd

CHICAGO = ZoneInfo("America/Chicago")
MONDAY_NOON = datetime(2026, 1, 5, 12, 0, tzinfo=CHICAGO)


def tariff(text: str, *, to: str = "0.000001", mode: str = "down", cap: str = "", at: datetime = MONDAY_NOON) -> Tariff:
    """Of the lines that matter in YAML, read as files are read, and agreed with a visit that begins at `at`."""
    return agreed(read(text, to, mode), at, Cap("land/cap", "small-jail", usd(cap)) if cap else None)


def read(text: str, to: str = "0.000001", mode: str = "down") -> Tariff:
    head = f"""\
tariffs:
  - id: t
    version: 1
    currency: USD
    medium: video
    rounding: {{mode: {mode}, to: "{to}"}}
    valid_from: 2026-01-01
"""
    document, source = parse_document(head + indent(text, "    ") + "\n", "t.yaml", TariffDocument)
    assert list(unsound(document.tariffs[0], source, 0)) == []
    return tariff_of(document.tariffs[0])


def told(result: Charge) -> list[str]:
    """`kind label quantity amount` of each line."""
    return [
        " ".join(filter(None, (str(each.kind), each.label, str(each.quantity), each.amount.amount)))
        for each in result.lines
    ]


VISIT = 'per_visit: "2.50"\nincluded_s: 1200\nper_minute: "0.10"'
FIRST = 'first_minute: "0.30"\nper_minute: "0.12"\nincrement_s: 6'
ALL = """\
connection_fee: "0.05"
per_minute: "0.10"
facility_share: {label: County commission, per_minute: "0.02", percent: "10"}
taxes: [{label: State tax, percent: "6.25"}, {label: City tax, percent: "1"}]"""


@pytest.mark.parametrize(
    ("terms", "seconds", "lines"),
    [
        # a price for the visit that includes 20 minutes; then by the minute
        (VISIT, 0, []),
        (VISIT, 1, ["per_visit 1 2.50"]),
        (VISIT, 1200, ["per_visit 1 2.50"]),
        (VISIT, 1201, ["per_visit 1 2.50", "usage 1 0.001666"]),
        (VISIT, 1500, ["per_visit 1 2.50", "usage 300 0.50"]),
        # a first minute has its own price, used or not; after it, steps of six seconds: 61 s -> 66 s -> 6 s of 0.12
        (FIRST, 1, ["first_minute 1 0.30"]),
        (FIRST, 60, ["first_minute 1 0.30"]),
        (FIRST, 61, ["first_minute 1 0.30", "usage 6 0.012"]),
        (FIRST, 120, ["first_minute 1 0.30", "usage 60 0.12"]),
        # included seconds alone: the first half minute of each visit is free of charge
        ('included_s: 30\nper_minute: "0.60"', 30, []),
        ('included_s: 30\nper_minute: "0.60"', 40, ["usage 10 0.10"]),
        # minimum and increment come after what is included: 31 s -> 1 s -> 20 s -> 30 s
        ('included_s: 30\nper_minute: "0.60"\nminimum_s: 20\nincrement_s: 15', 31, ["usage 30 0.30"]),
        # 10 minutes: fee 0.05 + usage 1.00; share 10 x 0.02 + 10 % of 1.05 = 0.305; taxes on 1.355
        (ALL, 600, [
            "connection_fee 1 0.05",
            "usage 600 1.00",
            "facility_share County commission 600 0.305",
            "tax State tax 1 0.084687",  # 0.0846875
            "tax City tax 1 0.01355",
        ]),
        # a share that is a part alone counts once, not by the second
        ('per_visit: "2.00"\nfacility_share: {label: County, percent: "12.5"}', 9, [
            "per_visit 1 2.00",
            "facility_share County 1 0.25",
        ]),
    ],
)  # fmt: skip
def test_the_lines_of_a_charge(terms, seconds, lines):
    result = charge(tariff(terms), seconds)
    assert told(result) == lines
    assert result.total == sum((each.amount for each in result.lines), usd("0"))


@pytest.mark.parametrize(
    ("mode", "state_tax"), [("down", "0.08"), ("up", "0.09"), ("half_up", "0.08"), ("half_even", "0.08")]
)
def test_each_line_is_rounded_once_by_the_one_rule(mode, state_tax):
    """1.355 -> share 0.305 to the cent first: 0.30 or 0.31; then 6.25 % of 1.35 = 0.084375, of 1.36 = 0.085."""
    share = {"down": "0.30", "up": "0.31", "half_up": "0.31", "half_even": "0.30"}[mode]
    result = charge(tariff(ALL, to="0.01", mode=mode), 600)
    amounts = {each.label: each.amount for each in result.lines}
    assert amounts["County commission"] == usd(share)
    expected = {"half_up": "0.09"}.get(mode, state_tax)  # 6.25 % of 1.36 is 0.085: exactly half a cent
    assert amounts["State tax"] == usd(expected)


@pytest.mark.parametrize(
    ("seconds", "free_s", "lines", "billed_s", "used_free_s"),
    [
        (60, 900, [], 0, 60),
        (900, 900, [], 0, 900),
        (960, 900, ["connection_fee 1 0.05", "usage 60 0.10"], 60, 900),
        (60, 0, ["connection_fee 1 0.05", "usage 60 0.10"], 60, 0),
        (60, -5, ["connection_fee 1 0.05", "usage 60 0.10"], 60, 0),
    ],
)
def test_a_free_allowance_pays_first(seconds, free_s, lines, billed_s, used_free_s):
    result = charge(tariff('connection_fee: "0.05"\nper_minute: "0.10"'), seconds, free_s)
    assert (told(result), result.billed_s, result.free_s) == (lines, billed_s, used_free_s)


def test_an_allowance_buys_its_seconds_and_the_balance_the_others():
    plain = tariff('per_minute: "0.60"')
    assert affordable_seconds(plain, usd("0"), at_most=3600, free_s=900) == 900
    assert affordable_seconds(plain, usd("0.10"), at_most=3600, free_s=900) == 910


@pytest.mark.parametrize(
    ("terms", "cap", "step", "seconds", "lines", "lowered"),
    [
        # below the cap nothing happens
        ('per_minute: "0.10"', "0.12", "0.000001", 61, ["usage 61 0.101666"], "0"),
        # a minute billed for 7 seconds: 0.12 x 7 / 60 = 0.014
        ('per_minute: "0.12"\nminimum_s: 60', "0.12", "0.000001", 7,
         ["usage 60 0.12", "cap land/cap 7 -0.106"], "0.106"),
        # the same to the cent: the cap is cut down to a whole cent, never rounded up
        ('per_minute: "0.12"\nminimum_s: 60', "0.12", "0.01", 7, ["usage 60 0.12", "cap land/cap 7 -0.11"], "0.11"),
        ('per_minute: "0.12"\nminimum_s: 60', "0.12", "0.01", 1, ["usage 60 0.12", "cap land/cap 1 -0.12"], "0.12"),
        # a fee of 0.05 on a visit of one second: 0.12 / 60 = 0.002
        ('connection_fee: "0.05"\nper_minute: "0.10"', "0.12", "0.000001", 1,
         ["connection_fee 1 0.05", "usage 1 0.001666", "cap land/cap 1 -0.049666"], "0.049666"),
        # ... and it is whole once the minutes have room for it: 0.05 + 0.10 x m <= 0.12 x m from 2.5 minutes on
        ('connection_fee: "0.05"\nper_minute: "0.10"', "0.12", "0.000001", 149,
         ["connection_fee 1 0.05", "usage 149 0.248333", "cap land/cap 149 -0.000333"], "0.000333"),
        ('connection_fee: "0.05"\nper_minute: "0.10"', "0.12", "0.000001", 150,
         ["connection_fee 1 0.05", "usage 150 0.25"], "0"),
        # 2.40 a visit under 0.12 a minute: whole at 20 minutes, by the minute before
        ('per_visit: "2.40"', "0.12", "0.01", 60, ["per_visit 1 2.40", "cap land/cap 60 -2.28"], "2.28"),
        ('per_visit: "2.40"', "0.12", "0.01", 1200, ["per_visit 1 2.40"], "0"),
        # rounding up may not carry it over the cap
        ('per_minute: "0.11"', "0.11", "0.01", 31, ["usage 31 0.05"], "0"),
        # the facility's share counts; the provider's part gives way first
        ('per_minute: "0.10"\nminimum_s: 60\nfacility_share: {label: County, per_minute: "0.02"}', "0.12", "0.000001",
         30, ["usage 60 0.10", "facility_share County 60 0.02", "cap land/cap 30 -0.06"], "0.06"),
        # where the share alone is above the cap, it is lowered too: 0.12 x 5 / 60 = 0.01, all of it the county's
        ('per_minute: "0.10"\nminimum_s: 60\nfacility_share: {label: County, per_minute: "0.02"}', "0.12", "0.000001",
         5, ["usage 60 0.10", "facility_share County 60 0.01", "cap land/cap 5 -0.10"], "0.11"),
        # taxes come after the cap and are not bound by it: 10 % of 0.014
        ('per_minute: "0.12"\nminimum_s: 60\ntaxes: [{label: Tax, percent: "10"}]', "0.12", "0.000001", 7,
         ["usage 60 0.12", "cap land/cap 7 -0.106", "tax Tax 1 0.0014"], "0.106"),
    ],
)  # fmt: skip
def test_a_cap_lowers_what_is_above_it_per_actual_second(terms, cap, step, seconds, lines, lowered):
    result = charge(tariff(terms, cap=cap, to=step), seconds)
    assert told(result) == lines
    assert result.lowered_micros == usd(lowered).micros


def test_rounding_up_stops_at_the_cap():
    result = charge(tariff('per_minute: "0.11"', cap="0.11", to="0.01", mode="up"), 31)
    assert told(result) == ["usage 31 0.06", "cap land/cap 31 -0.01"]  # 0.11 x 31 / 60 = 0.0568...


BANDS = """\
per_minute: "0.16"
bands:
  - {name: day, hours: {daily: ["07:00-21:00"]}}
  - name: night
    hours: {daily: ["00:00-07:00", "21:00-24:00"]}
    per_minute: "0.08"
"""


@pytest.mark.parametrize(
    ("utc", "band"),
    [
        ("2026-01-05T12:59:59", "night"),  # 06:59:59 in Chicago
        ("2026-01-05T13:00:00", "day"),
        ("2026-01-06T02:59:59", "day"),
        ("2026-01-06T03:00:00", "night"),
        ("2026-07-06T12:00:00", "day"),  # an hour earlier by UTC in summer
        ("2026-07-06T11:59:59", "night"),
        ("2026-03-08T08:30:00", "night"),  # the night in which an hour is skipped
        ("2026-11-01T06:30:00", "night"),  # and the one in which it comes twice
    ],
)
def test_the_clock_on_the_facilitys_wall_chooses_the_band(utc, band):
    at = datetime.fromisoformat(utc).replace(tzinfo=UTC).astimezone(CHICAGO)
    found = tariff(BANDS, at=at)
    assert (found.band, found.bands) == (band, ())
    assert found.per_minute == usd({"day": "0.16", "night": "0.08"}[band])
    assert told(charge(found, 60)) == [f"usage {band} 60 {found.per_minute.amount}"]


def test_a_privileged_visit_is_free_where_the_tariff_says_so():
    found = read('per_minute: "0.16"\nprivileged_free: true\ntaxes: [{label: Tax, percent: "10"}]')
    tariffs = Tariffs([found])
    where = {"facility": "any", "timezone": "America/Chicago"}
    free = tariffs.agreed("t", MONDAY_NOON, privileged=True, **where)
    paid = tariffs.agreed("t", MONDAY_NOON, privileged=False, **where)
    assert (charge(free, 3600).total, free.band) == (usd("0"), "privileged")
    assert charge(paid, 60).total == usd("0.176")


@pytest.mark.parametrize(
    ("terms", "cap", "shown"),
    [
        ('per_minute: "0.16"', "", "0.16"),
        ('per_minute: "0.10"\nfacility_share: {label: County, per_minute: "0.02"}', "", "0.12"),
        ('per_minute: "0.10"\nfacility_share: {label: County, per_minute: "0.02", percent: "5"}', "", "0.125"),
        ('per_minute: "0.10"\ntaxes: [{label: A, percent: "6.25"}, {label: B, percent: "1"}]', "", "0.10725"),
        ('per_minute: "0.10"\ntaxes: [{label: A, percent: "33.3333"}]', "", "0.133334"),
        ('per_minute: "0.16"', "0.12", "0.12"),
    ],
)
def test_the_price_that_people_are_told_has_share_and_taxes_in_it(terms, cap, shown):
    assert tariff(terms, cap=cap).shown_per_minute == usd(shown)


@pytest.mark.parametrize(
    ("period", "at", "begin"),
    [
        (Period.DAY, "2026-01-08T05:59:59", "2026-01-07T06:00:00"),  # Thursday in UTC, still Wednesday in Chicago
        (Period.DAY, "2026-01-08T06:00:00", "2026-01-08T06:00:00"),
        (Period.WEEK, "2026-01-08T06:00:00", "2026-01-05T06:00:00"),
        (Period.WEEK, "2026-01-05T05:59:59", "2025-12-29T06:00:00"),
        (Period.MONTH, "2026-03-31T12:00:00", "2026-03-01T06:00:00"),  # begun in winter, counted in summer
        (Period.MONTH, "2026-04-01T04:59:59", "2026-03-01T06:00:00"),
    ],
)
def test_a_period_begins_at_midnight_on_the_wall(period, at, begin):
    def utc(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert period_start(period, utc(at), CHICAGO) == utc(begin)
    assert utc(at) - period_start(period, utc(at), CHICAGO) <= timedelta(days=31)


OLD = (
    '{"id": "demo-video", "version": 1, "currency": "USD", "medium": "video", "per_minute": "0.16", '
    '"connection_fee": "0.00", "increment_s": 1, "minimum_s": 0, "rounding": {"mode": "down", "to": "0.000001"}, '
    '"valid_from": "2026-01-01T00:00:00+00:00", "valid_to": null}'
)


def test_what_an_earlier_release_kept_with_a_visit_is_read_and_charged_as_then():
    old = thaw(OLD)
    assert (old.tariff_id, old.cap, old.band, old.free, old.per_visit) == ("demo-video", None, "", None, None)
    assert charge(old, 37).total == usd("0.098666")
    assert freeze(old) == OLD


def test_what_is_no_tariff_is_said_so():
    with pytest.raises(BillingError, match="cannot be read"):
        thaw('{"id": "demo-video"}')
