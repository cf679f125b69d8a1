"""The families' own sign-in: where contacts get e-mail, what was sent, and who is signed in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ID = sa.String(length=200)
HASH = sa.String(length=64)


def upgrade() -> None:
    op.create_table(
        "contact_emails",
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("contact_id", name="pk_contact_emails"),
    )
    op.create_index("uq_contact_emails_email", "contact_emails", ["email"], unique=True)
    op.create_table(
        "family_sign_ins",
        sa.Column("sign_in_hash", HASH, nullable=False),
        sa.Column("link_hash", HASH, nullable=False),
        sa.Column("code_hash", HASH, nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("sign_in_hash", name="pk_family_sign_ins"),
    )
    op.create_index("uq_family_sign_ins_link_hash", "family_sign_ins", ["link_hash"], unique=True)
    op.create_index("ix_family_sign_ins_expires_at_ms", "family_sign_ins", ["expires_at_ms"])
    op.create_table(
        "family_sessions",
        sa.Column("session_hash", HASH, nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("began_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session_hash", name="pk_family_sessions"),
    )
    op.create_index("ix_family_sessions_contact_id", "family_sessions", ["contact_id"])
    op.create_index("ix_family_sessions_ends_at_ms", "family_sessions", ["ends_at_ms"])
