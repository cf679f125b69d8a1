"""The table of booked visits. See `tables` for the others."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, String, Table, Text, text

from gateway.store.schema import Id, metadata

_HOLDING = text("state IN ('requested', 'approved', 'starting', 'started')")
_STATES = (
    "state IN ('requested', 'approved', 'refused', 'cancelled', 'starting', 'started', 'kept', "
    "'no_show_family', 'no_show_station', 'interrupted')"
)

bookings = Table(
    "bookings",
    metadata,
    Column("booking_id", Id, primary_key=True),
    Column("visit_id", Id, nullable=False),
    Column("facility", Id, nullable=False),
    Column("station", Id, nullable=False),
    Column("contact", Id, nullable=False),
    Column("resident", Id, nullable=False, server_default=""),
    Column("starts_at_ms", BigInteger, nullable=False),
    Column("ends_at_ms", BigInteger, nullable=False),
    Column("state", String(24), nullable=False),
    Column("made_at_ms", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("rules", Text, nullable=False, server_default=""),  # the version that was accepted
    Column("rules_at_ms", BigInteger),
    Column("owed_micros", BigInteger, nullable=False, server_default="0"),
    Column("paid_micros", BigInteger, nullable=False, server_default="0"),
    Column("currency", String(3), nullable=False),
    Column("account_id", Text, nullable=False, server_default=""),
    Column("sequence", Integer, nullable=False, server_default="0"),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("changed_at_ms", BigInteger),
    Column("reminded_at_ms", BigInteger),
    Column("node", Text, nullable=False, server_default=""),  # that started it
    Column("claimed_at_ms", BigInteger),
    Column("reason", Text, nullable=False, server_default=""),
    CheckConstraint(_STATES, name="state_known"),
    CheckConstraint("ends_at_ms > starts_at_ms", name="ends_later"),
    Index("uq_bookings_visit_id", "visit_id", unique=True),
    Index(
        "uq_bookings_facility_station_starts_at_ms",
        "facility",
        "station",
        "starts_at_ms",
        unique=True,
        sqlite_where=_HOLDING,
        postgresql_where=_HOLDING,
    ),
    Index("ix_bookings_state_starts_at_ms", "state", "starts_at_ms"),
    Index("ix_bookings_contact", "contact"),
)
