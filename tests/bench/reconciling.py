"""A month's reconciliation with a carrier, rows a second, beside DuckDB joining the same two sides in the same run.

The gateway reads its database; DuckDB reads the JSON Lines that were exported before, which is parsing and a hash join.
Both read the carrier's CSV, compare duration, time and amount with tolerances, and count. Each runs in a process of its
own, so that its peak of memory is its own.
"""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import duckdb

from gateway.billing.accounting import Accounting
from gateway.billing.tariff import Tariffs
from gateway.clock import SystemClock
from gateway.exports.carrier import read_carrier
from gateway.exports.export import Wanted, export
from gateway.exports.formats import Format
from gateway.exports.mapping import columns_of, load_mapping
from gateway.exports.reconcile import Period, Sums, reconcile
from gateway.store import Selection, Store
from tests.bench.year import BEGIN, NODE, YEAR_S, make

MAPPING = """\
key: {ours: sip_call_id, theirs: call_id}
compare:
  - {ours: duration_s, theirs: billsec, tolerance: "2"}
  - {ours: answer_at, theirs: answer, tolerance: "3"}
  - {ours: total, theirs: charge, tolerance: "0.01"}
"""
PEER = """
WITH ours AS (SELECT sip_call_id AS key, duration_ms / 1000 AS seconds, answer_at::TIMESTAMPTZ AS at,
                     total::DECIMAL(18, 6) AS total FROM read_json('{ours}', format = 'newline_delimited')),
     theirs AS (SELECT call_id AS key, billsec AS seconds, answer::TIMESTAMPTZ AS at, charge::DECIMAL(18, 6) AS total
                FROM read_csv('{theirs}', header = true))
SELECT CASE WHEN theirs.key IS NULL THEN 'missing_there' WHEN ours.key IS NULL THEN 'missing_here'
            WHEN ours.seconds = theirs.seconds AND ours.at = theirs.at AND ours.total = theirs.total THEN 'matched'
            WHEN abs(ours.seconds - theirs.seconds) <= 2 AND abs(epoch_ms(ours.at) - epoch_ms(theirs.at)) <= 3000
                 AND abs(ours.total - theirs.total) <= 0.01 THEN 'tolerance' ELSE 'different' END AS verdict, count(*)
FROM ours FULL JOIN theirs USING (key) GROUP BY verdict
"""


def measure(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="kinbridge-bench-") as thrown_away:
        folder = Path(thrown_away)
        make(folder / "records.db", count)
        (folder / "mapping.yaml").write_text(MAPPING)
        asyncio.run(_sides(folder))
        own, peer = _apart("own", folder), _apart("peer", folder)
    if own["verdicts"] != peer["verdicts"]:
        raise AssertionError(f"we say {own['verdicts']}, DuckDB {peer['verdicts']}")
    rates = {who: count / found["seconds"] for who, found in (("", own), ("peer_", peer))}
    print(
        f"reconciliation of {count} records: {rates['']:.0f} rows/s, DuckDB {rates['peer_']:.0f}"
        f" ({rates['peer_'] / rates['']:.2f} x), peak {own['peak_mib']:.0f} MiB, DuckDB {peer['peak_mib']:.0f}"
    )
    found = {f"reconcile.{who}rows_per_s": rate for who, rate in rates.items()}
    return found | {"reconcile.peak_mib": own["peak_mib"]}


async def _sides(folder: Path) -> None:
    """Ours as JSON Lines, and a carrier's file that agrees with it but for some rows of each kind."""
    async with Store(f"sqlite:///{folder}/records.db") as store:
        books = Accounting(store, Tariffs(()), node=NODE)
        await export(books, Wanted(Selection(NODE)), Format.JSONL, folder / "ours.jsonl", now=SystemClock().now())
    with (folder / "ours.jsonl").open() as lines, (folder / "theirs.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("call_id", "billsec", "answer", "charge"))
        for number, line in enumerate(lines):
            record = json.loads(line)
            seconds = record["duration_ms"] // 1000 + (number % 50 == 1) + 9 * (number % 500 == 2)
            if number % 1000 != 3:
                rows.writerow((record["sip_call_id"], seconds, record["answer_at"], record["total"]))
            if number % 1000 == 4:
                rows.writerow((f"{number}@theirs", seconds, record["answer_at"], record["total"]))


def _apart(who: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.reconciling", who, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


async def _own(folder: Path) -> dict[str, int]:
    mapping = load_mapping(folder / "mapping.yaml")
    carrier, sums = read_carrier(folder / "theirs.csv", mapping), Sums.over(columns_of(mapping))
    period = Period(BEGIN, BEGIN + timedelta(seconds=2 * YEAR_S))
    async with Store(f"sqlite:///{folder}/records.db") as store:
        async for each in reconcile(store, carrier, mapping, period, lambda _: None):
            sums.add(each)
    return {str(verdict): count for verdict, count in sums.counts.items()}


def _peer(folder: Path) -> dict[str, int]:
    query = PEER.format(ours=folder / "ours.jsonl", theirs=folder / "theirs.csv")
    return Counter(dict(duckdb.execute(query).fetchall()))


def main(who: str, folder: Path) -> None:
    begin_s = time.perf_counter()
    verdicts = _peer(folder) if who == "peer" else asyncio.run(_own(folder))
    seconds = time.perf_counter() - begin_s
    (peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    print(json.dumps({"verdicts": verdicts, "seconds": seconds, "peak_mib": int(peak.split()[1]) / 1024}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
