"""Triggers by which the database itself refuses to change what is written, on every database that is spoken here."""

from __future__ import annotations

from alembic import op

_REFUSE = "kinbridge_refuse_change"


def refuse_changes(table: str, there: str) -> None:
    """UPDATE and DELETE of `table` fail, and so do INSERT OR REPLACE (SQLite) and TRUNCATE (PostgreSQL).

    there: SQL that finds, for the row NEW, the one which INSERT OR REPLACE would silently take away. PostgreSQL has no
    such statement: its ON CONFLICT DO UPDATE is an UPDATE.
    """
    if op.get_bind().dialect.name == "postgresql":
        _on_postgresql(table)
    else:
        _on_sqlite(table, there)


def _on_sqlite(table: str, there: str) -> None:
    refusal = f"SELECT RAISE(ABORT, '{table} is append-only')"
    for verb in ("UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN {refusal}; END")
    found = f"EXISTS (SELECT 1 FROM {table} WHERE {there})"  # noqa: S608 - words of the migrations only
    op.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {found} BEGIN {refusal}; END")


def _on_postgresql(table: str) -> None:
    """For the whole statement: an UPDATE that finds no row is refused as well. ENABLE ALWAYS: in replication too."""
    op.execute(
        f"CREATE OR REPLACE FUNCTION {_REFUSE}() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';"
        " END $$"
    )
    for verb in ("UPDATE", "DELETE", "TRUNCATE"):
        name = f"{table}_no_{verb.lower()}"
        op.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {_REFUSE}()")
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
