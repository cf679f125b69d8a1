"""How a database is opened: dialect, pragmas, transactions. SQLite today; a second dialect has its place here."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import StaticPool

from gateway.errors import StoreError

WRITING = "kinbridge_writing"


def parse_url(text: str) -> URL:
    """Raises StoreError for what is no URL or no database that is spoken here."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise StoreError("store.url is no database URL; write sqlite:////var/lib/kinbridge/kinbridge.db") from None
    if url.get_backend_name() != "sqlite":
        raise StoreError(f"store.url names {url.get_backend_name()}; this version keeps its records in SQLite only")
    return url


def display_name(url: URL) -> str:
    """What messages call the database; the password, if any, is not in it."""
    return url.database or "in memory"


def is_in_memory(url: URL) -> bool:
    """It lives as long as its only connection."""
    return url.database in (None, "", ":memory:")


def make_engine(url: URL, busy_timeout_s: float) -> Engine:
    """One connection at a time is used, always from the store's own thread."""
    _keep_private(url)
    options: dict[str, Any] = {"connect_args": {"timeout": busy_timeout_s, "check_same_thread": False}}
    if is_in_memory(url):
        options["poolclass"] = StaticPool
    engine = create_engine(url, hide_parameters=True, **options)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


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
