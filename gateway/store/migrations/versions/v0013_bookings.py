"""Visits that are booked for a time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.String(length=200)
HOLDING = sa.text("state IN ('requested', 'approved', 'starting', 'started')")
STATES = (
    "state IN ('requested', 'approved', 'refused', 'cancelled', 'starting', 'started', 'kept', "
    "'no_show_family', 'no_show_station', 'interrupted')"
)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def _number(name: str, kind: type[sa.Integer]) -> sa.Column[int]:
    return sa.Column(name, kind(), server_default="0", nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "bookings",
        sa.Column("booking_id", ID, nullable=False),
        sa.Column("visit_id", ID, nullable=False),
        sa.Column("facility", ID, nullable=False),
        sa.Column("station", ID, nullable=False),
        sa.Column("contact", ID, nullable=False),
        sa.Column("resident", ID, server_default="", nullable=False),
        _time("starts_at_ms"),
        _time("ends_at_ms"),
        sa.Column("state", sa.String(length=24), nullable=False),
        _time("made_at_ms"),
        sa.Column("made_by", sa.Text(), nullable=False),
        _text("rules"),
        _time("rules_at_ms", nullable=True),
        _number("owed_micros", sa.BigInteger),
        _number("paid_micros", sa.BigInteger),
        sa.Column("currency", sa.String(length=3), nullable=False),
        _text("account_id"),
        _number("sequence", sa.Integer),
        _number("version", sa.Integer),
        _time("changed_at_ms", nullable=True),
        _time("reminded_at_ms", nullable=True),
        _text("node"),
        _time("claimed_at_ms", nullable=True),
        _text("reason"),
        sa.CheckConstraint(STATES, name="ck_bookings_state_known"),
        sa.CheckConstraint("ends_at_ms > starts_at_ms", name="ck_bookings_ends_later"),
        sa.PrimaryKeyConstraint("booking_id", name="pk_bookings"),
    )
    op.create_index("uq_bookings_visit_id", "bookings", ["visit_id"], unique=True)
    op.create_index(
        "uq_bookings_facility_station_starts_at_ms",
        "bookings",
        ["facility", "station", "starts_at_ms"],
        unique=True,
        sqlite_where=HOLDING,
        postgresql_where=HOLDING,
    )
    op.create_index("ix_bookings_state_starts_at_ms", "bookings", ["state", "starts_at_ms"])
    op.create_index("ix_bookings_contact", "bookings", ["contact"])
