"""`kinbridge tariff`: mistakes before anybody pays for them, a quote line by line, and a schema for editors."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.errors import KinbridgeError

DIALPLANS = Path(__file__).parents[2] / "dialplans"
PLAN = """\
facilities:
  - {id: north, name: North Jail, timezone: America/Chicago, trunks: [north], caps: us-fcc, type: jail, adp: 420}
contacts:
  - {id: mary, name: Mary Example, number: "1001", account: mary}
rules:
  - name: families
    facility: north
    dialled: "1001"
    tariff: {audio: county-audio}
    max_minutes: 20
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "county.yaml").write_text((DIALPLANS / "tariffs" / "county.yaml").read_text())
    document = {
        "dialplan": "plan.yaml",
        "tariffs": ["county.yaml"],
        "caps": [str(DIALPLANS / "caps" / "us-fcc.yaml")],
    }
    (tmp_path / "kinbridge.yaml").write_text(yaml.safe_dump(document))
    return tmp_path / "kinbridge.yaml"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["tariff", *words])


def said(*words: str) -> str:
    done = run(*words)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def refused(*words: str) -> str:
    done = run(*words)
    assert done.exit_code == 1
    assert isinstance(done.exception, KinbridgeError), done.output
    return str(done.exception)


def rows(output: str) -> list[list[str]]:
    """The cells of the table that was printed."""
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in output.splitlines() if line[:1] == "│"]


def test_a_sound_configuration_is_checked_with_its_caps_and_what_they_will_lower(config: Path) -> None:
    told = said("check", "--config", str(config)).splitlines()
    assert told[0] == "north: medium-jail of us-fcc"
    assert told[1] == "us-fcc: verify against 47 CFR 64.6010 and 64.6030 before relying on these figures"
    assert any(each.startswith("note: ") and "county-video" in each and "lowers the charge" in each for each in told)
    assert told[-1] == "3 tariffs, rate caps us-fcc: no mistake"


def test_files_can_be_checked_alone(config: Path) -> None:
    assert said("check", str(config.parent / "county.yaml")).startswith("3 tariffs: no mistake")


def test_a_tariff_above_its_cap_is_refused_with_file_and_line(config: Path) -> None:
    path = config.parent / "county.yaml"
    text = path.read_text().replace('per_minute: "0.10"', 'per_minute: "0.11"')
    path.write_text(text)
    line = text[: text.index('per_minute: "0.11"')].count("\n") + 1
    found = refused("check", "--config", str(config))
    assert f"county.yaml:{line}: tariffs[0].bands[0].per_minute: 0.11 a minute with the facility's share" in found
    assert "is above 0.12, the cap that binds north (medium-jail, audio) from 2026-04-06" in found


def test_a_quote_line_by_line(config: Path) -> None:
    """7 s by day: 30 s billed = 0.05 + 0.01 for the county; the cap allows 0.12 x 7 / 60 = 0.014."""
    told = said(
        "quote", "--seconds", "7", "--tariff", "county-audio", "--at", "2026-05-01T10:30", "--config", str(config)
    )
    assert told.splitlines()[0] == "county-audio version 1, band day, north, Friday 2026-05-01 10:30 CDT"
    assert rows(told) == [
        ["usage", "day", "30", "0.05"],
        ["facility_share", "County costs", "30", "0.01"],
        ["cap", "us-fcc/2026-04-06/medium-jail/audio", "7", "-0.046"],
        ["tax", "State sales tax", "", "0.0009"],  # 0.000875
        ["tax", "City tax", "", "0.0001"],
        ["total", "", "", "0.015"],
    ]
    assert "7 s used, 30 s billed; rounding half_even to 0.0001 in each line" in told
    assert "0.12 USD an actual minute, taxes apart; lowered by 0.046 USD" in told


def test_a_quote_knows_the_hour_the_allowance_and_privilege(config: Path) -> None:
    quote = ("quote", "--seconds", "960", "--tariff", "county-audio", "--facility", "north", "--config", str(config))
    at_night = said(*quote, "--at", "2026-05-02T03:30:00Z", "--free-seconds", "900")  # 22:30 in Chicago
    assert rows(at_night)[0] == ["usage", "night", "60", "0.06"]
    assert "960 s used, 900 s of them free, 60 s billed" in at_night
    assert rows(said(*quote, "--at", "2026-05-01T10:30", "--privileged"))[-1] == ["total", "", "", "0.00"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--tariff", "county"), "there is no tariff 'county'; known here: county-audio, county-phone, county-video"),
        (("--tariff", "county-audio", "--facility", "south"), "there is no facility 'south'; known in the dialplan: n"),
        (("--tariff", "county-audio", "--at", "noon"), "--at 'noon' is no time; write 2026-05-01T18:30"),
        (
            ("--tariff", "county-audio", "--at", "2026-04-05T18:59:59"),
            "no version of county-audio is in force for north on 2026-04-05T23:59:59Z",
        ),
    ],
)
def test_what_cannot_be_quoted_is_said_in_a_sentence(config: Path, words: tuple[str, ...], complaint: str) -> None:
    assert complaint in refused("quote", "--seconds", "60", *words, "--config", str(config))


def described(schema: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"][name]["properties"]
    return found


def test_editors_get_the_keys_and_their_meaning() -> None:
    schema = json.loads(said("schema"))
    entry = described(schema, "TariffEntry")
    assert entry["included_s"]["description"].startswith("So many first seconds of a visit")
    assert schema["$defs"]["TariffEntry"]["additionalProperties"] is False
    rows_of_caps = described(json.loads(said("schema", "caps")), "RowEntry")
    assert rows_of_caps["additive"]["description"].startswith("The part of it")


@pytest.mark.parametrize("kind", ["tariffs", "caps"])
def test_the_shipped_files_have_no_key_that_the_schema_does_not_know(kind: str) -> None:
    schema = json.loads(said("schema", kind))
    for path in (DIALPLANS / kind).glob("*.yaml"):
        _fits(yaml.safe_load(path.read_text()), schema, schema)


def _fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> None:
    """As much of JSON Schema as these documents use: references, objects, arrays and words."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    options = [each for each in schema.get("anyOf", ()) if "$ref" in each or "type" in each]
    if options:
        schema = next(each for each in options if each.get("type") != "null")
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema
    if isinstance(value, dict):
        known = schema.get("properties", {})
        assert set(value) <= set(known) or isinstance(schema.get("additionalProperties"), dict), value
        assert set(schema.get("required", ())) <= set(value)
        for name, inner in value.items():
            _fits(inner, known.get(name) or schema["additionalProperties"], root)
    elif isinstance(value, list):
        assert schema["type"] == "array", value
        for inner in value:
            _fits(inner, schema["items"], root)
    elif "enum" in schema:
        assert value in schema["enum"]
    else:
        kinds = {"string": (str, date, datetime), "integer": int, "boolean": bool}
        assert isinstance(value, kinds[schema["type"]]), (value, schema)


def test_a_quote_does_not_compare_a_tariff_with_a_cap_in_other_money(config: Path) -> None:
    rates = config.parent / "county.yaml"
    rates.write_text(
        rates.read_text()
        + """
  - id: abroad
    version: 1
    currency: EUR
    medium: audio
    per_minute: "0.30"
    rounding: {mode: half_up, to: "0.01"}
    valid_from: 2026-04-06
"""
    )
    told = refused("quote", "--seconds", "7", "--tariff", "abroad", "--at", "2026-05-01", "--config", str(config))
    assert told.startswith("abroad is in EUR, the cap that binds north in USD")
