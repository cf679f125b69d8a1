"""The tables of who may come in. See `tables` for the others.

staff_accounts        people of the staff with a password of their own
staff_sessions        browsers that are signed in: of the cookie only its hash
api_keys              keys of carriers and billing systems: only hashes
sign_in_tries         what a name or an address has tried lately: hashes of both
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, true

from gateway.store.schema import Id, metadata

staff_accounts = Table(
    "staff_accounts",
    metadata,
    Column("name", Id, primary_key=True),
    Column("password_hash", Text, nullable=False),  # argon2id, as PHC text
    Column("roles", Text, nullable=False),  # words with spaces between
    Column("active", Boolean(create_constraint=False), nullable=False, server_default=true()),
    Column("made_at_ms", BigInteger, nullable=False),
    Column("changed_at_ms", BigInteger, nullable=False),
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("session_hash", String(64), primary_key=True),
    Column("name", Id, nullable=False, index=True),
    # of the configured token it was begun with; empty: it was begun with a password
    Column("token_mark", String(64), nullable=False, server_default=""),
    Column("began_at_ms", BigInteger, nullable=False),
    Column("seen_at_ms", BigInteger, nullable=False, index=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Id, primary_key=True),
    Column("key_hash", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # words with spaces between
    Column("made_at_ms", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("revoked_at_ms", BigInteger),
    Column("last_used_day", String(10), nullable=False, server_default=""),  # of UTC, as 2026-11-23
    Index("uq_api_keys_key_hash", "key_hash", unique=True),
)

sign_in_tries = Table(
    "sign_in_tries",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("tries", Integer, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("locked_until_ms", BigInteger, nullable=False, server_default="0"),
    Index("ix_sign_in_tries_since_ms", "since_ms"),
)
