"""Rows a second of each export, beside DuckDB writing the same records to the same format in the same run.

The gateway reads its database and parses what is stored there; DuckDB reads the JSON Lines that were exported before.
Each runs in a process of its own, so that its peak of memory is its own.

    python -m tests.bench.exporting records.db csv out.csv          the gateway
    python -m tests.bench.exporting --peer records.jsonl csv out.csv
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from gateway.billing.accounting import Accounting
from gateway.billing.tariff import Tariffs
from gateway.clock import SystemClock
from gateway.exports.export import Wanted, export
from gateway.exports.formats import Format
from gateway.store import Selection, Store
from tests.bench.year import NODE, make

FORMATS = (Format.JSONL, Format.CSV, Format.PARQUET)
PEER_OPTIONS = {Format.JSONL: "FORMAT json", Format.CSV: "FORMAT csv, HEADER", Format.PARQUET: "FORMAT parquet"}


@dataclass(frozen=True, slots=True)
class Run:
    rows: int
    seconds: float
    peak_mib: float

    @property
    def rows_per_s(self) -> float:
        return self.rows / self.seconds


def measure(count: int, folder: Path | None = None, formats: tuple[Format, ...] = FORMATS) -> dict[str, float]:
    """folder: where the database may stay for the next time; else it is thrown away. formats: JSON Lines first."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="kinbridge-bench-") as thrown_away:
            return measure(count, Path(thrown_away), formats)
    database = folder / f"{count}.db"
    make(database, count)
    found: dict[str, float] = {}
    peaks: list[float] = []
    for form in formats:
        own = _apart(str(database), form, folder / f"own.{form}")
        peer = _apart("--peer", str(folder / "own.jsonl"), form, folder / f"peer.{form}")
        if own.rows != count or peer.rows != count:
            raise AssertionError(f"{form}: {own.rows} and {peer.rows} rows instead of {count}")
        peaks.append(own.peak_mib)
        found |= {f"export.{form}.rows_per_s": own.rows_per_s, f"export.{form}.peer_rows_per_s": peer.rows_per_s}
        print(
            f"export of {count} records as {form}: {own.rows_per_s:.0f} rows/s, DuckDB {peer.rows_per_s:.0f}"
            f" ({peer.rows_per_s / own.rows_per_s:.2f} x), peak {own.peak_mib:.0f} MiB, DuckDB {peer.peak_mib:.0f}"
        )
    return found | {"export.peak_mib": max(peaks)}


def _apart(*arguments: object) -> Run:
    command = [sys.executable, "-m", "tests.bench.exporting", *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


async def _export(database: str, form: Format, path: Path) -> int:
    async with Store(f"sqlite:///{database}") as store:
        books = Accounting(store, Tariffs(()), node=NODE)
        return (await export(books, Wanted(Selection(NODE)), form, path, now=SystemClock().now())).rows


def _peer(source: str, form: Format, path: Path) -> int:
    records = f"read_json('{source}', format = 'newline_delimited')"
    ((rows,),) = duckdb.execute(f"COPY (FROM {records}) TO '{path}' ({PEER_OPTIONS[form]})").fetchall()
    return int(rows)


def main(arguments: list[str]) -> None:
    peer = arguments[0] == "--peer"
    source, form, path = arguments[1:] if peer else arguments
    begin_s = time.perf_counter()
    rows = _peer(source, Format(form), Path(path)) if peer else asyncio.run(_export(source, Format(form), Path(path)))
    seconds = time.perf_counter() - begin_s
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mib": _peak_mib()}))


def _peak_mib() -> float:
    """Of this program: ru_maxrss would count what the process was before it became this one."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel tells no VmHWM")


if __name__ == "__main__":
    main(sys.argv[1:])
