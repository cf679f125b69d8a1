"""`kinbridge statement` and `kinbridge report`: from a configuration and a database on the disk to a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.errors import ReportError
from tests.reports.stage import books_on, local

DIALPLANS = Path(__file__).parents[2] / "dialplans"
PLAN = """\
facilities:
  - {id: north, name: North Jail, timezone: America/Chicago, trunks: [pbx], caps: none}
contacts:
  - {id: family-1, name: Ada Example, number: "1001", account: family-1}
rules:
  - {name: families, facility: north, dialled: "1001", tariff: {video: demo-video}, max_minutes: 20}
"""
Ask = Callable[..., Result]


@pytest.fixture
async def ask(tmp_path: Path) -> Ask:
    """Runs a command of the configuration; two visits lie in its database."""
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "rates.yaml").write_text((DIALPLANS / "tariffs" / "demo.yaml").read_text())
    document = {"dialplan": "plan.yaml", "tariffs": ["rates.yaml"], "store": {"url": "sqlite:///k.db"}}
    config = tmp_path / "kinbridge.yaml"
    config.write_text(yaml.safe_dump(document))
    async with books_on(f"sqlite:///{tmp_path}/k.db") as books:
        await books.open()
        await books.deposit(local(1), "5.00")
        await books.visit(local(2), 60)
        await books.visit(local(9), 60)
    return lambda *words: CliRunner().invoke(app, [*words, "--config", str(config)])


def test_a_statement_is_written_whole_and_for_its_owner_alone(ask: Ask, tmp_path: Path) -> None:
    output = tmp_path / "october.html"
    result = ask("statement", "family-1", "--month", "2026-10", "--format", "html", "-o", str(output))
    assert result.exit_code == 0, result.output
    assert "Ada Example" in output.read_text()
    assert "North Jail" in output.read_text()
    assert output.stat().st_mode & 0o777 == 0o600


def test_a_report_of_some_days_and_its_charts(ask: Ask, tmp_path: Path) -> None:
    output, charts = tmp_path / "north.json", tmp_path / "charts"
    words = ("--from", "2026-10-01", "--to", "2026-10-05", "--format", "json", "-o", str(output))
    result = ask("report", "facility", "north", *words, "--charts", str(charts))
    assert result.exit_code == 0, result.output
    assert json.loads(output.read_text())["tables"]["summary"][0]["visits"] == 1
    assert {each.name for each in charts.iterdir()} >= {"hours.svg", "days.svg", "money-USD.svg"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("statement", "nobody", "--month", "2026-10"), "there is no account 'nobody'"),
        (
            ("statement", "family-1", "--month", "10/2026"),
            "'10/2026' is no month; write year and month such as 2026-10",
        ),
        (("report", "facility", "south", "--month", "2026-10"), "no facility 'south'; known: north"),
        (("report", "carrier", "--month", "2026-10", "--zone", "Mars"), "'Mars' is no time zone"),
        (("report", "carrier", "--month", "2026-10", "--from", "2026-10-01"), "give either a month, or"),
        (("report", "facility", "south", "--month", "2026-13"), "'2026-13' is no month"),
        (("report", "facility", "south", "--month", "2026-13"), "no facility 'south'; known: north"),
        (("report", "carrier"), "say which days: a month, such as 2026-10, or a first and a last day"),
        (("report", "carrier", "--from", "2026-10-01"), "say which days"),
        (("report", "carrier", "--from", "1.10.2026", "--to", "2026-10-02"), "write dates such as 2026-10-01"),
        (("report", "carrier", "--from", "2026-10-09", "--to", "2026-10-01"), "2026-10-01 is before 2026-10-09"),
        (("report", "carrier", "--from", "2025-01-01", "--to", "2026-12-31"), "730 days; a report has 1 to 400"),
    ],
)
def test_what_cannot_be_made_is_a_sentence_and_no_file(
    ask: Ask, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    output = tmp_path / "none.html"
    result = ask(*words, "-o", str(output))
    assert isinstance(result.exception, ReportError)
    assert sentence in str(result.exception)
    assert not output.exists()


def test_a_folder_that_is_not_there_is_told_before_the_work(ask: Ask, tmp_path: Path) -> None:
    result = ask("report", "carrier", "--month", "2026-10", "-o", str(tmp_path / "gone" / "x.html"))
    assert "there is no folder" in str(result.exception)
