"""What is set for a contact: minutes of a visit, visits a day and a week; and their visits found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for each in ("max_minutes", "visits_per_day", "visits_per_week"):
        op.add_column("contacts", sa.Column(each, sa.Integer(), nullable=True))
    op.create_index("ix_visits_of_contact", "visits", ["facility", "contact", "setup_at_ms"])
