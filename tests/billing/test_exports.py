"""What billing teams import: nothing lost, nothing repeated, nothing that a spreadsheet would run."""

import csv
import io
import json
import os
import stat

import pytest

from gateway.billing.cdr import from_json
from gateway.billing.export import csv_chunks, csv_columns, export_csv, export_jsonl, write_csv, write_jsonl
from gateway.billing.feed import CdrFeed
from gateway.errors import BillingError, StoreUnavailable
from tests.billing.stage import accounting_with, granted, intent, summary, usd

HOSTILE = [
    '=HYPERLINK("http://x.example","free money")',
    "+15552368001",
    "-1+1",
    "@SUM(A1)",
    "\tTAB",
    "\rRETURN",
    "＝１+１",  # noqa: RUF001
    "  =1+1",
    'quote " comma , semicolon ;',
    "two\r\nlines",
    "\u202eright to left",
    "שלום",
    "",
]


async def visits(accounting, count: int = 5) -> None:
    for number in range(count):
        await granted(accounting, f"v{number}", max_seconds=60)
        await accounting.close(summary(f"v{number}", 10 * number))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_the_csv_has_a_header_and_a_row_for_each_record():
    async with accounting_with("50") as accounting:
        await visits(accounting)
        file = io.StringIO(newline="")
        assert write_csv(await accounting.cdrs(), file) == 5

        assert file.getvalue().split("\r\n", 1)[0] == ",".join(csv_columns())
        assert file.getvalue().count("\r\n") == 6
        row = rows_of(file.getvalue())[3]
        assert row["cdr_id"] == "cdr:v3"
        assert (row["total"], row["currency"], row["billable_s"]) == ("0.08", "USD", "30")
        assert row["lines"] == "usage=0.08"
        assert row["end_at"] == "2026-01-05T15:00:35.000Z"
        assert (row["privileged"], row["corrects"]) == ("false", "")
        assert (row["audio_from_sip_path"], row["audio_from_sip_source_codec"]) == ("relay", "PCMU")
        assert (row["audio_from_sip_packets"], row["audio_from_sip_jitter_ms"]) == ("1500", "3.250")
        assert [row[f"audio_from_sip_{name}"] for name in ("far_lost", "rtt_ms", "frozen_s", "mos")] == [
            "7", "41.500", "2.500", "4.38"
        ]  # fmt: skip
        assert (row["video_from_web_rtt_ms"], row["video_from_web_mos"]) == ("", "")
        assert (row["video_from_web_path"], row["video_from_web_frames_decoded"]) == ("transcode", "900")
        assert row["audio_from_web_path"] == "none"


async def test_hostile_text_opens_as_text_and_the_exact_text_is_in_json_lines():
    async with accounting_with("50") as accounting:
        for number, text in enumerate(HOSTILE):
            await accounting.attempt(intent(f"v{number}", station=text, dialled=text))
            await accounting.close(summary(f"v{number}", 0))
        cdrs = await accounting.cdrs()
        as_csv, as_lines = io.StringIO(newline=""), io.StringIO(newline="")
        write_csv(cdrs, as_csv)
        write_jsonl(cdrs, as_lines)

        stations = [row["station"] for row in rows_of(as_csv.getvalue())]
        assert [each.removeprefix("'") for each in stations] == HOSTILE
        assert [each.startswith("'") for each in stations] == [True] * 8 + [False] * 5
        exact = [from_json(json.loads(line)) for line in as_lines.getvalue().split("\n")[:-1]]
        assert [each.station for each in exact] == HOSTILE
        assert tuple(exact) == cdrs


async def test_the_streamed_answer_is_the_same_csv():
    async with accounting_with("50") as accounting:
        await visits(accounting)
        file = io.StringIO(newline="")
        write_csv(await accounting.cdrs(), file)
        chunks = [each async for each in csv_chunks(accounting.cdr_pages(page=2))]
        assert len(chunks) == 4  # the header, then 2 + 2 + 1
        assert "".join(chunks) == file.getvalue()


async def test_an_export_begins_where_the_last_one_ended(tmp_path):
    async with accounting_with("50") as accounting:
        await visits(accounting, 3)
        first = await export_csv(accounting.cdr_pages(0), tmp_path / "1.csv", since=0)
        none = await export_csv(accounting.cdr_pages(first.last_sequence), tmp_path / "2.csv", first.last_sequence)
        await granted(accounting, "late", max_seconds=60)
        await accounting.close(summary("late", 1))
        rest = await export_jsonl(accounting.cdr_pages(none.last_sequence), tmp_path / "3.jsonl", none.last_sequence)

        assert [(each.rows, each.last_sequence) for each in (first, none, rest)] == [(3, 3), (0, 3), (1, 4)]
        text = (tmp_path / "1.csv").read_bytes().decode("utf-8")
        assert [row["sequence"] for row in rows_of(text)] == ["1", "2", "3"]
        assert rows_of((tmp_path / "2.csv").read_text()) == []
        assert json.loads((tmp_path / "3.jsonl").read_text())["visit_id"] == "late"


async def test_only_the_owner_may_read_an_export(tmp_path):
    async with accounting_with("50") as accounting:
        await export_csv(accounting.cdr_pages(), tmp_path / "1.csv")
        assert stat.S_IMODE(os.stat(tmp_path / "1.csv").st_mode) == 0o600


async def test_an_export_that_fails_leaves_the_old_file_and_no_litter(tmp_path):
    async def broken(accounting):
        yield await accounting.cdrs()
        raise StoreUnavailable("the database is away")

    path = tmp_path / "cdr.csv"
    path.write_text("yesterday")
    async with accounting_with("50") as accounting:
        await visits(accounting)
        with pytest.raises(StoreUnavailable):
            await export_csv(broken(accounting), path)
    assert path.read_text() == "yesterday"
    assert list(tmp_path.iterdir()) == [path]


async def test_a_folder_that_is_not_there_is_named(tmp_path):
    async with accounting_with("50") as accounting:
        with pytest.raises(BillingError, match=r"nowhere/cdr\.csv cannot be written: No such file"):
            await export_csv(accounting.cdr_pages(), tmp_path / "nowhere" / "cdr.csv")


async def test_the_totals_of_the_export_are_those_of_the_ledger():
    async with accounting_with("50") as accounting:
        await visits(accounting, 7)
        file = io.StringIO(newline="")
        write_csv(await accounting.cdrs(), file)
        total = sum((usd(row["total"]) for row in rows_of(file.getvalue())), usd("0"))
        assert await accounting.balance("family-1") == usd("50") - total
        assert await accounting.balance("house:revenue:USD") == total


async def test_the_api_gets_pages_of_json_and_a_stream_of_csv():
    async with accounting_with("50") as accounting:
        await visits(accounting, 3)
        feed = CdrFeed(accounting)
        assert [each["visit_id"] for each in await feed.page(since=1, limit=1)] == ["v1"]
        assert [from_json(json.loads(json.dumps(each))) for each in await feed.page(0, 100)] == [
            *(await accounting.cdrs())
        ]
        text = "".join([each async for each in feed.csv(since=1)])
        assert [row["visit_id"] for row in rows_of(text)] == ["v1", "v2"]
