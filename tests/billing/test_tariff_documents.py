"""Tariff files: what is wrong, in which line, and what would be right."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.billing.tariff import load_tariffs
from gateway.documents import DocumentError
from gateway.money import Money
from gateway.policy.decision import Medium
from tests.billing.stage import TARIFF_FOLDER

GOOD = """\
tariffs:
  - id: day
    version: 1
    currency: USD
    medium: video
    per_minute: "0.16"
    connection_fee: "0.05"
    rounding: {mode: half_up, to: "0.01"}
    valid_from: 2026-01-01
"""
SECOND = """\
  - id: day
    version: 2
    currency: USD
    medium: video
    per_minute: "0.11"
    rounding: {mode: half_up, to: "0.01"}
    valid_from: 2026-04-06
"""


def problems_of(tmp_path, text: str) -> list[str]:
    path = tmp_path / "t.yaml"
    path.write_text(text)
    with pytest.raises(DocumentError) as caught:
        load_tariffs([path])
    return [str(each).removeprefix(f"{tmp_path}/") for each in caught.value.problems]


def test_a_good_file_loads(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(GOOD)
    tariffs = load_tariffs([path])
    tariff = tariffs.in_force("day", datetime(2026, 1, 1, tzinfo=UTC))

    assert list(tariffs) == ["day"]
    assert tariffs.media() == {"day": Medium.VIDEO}
    assert tariff.per_minute == Money(160_000, "USD")
    assert tariff.valid_from == datetime(2026, 1, 1)  # noqa: DTZ001 - on whatever wall
    assert tariffs.in_force("day", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)) is None
    assert tariffs.in_force("night", datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("change", "to", "expected"),
    [
        ("per_minute:", "per_minut:", "t.yaml:6: tariffs[0].per_minut: unknown key; did you mean 'per_minute'?"),
        ('"0.16"', "0.16", 't.yaml:6: tariffs[0].per_minute: write the amount as text, "0.16", so that not a digit'),
        ('"0.16"', '"0.0000001"', "t.yaml:6: tariffs[0].per_minute: '0.0000001' is finer than a millionth"),
        ('"0.16"', '"-0.16"', "t.yaml:6: tariffs[0].per_minute: -0.16 is negative"),
        ('"0.16"', '"1000000001"', "t.yaml:6: tariffs[0].per_minute: 1000000001 is too dear for a price"),
        ('"0.16"', '"dear"', "t.yaml:6: tariffs[0].per_minute: 'dear' is not an amount"),
        ("USD", "dollars", "t.yaml:4: tariffs[0].currency:"),
        ("video", "hologram", "t.yaml:5: tariffs[0].medium:"),
        ("half_up", "sometimes", "t.yaml:8: tariffs[0].rounding.mode:"),
        ('to: "0.01"', 'to: "0"', "t.yaml:8: tariffs[0].rounding.to: must be above zero"),
        ('"0.05"', '"0.055"', "t.yaml:7: tariffs[0].connection_fee: 0.055 is no multiple of the rounding step 0.01"),
        ("2026-01-01", "2026-01-01T10:00:00", "t.yaml:9: tariffs[0].valid_from: has no zone"),
        ("2026-01-01", '"2026-01-01T10:00:00"', "t.yaml:9: tariffs[0].valid_from:"),
        ("2026-01-01", "2026-01-01\n    valid_to: 2025-01-01", "t.yaml:10: tariffs[0].valid_to: is not after"),
        ("version: 1", "version: 0", "t.yaml:3: tariffs[0].version:"),
        ("id: day", "id: Day Rate", "t.yaml:2: tariffs[0].id:"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_field(tmp_path, change, to, expected):
    assert change in GOOD
    assert any(each.startswith(expected) for each in problems_of(tmp_path, GOOD.replace(change, to, 1)))


BANDS = """\
tariffs:
  - id: day
    version: 1
    currency: USD
    medium: video
    per_visit: "1.00"
    bands:
      - name: day
        hours: {daily: ["08:00-20:00"]}
        per_minute: "0.16"
      - name: night
        hours: {daily: ["00:00-08:00", "20:00-24:00"]}
        connection_fee: "0.05"
    free: {minutes: 15, per: week}
    facility_share: {label: County, percent: "10"}
    taxes: [{label: State tax, percent: "6.25"}]
    rounding: {mode: half_up, to: "0.01"}
    valid_from: 2026-01-01
"""


@pytest.mark.parametrize(
    ("change", "to", "expected"),
    [
        ('"20:00-24:00"', '"21:00-24:00"', "t.yaml:7: tariffs[0].bands: no band has 20:00-21:00 (daily); give these"),
        ('daily: ["08:00-20:00"]', 'monday: ["08:00-20:00"]',
         "t.yaml:7: tariffs[0].bands: no band has 08:00-20:00 (tuesday, wednesday, thursday, friday, satu"),
        ('"00:00-08:00"', '"00:00-08:30"',
         "t.yaml:12: tariffs[0].bands[1].hours.daily[0]: overlaps hours of band 'day' on monday; part them"),
        ('"00:00-08:00"', '"0-8"', "t.yaml:12: tariffs[0].bands[1].hours.daily[0]: '0-8' are no hours; write for inst"),
        ("name: night", "name: day", "t.yaml:11: tariffs[0].bands[1].name: 'day' stands above already"),
        ("daily: [", "noon: [", "t.yaml:9: tariffs[0].bands[0].hours.noon"),
        ('"0.05"', '"0.055"', "t.yaml:13: tariffs[0].bands[1].connection_fee: 0.055 is no multiple of the rounding"),
        ('per_visit: "1.00"', 'per_visit: "1.001"', "t.yaml:6: tariffs[0].per_visit: 1.001 is no multiple of the"),
        ('    per_visit: "1.00"\n', "", "t.yaml:10: tariffs[0].bands[1]: has no price; write per_minute"),
        ("minutes: 15", "minutes: 0", "t.yaml:14: tariffs[0].free.minutes:"),
        ("per: week", "per: year", "t.yaml:14: tariffs[0].free.per:"),
        ('percent: "10"', 'percent: "110"', "t.yaml:15: tariffs[0].facility_share.percent: '110' is no percentage"),
        ('percent: "10"', 'per_minute: "0"', "t.yaml:15: tariffs[0].facility_share: shares nothing; write per_minute"),
        ("label: County", "label: 'County: share'", "t.yaml:15: tariffs[0].facility_share.label:"),
        ('percent: "6.25"', 'percent: "6.25001"', "t.yaml:16: tariffs[0].taxes[0].percent: '6.25001' is no percentage"),
        ('percent: "6.25"', "percent: 6.25", 't.yaml:16: tariffs[0].taxes[0].percent: write the amount as text, "6.2'),
        ('"6.25"}', '"6.25"}, {label: State tax, percent: "1"}',
         "t.yaml:16: tariffs[0].taxes[1].label: 'State tax' stands above already"),
    ],
)  # fmt: skip
def test_a_mistake_in_bands_shares_and_taxes_is_named_too(tmp_path, change, to, expected):
    assert change in BANDS
    found = problems_of(tmp_path, BANDS.replace(change, to, 1))
    assert any(each.startswith(expected) for each in found), found


def test_one_mistake_in_the_only_tariff_is_one_problem(tmp_path):
    text = GOOD.replace("version: 1", "version: 0", 1)
    assert [each.split(":")[1] for each in problems_of(tmp_path, text)] == ["3"]


def test_a_file_with_no_tariff_at_all_is_told(tmp_path):
    (problem,) = problems_of(tmp_path, "tariffs: []\n")
    assert problem.startswith("t.yaml:1: tariffs:")


def test_a_tariff_without_any_price_is_refused(tmp_path):
    (found,) = problems_of(tmp_path, GOOD.replace('    per_minute: "0.16"\n', ""))
    assert found.startswith("t.yaml:2: tariffs[0]: has no price; write per_minute:")


def test_an_unsound_version_does_not_make_its_neighbours_look_wrong(tmp_path):
    text = GOOD.rstrip() + "\n    valid_to: 2026-03-01\n" + SECOND.replace('to: "0.01"', 'to: "0"')
    assert [each.split(": ")[1] for each in problems_of(tmp_path, text)] == ["tariffs[1].rounding.to"]


def test_a_second_version_takes_over_on_its_day(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(GOOD.rstrip() + "\n    valid_to: 2026-04-06\n" + SECOND)
    tariffs = load_tariffs([path])
    change = datetime(2026, 4, 6, tzinfo=UTC)

    assert tariffs.in_force("day", change - timedelta(microseconds=1)).version == 1
    assert tariffs.in_force("day", change).version == 2


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("America/Chicago", "2026-04-06T05:00:00"),
        ("America/New_York", "2026-04-06T04:00:00"),
        ("Asia/Manila", "2026-04-05T16:00:00"),
        ("UTC", "2026-04-06T00:00:00"),
    ],
)
def test_a_day_begins_when_it_does_at_the_facility(tmp_path, zone, midnight):
    path = tmp_path / "t.yaml"
    path.write_text(GOOD.rstrip() + "\n    valid_to: 2026-04-06\n" + SECOND)
    change = datetime.fromisoformat(midnight).replace(tzinfo=UTC)

    def version(at: datetime) -> int:
        return load_tariffs([path]).agreed("day", at, facility="any", timezone=zone).version

    assert (version(change - timedelta(seconds=1)), version(change)) == (1, 2)


def test_an_instant_is_the_same_everywhere(tmp_path):
    path = tmp_path / "t.yaml"
    text = GOOD.rstrip() + "\n    valid_to: 2026-04-06T05:00:00Z\n" + SECOND
    path.write_text(text.replace("valid_from: 2026-04-06", "valid_from: 2026-04-06T00:00:00-05:00"))
    change = datetime(2026, 4, 6, 5, tzinfo=UTC)
    for zone in ("America/Chicago", "Asia/Manila"):
        where = {"facility": "any", "timezone": zone}
        tariffs = load_tariffs([path])
        assert tariffs.agreed("day", change - timedelta(seconds=1), **where).version == 1
        assert tariffs.agreed("day", change, **where).version == 2


def test_a_day_and_an_instant_do_not_meet(tmp_path):
    text = GOOD.rstrip() + "\n    valid_to: 2026-04-06T05:00:00Z\n" + SECOND
    (found,) = problems_of(tmp_path, text)
    assert "version 1, which ends 2026-04-06T05:00:00Z (" in found
    assert found.endswith("t.yaml:2); write 2026-04-06T05:00:00Z")


@pytest.mark.parametrize(
    ("valid_to", "expected"),
    [
        ("", "t.yaml:2: tariffs[0].valid_to: is needed, because version 2 follows"),
        ("    valid_to: 2026-05-01\n", "t.yaml:17: tariffs[1].valid_from: overlaps version 1, which ends 2026-05-01"),
        ("    valid_to: 2026-03-01\n", "t.yaml:17: tariffs[1].valid_from: leaves a gap after version 1"),
    ],
)
def test_versions_follow_each_other_without_overlap_or_gap(tmp_path, valid_to, expected):
    found = problems_of(tmp_path, GOOD + valid_to + SECOND)
    assert any(each.startswith(expected) for each in found), found


@pytest.mark.parametrize(("change", "to"), [("USD", "EUR"), ("video", "audio")])
def test_a_tariff_keeps_currency_and_medium_for_ever(tmp_path, change, to):
    text = GOOD + "    valid_to: 2026-04-06\n" + SECOND.replace(change, to)
    assert any("use a new id" in each for each in problems_of(tmp_path, text))


def test_the_same_version_in_two_files_is_refused_and_both_places_are_named(tmp_path):
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(GOOD)
    two.write_text(GOOD)
    with pytest.raises(DocumentError) as caught:
        load_tariffs([one, two])
    assert str(caught.value) == f"{two}:2: tariffs[0].id: day version 1 stands at {one}:2 too"


def test_the_problems_of_all_files_are_told_at_once(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD.replace("USD", "usd"))
    (tmp_path / "b.yaml").write_text("tariffs: []\n")
    with pytest.raises(DocumentError) as caught:
        load_tariffs([tmp_path / "a.yaml", tmp_path / "b.yaml", tmp_path / "c.yaml"])
    text = str(caught.value)
    assert "a.yaml:4" in text
    assert "b.yaml:1" in text
    assert "c.yaml: cannot be read" in text


def test_every_shipped_tariff_loads():
    assert {"demo-video", "demo-audio", "flat-video", "first-minute-audio"} <= set(
        load_tariffs(sorted(TARIFF_FOLDER.glob("*.yaml")))
    )
