"""How a database is opened: which are spoken here, by what name messages call it, and what its transactions are like.

sqlite       BEGIN IMMEDIATE for a writer: it holds the write lock before its first read
postgresql   SERIALIZABLE for a writer (what it read is still true when it commits, or it is run again),
             REPEATABLE READ READ ONLY for a reader: nobody waits for it
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Select, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import StaticPool

from gateway.errors import StoreError
from gateway.store.postgresql import make_postgresql_engine

S = TypeVar("S", bound=Select[Any])
WRITING = "kinbridge_writing"
LONGEST_ANSWER_S = 150.0  # the longest statement there is: the proof of all books. Visits take milliseconds
_POSTGRESQL = "postgresql+psycopg"
_EXAMPLE = "write sqlite:////var/lib/kinbridge/kinbridge.db or postgresql://user@host/database"


def parse_url(text: str) -> URL:
    """Raises StoreError for what is no URL or no database that is spoken here; never quotes it: a password is in it."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreError(f"store.url is no database URL; {_EXAMPLE}") from None
    if url.drivername in ("postgresql", _POSTGRESQL):
        url = url.set(drivername=_POSTGRESQL)
        if not url.database:
            raise StoreError("store.url names no database; write postgresql://user@host/database")
    elif url.get_backend_name() != "sqlite":
        raise StoreError(f"store.url names {url.drivername}, which is not spoken here; {_EXAMPLE}")
    return url


def display_name(url: URL) -> str:
    """What messages call the database; neither user nor password is in it."""
    if is_postgresql(url):
        return f"{url.database} on {url.host or url.query.get('host') or 'this machine'}"
    return url.database or "in memory"


def is_postgresql(url: URL) -> bool:
    return url.drivername == _POSTGRESQL


def is_in_memory(url: URL) -> bool:
    """It lives as long as its only connection."""
    return not is_postgresql(url) and url.database in (None, "", ":memory:")


def make_engine(url: URL, busy_timeout_s: float, answer_within_s: float = LONGEST_ANSWER_S) -> Engine:
    """One connection at a time is used, always from the store's own thread. answer_within_s: of a server."""
    if is_postgresql(url):
        return make_postgresql_engine(url, busy_timeout_s, answer_within_s)
    _keep_private(url)
    options: dict[str, Any] = {"connect_args": {"timeout": busy_timeout_s, "check_same_thread": False}}
    if is_in_memory(url):
        options["poolclass"] = StaticPool
    engine = create_engine(url, hide_parameters=True, **options)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def transaction(connection: Connection, *, writing: bool) -> Connection:
    """The connection, set for the kind of its next transaction."""
    if connection.dialect.name == "sqlite":
        return connection.execution_options(**{WRITING: writing})
    return connection.execution_options(
        **{WRITING: writing},
        isolation_level="SERIALIZABLE" if writing else "REPEATABLE READ",
        postgresql_readonly=not writing,
    )


def for_update(connection: Connection, statement: S) -> S:
    """Locks the rows that a writing transaction selects; a reading one locks nothing."""
    return statement.with_for_update() if connection.get_execution_options().get(WRITING, False) else statement


def _keep_private(url: URL) -> None:
    """A new database is its owner's alone: records hold dialled numbers. SQLite gives -wal and -shm the same mode."""
    if url.database is None or is_in_memory(url) or url.database.startswith("file:"):
        return
    with contextlib.suppress(OSError):  # SQLite will say it better, and in its own place
        os.close(os.open(url.database, os.O_CREAT | os.O_RDWR, 0o600))


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours: the driver's own comes too late, and never IMMEDIATE
    for pragma in (
        "journal_mode=WAL",  # readers (an export, sqlite3 on the command line) never stop the writer
        "synchronous=FULL",  # a committed CDR survives the power cut
        "foreign_keys=ON",
        "recursive_triggers=ON",  # else INSERT OR REPLACE would delete past the append-only triggers
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    """IMMEDIATE takes the write lock before the first read, so what was read is still true when it is written."""
    writing = connection.get_execution_options().get(WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
