"""Foreign exceptions into ours, in words that say what to do. No database exception leaves this room.

locked, disk I/O, cannot open, read-only, full -> StoreUnavailable   nothing was written; it may work later
damaged file, constraint, schema               -> StoreError         trying again will not help
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util.exc import CommandError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from gateway.errors import StoreError, StoreUnavailable

_AWAY = {
    "database is locked": "is locked by another process; nothing was written",
    "database table is locked": "is locked by another process; nothing was written",
    "readonly database": "is read-only; give the gateway's user the right to write the file and its folder",
    "unable to open database file": "cannot be opened; check that the folder exists and may be written",
    "disk is full": "cannot grow: the disk is full",
    "disk I/O error": "cannot be read or written: the disk reports an error",
    "database or disk is full": "cannot grow: the disk is full",
}
_BROKEN = {
    "file is not a database": "is not an SQLite database; move the file away or correct store.url",
    "malformed": "is damaged; restore it from a backup",
    "append-only": "is append-only here: records are corrected by new records",
    "no such table": "lacks a table; it was not made by this gateway",
    "no such column": "lacks a column; it was not made by this gateway",
    "already exists": "already has tables of these names; it was not made by this gateway",
}


@contextmanager
def translated(name: str) -> Iterator[None]:
    """`name` is what the database is called in messages; it must hold no password."""
    try:
        yield
    except CommandError as error:
        raise _migration_fault(name, error) from None
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise fault(name, error) from None
    except OSError as error:
        raise StoreUnavailable(f"the database {name} cannot be reached: {error.strerror or error}") from None


def fault(name: str, error: Exception) -> StoreError:
    """The message of the driver is looked up, not shown: it may quote values."""
    said = str(error.orig) if isinstance(error, StatementError) else str(error)
    for words, meaning in _AWAY.items():
        if words in said:
            return StoreUnavailable(f"the database {name} {meaning}")
    for words, meaning in _BROKEN.items():
        if words in said:
            return StoreError(f"the database {name} {meaning}")
    if "constraint failed" in said:
        return StoreError(f"the database {name} refused a row: {_constraint(said)}")
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return StoreUnavailable(f"the database {name} closed the connection; nothing was written")
    return StoreError(f"the database {name} could not do it ({type(error).__name__})")


def _constraint(said: str) -> str:
    """`UNIQUE constraint failed: cdrs.cdr_id` holds names of columns and constraints only."""
    return said.splitlines()[0][:200]


def _migration_fault(name: str, error: CommandError) -> StoreError:
    if "Can't locate revision" in str(error):
        return StoreError(f"the database {name} was written by a newer version of the gateway; update the gateway")
    return StoreError(f"the database {name} cannot be brought up to date ({type(error).__name__})")
