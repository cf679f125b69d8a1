"""What `kinbridge doctor` asks a database server. The schema is looked at, not brought along: nothing is changed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gateway.store.engine import display_name, is_postgresql, make_engine, parse_url, transaction
from gateway.store.faults import translated
from gateway.store.migrate import MIGRATIONS

OLDEST_VERSION = 13  # the oldest that its makers still mended when this was written
_BUSY_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """version: as the server says it. skew_s: its clock minus ours. unsafe: settings under which a commit may be lost.

    revision: of the schema; empty when there are no tables. head: the one of this version. known: this version has it.
    """

    name: str
    version: str
    version_number: int
    skew_s: float
    encoding: str
    standby: bool
    unsafe: tuple[str, ...]
    revision: str
    head: str
    known: bool


def is_server(url: str) -> bool:
    """Raises StoreError for what is no database URL."""
    return is_postgresql(parse_url(url))


def look_at_server(url: str) -> ServerFacts:
    """Raises StoreError and StoreUnavailable, in words."""
    parsed = parse_url(url)
    name = display_name(parsed)
    with translated(name):
        engine = make_engine(parsed, _BUSY_TIMEOUT_S)
        try:
            with engine.connect() as plain, transaction(plain, writing=False) as connection, connection.begin():
                return _facts(connection, name)
        finally:
            engine.dispose()


def _facts(connection: Connection, name: str) -> ServerFacts:
    def said(sql: str) -> Any:
        return connection.exec_driver_sql(sql).scalar_one()

    asked_at = time.time()
    server_time = float(said("SELECT extract(epoch FROM clock_timestamp())"))
    answered_at = time.time()
    off = [each for each in ("fsync", "full_page_writes") if said(f"SHOW {each}") == "off"]
    script = ScriptDirectory(str(MIGRATIONS))
    revision = MigrationContext.configure(connection).get_current_revision() or ""
    return ServerFacts(
        name=name,
        version=str(said("SHOW server_version")),
        version_number=int(said("SHOW server_version_num")),
        skew_s=server_time - (asked_at + answered_at) / 2,
        encoding=str(said("SHOW server_encoding")),
        standby=bool(said("SELECT pg_is_in_recovery()")),
        unsafe=tuple(off),
        revision=revision,
        head=script.get_current_head() or "",
        known=revision in {each.revision for each in script.walk_revisions()},
    )
