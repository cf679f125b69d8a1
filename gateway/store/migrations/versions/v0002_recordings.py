"""Recordings with their wrapped keys, and the trail of who looked at what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.migrations.append_only import refuse_changes

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OPEN = sa.text("ended_at_ms IS NULL")


def upgrade() -> None:
    _create_recordings()
    _create_accesses()


def _create_recordings() -> None:
    op.create_table(
        "recordings",
        sa.Column("recording_id", sa.String(length=200), nullable=False),
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("visit_id", sa.String(length=200), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("wrapped_key", sa.String(length=200), nullable=False),
        sa.Column("retention_days", sa.BigInteger(), nullable=False),
        sa.Column("started_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.Column("retain_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("purged_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.visit_id"], name="fk_recordings_visit_id"),
        sa.PrimaryKeyConstraint("recording_id", name="pk_recordings"),
        sa.UniqueConstraint("visit_id", "part", name="uq_recordings_visit_id_part"),
    )
    op.create_index("ix_recordings_facility", "recordings", ["facility", "started_at_ms"])
    op.create_index("ix_recordings_open", "recordings", ["node"], sqlite_where=OPEN, postgresql_where=OPEN)


def _create_accesses() -> None:
    op.create_table(
        "accesses",
        sa.Column(
            "access_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("access_id", name="pk_accesses"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_accesses_subject", "accesses", ["subject"])
    refuse_changes("accesses", "access_id = NEW.access_id")
