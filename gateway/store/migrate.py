"""Brings a database to the schema of this version, by the migrations that ship in the package."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gateway.store.engine import WRITING

MIGRATIONS = Path(__file__).parent / "migrations"
log = logging.getLogger(__name__)


def migrate(connection: Connection) -> None:
    """In one transaction that holds the write lock: of two processes that open at once, the second finds it done.

    A database that is up to date is not written at all, so that a read-only one can be read.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    head = ScriptDirectory.from_config(config).get_current_head()
    if revision(connection.execution_options(**{WRITING: False})) == head:
        return
    with connection.execution_options(**{WRITING: True}).begin():
        before = MigrationContext.configure(connection).get_current_revision()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    log.info("schema brought from %s to %s", before or "nothing", head)


def revision(connection: Connection) -> str | None:
    """The revision that the database has; None for an empty one."""
    with connection.begin():
        return MigrationContext.configure(connection).get_current_revision()
