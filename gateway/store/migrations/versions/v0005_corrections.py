"""Corrections: each record is corrected by one other at most, and the records of a visit are found at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CORRECTING = sa.text("corrects IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "uq_cdrs_corrects",
        "cdrs",
        ["corrects"],
        unique=True,
        sqlite_where=CORRECTING,
        postgresql_where=CORRECTING,
    )
    op.create_index("ix_cdrs_visit_id", "cdrs", ["visit_id"])
