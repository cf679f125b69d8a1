"""The tables of people. See `tables` for the others.

residents <- relationships -> contacts     whom a resident may reach, and how each stands to the other
barriers                                   numbers that a facility, or all of them, block or watch
people_changes                             append-only: who changed what, before and after
people_version                             one row, raised by every change: what tells nodes to look again
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    true,
)

from gateway.store.schema import Id, RowNumber, metadata

residents = Table(
    "residents",
    metadata,
    Column("facility", Id, primary_key=True),
    Column("resident_id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("unit", Text, nullable=False, server_default=""),
    Column("account_id", Text, nullable=False, server_default=""),
    Column("language", String(16), nullable=False, server_default=""),
    Column("active", Boolean(create_constraint=False), nullable=False, server_default=true()),
    Column("max_minutes", Integer),
    Column("visits_per_day", Integer),
    Column("visits_per_week", Integer),
    Column("monitored", Boolean(create_constraint=False), nullable=False, server_default=true()),
    Column("recorded", Boolean(create_constraint=False), nullable=False, server_default=true()),
    # argon2id, as PHC text; empty: no PIN was set. tries: wrong ones since the last right one
    Column("pin_hash", Text, nullable=False, server_default=""),
    Column("pin_tries", Integer, nullable=False, server_default="0"),
    Column("pin_locked_until_ms", BigInteger, nullable=False, server_default="0"),
)

contacts = Table(
    "contacts",
    metadata,
    Column("contact_id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("number", Id, nullable=False),
    Column("account_id", Text, nullable=False, server_default=""),
    Column("telephone", Text, nullable=False, server_default=""),
    Column("language", String(16), nullable=False, server_default=""),
    Column("monitored", Boolean(create_constraint=False), nullable=False, server_default=true()),
    Column("recorded", Boolean(create_constraint=False), nullable=False, server_default=true()),
    Column("also", Text, nullable=False, server_default=""),  # JSON: ids of contacts who ring along
    Column("max_minutes", Integer),
    Column("visits_per_day", Integer),
    Column("visits_per_week", Integer),
    Index("uq_contacts_number", "number", unique=True),
)

relationships = Table(
    "relationships",
    metadata,
    Column("facility", Id, primary_key=True),
    Column("resident_id", Id, primary_key=True),
    Column("contact_id", Id, ForeignKey("contacts.contact_id"), primary_key=True, index=True),
    Column("standing", String(16), nullable=False),
    ForeignKeyConstraint(["facility", "resident_id"], ["residents.facility", "residents.resident_id"]),
    CheckConstraint("standing IN ('pending', 'approved', 'privileged', 'banned')", name="standing_known"),
)

barriers = Table(
    "barriers",
    metadata,
    Column("facility", Id, primary_key=True),  # empty: every facility
    Column("pattern", Id, primary_key=True),
    Column("watched", Boolean(create_constraint=False), primary_key=True, server_default=false()),
    Column("reason", Text, nullable=False, server_default=""),
)

people_changes = Table(
    "people_changes",
    metadata,
    Column("number", RowNumber, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("kind", String(16), nullable=False),  # resident, contact, relationship, barrier, pin
    Column("subject", Text, nullable=False),  # its key, as `facility/resident`
    Column("before", Text, nullable=False),  # JSON; empty: there was none
    Column("after", Text, nullable=False),  # JSON; empty: it is gone
    Column("version", BigInteger, nullable=False),  # that people_version had with it
    Index("ix_people_changes_subject", "subject"),
    Index("ix_people_changes_version", "version"),
    sqlite_autoincrement=True,
)

people_version = Table(
    "people_version",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("one = 1", name="one_row"),
)
