"""`kinbridge store upgrade | copy`: the database itself, for who administers it."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile
from gateway.config import load_config

store_app = typer.Typer(help="The database: its schema, and moving it.", no_args_is_help=True)
Url = Annotated[str, typer.Option(help="Another database than the configuration's, by a role that owns it.")]


@store_app.command("upgrade")
def upgrade(url: Url = "", config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Make the tables, or bring them up to this version. A gateway does so itself when its role owns the tables."""
    from gateway.store import Store

    async def opened() -> None:
        async with Store(url or load_config(config).store.url) as store:
            sys.stdout.write(f"the database {store.name} is up to date\n")

    asyncio.run(opened())


@store_app.command("copy")
def copy(
    source: Annotated[str, typer.Argument(help="URL of the database to copy. No gateway should write it meanwhile.")],
    target: Annotated[str, typer.Argument(help="URL of an empty database.")],
) -> None:
    """Copy a whole database into an empty one: SQLite to PostgreSQL, or back. All of it, or nothing."""
    from rich.console import Console

    from gateway.store.copying import copy_database

    with Console(stderr=True).status("copying") as status:
        copy_database(source, target, lambda table, rows: status.update(f"{table}: {rows:,} rows"))
    sys.stdout.write("copied; prove it with `kinbridge cdr verify` on the new database\n")
