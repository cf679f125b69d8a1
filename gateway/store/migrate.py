"""Brings a database to the schema of this version, by the migrations that ship in the package."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from gateway.store.engine import transaction
from gateway.store.postgresql import lock_number, sort_by_bytes

MIGRATIONS = Path(__file__).parent / "migrations"
log = logging.getLogger(__name__)


def migrate(connection: Connection) -> None:
    """In one transaction that holds the write lock: of two processes that open at once, the second finds it done.

    A database that is up to date is not written at all, so that a read-only one can be read.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    head = ScriptDirectory.from_config(config).get_current_head()
    if revision(transaction(connection, writing=False)) == head:
        return
    with _alone(connection).begin():
        _wait_for_others(connection)
        before = MigrationContext.configure(connection).get_current_revision()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if connection.dialect.name == "postgresql":
            sort_by_bytes(connection)
    log.info("schema brought from %s to %s", before or "nothing", head)


def _alone(connection: Connection) -> Connection:
    """On PostgreSQL READ COMMITTED: what the one before did is seen as soon as its lock is had."""
    if connection.dialect.name == "sqlite":
        return transaction(connection, writing=True)
    return connection.execution_options(isolation_level="READ COMMITTED", postgresql_readonly=False)


def _wait_for_others(connection: Connection) -> None:
    """SQLite has the write lock already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # a big table takes its time
        connection.execute(text("SET LOCAL lock_timeout = '60s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_number("migrations")})


def revision(connection: Connection) -> str | None:
    """The revision that the database has; None for an empty one."""
    with connection.begin():
        return MigrationContext.configure(connection).get_current_revision()
