"""Scheduled exports: by the clock, every record in one file, none in two, whatever crashes in between."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from typer.testing import CliRunner

from gateway.billing.accounting import Accounting
from gateway.cli import app
from gateway.clock import ManualClock
from gateway.config import load_config
from gateway.documents import DocumentError
from gateway.errors import BillingError, StoreUnavailable
from gateway.exports import drops
from gateway.exports.drops import Dropping, Schedule, Task
from gateway.exports.formats import Format
from gateway.store import Store
from tests.billing.stage import WHOLE_VISITS, demo_tariffs, granted, summary, usd
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
CHICAGO = ZoneInfo("America/Chicago")
NIGHTLY = Schedule(150, CHICAGO)  # 02:30


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "now", "before", "after"),
    [
        (NIGHTLY, "2026-01-05 08:30", "2026-01-05 08:30", "2026-01-06 08:30"),
        (NIGHTLY, "2026-01-05 08:29", "2026-01-04 08:30", "2026-01-05 08:30"),
        (NIGHTLY, "2026-03-08 12:00", "2026-03-08 08:30", "2026-03-09 07:30"),  # the clock skips 02:30 that night
        (NIGHTLY, "2026-11-01 12:00", "2026-11-01 08:30", "2026-11-02 08:30"),
        (Schedule(every=timedelta(hours=1)), "2026-01-05 08:59", "2026-01-05 08:00", "2026-01-05 09:00"),
        (Schedule(every=timedelta(minutes=7)), "2026-01-05 23:59", "2026-01-05 23:55", "2026-01-06 00:00"),
    ],
)
def test_when_it_is_due(schedule: Schedule, now: str, before: str, after: str) -> None:
    assert (schedule.last_before(utc(now)), schedule.next_after(utc(now))) == (utc(before), utc(after))


@dataclass
class Billing:
    """A node with a folder that billing looks into."""

    store: Store
    accounting: Accounting
    clock: ManualClock
    folder: Path
    dropping: Dropping

    async def visits(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            await granted(self.accounting, f"v{number}", max_seconds=60)
            await self.accounting.close(summary(f"v{number}", 10))

    def files(self) -> dict[str, list[int]]:
        """The sequences in each file; a manifest stands beside each."""
        found = {}
        for path in sorted(self.folder.glob("*.jsonl")):
            assert path.with_name(f"{path.name}.manifest.json").exists()
            found[path.name] = [json.loads(line)["sequence"] for line in path.read_text().splitlines()]
        return found


@pytest.fixture
async def billing(tmp_path: Path, database_url: str) -> AsyncIterator[Billing]:
    folder = tmp_path / "out"
    folder.mkdir()
    clock = ManualClock(utc("2026-01-05 12:00"))
    async with Store(database_url) as store:
        accounting = Accounting(store, demo_tariffs(), clock=clock, rules=WHOLE_VISITS)
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("50"), key="first")
        task = Task("nightly", Format.JSONL, folder, NIGHTLY)
        yield Billing(store, accounting, clock, folder, Dropping(store, accounting, "node1", [task], clock))


FIRST, SECOND = "nightly-node1-0000000001-0000000003.jsonl", "nightly-node1-0000000004-0000000005.jsonl"


async def test_each_record_is_in_one_file(billing: Billing) -> None:
    await billing.visits(0, 3)
    await billing.dropping.drop_all()
    assert (await billing.dropping.drop_all())["nightly"] == ()
    await billing.visits(3, 2)
    (drop,) = (await billing.dropping.drop_all("nightly"))["nightly"]
    assert (drop.file_name, drop.records) == (SECOND, 2)
    assert billing.files() == {FIRST: [1, 2, 3], SECOND: [4, 5]}
    with pytest.raises(BillingError, match=r"no export 'weekly'.*exports: nightly"):
        await billing.dropping.drop_all("weekly")


@pytest.mark.parametrize("crash", ["before the file", "after the file"])
async def test_a_crash_repeats_nothing_and_skips_nothing(
    billing: Billing, crash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await billing.visits(0, 3)
    real = drops.export

    async def killed(*arguments: object, **more: object) -> object:
        if crash == "after the file":
            await real(*arguments, **more)  # type: ignore[arg-type]  # whatever it is called with
        raise StoreUnavailable("the node was killed")

    monkeypatch.setattr(drops, "export", killed)
    with pytest.raises(StoreUnavailable):
        await billing.dropping.drop_all()
    monkeypatch.setattr(drops, "export", real)
    await billing.visits(3, 2)
    await billing.dropping.drop_all()
    assert billing.files() == {FIRST: [1, 2, 3], SECOND: [4, 5]}


async def test_the_clock_makes_them_and_what_was_missed_is_made_at_once(billing: Billing) -> None:
    await billing.visits(0, 3)
    running = asyncio.create_task(billing.dropping.run())

    async def made(*names: str) -> bool:
        return list(billing.files()) == list(names)

    try:
        await until(lambda: made(FIRST), "the first file, although nothing was ever made")
        await billing.visits(3, 2)
        await billing.clock.advance(20 * 3600)
        assert list(billing.files()) == [FIRST]
        await billing.clock.advance(3600)
        await until(lambda: made(FIRST, SECOND), "the file of the night")
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def config(where: Path, **export: object) -> Path:
    path = where / "kinbridge.yaml"
    document = {
        "dialplan": str(ROOT / "dialplans/demo.yaml"),
        "tariffs": [str(ROOT / "dialplans/tariffs/demo.yaml")],
        "caps": [str(ROOT / "dialplans/caps/us-fcc.yaml")],
        "store": {"url": f"sqlite:///{where}/k.db"},
        "exports": [{"name": "nightly", "folder": str(where), **export}],
        "sip": {"trunks": [{"name": "demo", "sources": ["127.0.0.1"]}]},
    }
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.mark.parametrize(
    ("export", "complaint"),
    [
        ({}, 'either at: "02:30"'),
        ({"at": "02:30", "every_min": 5}, 'either at: "02:30"'),
        ({"at": "26:00"}, "exports"),
        ({"at": "02:30", "timezone": "Chicago"}, "no IANA time zone"),
        ({"every_min": 5, "folder": "nowhere"}, "there is no folder 'nowhere'"),
        ({"every_min": 5, "format": "xls"}, "'csv', 'jsonl', 'parquet' or 'asterisk'"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, export: dict[str, object], complaint: str) -> None:
    with pytest.raises(DocumentError, match=complaint) as caught:
        load_config(config(tmp_path, **export))
    assert "kinbridge.yaml:" in str(caught.value)


def test_by_hand(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["cdr", "drop", "--config", str(config(tmp_path, at="02:30"))])
    assert (done.exit_code, done.output) == (0, "nightly: nothing new\n")
