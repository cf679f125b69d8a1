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


def guard_changes(table: str, there: str, changed: str) -> None:
    """DELETE of `table` fails, and so does an UPDATE for which `changed` holds: SQL over the rows OLD and NEW."""
    if op.get_bind().dialect.name == "postgresql":
        _define_refusal()
        function = f"kinbridge_guard_{table}"  # not a WHEN of the trigger: that would fix the columns' types
        op.execute(
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$"
            f" BEGIN IF {changed.replace(' IS NOT ', ' IS DISTINCT FROM ')} THEN"
            " RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';"
            " END IF; RETURN NEW; END $$"
        )
        name = f"{table}_no_change"
        op.execute(f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()")
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
        _refuse_statements(table, ("DELETE", "TRUNCATE"))
        return
    refusal = f"SELECT RAISE(ABORT, '{table} is append-only')"
    op.execute(f"CREATE TRIGGER {table}_no_change BEFORE UPDATE ON {table} WHEN {changed} BEGIN {refusal}; END")
    op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN {refusal}; END")
    found = f"EXISTS (SELECT 1 FROM {table} WHERE {there})"  # noqa: S608 - words of the migrations only
    op.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {found} BEGIN {refusal}; END")


def _on_sqlite(table: str, there: str) -> None:
    refusal = f"SELECT RAISE(ABORT, '{table} is append-only')"
    for verb in ("UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN {refusal}; END")
    found = f"EXISTS (SELECT 1 FROM {table} WHERE {there})"  # noqa: S608 - words of the migrations only
    op.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {found} BEGIN {refusal}; END")


def _on_postgresql(table: str) -> None:
    """For the whole statement: an UPDATE that finds no row is refused as well. ENABLE ALWAYS: in replication too."""
    _define_refusal()
    _refuse_statements(table, ("UPDATE", "DELETE", "TRUNCATE"))


def _define_refusal() -> None:
    op.execute(
        f"CREATE OR REPLACE FUNCTION {_REFUSE}() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';"
        " END $$"
    )


def _refuse_statements(table: str, verbs: tuple[str, ...]) -> None:
    for verb in verbs:
        name = f"{table}_no_{verb.lower()}"
        op.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {_REFUSE}()")
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
