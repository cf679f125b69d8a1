"""Staff accounts, their sessions, API keys, and what was tried at the door."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ID = sa.String(length=200)
HASH = sa.String(length=64)


def _time(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "staff_accounts",
        sa.Column("name", ID, nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(create_constraint=False), server_default=sa.true(), nullable=False),
        _time("made_at_ms"),
        _time("changed_at_ms"),
        sa.PrimaryKeyConstraint("name", name="pk_staff_accounts"),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("session_hash", HASH, nullable=False),
        sa.Column("name", ID, nullable=False),
        sa.Column("token_mark", HASH, server_default="", nullable=False),
        _time("began_at_ms"),
        _time("seen_at_ms"),
        sa.PrimaryKeyConstraint("session_hash", name="pk_staff_sessions"),
    )
    op.create_index("ix_staff_sessions_name", "staff_sessions", ["name"])
    op.create_index("ix_staff_sessions_seen_at_ms", "staff_sessions", ["seen_at_ms"])
    op.create_table(
        "api_keys",
        sa.Column("key_id", ID, nullable=False),
        sa.Column("key_hash", HASH, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        _time("made_at_ms"),
        sa.Column("made_by", sa.Text(), nullable=False),
        _time("expires_at_ms"),
        _time("revoked_at_ms", nullable=True),
        sa.Column("last_used_day", sa.String(length=10), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
    )
    op.create_index("uq_api_keys_key_hash", "api_keys", ["key_hash"], unique=True)
    op.create_table(
        "sign_in_tries",
        sa.Column("subject", HASH, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        _time("since_ms"),
        sa.Column("locked_until_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_sign_in_tries"),
    )
    op.create_index("ix_sign_in_tries_since_ms", "sign_in_tries", ["since_ms"])
