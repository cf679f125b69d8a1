"""Who watched which visit: append-only, a row when it begins and one when it ends."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.migrations.append_only import refuse_changes

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watchings",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("watching_id", sa.String(length=200), nullable=False),
        sa.Column("act", sa.String(length=8), nullable=False),
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("visit_id", sa.String(length=200), nullable=False),
        sa.Column("officer", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.visit_id"], name="fk_watchings_visit_id"),
        sa.PrimaryKeyConstraint("number", name="pk_watchings"),
        sa.UniqueConstraint("watching_id", "act", name="uq_watchings_watching_id_act"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_watchings_visit_id", "watchings", ["visit_id"])
    op.create_index("ix_watchings_officer", "watchings", ["officer"])
    refuse_changes("watchings", "number = NEW.number OR (watching_id = NEW.watching_id AND act = NEW.act)")
