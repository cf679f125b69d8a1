"""Whose visit it was and when it was over, so that limits (visits a day, a gap, attempts) can be counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KNOWN = sa.text("resident <> ''")


def upgrade() -> None:
    op.add_column("visits", sa.Column("resident", sa.Text(), server_default="", nullable=False))
    op.add_column("visits", sa.Column("end_at_ms", sa.BigInteger(), nullable=True))
    op.create_index("ix_visits_facility_station_setup_at_ms", "visits", ["facility", "station", "setup_at_ms"])
    op.create_index(
        "ix_visits_of_resident",
        "visits",
        ["facility", "resident", "setup_at_ms"],
        sqlite_where=KNOWN,
        postgresql_where=KNOWN,
    )
