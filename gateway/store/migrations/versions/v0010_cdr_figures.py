"""What a comparison reads of each record, as columns: the database takes it out of the signed text itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.migrations.append_only import refuse_changes

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KEPT = "node, sequence, cdr_id, visit_id, end_at_ms"
TEXTS = ("trunk", "dialled", "sip_call_id", "setup_at", "answer_at", "end_at", "total")
NUMBERS = ("duration_ms", "billable_s")


def upgrade() -> None:
    op.create_table(
        "cdr_figures",
        sa.Column("end_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("cdr_id", sa.String(length=200), nullable=False),
        sa.Column("visit_id", sa.String(length=200), nullable=False),
        *(sa.Column(each, sa.Text(), nullable=True) for each in TEXTS),
        *(sa.Column(each, sa.BigInteger(), nullable=True) for each in NUMBERS),
        sa.PrimaryKeyConstraint("end_at_ms", "node", "sequence", name="pk_cdr_figures"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        _on_postgresql()
    else:
        _on_sqlite()
    there = "end_at_ms = NEW.end_at_ms AND node = NEW.node AND sequence = NEW.sequence"
    refuse_changes("cdr_figures", there)


def _on_sqlite() -> None:
    def found(row: str) -> str:
        kept = ", ".join(f"{row}{each}" for each in KEPT.split(", "))
        return kept + "".join(f", json_extract({row}document, '$.{each}')" for each in (*TEXTS, *NUMBERS))

    names = ", ".join((KEPT, *TEXTS, *NUMBERS))
    op.execute(f"INSERT INTO cdr_figures ({names}) SELECT {found('')} FROM cdrs")  # noqa: S608 - own words
    op.execute(
        "CREATE TRIGGER cdrs_figures AFTER INSERT ON cdrs BEGIN"
        f" INSERT INTO cdr_figures ({names}) SELECT {found('NEW.')}; END"
    )


def _on_postgresql() -> None:
    def found(row: str, text: str) -> str:
        kept = ", ".join(f"{row}{each}" for each in KEPT.split(", "))
        texts = "".join(f", {text} ->> '{each}'" for each in TEXTS)
        return kept + texts + "".join(f", ({text} ->> '{each}')::bigint" for each in NUMBERS)

    names = ", ".join((KEPT, *TEXTS, *NUMBERS))
    whole = found("", "(document::jsonb)")
    op.execute(f"INSERT INTO cdr_figures ({names}) SELECT {whole} FROM cdrs")  # noqa: S608 - own words
    op.execute(
        "CREATE FUNCTION kinbridge_cdr_figures() RETURNS trigger LANGUAGE plpgsql AS $$"  # noqa: S608 - own words
        " DECLARE found jsonb := NEW.document::jsonb; BEGIN"
        f" INSERT INTO cdr_figures ({names}) VALUES ({found('NEW.', 'found')}); RETURN NULL; END $$"
    )
    op.execute("CREATE TRIGGER cdrs_figures AFTER INSERT ON cdrs FOR EACH ROW EXECUTE FUNCTION kinbridge_cdr_figures()")
    op.execute("ALTER TABLE cdrs ENABLE ALWAYS TRIGGER cdrs_figures")
