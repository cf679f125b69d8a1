"""Reports: the records of a facility in a period are found at once, in the order of their ends."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_cdrs_facility_end_at_ms", "cdrs", ["facility", "end_at_ms"])
    op.drop_index("ix_cdrs_facility", "cdrs")
