"""The tables. Money is whole micro-units, time is milliseconds of UTC since 1970, ids are text.

    accounts <- entries -> movements      double entry: the entries of a movement sum to zero
    visits   <- holds -> accounts         a visit's intent, its proofs of life, and what is reserved for it
    visits   <- cdrs, chains              append-only records, numbered and chained per node
    visits   <- recordings                files elsewhere; the wrapped key here is what opens one
    visits   <- watchings                 append-only: who watched, a row for its begin and one for its end
    accesses                              append-only: who looked at what, and why
    drops                                 scheduled exports: planned, then done; the last one is the cursor
    deliveries                            messages on their way to a receiver, each claimed by one node at a time
    join_links                            who may open the page of one visit: hashes of the link and of the device
    residents, contacts, relationships    who lives where, and whom each may reach: `people_tables`
    bookings                              visits that are agreed for a time: `bookings_tables`
    staff_accounts, api_keys              who may come in: `access_tables`
contact_emails, family_*              the families' own accounts: `family_tables`

`cdrs`, `movements`, `entries`, `watchings` and `accesses` refuse UPDATE and DELETE in the database itself (triggers).
`accounts.balance_micros` and `held_micros` repeat what entries and open holds add up to, so that a reservation is one
conditional UPDATE; `Books.discrepancies` compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from gateway.store import bookings_tables, people_tables, schema
from gateway.store.schema import Id, RowNumber

metadata = schema.metadata
BOOKINGS = bookings_tables.bookings
PEOPLE = (people_tables.residents, people_tables.contacts, people_tables.relationships, people_tables.barriers)

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("balance_micros", BigInteger, nullable=False),
    Column("held_micros", BigInteger, nullable=False),
    Column("opened_at_ms", BigInteger, nullable=False),
    Column("closed_at_ms", BigInteger),
    Column("owner", Text, nullable=False, server_default=""),
    Column("day_limit_micros", BigInteger),
    Column("week_limit_micros", BigInteger),
    Column("low_balance_micros", BigInteger),
    Column("low_told", Boolean(create_constraint=False), nullable=False, server_default=false()),
    Column("active_at_ms", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("held_micros >= 0", name="held_not_negative"),
    CheckConstraint("kind <> 'prepaid' OR balance_micros >= held_micros", name="never_overspent"),
    CheckConstraint("kind <> 'debit' OR balance_micros >= held_micros", name="debit_never_overspent"),
)

movements = Table(
    "movements",
    metadata,
    Column("movement_id", Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("visit_id", Id, nullable=False, server_default=""),
    Column("cdr_id", Id, nullable=False, server_default="", index=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("who", Text, nullable=False, server_default=""),
)

entries = Table(
    "entries",
    metadata,
    Column("entry_id", RowNumber, primary_key=True, autoincrement=True),
    Column("movement_id", Id, ForeignKey("movements.movement_id"), nullable=False, index=True),
    Column("account_id", Id, ForeignKey("accounts.account_id"), nullable=False),
    Column("amount_micros", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Index("ix_entries_account_id_entry_id", "account_id", "entry_id"),
    sqlite_autoincrement=True,
)

visits = Table(
    "visits",
    metadata,
    Column("visit_id", Id, primary_key=True),
    Column("node", String(32), nullable=False),
    Column("facility", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("station", Text, nullable=False),
    Column("dialled", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("tariff_id", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("medium", String(8), nullable=False),
    Column("max_seconds", BigInteger, nullable=False),
    Column("trunk", Text, nullable=False),
    Column("sip_call_id", Text, nullable=False),
    Column("setup_at_ms", BigInteger, nullable=False),
    Column("privileged", Boolean(create_constraint=False), nullable=False),
    # the terms as they were when money was asked for: a later change of the tariff file changes no running visit
    Column("tariff_json", Text, nullable=False),
    Column("granted_s", BigInteger, nullable=False),
    Column("refusal", String(32), nullable=False),
    Column("refusal_message", Text, nullable=False),
    # the last proof of life
    Column("alive_at_ms", BigInteger),
    Column("ring_at_ms", BigInteger),
    Column("answer_at_ms", BigInteger),
    Column("media_start_at_ms", BigInteger),
    Column("billable_s", BigInteger, nullable=False),
    Column("unusable_s", BigInteger, nullable=False),
    # set by the closing transaction
    Column("cdr_id", Id),
    Column("balance_after_micros", BigInteger),
    # who pays, when it is not account_id alone: JSON; and the free seconds that are set aside, then used
    Column("payers", Text, nullable=False, server_default=""),
    Column("free_s", BigInteger, nullable=False, server_default="0"),
    # whose visit it was, where residents are known; and when it was over, set with cdr_id: limits count by these
    Column("resident", Text, nullable=False, server_default=""),
    Column("end_at_ms", BigInteger),
    # of the family's telephone, by the last proof of life
    Column("out_trunk", Text, nullable=False, server_default=""),
    Column("out_sip_call_id", Text, nullable=False, server_default=""),
    Index("ix_visits_facility_station_setup_at_ms", "facility", "station", "setup_at_ms"),
    Index(
        "ix_visits_of_resident",
        "facility",
        "resident",
        "setup_at_ms",
        sqlite_where=text("resident <> ''"),
        postgresql_where=text("resident <> ''"),
    ),
    Index("ix_visits_of_contact", "facility", "contact", "setup_at_ms"),
    Index(
        "ix_visits_free",
        "account_id",
        "tariff_id",
        "setup_at_ms",
        sqlite_where=text("free_s > 0"),
        postgresql_where=text("free_s > 0"),
    ),
    Index("ix_visits_open", "node", sqlite_where=text("cdr_id IS NULL"), postgresql_where=text("cdr_id IS NULL")),
)

holds = Table(
    "holds",
    metadata,
    Column("hold_id", Id, primary_key=True),
    Column("visit_id", Id, ForeignKey("visits.visit_id"), nullable=False),
    Column("account_id", Id, ForeignKey("accounts.account_id"), nullable=False, index=True),
    Column("amount_micros", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("limited_by_balance", Boolean(create_constraint=False), nullable=False),
    Column("taken_at_ms", BigInteger, nullable=False),
    Column("released_at_ms", BigInteger),
    Column("position", BigInteger, nullable=False, server_default="0"),
    Column("percent", BigInteger, nullable=False, server_default="100"),
    Column("slices", BigInteger, nullable=False, server_default="1"),
    CheckConstraint("amount_micros >= 0", name="not_negative"),
    UniqueConstraint("visit_id", "account_id"),
)

cdrs = Table(
    "cdrs",
    metadata,
    Column("node", String(32), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("cdr_id", Id, nullable=False, unique=True),
    Column("visit_id", Id, ForeignKey("visits.visit_id"), nullable=False),
    Column("corrects", Id),
    Column("facility", Text, nullable=False),
    Column("account_id", Text, nullable=False, index=True),
    Column("end_at_ms", BigInteger, nullable=False, index=True),
    Column("reason", String(64), nullable=False),
    Column("total_micros", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("document", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index(
        "uq_cdrs_visit_id_first",
        "visit_id",
        unique=True,
        sqlite_where=text("corrects IS NULL"),
        postgresql_where=text("corrects IS NULL"),
    ),
    Index(
        "uq_cdrs_corrects",
        "corrects",
        unique=True,
        sqlite_where=text("corrects IS NOT NULL"),
        postgresql_where=text("corrects IS NOT NULL"),
    ),
    Index("ix_cdrs_visit_id", "visit_id"),
    Index("ix_cdrs_facility_end_at_ms", "facility", "end_at_ms"),
)

cdr_figures = Table(
    "cdr_figures",
    metadata,
    Column("end_at_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("node", String(32), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("cdr_id", Id, nullable=False),
    Column("visit_id", Id, nullable=False),
    *(Column(each, Text) for each in ("trunk", "dialled", "sip_call_id", "setup_at", "answer_at", "end_at", "total")),
    *(Column(each, BigInteger) for each in ("duration_ms", "billable_s")),
    *(Column(each, Text) for each in ("out_trunk", "out_sip_call_id")),
    sqlite_with_rowid=False,
    info={"derived": True},  # a trigger of cdrs takes it out of the signed text; nobody else writes it
)

chains = Table(
    "chains",
    metadata,
    Column("node", String(32), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

recordings = Table(
    "recordings",
    metadata,
    Column("recording_id", Id, primary_key=True),
    Column("node", String(32), nullable=False),
    Column("facility", Text, nullable=False),
    Column("visit_id", Id, ForeignKey("visits.visit_id"), nullable=False),
    Column("part", BigInteger, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("wrapped_key", String(200), nullable=False),
    Column("retention_days", BigInteger, nullable=False),
    Column("started_at_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column("retain_until_ms", BigInteger),
    Column("purged_at_ms", BigInteger),
    UniqueConstraint("visit_id", "part"),
    Index("ix_recordings_facility", "facility", "started_at_ms"),
    Index(
        "ix_recordings_open",
        "node",
        sqlite_where=text("ended_at_ms IS NULL"),
        postgresql_where=text("ended_at_ms IS NULL"),
    ),
)

accesses = Table(
    "accesses",
    metadata,
    Column("access_id", RowNumber, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("act", String(32), nullable=False),
    Column("subject", Id, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    sqlite_autoincrement=True,
)

drops = Table(
    "drops",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("node", String(32), primary_key=True),
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    Column("upto", BigInteger, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("planned_at_ms", BigInteger, nullable=False),
    Column("done_at_ms", BigInteger),
    Column("records", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    CheckConstraint("upto > since", name="of_something"),
)

watchings = Table(
    "watchings",
    metadata,
    Column("number", RowNumber, primary_key=True, autoincrement=True),
    Column("watching_id", Id, nullable=False),
    Column("act", String(8), nullable=False),
    Column("node", String(32), nullable=False),
    Column("facility", Text, nullable=False),
    Column("visit_id", Id, ForeignKey("visits.visit_id"), nullable=False, index=True),
    Column("officer", Text, nullable=False, index=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("reason", String(32), nullable=False),
    UniqueConstraint("watching_id", "act"),
    sqlite_autoincrement=True,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", Id, primary_key=True),
    Column("node", String(32), nullable=False),
    Column("receiver", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("facility", Text, nullable=False),
    Column("visit_id", Id, nullable=False),
    Column("privileged", Boolean(create_constraint=False), nullable=False),
    Column("body", Text, nullable=False),
    Column("made_at_ms", BigInteger, nullable=False, index=True),
    Column("useless_at_ms", BigInteger),
    Column("give_up_at_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("next_at_ms", BigInteger, nullable=False),
    Column("claim", String(64), nullable=False),
    Column("claimed_until_ms", BigInteger, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("settled_at_ms", BigInteger),
    Index(
        "ix_deliveries_due",
        "next_at_ms",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)

join_links = Table(
    "join_links",
    metadata,
    Column("link_hash", String(64), primary_key=True),
    Column("node", String(32), nullable=False),
    Column("visit_id", Id, nullable=False),
    Column("facility", Text, nullable=False),
    Column("privileged", Boolean(create_constraint=False), nullable=False),
    Column("contact", Text, nullable=False),
    Column("made_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False, index=True),
    Column("device_hash", String(64), nullable=False),
    Column("opened_at_ms", BigInteger),
)
