"""A node's name belongs to one process at a time: whoever recovers its visits must know that nobody is still in them.

A gateway that is started twice by mistake would otherwise record the visits of the first one as crashed.

    sqlite       a lock of the operating system on a file beside the database: it ends with its process, even by kill -9
    postgresql   an advisory lock in the very session that writes: who loses the session has lost the claim and cannot
                 write; the next session takes it again before anything else, or the store stays shut
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Engine, event

from gateway.errors import StoreError, StoreUnavailable
from gateway.store.engine import is_in_memory, is_postgresql
from gateway.store.postgresql import lock_number


class Claims(Protocol):
    """The nodes that this store speaks for."""

    def take(self, node: str, engine: Engine) -> None:
        """Again is harmless. Raises StoreError when another process has it."""

    def drop(self) -> None:
        """All of them."""


def claims_on(url: URL) -> Claims:
    if is_postgresql(url):
        return _SessionClaims()
    return _FileClaims(None if is_in_memory(url) else Path(str(url.database).removeprefix("file:")))


def _taken(node: str) -> str:
    return f"another gateway runs as node {node} on this database; stop it, or change `node`"


class _FileClaims:
    """database: None for one in memory, which is nobody else's: nothing to claim."""

    def __init__(self, database: Path | None) -> None:
        self._database = database
        self._held: dict[str, int] = {}

    def take(self, node: str, engine: Engine) -> None:  # noqa: ARG002 - the other kind of claim needs it
        if self._database is None or node in self._held:
            return
        path = self._database.with_name(f"{self._database.name}-{node}.lock")
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"{path} cannot be made: {error.strerror}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise StoreError(_taken(node)) from None
        self._held[node] = handle

    def drop(self) -> None:
        while self._held:
            _, handle = self._held.popitem()
            os.close(handle)


class _SessionClaims:
    """The engine keeps one connection (pool_size=1), so its session is the one that every transaction runs in."""

    def __init__(self) -> None:
        self._held: set[str] = set()

    def take(self, node: str, engine: Engine) -> None:
        if node in self._held:
            return
        with engine.connect() as connection:
            if not _locked(connection.connection.driver_connection, node):
                raise StoreError(_taken(node))
        if not self._held:
            event.listen(engine, "connect", self._again)
        self._held.add(node)

    def drop(self) -> None:
        """The session ends with its engine, and the locks with the session."""
        self._held.clear()

    def _again(self, connection: Any, _record: object) -> None:
        """A new session, as the old one was lost. Its server may not know that yet: it notices within half a minute."""
        for node in sorted(self._held):
            if not _locked(connection, node):
                connection.close()
                raise StoreUnavailable(
                    f"the claim of node {node} went with the lost connection, and another session has it:"
                    " another gateway with this name, or our own old one until the server finds it gone;"
                    " nothing was written"
                )


def _locked(connection: Any, node: str) -> bool:
    """Asked outside of any transaction, of the driver itself. connection: psycopg's, or SQLAlchemy's cover of it."""
    connection.autocommit = True
    (got,) = connection.execute("SELECT pg_try_advisory_lock(%s)", (lock_number(f"node {node}"),)).fetchone()
    connection.autocommit = False
    return bool(got)
