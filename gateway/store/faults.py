"""Foreign exceptions into ours, in words that say what to do. No database exception leaves this room.

locked, disk I/O, cannot open, read-only, full -> StoreUnavailable   nothing was written; it may work later
server away, connection lost                   -> ConnectionLost     the same; a new connection is made
server there, but silent                       -> Silence            the same; nobody else waits for it in vain
serialization failure, deadlock, lost a race   -> Conflict           the same; the store itself tries again
damaged file, constraint, schema, password     -> StoreError         trying again will not help

SQLite's are known by their words, PostgreSQL's by the SQLSTATE (its words change with lc_messages).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from alembic.util.exc import CommandError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from gateway.errors import StoreError, StoreUnavailable
from gateway.store.silence import ServerSilent

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
_REFUSED_LOGIN = {  # said before there is a session, so there is no SQLSTATE
    "password authentication failed": "refuses the user or the password of store.url",
    "no password supplied": "asks for a password; see docs/postgresql.md for where to put it",
    "no pg_hba.conf entry": "lets no such user in from this machine; see its pg_hba.conf",
    "does not exist": "is not there, or the user is not: create them; see docs/postgresql.md",
    "is not permitted to log in": "lets this user not log in",
}


class ConnectionLost(StoreUnavailable):
    """The session with the server is over, or none could be had."""


class Silence(ConnectionLost):
    """The server is there and did not answer in its time."""


class Duplicate(StoreError):
    """A key that is there already: by mistake, or because another writer was faster with the same."""


class Conflict(StoreUnavailable):
    """Another writer was there at the same time. Nothing was written; the same again may succeed."""


_STATES: dict[str, tuple[type[StoreError], str]] = {
    "08": (ConnectionLost, "lost the connection; nothing was written"),
    "22001": (StoreError, "was given a text that is too long for its column"),
    "22003": (StoreError, "was given a number that it cannot hold"),
    "25006": (StoreUnavailable, "is read-only; it may be a standby that follows another server"),
    "25P03": (ConnectionLost, "ended a session that fell silent; nothing was written"),
    "40001": (Conflict, "is written by others at the same time; nothing was written"),
    "40P01": (Conflict, "is written by others in another order; nothing was written"),
    "42501": (StoreError, "does not give this user the rights it needs; see docs/postgresql.md"),
    "42703": (StoreError, "lacks a column; it was not made by this gateway"),
    "42P01": (StoreError, "lacks a table; it was not made by this gateway"),
    "42P07": (StoreError, "already has tables of these names; it was not made by this gateway"),
    "53100": (StoreUnavailable, "cannot grow: the disk is full"),
    "53200": (StoreUnavailable, "is out of memory"),
    "53300": (ConnectionLost, "has too many connections; raise max_connections"),
    "55P03": (StoreUnavailable, "is locked by another process; nothing was written"),
    "57014": (StoreUnavailable, "took too long and gave up; nothing was written"),
    "57P": (ConnectionLost, "ended the session, or is starting; nothing was written"),
    "58030": (StoreUnavailable, "cannot be read or written: the disk reports an error"),
    "XX001": (StoreError, "is damaged; restore it from a backup"),
    "XX002": (StoreError, "has a damaged index; see REINDEX"),
}
_UNIQUE = "23505"
_INTEGRITY = "23"  # the class of all constraints


@contextmanager
def translated(name: str) -> Iterator[None]:
    """`name` is what the database is called in messages; it must hold no password."""
    try:
        yield
    except CommandError as error:
        raise _migration_fault(name, error) from None
    except (SQLAlchemyError, sqlite3.Error, psycopg.Error) as error:
        raise fault(name, error) from None
    except UnicodeEncodeError:
        raise StoreError(f"the database {name} cannot keep a text: it holds half a character (a surrogate)") from None
    except OSError as error:
        raise StoreUnavailable(f"the database {name} cannot be reached: {error.strerror or error}") from None


def fault(name: str, error: Exception) -> StoreError:
    """The message of the driver is looked up, not shown: it may quote values."""
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    if isinstance(cause, psycopg.Error):
        return _of_postgresql(name, cause)
    said = str(cause)
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


def _of_postgresql(name: str, error: psycopg.Error) -> StoreError:
    state = error.sqlstate or ""
    known = _STATES.get(state) or _STATES.get(state[:3]) or _STATES.get(state[:2])
    if known is not None:
        return known[0](f"the database {name} {known[1]}")
    if state.startswith(_INTEGRITY):
        return (Duplicate if state == _UNIQUE else StoreError)(_refused(name, error))
    if isinstance(error, (ServerSilent, psycopg.errors.ConnectionTimeout)):
        return Silence(f"the database {name} does not answer; nothing was written")
    if not state and isinstance(error, psycopg.OperationalError):
        return _no_session(name, str(error))
    if isinstance(error, psycopg.DataError) and "NUL" in str(error):
        return StoreError(f"the database {name} cannot keep a text: it holds a NUL character")
    return StoreError(f"the database {name} could not do it ({state or type(error).__name__})")


def _refused(name: str, error: psycopg.Error) -> str:
    """Names of the table and the constraint, no values. A trigger of ours names its table in its message."""
    if (error.diag.message_primary or "").endswith("is append-only"):
        table = (error.diag.message_primary or "").removesuffix(" is append-only")
        return f"the database {name} is append-only here ({table}): records are corrected by new records"
    return (
        f"the database {name} refused a row: {error.diag.constraint_name or error.sqlstate} of {error.diag.table_name}"
    )


def _no_session(name: str, said: str) -> StoreError:
    for words, meaning in _REFUSED_LOGIN.items():
        if words in said:
            return StoreError(f"the database {name} {meaning}")
    return ConnectionLost(f"the database {name} cannot be reached, or closed the connection; nothing was written")


def _constraint(said: str) -> str:
    """`UNIQUE constraint failed: cdrs.cdr_id` holds names of columns and constraints only."""
    return said.splitlines()[0][:200]


def _migration_fault(name: str, error: CommandError) -> StoreError:
    if "Can't locate revision" in str(error):
        return StoreError(f"the database {name} was written by a newer version of the gateway; update the gateway")
    return StoreError(f"the database {name} cannot be brought up to date ({type(error).__name__})")
