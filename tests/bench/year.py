"""A year of records: a database with as many chained CDRs as asked for, written past the gateway, in seconds.

They are real ones in all but their making: every hash holds, every amount is that of the tariff, and a year's visits
spread over twenty facilities, two thousand accounts and two trunks. What is made depends on the number alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.billing.cdr import Cdr, CdrFlow, CdrLine, CdrPayer, canonical
from gateway.money import Money
from gateway.store import FIRST_HASH, Store, to_ms

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
YEAR_S = 365 * 86_400
NODE = "node1"
RATE_MICROS = 160_000
AT_ONCE = 20_000
Row = tuple[str | int | None, ...]


def make(path: Path, count: int) -> None:
    """Raises ValueError when the file is there and holds something else."""
    asyncio.run(_empty(path))
    with sqlite3.connect(path) as database:
        have = database.execute("SELECT coalesce(max(sequence), 0) FROM cdrs").fetchone()[0]
        if have == count:
            return
        if have:
            raise ValueError(f"{path} holds {have} records, not {count}")
        database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-200000")
        others = "type = 'trigger' AND name <> 'cdrs_figures'"
        triggers = database.execute(f"SELECT name, sql FROM sqlite_master WHERE {others}").fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        rows = records(count)
        while page := list(itertools.islice(rows, AT_ONCE)):
            database.executemany(f"INSERT INTO cdrs ({COLUMNS}) VALUES ({', '.join('?' * len(page[0]))})", page)
        last = database.execute("SELECT hash FROM cdrs WHERE sequence = ?", (count,)).fetchone()[0]
        database.execute("INSERT INTO chains (node, sequence, hash) VALUES (?, ?, ?)", (NODE, count, last))
        for _, sql in triggers:
            database.execute(sql)
        database.commit()
        database.execute("PRAGMA journal_mode=WAL")


COLUMNS = (
    "node, sequence, cdr_id, visit_id, corrects, facility, account_id, end_at_ms, reason, total_micros, currency,"
    " document, previous_hash, hash"
)


async def _empty(path: Path) -> None:
    async with Store(f"sqlite:///{path}"):
        """Only the schema."""


def records(count: int) -> Iterator[Row]:
    """Rows for the table, in the order of COLUMNS."""
    template = json.loads(canonical(_sample()))
    before = FIRST_HASH
    for number in range(1, count + 1):
        seconds = 60 + number * 7919 % 1140
        begin = BEGIN + timedelta(milliseconds=YEAR_S * 1000 * number // count)
        end = begin + timedelta(seconds=seconds + 12)
        micros = RATE_MICROS * seconds // 60
        total = Money(micros, "USD").amount
        account, facility = f"family-{number * 31 % 2000}", f"facility-{number % 20}"
        record = dict(template)
        record |= {
            "sequence": number, "cdr_id": f"cdr:v-{number:08x}", "visit_id": f"v-{number:08x}",
            "sip_call_id": f"{number:016x}@pbx", "facility": facility, "account": account, "contact": account,
            "trunk": "pbx" if number % 3 else "carrier", "hold_id": f"hold:v-{number:08x}",
            "movement_id": f"visit:v-{number:08x}", "station": f"31{number % 100:02d}",
            "dialled": f"555{number * 7 % 10_000_000:07d}", "billable_s": seconds, "duration_ms": (seconds + 8) * 1000,
            "total": total, "setup_at": _time(begin), "ring_at": _time(begin), "answer_at": _time(begin),
            "media_start_at": _time(begin), "media_end_at": _time(end), "end_at": _time(end), "recorded_at": _time(end),
            "lines": [{"amount": total, "kind": "usage", "label": "", "quantity": seconds}],
            "payers": [{
                "account": account, "amount": total, "hold_amount": "3.20", "hold_id": f"hold:v-{number:08x}",
                "percent": 100,
            }],
        }  # fmt: skip
        document = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        own = hashlib.sha256(f"{before}\n{document}".encode()).hexdigest()
        yield (
            NODE, number, record["cdr_id"], record["visit_id"], None, facility, account, to_ms(end), "family_left",
            micros, "USD", document, before, own,
        )  # fmt: skip
        before = own


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _sample() -> Cdr:
    def flow(kind: str, source: str) -> CdrFlow:
        return CdrFlow(kind, source, "relay", "H264", "H264", 18_000, 12, 3250, 0, 7, 41_500, 2500, 438)

    return Cdr(
        schema=2, node=NODE, sequence=0, cdr_id="", visit_id="", corrects="", facility="", timezone="America/Chicago",
        trunk="", sip_call_id="", station="", dialled="", contact="", rule="family", medium="video", privileged=False,
        setup_at=BEGIN, ring_at=BEGIN, answer_at=BEGIN, media_start_at=BEGIN, media_end_at=BEGIN, end_at=BEGIN,
        recorded_at=BEGIN, duration_ms=0, billable_s=0, unusable_s=4, reason="family_left", fault="family", sip_code=0,
        account="", tariff_id="demo-video", tariff_version=1, rate_per_minute="0.16", rounding="down to 0.000001",
        lines=(CdrLine("usage", 0, "0.00"),), total="0.00", currency="USD", hold_id="", hold_amount="3.20",
        movement_id="", payers=(CdrPayer("", 100, "0.00", "", "3.20"),),
        flows=(flow("audio", "sip"), flow("audio", "web"), flow("video", "sip"), flow("video", "web")),
        previous_hash=FIRST_HASH, hash="",
    )  # fmt: skip
