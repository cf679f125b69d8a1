"""Records through the API: chosen as on the command line, in files that stream, gone on with where one broke."""

from __future__ import annotations

import asyncio
import base64
import csv
import hashlib
import io
import json
import os
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pyarrow.parquet
import pytest

from gateway.billing.accounting import Accounting
from gateway.clock import ManualClock
from gateway.exports.feed import CdrFeed
from gateway.policy.decision import Payer
from gateway.store import RawRecord, Selection, Store
from tests.api.conftest import client
from tests.api.test_staff import problem
from tests.bench.year import make
from tests.billing.stage import START, WHOLE_VISITS, accounting_with, demo_tariffs, granted, summary
from tests.support.stage import STAFF_TOKEN, Stage
from tests.support.waiting import until

FORMS = ("csv", "jsonl", "parquet")
MINUTE = "2026-01-05T15:01:05"  # when a visit of 60 s is over


class Books(Accounting):
    """Real ones, of which a test sees how many pages were read, and which it can make wait."""

    pages = 0
    turn = asyncio.Event()

    async def asked(self) -> bool:
        return self.pages > 0

    async def raw_records(self, wanted: Selection, limit: int) -> tuple[RawRecord, ...]:
        self.pages += 1
        await self.turn.wait()
        return await super().raw_records(wanted, limit)


def books_on(store: Store) -> Books:
    books = Books(store, demo_tariffs(), clock=ManualClock(START), rules=WHOLE_VISITS)
    books.turn = asyncio.Event()
    books.turn.set()
    return books


@asynccontextmanager
async def desk_of_seven() -> AsyncIterator[httpx.AsyncClient]:
    """Seven visits: v0 to v5 on node1, w on node2; v5 paid by two."""
    async with accounting_with("50") as books:
        await books.open_account("family-2")
        await books.deposit("family-2", (await books.balance("family-1")), key="second")
        for number, changes in enumerate(
            [{}, {"facility": "south"}, {"trunk": "pbx-2"}, {"account": "family-2", "contact": "family-2"}, {}]
        ):
            await granted(books, f"v{number}", max_seconds=60, **changes)
            await books.close(summary(f"v{number}", 60 if number == 4 else 10 + number))
        await granted(books, "v5", payers=(Payer("family-1", 50), Payer("family-2", 50)), max_seconds=60)
        await books.close(summary("v5", 59))
        await granted(books, "w", node="node2")
        await books.close(summary("w", 20))
        async with Stage(records=CdrFeed(books, "node1")) as stage, client(stage, STAFF_TOKEN) as found:
            yield found


@pytest.fixture
async def desk() -> AsyncIterator[httpx.AsyncClient]:
    async with desk_of_seven() as found:
        yield found


def visits_in(form: str, body: bytes) -> list[str]:
    if form == "jsonl":
        return [json.loads(line)["visit_id"] for line in body.splitlines()]
    if form == "csv":
        return [row["visit_id"] for row in csv.DictReader(io.StringIO(body.decode(), newline=""))]
    names: list[str] = pyarrow.parquet.read_table(io.BytesIO(body))["visit_id"].to_pylist()
    return names


CHOSEN: list[tuple[dict[str, str], list[str]]] = [
    ({}, ["v0", "v1", "v2", "v3", "v4", "v5"]),
    ({"since": "4"}, ["v4", "v5"]),
    ({"since": "1", "upto": "3"}, ["v1", "v2"]),
    ({"facility": "south"}, ["v1"]),
    ({"trunk": "pbx-2"}, ["v2"]),
    ({"account": "family-2"}, ["v3", "v5"]),
    ({"from": "2026-01-05T15:01:00"}, ["v4", "v5"]),
    ({"from": "2026-01-05T15:01:00Z", "until": MINUTE}, ["v5"]),
    ({"from": "2026-01-05T16:01:00+01:00", "until": "2026-01-06"}, ["v4", "v5"]),
    ({"until": "2026-01-05"}, []),
    ({"node": "node2"}, ["w"]),
    ({"node": "node1", "facility": "north", "trunk": "pbx", "account": "family-1", "since": "1"}, ["v4", "v5"]),
]


async def test_each_filter_of_the_command_line(each_database: None) -> None:
    async with desk_of_seven() as desk:
        for query, visits in CHOSEN:
            page = (await desk.get("/api/v1/cdrs", params=query)).json()
            assert [each["visit_id"] for each in page["items"]] == visits, query
            for form in FORMS:
                answer = await desk.get(f"/api/v1/cdrs.{form}", params=query)
                assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
                assert visits_in(form, answer.content) == visits, (form, query)


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("since=-1", "since", "greater than or equal to 0"),
        ("upto=x", "upto", "valid integer"),
        ("from=yesterday", "from", "such as 2026-10-01"),
        ("until=2026-13-01", "until", "such as 2026-10-01"),
        ("until=1735689600", "until", "such as 2026-10-01"),
        ("from=2026-10-01T00:00:00+02:00", "from", "as %2B"),  # an address takes a plus for a space
        ("from=0001-01-01T00:00:00%2B10:00", "from", "such as 2026-10-01"),
        ("from=2026-10-02&until=2026-10-02", "until", "not after `from`"),
        ("facility=a%00b", "facility", "match pattern"),
        (f"account={'a' * 201}", "account", "at most 200"),
        ("node=node9", "node", "known: node1, node2"),
        ("facilty=north", "facilty", "not permitted"),  # else one letter too few would give everybody's records
    ],
)
async def test_a_wrong_parameter_is_named(desk: httpx.AsyncClient, query: str, field: str, words: str) -> None:
    for address in ("cdrs", "cdrs.csv", "cdrs.jsonl", "cdrs.parquet"):
        body = problem(await desk.get(f"/api/v1/{address}?{query}"), 422, "invalid-request")
        assert body["fields"] == [f"query.{field}"]
        assert words in body["detail"]


@pytest.mark.parametrize(
    ("query", "visits"),
    [
        ({"account": "family-2"}, ["v3", "v5"]),
        ({"facility": "south"}, ["v1"]),
        ({"facility": "nowhere"}, []),
        ({"until": MINUTE}, ["v0", "v1", "v2", "v3", "v5"]),
        ({}, ["v0", "v1", "v2", "v3", "v4", "v5"]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_pages_of_few_among_many_skip_nothing(
    desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, query: dict[str, str], visits: list[str], limit: int
) -> None:
    monkeypatch.setattr("gateway.exports.feed.PAGE", 1)
    monkeypatch.setattr("gateway.exports.feed.MOST_LOOKS", 2)
    monkeypatch.setattr("gateway.exports.export.SPAN", 2)
    found, since, asked = [], -1, 0
    while since != asked:
        since = asked
        page = (await desk.get("/api/v1/cdrs", params={"since": since, "limit": limit, **query})).json()
        found += [each["visit_id"] for each in page["items"]]
        asked = page["next_since"]
        assert since <= asked <= 6
    assert found == visits
    assert visits_in("jsonl", (await desk.get("/api/v1/cdrs.jsonl", params=query)).content) == visits


async def test_a_cursor_from_the_future_stays_where_it_is(desk: httpx.AsyncClient) -> None:
    assert (await desk.get("/api/v1/cdrs?since=99")).json() == {"items": [], "next_since": 99}
    answer = await desk.get("/api/v1/cdrs.jsonl?since=99&facility=south")
    assert (answer.content, answer.headers["kinbridge-next-since"]) == (b"", "99")


async def test_few_among_many_are_looked_for_a_bit_at_a_time(year: Path) -> None:
    """Else the store's thread would be away from the visits for the time of a whole year's records."""
    async with Store(f"sqlite:///{year}") as store:
        books = books_on(store)
        feed = CdrFeed(books, "node1")
        async with Stage(records=feed) as stage, client(stage, STAFF_TOKEN) as desk:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("gateway.exports.export.SPAN", 1000)
                assert (await desk.get("/api/v1/cdrs.csv?facility=nowhere")).content.count(b"\n") == 1
    assert books.pages == 9


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_a_broken_download_goes_on_from_its_last_whole_line(desk: httpx.AsyncClient, form: str) -> None:
    whole = await desk.get(f"/api/v1/cdrs.{form}")
    assert whole.headers["kinbridge-next-since"] == "6"
    broken = whole.content[: len(whole.content) * 2 // 3]
    kept = broken[: broken.rindex(b"\n") + 1]
    last = visits_in(form, kept)[-1]
    query: dict[str, Any] = {"since": int(last.removeprefix("v")) + 1}  # v3 has the sequence 4
    rest = await desk.get(f"/api/v1/cdrs.{form}", params=query | ({"header": "false"} if form == "csv" else {}))
    assert 0 < len(rest.content) < len(whole.content)
    assert kept + rest.content == whole.content
    nothing = await desk.get(f"/api/v1/cdrs.{form}", params={"since": whole.headers["kinbridge-next-since"]})
    assert visits_in("jsonl", nothing.content) == [] if form == "jsonl" else nothing.content.count(b"\n") == 1


async def test_a_parquet_file_says_what_it_is_and_comes_again(desk: httpx.AsyncClient) -> None:
    first = await desk.get("/api/v1/cdrs.parquet", params={"upto": 5})
    assert int(first.headers["content-length"]) == len(first.content)
    digest = base64.b64encode(hashlib.sha256(first.content).digest()).decode()
    assert first.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert first.headers["content-disposition"] == 'attachment; filename="cdrs-node1-since-0.parquet"'
    assert first.headers["kinbridge-next-since"] == "5"
    assert (await desk.get("/api/v1/cdrs.parquet", params={"upto": 5})).content == first.content


async def test_no_room_for_the_file_is_said(desk: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    body = problem(await desk.get("/api/v1/cdrs.parquet"), 503, "no-room")
    assert body["detail"] == "in /nowhere: No such file or directory"
    assert (await desk.get("/api/v1/cdrs.csv")).status_code == 200


# ---- many ----


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("year") / "k.db"
    make(path, 9_000)
    return path


async def test_memory_does_not_grow_with_the_download(year: Path) -> None:
    async with (
        Store(f"sqlite:///{year}") as store,
        Stage(records=CdrFeed(books_on(store), "node1")) as stage,
        client(stage, STAFF_TOKEN) as desk,
    ):
        tracemalloc.start()
        try:
            size = 0
            async with desk.stream("GET", "/api/v1/cdrs.jsonl", timeout=60) as answer:
                async for chunk in answer.aiter_raw():
                    size += len(chunk)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert size > 12_000_000
    assert peak < size / 2


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files are made."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def open_files(folder: Path) -> list[str]:
    """Whether they have a name or not."""
    links = [f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd")]
    return [each for each in links if os.path.islink(each) and os.readlink(each).startswith(str(folder))]


async def all_is_free(folder: Path) -> bool:
    return not open_files(folder) and all(each.get_name() != "a page of records" for each in asyncio.all_tasks())


async def test_who_reads_slowly_is_waited_for_and_who_goes_away_frees_everything(year: Path, folder: Path) -> None:
    async with Store(f"sqlite:///{year}") as store:
        books = books_on(store)
        async with Stage(records=CdrFeed(books, "node1")) as stage, client(stage, STAFF_TOKEN) as desk:
            for form in ("csv", "jsonl", "parquet"):
                books.pages = 0
                async with desk.stream("GET", f"/api/v1/cdrs.{form}", timeout=60) as answer:
                    await anext(answer.aiter_raw(1000))
                    assert bool(open_files(folder)) == (form == "parquet")
                await until(lambda: all_is_free(folder), "the end of the download")
                assert form == "parquet" or books.pages < 9, form  # of 18


async def test_a_parquet_file_that_nobody_waits_for_is_not_made(
    year: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.exports.feed.BIG_PAGE", 100)
    async with Store(f"sqlite:///{year}") as store:
        books = books_on(store)
        books.turn.clear()
        async with Stage(records=CdrFeed(books, "node1")) as stage:
            place = urlsplit(stage.url)
            _, writer = await asyncio.open_connection(place.hostname, place.port)
            head = f"GET /api/v1/cdrs.parquet HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {STAFF_TOKEN}\r\n\r\n"
            writer.write(head.encode())
            await until(books.asked, "the first page")
            assert open_files(folder)
            writer.close()
            await writer.wait_closed()
            books.turn.set()
            await until(lambda: all_is_free(folder), "the end of the download")
            assert books.pages < 45  # of 90
