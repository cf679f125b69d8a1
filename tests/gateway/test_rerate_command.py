"""`kinbridge cdr rerate`: a wrong rate in a file is mended, looked at, and corrected once."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from gateway.billing.accounting import Accounting
from gateway.cli import app
from gateway.clock import ManualClock
from gateway.config import load_config
from gateway.desk import load_policy
from gateway.errors import KinbridgeError
from gateway.store import Store
from tests.billing.stage import START, WHOLE_VISITS, granted, summary, usd

DIALPLANS = Path(__file__).parents[2] / "dialplans"
PERIOD = ("--since", "2026-01-01", "--until", "2026-02-01")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Two visits of ten minutes and one second, at 0.16 a minute; since then the file says 0.10."""
    rates = tmp_path / "rates.yaml"
    rates.write_text((DIALPLANS / "tariffs" / "demo.yaml").read_text())
    path = tmp_path / "kinbridge.yaml"
    caps = [str(DIALPLANS / "caps" / "us-fcc.yaml")]
    path.write_text(yaml.safe_dump({"dialplan": str(DIALPLANS / "demo.yaml"), "tariffs": ["rates.yaml"], "caps": caps}))
    asyncio.run(_visits(path))
    rates.write_text(rates.read_text().replace('"0.16"', '"0.10"'))
    return path


async def _visits(path: Path) -> None:
    config = load_config(path)
    _, tariffs = load_policy(config)
    async with Store(config.store.url) as store:
        books = Accounting(store, tariffs, node="node1", clock=ManualClock(START), rules=WHOLE_VISITS)
        await books.open_account("family-1")
        await books.deposit("family-1", usd("20"), key="k")
        for visit, seconds in (("v1", 600), ("v2", 1), ("v3", 0)):
            await granted(books, visit, facility="demo-jail")
            await books.close(summary(visit, seconds))


def said(config: Path, *words: str) -> list[str]:
    done = CliRunner().invoke(app, ["cdr", "rerate", *PERIOD, *words, "--config", str(config)])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output.splitlines()


def test_first_what_would_change_then_the_corrections_then_nothing_more(config: Path) -> None:
    report = config.parent / "differences.csv"
    told = ["cheaper: 2 visits, -0.601 USD", "same: 1 visits"]
    assert said(config, "--report", str(report)) == [*told, "nothing was corrected; to do it: --do-it"]
    with report.open(newline="") as file:
        rows = {row["visit_id"]: row for row in csv.DictReader(file)}
    assert {name: (row["before"], row["after"], row["difference"], row["corrected"]) for name, row in rows.items()} == {
        "v1": ("1.60", "1.00", "-0.60", "no"),
        "v2": ("0.002666", "0.001666", "-0.001", "no"),
    }

    do_it = ("--do-it", "--key", "january", "--reason", "wrong rate", "--by", "officer-7")
    assert said(config, *do_it) == [*told, "2 visits corrected"]
    assert said(config, *do_it) == ["same: 3 visits", "0 visits corrected"]


def test_whoever_corrects_says_which_correction_and_why(config: Path) -> None:
    done = CliRunner().invoke(app, ["cdr", "rerate", *PERIOD, "--do-it", "--config", str(config)])
    assert isinstance(done.exception, KinbridgeError)
    assert "--key and --reason" in str(done.exception)


def test_a_period_that_ends_before_it_begins(config: Path) -> None:
    words = ["cdr", "rerate", "--since", "2026-02-01", "--until", "2026-01-01", "--config", str(config)]
    done = CliRunner().invoke(app, words)
    assert "--until is not after --since" in str(done.exception)
