"""`kinbridge cdr reconcile`: our records beside a carrier's."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile, progress_bar, utc
from gateway.errors import KinbridgeError

if TYPE_CHECKING:
    from gateway.exports.carrier import Carrier
    from gateway.exports.files import Counted
    from gateway.exports.mapping import MappingDocument
    from gateway.exports.reconcile import Period, Sums


def cdr_reconcile(
    carrier: Annotated[Path, typer.Argument(help="The carrier's CSV, with a header.")],
    mapping: Annotated[Path, typer.Option(help="Which column is what, and what may differ: docs/exports.md.")],
    begin: Annotated[datetime, typer.Option("--from", help="Our visits that ended at or after this time (UTC).")],
    end: Annotated[datetime, typer.Option("--until", help="Our visits that ended before this time (UTC).")],
    *,
    trunk: Annotated[str, typer.Option(help="Only our visits over this trunk.")] = "",
    report: Annotated[Path | None, typer.Option(help="A CSV file for all that is not matched.")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Compare our records with a carrier's. Exit code 1 when they do not agree."""
    from gateway.exports.carrier import read_carrier
    from gateway.exports.mapping import columns_of, load_mapping
    from gateway.exports.reconcile import Period, told

    since, until = utc(begin), utc(end)
    if since is None or until is None or until <= since:
        raise KinbridgeError("--until is not after --from")
    document = load_mapping(mapping)
    with progress_bar(carrier.name) as progress, read_carrier(carrier, document) as theirs:
        period = Period(since, until, trunk)
        sums = asyncio.run(_reconciled(config, theirs, document, period, report, progress))
    for line in told(sums, columns_of(document)):
        typer.echo(line)
    if not sums.agree:
        raise typer.Exit(1)


async def _reconciled(
    config: Path,
    carrier: Carrier,
    mapping: MappingDocument,
    period: Period,
    report: Path | None,
    progress: Callable[[int, int], None],
) -> Sums:
    from gateway.config import load_config
    from gateway.desk import open_books
    from gateway.exports.files import whole_file
    from gateway.exports.mapping import columns_of
    from gateway.exports.reconcile import Outcome, Sums, Verdict, reconcile, report_header, report_row

    columns, rows_of_theirs, done = columns_of(mapping), len(carrier), 0
    sums = Sums.over(columns)

    def moved(records: int) -> None:
        nonlocal done
        done += records
        progress(done, max(done, rows_of_theirs))

    with whole_file(report) if report else nullcontext(io.BytesIO()) as file:
        rows = csv.writer(_Utf8(file))
        rows.writerow(report_header(columns))
        async with open_books(load_config(config)) as (store, _):
            async for each in reconcile(store, carrier, mapping, period, moved):
                sums.add(each)
                if isinstance(each, Outcome) and each.verdict is not Verdict.MATCHED:
                    rows.writerow(report_row(each, columns))
    return sums


class _Utf8:
    """Text into a file of bytes."""

    def __init__(self, file: Counted | io.BytesIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())
