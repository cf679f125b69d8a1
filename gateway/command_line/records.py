"""`kinbridge cdr ...`: call-detail records."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile, with_accounting

cdr_app = typer.Typer(help="Call-detail records.", no_args_is_help=True)


class ExportFormat(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


@cdr_app.command("export")
def cdr_export(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write, whole or not at all.")],
    file_format: Annotated[ExportFormat, typer.Option("--format", "-f")] = ExportFormat.CSV,
    since: Annotated[int, typer.Option(min=0, help="Only records after this sequence number.")] = 0,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write the records after a sequence number, and say the number to go on from."""
    from gateway.billing.export import export_csv, export_jsonl

    write = export_csv if file_format is ExportFormat.CSV else export_jsonl
    done = with_accounting(config, lambda books: write(books.cdr_pages(since), output, since))
    print(f"{done.rows} records in {output}; next time: --since {done.last_sequence}")
