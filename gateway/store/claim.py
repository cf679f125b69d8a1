"""A node's name belongs to one process at a time: whoever recovers its visits must know that nobody is still in them.

A gateway that is started twice by mistake would otherwise record the visits of the first one as crashed. The claim is
a lock of the operating system on a file beside the database, so that it ends with its process, even by kill -9.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sqlalchemy import URL

from gateway.errors import StoreError, StoreUnavailable
from gateway.store.engine import is_in_memory


class Claims:
    """The nodes that this store speaks for. An in-memory database is nobody else's: nothing to claim."""

    def __init__(self, url: URL) -> None:
        self._database = None if is_in_memory(url) else Path(str(url.database).removeprefix("file:"))
        self._held: dict[str, int] = {}

    def take(self, node: str) -> None:
        """Again is harmless. Raises StoreError when another process has it."""
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
            raise StoreError(
                f"another gateway runs as node {node} on this database; stop it, or change `node`"
            ) from None
        self._held[node] = handle

    def drop(self) -> None:
        """All of them."""
        while self._held:
            _, handle = self._held.popitem()
            os.close(handle)
