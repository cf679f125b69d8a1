"""Trunk and Call-ID of a family's telephone: of visits, and of records for comparisons."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KEPT = ("node", "sequence", "cdr_id", "visit_id", "end_at_ms")
NEW = ("out_trunk", "out_sip_call_id")
TEXTS = ("trunk", "dialled", "sip_call_id", "setup_at", "answer_at", "end_at", "total", *NEW)
NUMBERS = ("duration_ms", "billable_s")
NAMES = ", ".join((*KEPT, *TEXTS, *NUMBERS))


def upgrade() -> None:
    for each in NEW:
        op.add_column("visits", sa.Column(each, sa.Text(), server_default="", nullable=False))
        op.add_column("cdr_figures", sa.Column(each, sa.Text(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        _on_postgresql()
    else:
        _on_sqlite()


def _on_sqlite() -> None:
    kept = ", ".join(f"NEW.{each}" for each in KEPT)
    found = "".join(f", json_extract(NEW.document, '$.{each}')" for each in (*TEXTS, *NUMBERS))
    op.execute("DROP TRIGGER cdrs_figures")
    op.execute(
        "CREATE TRIGGER cdrs_figures AFTER INSERT ON cdrs BEGIN"
        f" INSERT INTO cdr_figures ({NAMES}) SELECT {kept}{found}; END"
    )


def _on_postgresql() -> None:
    kept = ", ".join(f"NEW.{each}" for each in KEPT)
    texts = "".join(f", found ->> '{each}'" for each in TEXTS)
    numbers = "".join(f", (found ->> '{each}')::bigint" for each in NUMBERS)
    op.execute(
        "CREATE OR REPLACE FUNCTION kinbridge_cdr_figures() RETURNS trigger LANGUAGE plpgsql AS $$"  # noqa: S608 - own words
        " DECLARE found jsonb := NEW.document::jsonb; BEGIN"
        f" INSERT INTO cdr_figures ({NAMES}) VALUES ({kept}{texts}{numbers}); RETURN NULL; END $$"
    )
