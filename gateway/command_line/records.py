"""`kinbridge cdr ...`: call-detail records."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile, counted, progress_bar, utc, with_accounting
from gateway.errors import KinbridgeError

if TYPE_CHECKING:
    from gateway.billing.accounting import Accounting
    from gateway.billing.audit import ChainReport
    from gateway.exports.manifest import Manifest
    from gateway.store import Drop

cdr_app = typer.Typer(help="Call-detail records.", no_args_is_help=True)


@cdr_app.command("verify")
def cdr_verify(
    node: Annotated[str, typer.Option(help="Only this node's records; else those of all in the database.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Prove that no record is missing or was changed, and that ledger and records agree. Exit code 1 when not."""

    async def verified(books: Accounting) -> tuple[list[ChainReport], tuple[str, ...]]:
        there = await books.nodes()
        chains = [await books.verify_chain(each) for each in ((node,) if node else there)]
        if node and node not in there and all(each.sound for each in chains):
            raise KinbridgeError(f"node {node} has no record in this database; --node: {', '.join(there) or 'none'}")
        return chains, await books.verify_books()

    chains, faults = with_accounting(config, verified)
    for chain in chains:
        print(f"{chain.node}: {counted(chain.records, 'record')}, {'sound' if chain.sound else 'NOT SOUND'}")
        for problem in chain.problems:
            print(f"  {problem}")
    print(f"ledger: {'adds up' if not faults else 'DOES NOT ADD UP'}")
    for fault in faults:
        print(f"  {fault}")
    if faults or not all(each.sound for each in chains):
        raise typer.Exit(1)


@cdr_app.command("show")
def cdr_show(
    name: Annotated[str, typer.Argument(metavar="ID", help="A record's id, or the visit's.")],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print a visit's record and whatever corrected it since, as JSON, the oldest first."""
    from gateway.billing.cdr import as_json

    found = with_accounting(config, lambda books: books.records_of(name))
    if not found:
        raise KinbridgeError(f"there is no record and no recorded visit {name!r} in this database")
    print(json.dumps([as_json(each) for each in found], indent=2, ensure_ascii=False))


@cdr_app.command("schema")
def cdr_schema() -> None:
    """Print the JSON Schema of a record, for whoever imports the JSON Lines export."""
    from gateway.billing.cdr_schema import schema_text

    print(schema_text(), end="")


class ExportFormat(StrEnum):
    """As gateway.exports.formats.Format, which takes a while to load."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    ASTERISK = "asterisk"


@cdr_app.command("export")
def cdr_export(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write, whole or not at all.")],
    file_format: Annotated[ExportFormat, typer.Option("--format", "-f")] = ExportFormat.CSV,
    since: Annotated[int, typer.Option(min=0, help="Only records after this sequence number.")] = 0,
    node: Annotated[str, typer.Option(help="Whose records; else those of the configuration's node.")] = "",
    begin: Annotated[
        datetime | None, typer.Option("--from", help="Visits that ended at or after this time (UTC).")
    ] = None,
    end: Annotated[datetime | None, typer.Option("--until", help="Visits that ended before this time (UTC).")] = None,
    facility: Annotated[str, typer.Option(help="Only this facility's.")] = "",
    trunk: Annotated[str, typer.Option(help="Only this trunk's.")] = "",
    account: Annotated[str, typer.Option(help="Only what this account paid, alone or with others.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write records and a manifest beside them, and say the number to go on from."""
    from gateway.clock import SystemClock
    from gateway.config import load_config
    from gateway.exports.export import Wanted, export
    from gateway.exports.formats import Format
    from gateway.store import Selection

    if begin and end and end <= begin:
        raise KinbridgeError(f"--until {end:%Y-%m-%dT%H:%M:%S} is not after --from {begin:%Y-%m-%dT%H:%M:%S}")
    name = node or load_config(config).node
    records = Selection(name, since, begin=utc(begin), end=utc(end), facility=facility)
    wanted = Wanted(records, trunk, account)

    async def exported(books: Accounting) -> Manifest:
        nodes = await books.nodes()
        if nodes and name not in nodes:
            raise KinbridgeError(f"node {name} has no record in this database; --node: {', '.join(nodes)}")
        return await export(books, wanted, Format(file_format), output, now=SystemClock().now(), progress=progress)

    with progress_bar(output.name) as progress:
        done = with_accounting(config, exported)
    print(f"{counted(done.rows, 'record')} in {output}; next time: --since {done.next_since}")


@cdr_app.command("drop")
def cdr_drop(
    name: Annotated[str, typer.Argument(help="One of `exports` in the configuration; else all.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Put what is new into the folders of the scheduled exports now; a gateway may run beside."""
    from gateway.clock import SystemClock
    from gateway.config import load_config
    from gateway.desk import open_books
    from gateway.exports.drops import dropping

    async def dropped() -> dict[str, tuple[Drop, ...]]:
        loaded = load_config(config)
        async with open_books(loaded) as (store, accounting):
            return await dropping(loaded, store, accounting, SystemClock()).drop_all(name)

    for task, files in asyncio.run(dropped()).items():
        for each in files:
            print(f"{task}: {counted(each.records, 'record')} in {each.file_name}")
        if not files:
            print(f"{task}: nothing new")
