"""A tariff above a cap of a facility that uses it is refused when it is loaded, whatever makes it so."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.billing.cap_check import remarks, under_caps, uses
from gateway.billing.caps import load_caps
from gateway.billing.tariff import Tariffs, load_tariffs
from gateway.documents import DocumentError
from gateway.policy.dialplan import load
from tests.billing.stage import usd
from tests.billing.test_rate_caps import GOOD as CAPS

PLAN = """\
facilities:
  - {id: north, name: North Jail, timezone: America/Chicago, trunks: [north], caps: land, type: jail, adp: 50}
  - {id: south, name: South Prison, timezone: America/Chicago, trunks: [south], caps: land, type: prison}
  - {id: abroad, name: Elsewhere, timezone: America/Chicago, trunks: [abroad], caps: none}
contacts:
  - {id: mary, name: Mary Example, number: "1001", account: mary}
rules:
  - {name: north, facility: north, dialled: "1001", tariff: {audio: plain}, max_minutes: 20}
  - {name: abroad, facility: abroad, dialled: "1001", tariff: {audio: plain}, max_minutes: 20}
"""
SOUTH_TOO = PLAN + '  - {name: south, facility: south, dialled: "1001", tariff: {audio: plain}, max_minutes: 15}\n'
TARIFF = """\
tariffs:
  - id: plain
    version: 1
    currency: USD
    medium: audio
    per_minute: "0.15"
    rounding: {mode: down, to: "0.000001"}
    valid_from: 2026-01-01
"""


def loaded(folder: Path, tariff: str, plan: str = PLAN, caps: str = CAPS) -> tuple[Tariffs, list[str]]:
    """What is bound, and the remarks."""
    for name, text in (("t.yaml", tariff), ("plan.yaml", plan), ("caps.yaml", caps)):
        (folder / name).write_text(text)
    tariffs, table = load_tariffs([folder / "t.yaml"]), load_caps([folder / "caps.yaml"])
    dialplan = load(folder / "plan.yaml", tariffs, table)
    told = [line for use in uses(tariffs, table, dialplan) for line in remarks(use)]
    return under_caps(tariffs, table, dialplan), told


def refused(folder: Path, tariff: str, plan: str = PLAN, caps: str = CAPS) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        loaded(folder, tariff, plan, caps)
    return [str(each).replace(f"{folder}/", "") for each in caught.value.problems]


def test_a_tariff_at_the_cap_loads_and_is_bound_by_it(tmp_path):
    tariffs, _ = loaded(tmp_path, TARIFF)
    when = datetime(2026, 5, 1, tzinfo=UTC)

    cap = tariffs.agreed("plain", when, facility="north", timezone="America/Chicago").cap
    assert (cap.cap_id, cap.tier, cap.per_minute) == ("land/2026-04-06/small/audio", "small", usd("0.15"))
    assert tariffs.agreed("plain", when, facility="abroad", timezone="America/Chicago").cap is None
    assert tariffs.agreed("plain", datetime(2026, 4, 5, tzinfo=UTC), facility="north", timezone="UTC").cap is None


def test_the_day_of_a_cap_begins_at_the_facilitys_midnight(tmp_path):
    """At 20:00 in Chicago it is the 6th of April in UTC, and the cap of the 5th still holds."""
    tariffs, _ = loaded(tmp_path, TARIFF.replace("0.15", "0.06"), SOUTH_TOO)
    where = {"facility": "south", "timezone": "America/Chicago"}
    caps = [tariffs.agreed("plain", datetime(2026, 4, 6, hour, tzinfo=UTC), **where).cap for hour in (1, 4, 5)]
    assert [each.per_minute for each in caps] == [usd("0.06"), usd("0.06"), usd("0.11")]


def test_a_millionth_above_the_cap_is_refused_with_file_line_and_what_would_be_right(tmp_path):
    (found,) = refused(tmp_path, TARIFF.replace("0.15", "0.150001"))
    assert found == (
        "t.yaml:6: tariffs[0].per_minute: 0.150001 a minute is above 0.15, the cap that binds north (small, audio) "
        "from 2026-04-06 (caps.yaml:14); end this version on that day and let the next one follow"
    )


@pytest.mark.parametrize(
    ("change", "to", "field", "message"),
    [
        ('"0.15"', '"0.15"\n    connection_fee: "0.05"', "7: tariffs[0].connection_fee",
         "0.05 is an ancillary fee, which is forbidden beside the cap that binds north"),
        ('"0.15"', '"0.10"\n    first_minute: "0.16"', "7: tariffs[0].first_minute", "0.16 a minute is above 0.15"),
        ('"0.15"', '"0.14"\n    facility_share: {label: County, per_minute: "0.02"}', "6: tariffs[0].per_minute",
         "0.14 a minute with the facility's share is above 0.15"),
        ('"0.15"', '"0.14"\n    facility_share: {label: County, percent: "10"}', "6: tariffs[0].per_minute",
         "0.14 a minute with the facility's share is above 0.15"),
        ('"0.15"', '"0"\n    per_visit: "3.01"', "7: tariffs[0].per_visit",
         "even the longest visit, 20 minutes, would cost 3.01, and no shorter one keeps the cap either; at most 3.00"),
        ('"0.15"', '"0.15"\n    increment_s: 3600', "7: tariffs[0].increment_s",
         "even the longest visit, 20 minutes, would cost 9.00"),
        ('"0.15"', '"0.15"\n    minimum_s: 1260', "7: tariffs[0].minimum_s",
         "even the longest visit, 20 minutes, would cost 3.15"),
        ("USD", "EUR", "4: tariffs[0].currency", "EUR cannot be compared with a cap in USD"),
    ],
)  # fmt: skip
def test_whatever_makes_it_dearer_than_the_cap_is_refused_where_it_stands(tmp_path, change, to, field, message):
    found = refused(tmp_path, TARIFF.replace(change, to))
    assert any(each.startswith(f"t.yaml:{field}: {message}") for each in found), found


def test_a_band_above_the_cap_is_refused_and_named(tmp_path):
    bands = """\
    bands:
      - {name: day, hours: {daily: ["08:00-20:00"]}, per_minute: "0.16"}
      - {name: night, hours: {daily: ["00:00-08:00", "20:00-24:00"]}, per_minute: "0.10"}
"""
    (found,) = refused(tmp_path, TARIFF.replace('    per_minute: "0.15"\n', bands))
    assert found.startswith("t.yaml:7: tariffs[0].bands[0].per_minute: 0.16 a minute is above 0.15")


def test_a_version_that_ends_before_the_cap_begins_is_free_of_it(tmp_path):
    dear = TARIFF.replace("0.15", "0.90") + "    valid_to: 2026-04-06\n"
    after = TARIFF.removeprefix("tariffs:\n").replace("version: 1", "version: 2").replace("2026-01-01", "2026-04-06")
    tariffs, _ = loaded(tmp_path, dear + after)
    assert len(tariffs.versions("plain")) == 2
    assert len(refused(tmp_path, dear.replace("2026-04-06", "2026-04-07"))) == 1


def test_each_row_that_begins_in_the_middle_counts(tmp_path):
    """0.06 until April, 0.11 from then on: 0.07 is above the first alone, 0.12 above both."""
    assert len(refused(tmp_path, TARIFF.replace("0.15", "0.07"), SOUTH_TOO)) == 1
    found = refused(tmp_path, TARIFF.replace("0.15", "0.12"), SOUTH_TOO)
    assert [each.split("binds ")[1].split(" (caps")[0] for each in found] == [
        "south (prison, audio) from 2025-01-01 until 2026-04-06",
        "south (prison, audio) from 2026-04-06",
    ]
    loaded(tmp_path, TARIFF.replace("0.15", "0.06"), SOUTH_TOO)


def test_a_tariff_for_a_facility_is_checked_though_no_rule_names_it_yet(tmp_path):
    other = TARIFF.removeprefix("tariffs:\n").replace("id: plain", "id: idle\n    facilities: [south]")
    assert any("binds south" in each for each in refused(tmp_path, TARIFF + other))


def test_fees_are_a_switch_and_stay_within_the_cap(tmp_path):
    fee = TARIFF.replace('"0.15"', '"0.14"\n    connection_fee: "0.05"')
    _, told = loaded(tmp_path, fee, caps=CAPS.replace("sources:", "ancillary_fees: true\nsources:"))
    assert any("lowers the charge of some visits at north, the longest of 299 s" in each for each in told), told


def test_what_only_some_visits_would_exceed_loads_with_a_remark(tmp_path):
    for more in ("minimum_s: 60", "increment_s: 60", "increment_s: 7", "minimum_s: 1200", 'per_visit: "3.00"'):
        tariff = TARIFF.replace('"0.15"', f'"0.15"\n    {more}' if "visit" not in more else f'"0"\n    {more}')
        _, told = loaded(tmp_path, tariff)
        assert any("lowers the charge of some visits" in each for each in told), more
    _, told = loaded(tmp_path, TARIFF)
    assert told == []


def test_a_share_above_the_facilitys_part_of_the_cap_is_refused(tmp_path):
    share = TARIFF.replace("0.15", "0.05").replace(
        "rounding", 'facility_share: {label: State, per_minute: "0.03"}\n    rounding'
    )
    found = refused(tmp_path, share, SOUTH_TOO)
    assert any("0.03 a minute is above 0.02, the part for the facility" in each for each in found), found


def test_a_privileged_rule_whose_tariff_is_free_then_is_not_bound(tmp_path):
    plan = PLAN.replace("max_minutes: 20}\n", "max_minutes: 20, privileged: true}\n", 1)
    dear = TARIFF.replace('"0.15"', '"0.90"\n    privileged_free: true')
    loaded(tmp_path, dear, plan)
    assert refused(tmp_path, dear, PLAN)


@pytest.mark.parametrize(
    ("change", "to", "expected"),
    [
        (", caps: land, type: jail, adp: 50", "", "plan.yaml:2: facilities[0]: has no `caps`; write caps: land, or"),
        ("caps: land, type: jail", "caps: lend, type: jail",
         "plan.yaml:2: facilities[0].caps: there is no table of rate caps 'lend'; did you mean 'land'?"),
        ("type: jail, ", "", "plan.yaml:2: facilities[0]: has no `type`; write type: jail"),
        (", adp: 50", "", "plan.yaml:2: facilities[0]: has no `adp`: land caps a jail by its average daily population"),
        ("type: jail", "type: camp", "plan.yaml:2: facilities[0].type:"),
        ("adp: 50", "adp: -1", "plan.yaml:2: facilities[0].adp:"),
    ],
)  # fmt: skip
def test_a_facility_says_what_its_tier_follows_from(tmp_path, change, to, expected):
    found = refused(tmp_path, TARIFF, PLAN.replace(change, to, 1))
    assert any(each.startswith(expected) for each in found), found


def test_caps_that_the_configuration_does_not_name_are_asked_for(tmp_path):
    (tmp_path / "t.yaml").write_text(TARIFF)
    (tmp_path / "plan.yaml").write_text(PLAN)
    with pytest.raises(DocumentError, match="names no file of rate caps; add the one with 'land' to its `caps`"):
        load(tmp_path / "plan.yaml", load_tariffs([tmp_path / "t.yaml"]), load_caps([]))


def test_a_tariff_that_is_not_for_the_facility_is_refused_in_the_dialplan(tmp_path):
    only_south = TARIFF.replace("medium: audio", "medium: audio\n    facilities: [south]")
    found = refused(tmp_path, only_south)
    assert any(each.startswith("plan.yaml:8: rules[0].tariff.audio: 'plain' is not for north") for each in found), found
