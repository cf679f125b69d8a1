"""`kinbridge statement ACCOUNT` and `kinbridge report facility | carrier`."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile
from gateway.errors import ReportError

report_app = typer.Typer(help="Reports of a facility or a carrier, as pages, tables and charts.", no_args_is_help=True)


class StatementForm(StrEnum):
    HTML = "html"
    PDF = "pdf"
    JSON = "json"


class ReportForm(StrEnum):
    HTML = "html"
    PDF = "pdf"
    CSV = "csv"
    JSON = "json"


class Tongue(StrEnum):
    EN = "en"
    ES = "es"


Output = Annotated[Path, typer.Option("--output", "-o", help="The file to write, whole or not at all.")]
Month = Annotated[str, typer.Option(help="Such as 2026-10.")]
Language = Annotated[Tongue, typer.Option("--language", "-l", help="English or Spanish.")]
Form = Annotated[ReportForm, typer.Option("--format", "-f")]
First = Annotated[str, typer.Option("--from", help="Instead of a month: the first day, such as 2026-10-01.")]
Last = Annotated[str, typer.Option("--to", help="And the last one, which is in the report.")]
Charts = Annotated[Path | None, typer.Option(help="A folder for the charts as SVG files, too.")]


def statement(
    account: str,
    month: Month,
    output: Output,
    form: Annotated[StatementForm, typer.Option("--format", "-f")] = StatementForm.PDF,
    language: Language = Tongue.EN,
    zone: Annotated[str, typer.Option(help="IANA zone of the month's days; else that of its first visit.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """A month of an account: what was paid in, each visit and its price, what was given back, and the balance."""
    _make(config, output, kind="statement", subject=account, form=form, language=language, month=month, zone=zone)


@report_app.command("facility")
def facility_report(
    facility: Annotated[str, typer.Argument(help="Its id in the dialplan.")],
    output: Output,
    month: Month = "",
    first: First = "",
    last: Last = "",
    form: Form = ReportForm.HTML,
    language: Language = Tongue.EN,
    zone: Annotated[str, typer.Option(help="IANA zone of its days; else the facility's own.")] = "",
    charts: Charts = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Visits, minutes, money, refusals and quality of one facility."""
    period = {"month": month, "first": first, "last": last, "zone": zone}
    _make(config, output, charts, kind="facility", subject=facility, form=form, language=language, **period)


@report_app.command("carrier")
def carrier_report(
    output: Output,
    trunk: Annotated[str, typer.Option(help="Only this trunk's calls.")] = "",
    month: Month = "",
    first: First = "",
    last: Last = "",
    form: Form = ReportForm.HTML,
    language: Language = Tongue.EN,
    zone: Annotated[str, typer.Option(help="IANA zone of its days.")] = "UTC",
    charts: Charts = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Visits, minutes, money, refusals and quality of all facilities, or of one trunk."""
    period = {"month": month, "first": first, "last": last, "zone": zone}
    _make(config, output, charts, kind="carrier", subject=trunk, form=form, language=language, **period)


def _make(config: Path, output: Path, charts: Path | None = None, **order: Any) -> None:
    from gateway.clock import SystemClock
    from gateway.config import load_config
    from gateway.desk import load_policy
    from gateway.reports.errand import Order, carry_out
    from gateway.reports.names import names_of
    from gateway.store import Store

    loaded = load_config(config)
    plan, _ = load_policy(loaded)
    if not output.parent.is_dir():
        raise ReportError(f"there is no folder {str(output.parent)!r} to write into")

    async def made() -> bytes:
        async with Store(loaded.store.url) as store:
            wanted = Order(**order)
            now = SystemClock().now()
            return await carry_out(wanted, store, names_of(plan), now, progress=_told, charts=charts)

    document = asyncio.run(made())
    _write_whole(output, document)
    print(f"{output}: {len(document):,} bytes" + (f"; charts in {charts}" if charts else ""))


def _told(count: int) -> None:
    """How far it is, for whoever watches."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{count:,} records")
        sys.stderr.flush()


def _write_whole(output: Path, document: bytes) -> None:
    """Its owner's alone: it tells what somebody paid, and whom they visited."""
    try:
        handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(document)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(output)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ReportError(f"{output} cannot be written: {error.strerror}") from None
