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
    assert tariff.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert tariffs.in_force("day", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)) is None
    assert tariffs.in_force("night", datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("change", "to", "expected"),
    [
        ("per_minute:", "per_minut:", "t.yaml:6: tariffs[0].per_minut: unknown key; did you mean 'per_minute'?"),
        ('"0.16"', "0.16", 't.yaml:6: tariffs[0].per_minute: write the amount as text, "0.16", so that not a digit'),
        ('"0.16"', '"0.0000001"', "t.yaml:6: tariffs[0].per_minute: '0.0000001' is finer than a millionth"),
        ('"0.16"', '"-0.16"', "t.yaml:6: tariffs[0].per_minute: -0.16 is negative"),
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


def test_a_second_version_takes_over_on_its_day(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(GOOD.rstrip() + "\n    valid_to: 2026-04-06\n" + SECOND)
    tariffs = load_tariffs([path])
    change = datetime(2026, 4, 6, tzinfo=UTC)

    assert tariffs.in_force("day", change - timedelta(microseconds=1)).version == 1
    assert tariffs.in_force("day", change).version == 2


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
