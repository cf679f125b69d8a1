"""How families are reached: deliveries that are on their way to a receiver, and join links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", sa.String(length=200), nullable=False),
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("receiver", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("visit_id", sa.String(length=200), nullable=False),
        sa.Column("privileged", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("useless_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("give_up_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("claim", sa.String(length=64), nullable=False),
        sa.Column("claimed_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("settled_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_due", "deliveries", ["next_at_ms"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_index("ix_deliveries_made_at_ms", "deliveries", ["made_at_ms"])
    op.create_table(
        "join_links",
        sa.Column("link_hash", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("visit_id", sa.String(length=200), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("privileged", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("device_hash", sa.String(length=64), nullable=False),
        sa.Column("opened_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("link_hash", name="pk_join_links"),
    )
    op.create_index("ix_join_links_expires_at_ms", "join_links", ["expires_at_ms"])
