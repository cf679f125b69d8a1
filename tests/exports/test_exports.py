"""What billing teams import: nothing lost, nothing repeated, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gateway.billing.accounting import Accounting
from gateway.billing.cdr import Cdr, as_json, from_json
from gateway.errors import BillingError, StoreUnavailable
from gateway.exports.asterisk import disposition
from gateway.exports.export import PAGE, Wanted, export
from gateway.exports.feed import CdrFeed, Download
from gateway.exports.formats import Format
from gateway.exports.manifest import Manifest
from gateway.store import Selection
from tests.billing.stage import START, accounting_with, at, granted, intent, summary, usd

HOSTILE = [
    '=HYPERLINK("http://x.example","free money")',
    "+15552368001",
    "-1+1",
    "@SUM(A1)",
    "\tTAB",
    "\rRETURN",
    "＝１+１",  # noqa: RUF001
    "  =1+1",
    " \x0b\x1f@SUM(A1)",
    "\x00=1+1",
    "nul \x00 within",
    'quote " comma , semicolon ;',
    "two\r\nlines",
    "\u202eright to left",
    "שלום",
    "",
]
KEPT = [each.replace("\0", "\ufffd") for each in HOSTILE]  # no record ever holds a NUL


@pytest.fixture
async def books() -> AsyncIterator[Accounting]:
    async with accounting_with("50") as accounting:
        yield accounting


async def visits(accounting: Accounting, count: int = 5, first: int = 0) -> None:
    for number in range(first, first + count):
        await granted(accounting, f"v{number}", max_seconds=60)
        await accounting.close(summary(f"v{number}", 10 * number))


async def exported(
    accounting: Accounting, path: Path, form: Format = Format.CSV, *, trunk: str = "", account: str = "", **which: Any
) -> Manifest:
    wanted = Wanted(Selection("node1", **which), trunk, account)
    return await export(accounting, wanted, form, path, now=START)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def rows_in(path: Path) -> list[dict[str, str]]:
    return rows_of(path.read_bytes().decode("utf-8"))


async def test_the_csv_has_a_header_and_a_row_for_each_record(books: Accounting, tmp_path: Path) -> None:
    await visits(books)
    await exported(books, tmp_path / "cdr.csv")
    text = (tmp_path / "cdr.csv").read_bytes().decode("utf-8")
    assert text.count("\r\n") == text.count("\n") == 6
    row = rows_of(text)[3]
    plain = [name for name in Cdr.__dataclass_fields__ if name != "flows"]
    assert [name for name in row if "_from_" not in name] == plain
    assert row["cdr_id"] == "cdr:v3"
    assert (row["total"], row["currency"], row["billable_s"]) == ("0.08", "USD", "30")
    assert (row["lines"], row["payers"]) == ("usage=0.08", "family-1=0.08")
    assert row["end_at"] == "2026-01-05T15:00:35.000Z"
    assert (row["privileged"], row["corrects"]) == ("false", "")
    assert (row["audio_from_sip_path"], row["audio_from_sip_source_codec"]) == ("relay", "PCMU")
    assert (row["audio_from_sip_packets"], row["audio_from_sip_jitter_ms"]) == ("1500", "3.250")
    figures = [row[f"audio_from_sip_{name}"] for name in ("far_lost", "rtt_ms", "frozen_s", "mos")]
    assert figures == ["7", "41.500", "2.500", "4.38"]
    assert (row["video_from_web_rtt_ms"], row["video_from_web_mos"]) == ("", "")
    assert (row["video_from_web_path"], row["video_from_web_frames_decoded"]) == ("transcode", "900")
    assert row["audio_from_web_path"] == "none"


async def test_hostile_text_opens_as_text_and_is_exact_elsewhere(books: Accounting, tmp_path: Path) -> None:
    for number, text in enumerate(HOSTILE):
        await books.attempt(intent(f"v{number}", station=text, dialled=text, trunk=text))
        await books.close(summary(f"v{number}", 0))
    for form in Format:
        assert (await exported(books, tmp_path / form, form)).rows == len(HOSTILE)

    stations = [row["station"] for row in rows_in(tmp_path / "csv")]
    assert [each.removeprefix("'") for each in stations] == KEPT
    assert [each.startswith("'") for each in stations] == [True] * 9 + [False] * 7
    exact = [from_json(json.loads(line)) for line in (tmp_path / "jsonl").read_text("utf-8").split("\n")[:-1]]
    assert [each.station for each in exact] == KEPT
    assert tuple(exact) == await books.cdrs()
    found = duckdb.sql(f"SELECT station FROM read_parquet('{tmp_path}/parquet') ORDER BY sequence").fetchall()
    assert [each for (each,) in found] == KEPT
    cells = [row[1] for row in csv.reader(io.StringIO((tmp_path / "asterisk").read_text("utf-8")))]
    assert len(cells) == len(HOSTILE)
    shown = [each.lstrip("".join(map(chr, range(33)))) for each in cells]
    assert not [each for each in shown if each[:1] in set("=+-@＝＋－＠")]  # noqa: RUF001
    assert "\x00" not in "".join(cells)  # a C string ends there


async def test_an_export_begins_where_the_last_one_ended(books: Accounting, tmp_path: Path) -> None:
    await visits(books, 3)
    first = await exported(books, tmp_path / "1.csv")
    none = await exported(books, tmp_path / "2.csv", since=first.next_since)
    await visits(books, 1, first=3)
    rest = await exported(books, tmp_path / "3.jsonl", Format.JSONL, since=none.next_since)

    assert [(each.rows, each.last_sequence, each.next_since) for each in (first, none, rest)] == [
        (3, 3, 3), (0, 0, 3), (1, 4, 4)
    ]  # fmt: skip
    assert [row["sequence"] for row in rows_in(tmp_path / "1.csv")] == ["1", "2", "3"]
    assert rows_in(tmp_path / "2.csv") == []
    assert json.loads((tmp_path / "3.jsonl").read_text())["visit_id"] == "v3"


async def test_only_what_was_asked_for(books: Accounting, tmp_path: Path) -> None:
    await books.open_account("family-2")
    await books.deposit("family-2", usd("5"), key="second")
    await visits(books, 3)
    await granted(books, "other", account="family-2", trunk="carrier", facility="south", max_seconds=60)
    await books.close(summary("other", 10, ended_at=at(9000)))

    async def found(**which: Any) -> list[str]:
        await exported(books, tmp_path / "some.jsonl", Format.JSONL, **which)
        return [json.loads(line)["visit_id"] for line in (tmp_path / "some.jsonl").read_text().splitlines()]

    assert await found(account="family-2") == await found(trunk="carrier") == await found(facility="south") == ["other"]
    assert await found(trunk="carrier", account="family-1") == []
    assert await found(begin=at(5000)) == ["other"]
    assert await found(end=at(5000)) == ["v0", "v1", "v2"]
    assert await found(since=1, upto=3) == ["v1", "v2"]


async def test_the_manifest_proves_the_file(books: Accounting, tmp_path: Path) -> None:
    await visits(books)
    for form in Format:
        path = tmp_path / f"cdr.{form}"
        manifest = await exported(books, path, form, since=1)
        assert json.loads((tmp_path / f"cdr.{form}.manifest.json").read_text()) == json.loads(manifest.text())
        assert manifest.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert manifest.bytes == path.stat().st_size
        assert (manifest.rows, manifest.first_sequence, manifest.last_sequence) == (4, 2, 5)
        assert manifest.totals == {"USD": "0.266665"}
        assert manifest.filters == {"since": "1"}


async def test_an_outsider_adds_up_the_parquet_and_gets_the_ledger(books: Accounting, tmp_path: Path) -> None:
    await visits(books, 7)
    await exported(books, tmp_path / "cdr.parquet", Format.PARQUET)
    asked = f"""
        SELECT sum(total), sum(epoch_ms(end_at) - epoch_ms(answer_at)) = sum(duration_ms), typeof(any_value(total))
        FROM read_parquet('{tmp_path}/cdr.parquet') AS latest
        WHERE NOT EXISTS (FROM read_parquet('{tmp_path}/cdr.parquet') AS c WHERE c.corrects = latest.cdr_id)"""
    total, durations, kind = duckdb.sql(asked).fetchall()[0]
    assert (kind, durations) == ("DECIMAL(18,6)", True)
    assert (await books.balance("house:revenue:USD")).decimal() == total == Decimal("0.559998")
    lines = f"SELECT sum(line.amount::DECIMAL(18,6)) FROM (SELECT unnest(lines) AS line FROM '{tmp_path}/cdr.parquet')"
    assert duckdb.sql(lines).fetchall() == [(total,)]


async def test_pages_change_nothing(books: Accounting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await visits(books)
    assert PAGE > 5
    for form in Format:
        await exported(books, tmp_path / f"whole.{form}", form)
    monkeypatch.setattr("gateway.exports.export.PAGE", 2)
    monkeypatch.setattr("gateway.exports.export.pages.__defaults__", (2,))
    for form in (Format.CSV, Format.JSONL, Format.ASTERISK):
        await exported(books, tmp_path / f"paged.{form}", form)
        assert (tmp_path / f"paged.{form}").read_bytes() == (tmp_path / f"whole.{form}").read_bytes()
    await exported(books, tmp_path / "paged.parquet", Format.PARQUET)
    whole, paged = f"'{tmp_path}/whole.parquet'", f"'{tmp_path}/paged.parquet'"
    assert duckdb.sql(f"SELECT count(*) FROM {whole} JOIN {paged} USING (sequence)").fetchall() == [(5,)]
    assert duckdb.sql(f"FROM {whole} EXCEPT FROM {paged}").count("*").fetchall() == [(0,)]


async def test_only_the_owner_may_read_an_export(books: Accounting, tmp_path: Path) -> None:
    await exported(books, tmp_path / "1.csv")
    for each in files_of(tmp_path):
        assert stat.S_IMODE(os.stat(each).st_mode) == 0o600


async def test_an_export_that_fails_leaves_the_old_file_and_no_litter(books: Accounting, tmp_path: Path) -> None:
    class Broken:
        async def last_sequence(self, node: str | None = None) -> int:
            return 9

        async def raw_records(self, wanted: Selection, limit: int) -> Any:
            if wanted.since:
                raise StoreUnavailable("the database is away")
            return await books.raw_records(wanted, 2)

    await visits(books)
    path = tmp_path / "cdr.csv"
    path.write_text("yesterday")
    with pytest.raises(StoreUnavailable):
        await export(Broken(), Wanted(Selection("node1")), Format.CSV, path, now=START)
    assert path.read_text() == "yesterday"
    assert files_of(tmp_path) == [path]


async def test_a_folder_that_is_not_there_is_named(books: Accounting, tmp_path: Path) -> None:
    with pytest.raises(BillingError, match=r"nowhere/cdr\.csv cannot be written: No such file"):
        await exported(books, tmp_path / "nowhere" / "cdr.csv")


async def test_asterisks_order(books: Accounting, tmp_path: Path) -> None:
    await visits(books, 2)
    await exported(books, tmp_path / "Master.csv", Format.ASTERISK)
    assert (tmp_path / "Master.csv").read_text().splitlines()[1] == (
        '"family-1","3101","5552368001","north","""3101"" <3101>","PJSIP/pbx","WebRTC/family-1","Dial","family-1",'
        '"2026-01-05 15:00:00","2026-01-05 15:00:04","2026-01-05 15:00:15",15,10,"ANSWERED","BILLING","cdr:v1","v1"'
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("no_answer", "NO ANSWER"),
        ("not_accepted", "NO ANSWER"),
        ("rejected", "BUSY"),
        ("busy", "BUSY"),
        ("unreachable", "FAILED"),
        ("trunk_error", "CONGESTION"),
    ],
)
def test_asterisks_word_for_a_visit_that_was_not_answered(reason: str, words: str) -> None:
    assert disposition({"answer_at": None, "reason": reason}) == words
    assert disposition({"answer_at": "2026-01-05T15:00:04Z", "reason": reason}) == "ANSWERED"


@dataclass(frozen=True)
class Asked:
    """As gateway.api.records.RecordQuery, for who may see everything."""

    records: Selection
    trunk: str = ""
    account: str = ""
    names: bool = True
    payers: bool = True


async def read(download: Download) -> str:
    return b"".join([each async for each in download.chunks]).decode()


async def test_the_api_gets_pages_of_json_and_streams(books: Accounting, tmp_path: Path) -> None:
    await visits(books, 3)
    feed = CdrFeed(books, "node1")
    every, later = Asked(Selection("")), Asked(Selection("node1", since=1))
    page = await feed.page(later, limit=1)
    assert ([each["visit_id"] for each in page.items], page.next_since) == (["v1"], 2)
    found = (await feed.page(every, 100)).items
    assert [from_json(json.loads(json.dumps(each))) for each in found] == [*(await books.cdrs())]
    await exported(books, tmp_path / "cdr.csv")
    assert await read(await feed.csv(every)) == (tmp_path / "cdr.csv").read_bytes().decode()
    jsonl = await feed.jsonl(later)
    assert jsonl.next_since == 3
    assert [json.loads(each) for each in (await read(jsonl)).splitlines()] == [
        as_json(each) for each in (await books.cdrs())[1:]
    ]
