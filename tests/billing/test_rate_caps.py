"""Rate caps as dated data: what is in force for whom, and what is wrong with a file of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.billing.caps import Caps, load_caps
from gateway.documents import DocumentError
from gateway.policy.decision import Medium
from gateway.policy.plan import FacilityType
from tests.billing.stage import usd

US_FCC = Path(__file__).parents[2] / "dialplans" / "caps" / "us-fcc.yaml"
COMPLIANCE = datetime(2026, 4, 6, tzinfo=UTC)
SECOND = timedelta(seconds=1)

GOOD = """\
id: land
name: An invented land
note: verify
currency: USD
sources: {law: Law 1}
tiers:
  - {id: prison, type: prison}
  - {id: small, type: jail, adp_to: 99}
  - {id: large, type: jail, adp_from: 100}
rows:
  - {tier: prison, medium: audio, per_minute: "0.06", valid_from: 2025-01-01, valid_to: 2026-04-06, source: law}
  - {tier: prison, medium: audio, per_minute: "0.11", additive: "0.02", valid_from: 2026-04-06, source: law}
  - {tier: prison, medium: video, per_minute: "0.25", valid_from: 2026-04-06, source: law}
  - {tier: small, medium: audio, per_minute: "0.15", valid_from: 2026-04-06, source: law}
  - {tier: small, medium: video, per_minute: "0.25", valid_from: 2026-04-06, source: law}
  - {tier: large, medium: audio, per_minute: "0.10", valid_from: 2026-04-06, source: law}
  - {tier: large, medium: video, per_minute: "0.19", valid_from: 2026-04-06, source: law}
"""


def written(tmp_path: Path, text: str) -> Caps:
    path = tmp_path / "caps.yaml"
    path.write_text(text)
    return load_caps([path])


def problems_of(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        written(tmp_path, text)
    return [str(each).removeprefix(f"{tmp_path}/") for each in caught.value.problems]


@pytest.mark.parametrize(
    ("tier", "audio_before", "video_before", "audio", "video"),
    [
        ("prison", "0.06", "0.16", "0.11", "0.25"),
        ("large-jail", "0.06", "0.11", "0.10", "0.19"),
        ("medium-jail", "0.07", "0.12", "0.12", "0.19"),
        ("small-jail", "0.09", "0.14", "0.13", "0.21"),
        ("very-small-jail", "0.12", "0.25", "0.15", "0.25"),
        ("extremely-small-jail", "0.12", "0.25", "0.19", "0.44"),
    ],
)
def test_the_table_of_the_united_states(tier, audio_before, video_before, audio, video):
    caps = load_caps([US_FCC])

    def at(when: datetime, medium: Medium):
        return caps.in_force("us-fcc", tier, medium, when).per_minute

    assert at(COMPLIANCE, Medium.AUDIO) == usd(audio)
    assert at(COMPLIANCE, Medium.VIDEO) == usd(video)
    assert at(COMPLIANCE - SECOND, Medium.AUDIO) == usd(audio_before)
    assert at(COMPLIANCE - SECOND, Medium.VIDEO) == usd(video_before)
    assert caps.in_force("us-fcc", tier, Medium.AUDIO, datetime(2024, 12, 31, tzinfo=UTC)) is None


def test_every_row_names_its_source_and_the_table_says_verify():
    caps = load_caps([US_FCC])
    table = caps.table("us-fcc")
    rows = [row for each in table.rows.values() for row in each]
    assert len(rows) == 24
    assert all(row.source.startswith("FCC 2") for row in rows)
    assert {row.additive for row in rows if row.in_force(COMPLIANCE, UTC)} == {usd("0.02")}
    assert {row.additive for row in rows if row.in_force(COMPLIANCE - SECOND, UTC)} == {None}
    assert "verify against 47 CFR 64.6010" in table.note
    assert not table.ancillary_fees


@pytest.mark.parametrize(
    ("kind", "adp", "tier"),
    [
        (FacilityType.PRISON, None, "prison"),
        (FacilityType.PRISON, 20, "prison"),
        (FacilityType.JAIL, 0, "extremely-small-jail"),
        (FacilityType.JAIL, 49, "extremely-small-jail"),
        (FacilityType.JAIL, 50, "very-small-jail"),
        (FacilityType.JAIL, 99, "very-small-jail"),
        (FacilityType.JAIL, 100, "small-jail"),
        (FacilityType.JAIL, 349, "small-jail"),
        (FacilityType.JAIL, 350, "medium-jail"),
        (FacilityType.JAIL, 999, "medium-jail"),
        (FacilityType.JAIL, 1000, "large-jail"),
        (FacilityType.JAIL, 20_000, "large-jail"),
    ],
)
def test_type_and_population_tell_the_tier(kind, adp, tier):
    assert load_caps([US_FCC]).tier("us-fcc", kind, adp) == tier


def test_a_jail_without_a_population_has_no_tier():
    with pytest.raises(ValueError, match="has no `adp`"):
        load_caps([US_FCC]).tier("us-fcc", FacilityType.JAIL, None)


def test_a_cap_says_where_it_is_from(tmp_path):
    caps = written(tmp_path, GOOD)
    first, second = caps.rows("land", "prison", Medium.AUDIO)
    assert (first.cap.cap_id, first.cap.tier) == ("land/2025-01-01/prison/audio", "prison")
    assert (second.source, second.place) == ("Law 1", f"{tmp_path}/caps.yaml:12")


@pytest.mark.parametrize(
    ("change", "to", "expected"),
    [
        ("valid_to: 2026-04-06", "valid_to: 2026-04-01",
         "caps.yaml:12: rows[1].valid_from: leaves a gap after the row for prison and audio in line 11"),
        ("valid_to: 2026-04-06", "valid_to: 2026-05-01",
         "caps.yaml:12: rows[1].valid_from: overlaps the row for prison and audio in line 11"),
        (", valid_to: 2026-04-06", "", "caps.yaml:12: rows[1].valid_from: overlaps the row"),
        ("valid_to: 2026-04-06", "valid_to: 2024-04-06", "caps.yaml:11: rows[0].valid_to: is not after valid_from"),
        ("tier: large, medium: video", "tier: huge, medium: video",
         "caps.yaml:17: rows[6].tier: there is no tier 'huge'; known here: large, prison, small"),
        ("tier: large, medium: video", "tier: huge, medium: video", "caps.yaml:10: rows: no row for large and video"),
        ("source: law}", "source: lore}", "caps.yaml:11: rows[0].source: there is no source 'lore'; known here: law"),
        ('additive: "0.02"', 'additive: "0.12"', "caps.yaml:12: rows[1].additive: is above the cap"),
        ('"0.06"', "0.06", 'caps.yaml:11: rows[0].per_minute: write the amount as text, "0.06"'),
        ("adp_from: 100", "adp_from: 101", "caps.yaml:9: tiers[2].adp_from: begins at 101, and the tiers of a jail"),
        ("adp_from: 100", "adp_from: 90", "caps.yaml:9: tiers[2].adp_from: begins at 90"),
        ("adp_from: 100", "adp_from: 100, adp_to: 900", "caps.yaml:9: tiers[2].adp_to: leaves larger facilities"),
        ("id: prison, type: prison", "id: prison, type: jail", "caps.yaml:6: tiers: has no tier for a prison"),
        (", adp_to: 99", "", "caps.yaml:9: tiers[2]: an earlier tier of a jail has no adp_to; give it one"),
        ("id: small,", "id: large,", "caps.yaml:9: tiers[2].id: 'large' stands above already"),
        ("currency: USD", "currency: dollars", "caps.yaml:4: currency:"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_line_and_field(tmp_path, change, to, expected):
    assert change in GOOD
    found = problems_of(tmp_path, GOOD.replace(change, to, 1))
    assert any(each.startswith(expected) for each in found), found


def test_the_same_table_in_two_files_is_refused(tmp_path):
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(GOOD)
    two.write_text(GOOD)
    with pytest.raises(DocumentError, match="another file has a table 'land' too"):
        load_caps([one, two])
