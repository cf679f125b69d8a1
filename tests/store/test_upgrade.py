"""A database of the first months, left by a crash, under the gateway of today: nothing lost, nothing changed.

vectors/first-records.sql was written by the code of its time and says what is in it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import duckdb
import pytest
import yaml
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from gateway.billing.accounting import Accounting
from gateway.billing.cdr import SCHEMA
from gateway.billing.rerating import Asked, Rerating, Verdict
from gateway.billing.tariff import load_tariffs
from gateway.cli import app
from gateway.clock import ManualClock
from gateway.exports.export import Wanted, export
from gateway.exports.formats import Format
from gateway.recording.archive import Archive
from gateway.recording.keys import KeyRing
from gateway.reports.period import month
from gateway.reports.reading import latest_records, read_statement
from gateway.store import FIRST_HASH, FigurePage, Selection, Store, Work
from gateway.store.copying import copy_database
from gateway.store.tables import metadata
from gateway.watching.journal import Journal
from tests.billing.stage import WHOLE_VISITS, assert_books_and_chain_sound, at, demo_tariffs, granted, summary, usd

DUMP = Path(__file__).parent / "vectors" / "first-records.sql"
ROOT = Path(__file__).parents[2]
NOW = at(5000)
ENDED = ["v-video", "v-nobody", "v-poor", "v-closed", "v-missed", "v-facility", "v-privileged", "v-flat", "v-recorded"]
RECOVERED = ["v-talking", "v-ringing", "v-asked"]
# by hand: 125 s, 61 s, 45 s, 30 s at 0.16 a minute, each down to the micro-unit; 2.50 flat; 606 s at 0.12 and 0.05
REVENUE_BEFORE = "4.455999"  # 0.333333 + 0.162666 + 0.12 + 0.08 + 2.50 + 1.26
TALKING, ELSEWHERE = "0.106666", "0.053333"  # 40 s and 20 s


def old_file(folder: Path) -> str:
    """The URL of the database as the crash left it."""
    with sqlite3.connect(folder / "kinbridge.db") as database:
        database.executescript(DUMP.read_text("utf-8"))
    database.close()
    return f"sqlite:///{folder}/kinbridge.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of the old database where it is, and moved to a server."""
    found = old_file(tmp_path)
    if request.param == "sqlite":
        return found
    server: str = request.getfixturevalue("postgresql_url")
    copy_database(found, server, lambda *_: None)
    return server


@dataclass
class Today:
    store: Store
    books: Accounting
    clock: ManualClock
    folder: Path

    async def start(self) -> None:
        """What a gateway does before its first visit, in its order."""
        archive = Archive(self.store, KeyRing({}, {}), self.folder, node="node1", clock=self.clock)
        assert await archive.recover() == 1
        assert [each.visit_id for each in await self.books.recover("node1", NOW)] == RECOVERED
        assert await Journal(self.store).recover("node1", NOW) == 1

    async def documents(self, node: str = "node1") -> list[str]:
        return [row.document for row in await self.store.read(lambda work: work.records.since(node, 0, 100))]

    async def balance(self, account: str) -> str:
        return (await self.books.balance(account)).amount


@pytest.fixture
async def today(url: str, tmp_path: Path) -> AsyncIterator[Today]:
    clock = ManualClock(NOW)
    async with Store(url) as store:
        yield Today(store, Accounting(store, demo_tariffs(), clock=clock, rules=WHOLE_VISITS), clock, tmp_path)


async def test_it_gets_exactly_the_tables_of_today(tmp_path: Path) -> None:
    old, new = old_file(tmp_path), f"sqlite:///{tmp_path}/new.db"
    for each in (old, new):
        async with Store(each):
            pass
    engine = create_engine(old)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    assert schema(old) == schema(new)  # with triggers and conditions, which the comparison above does not see


def schema(url: str) -> set[tuple[str, str, str]]:
    with sqlite3.connect(str(make_url(url).database)) as database:
        found = database.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master").fetchall()
    database.close()
    return {(kind, name, "".join(sql.split()).replace('"', "")) for kind, name, sql in found}


async def test_every_record_is_what_it_was_and_the_books_are_sound(today: Today) -> None:
    with sqlite3.connect(":memory:") as database:
        database.executescript(DUMP.read_text("utf-8"))
        before = [text for (text,) in database.execute("SELECT document FROM cdrs ORDER BY node, sequence")]
    database.close()
    assert await today.documents() + await today.documents("node2") == before
    assert {json.loads(each)["schema"] for each in before} == {1}
    assert [each.visit_id for each in await today.books.cdrs()] == ENDED
    await assert_books_and_chain_sound(today.books)
    assert (await today.books.verify_chain("node2")).sound


async def test_what_the_crash_left_open_is_closed_and_its_money_is_free_again(today: Today) -> None:
    family = await today.books.account("family-1")
    assert (family.balance, family.held) == (usd("24.304001"), usd("5.60"))
    await today.start()
    talking, ringing, asked = (await today.books.cdrs())[len(ENDED) :]
    assert (talking.reason, talking.billable_s, talking.total, talking.account) == (
        "node_crash", 40, TALKING, "family-1",
    )  # fmt: skip
    assert (talking.tariff_id, talking.rate_per_minute, talking.hold_amount) == ("demo-video", "0.16", "3.20")
    assert (talking.recording, [each.recording_id for each in talking.recordings]) == ("failed", ["r-2"])
    assert [(each.reason, each.total, each.account) for each in (ringing, asked)] == [
        ("node_crash", "0.00", "family-1"), ("node_crash", "0.00", ""),
    ]  # fmt: skip
    # the other node is not ours: its visit is closed when it has been silent for long
    assert [each.visit_id for each in await today.books.expire(600)] == ["v-elsewhere"]
    (_, expired) = await today.books.cdrs(node="node2")
    assert (expired.visit_id, expired.sequence, expired.total) == ("v-elsewhere", 2, ELSEWHERE)

    family = await today.books.account("family-1")
    spent = Decimal(TALKING) + Decimal(ELSEWHERE)
    assert (family.balance.decimal(), family.held.micros) == (Decimal("24.304001") - spent, 0)
    assert await today.balance("house:revenue:USD") == str(Decimal(REVENUE_BEFORE) + spent)
    await assert_books_and_chain_sound(today.books)
    assert (await today.books.verify_chain("node2")).sound
    assert await today.books.recover("node1", NOW) == []


async def test_the_trails_of_officers_and_the_recordings_are_kept(today: Today) -> None:
    await today.start()
    kept = await today.store.read(lambda work: (work.recordings.get("r-1"), work.recordings.get("r-2")))
    assert [each and (str(each.state), each.bytes, bool(each.wrapped_key)) for each in kept] == [
        ("complete", 123456, True), ("failed", 0, True),
    ]  # fmt: skip
    trail = await today.store.read(lambda work: work.accesses.of("r-1"))
    assert [(each.who, each.act, each.reason) for each in trail] == [("j.doe", "play", "complaint 17")]
    watched = await Journal(today.store).page()
    assert [(each.watching_id, each.until, each.reason) for each in watched] == [
        ("w-1", at(2020), "officer_left"), ("w-2", NOW, "node_crash"),
    ]  # fmt: skip


async def test_old_records_can_be_corrected(today: Today) -> None:
    await today.start()
    credited = await today.books.credit("cdr:v-video", usd("0.10"), "the picture froze", "c-1", "j.doe")
    assert (credited.corrects, credited.credited, credited.total) == ("cdr:v-video", "0.10", "0.233333")
    assert [each.account for each in credited.payers] == ["family-1"]
    cheap = today.folder / "cheap.yaml"
    cheap.write_text((ROOT / "dialplans/tariffs/demo.yaml").read_text().replace('"0.16"', '"0.06"'))
    rerating = Rerating(today.store, load_tariffs([cheap]), node="node1", clock=today.clock)
    found = [
        each
        async for each in rerating.corrected(
            Asked(at(0), at(4000), "", "demo-video"), key="r-1", reason="wrong rate", who="j.doe"
        )
    ]
    changed = {each.cdr.visit_id: each.after.amount for each in found if each.corrected}
    assert changed == {"v-video": "0.125", "v-privileged": "0.061", "v-recorded": "0.045", "v-two": "0.03"}
    assert {each.verdict for each in found if not each.corrected} == {Verdict.SAME}
    assert (await today.books.records_of("v-video"))[-1].total == "0.025"  # what was credited stays credited
    await assert_books_and_chain_sound(today.books)


async def test_every_export_has_all_of_it_and_adds_up_to_the_ledger(today: Today, tmp_path: Path) -> None:
    await today.start()
    files = {}
    for form in Format:
        files[form] = tmp_path / f"cdr.{form}"
        manifest = await export(today.books, Wanted(Selection("node1")), form, files[form], now=NOW)
        assert manifest.rows == len(ENDED + RECOVERED)
    before = FIRST_HASH
    for line in files[Format.JSONL].read_text("utf-8").splitlines():
        before = signed_by_hand(line, before)
    for form, reader in ((Format.PARQUET, "read_parquet"), (Format.CSV, "read_csv")):
        names, total = duckdb.sql(
            f"SELECT list(visit_id ORDER BY sequence), sum(total::DECIMAL(18,6)) FROM {reader}('{files[form]}')"
        ).fetchall()[0]
        assert names == ENDED + RECOVERED
        assert total == Decimal(REVENUE_BEFORE) - Decimal("0.08") + Decimal(TALKING)  # v-two is node2's
    hostile = '\'=HYPERLINK("http://x", "Meier & Söhne")'
    assert hostile in duckdb.sql(f"SELECT contact FROM read_csv('{files[Format.CSV]}')").fetchall()[6]


def signed_by_hand(text: str, before: str) -> str:
    """The check of docs/cdr.md; the record's own hash."""
    line = json.loads(text)
    own = line.pop("hash")
    assert line.pop("previous_hash") == before
    canonical = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(f"{before}\n{canonical}".encode()).hexdigest() == own
    return str(own)


async def test_the_statement_and_the_report_of_that_month(today: Today) -> None:
    await today.start()
    await today.books.expire(600)
    statement = await read_statement(today.store, "family-1", "2026-01", zone=None, made_at=NOW + timedelta(days=40))
    assert (statement.opening.amount, statement.deposits.amount) == ("0.00", "27.50")
    assert statement.closing == (await today.books.account("family-1")).balance
    charged = {each.visit_id: each.amount.amount for each in statement.visits}
    assert charged == {
        "v-video": "0.333333", "v-privileged": "0.162666", "v-flat": "2.50", "v-recorded": "0.12", "v-two": "0.08",
        "v-talking": TALKING, "v-elsewhere": ELSEWHERE,
    }  # fmt: skip
    pages = [page async for page in latest_records(today.store, month("2026-01", statement.period.zone), "north")]
    assert sorted(each["visit_id"] for page in pages for each in page) == sorted(ENDED + RECOVERED)


async def test_old_records_are_found_by_their_figures(today: Today) -> None:
    await today.start()
    asked = partial(_figures, since=at(0), until=NOW)
    found = await today.store.read(asked)
    rows = {row[0]: row[1:] for row in zip(*(found.columns[each] for each in FIGURES_ASKED), strict=True)}
    assert sorted(rows) == sorted([*ENDED, "v-two", *RECOVERED])
    assert rows["v-video"] == ("v-video@pbx", "0.333333", 125, 126000, "2026-01-05T15:00:04.000Z")
    assert rows["v-nobody"] == ("v-nobody@pbx", "0.00", 0, 0, None)


FIGURES_ASKED = ("visit_id", "sip_call_id", "total", "billable_s", "duration_ms", "answer_at")


def _figures(work: Work, since: datetime, until: datetime) -> FigurePage:
    return work.figures.page(FIGURES_ASKED, since, until, limit=100)


async def test_new_visits_go_on_in_the_same_chain(today: Today) -> None:
    await today.start()
    await granted(today.books, "v-new", setup_at=NOW)
    receipt = await today.books.close(summary("v-new", 60))
    assert (receipt.sequence, receipt.charged) == (len(ENDED + RECOVERED) + 1, usd("0.16"))
    assert [json.loads(each)["schema"] for each in await today.documents()] == [1] * len(ENDED) + [SCHEMA] * 4
    await assert_books_and_chain_sound(today.books)


def test_the_auditor_s_command_finds_it_sound(tmp_path: Path) -> None:
    url = old_file(tmp_path)
    config = tmp_path / "kinbridge.yaml"
    document = {
        "dialplan": str(ROOT / "dialplans/demo.yaml"),
        "tariffs": [str(ROOT / "dialplans/tariffs/demo.yaml")],
        "caps": [str(ROOT / "dialplans/caps/us-fcc.yaml")],
        "store": {"url": url},
        "sip": {"trunks": [{"name": "demo", "sources": ["127.0.0.1"]}]},
    }
    config.write_text(yaml.safe_dump(document))
    done = CliRunner().invoke(app, ["cdr", "verify", "--config", str(config)])
    assert done.output == "node1: 9 records, sound\nnode2: 1 record, sound\nledger: adds up\n"
