"""Run by Alembic. The connection, with its open transaction, is handed over by gateway.store.migrate."""

from __future__ import annotations

from alembic import context

from gateway.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
