"""The tables of the families' own accounts. See `tables` for the others.

contact_emails        where a contact gets links and codes; one address, one contact
family_sign_ins       a link and a code that were sent, or would have been: hashes
family_sessions       browsers that are signed in: of the cookie only its hash
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from gateway.store.schema import Id, metadata

contact_emails = Table(
    "contact_emails",
    metadata,
    Column("contact_id", Id, primary_key=True),
    Column("email", Text, nullable=False),  # in small letters
    Index("uq_contact_emails_email", "email", unique=True),
)

family_sign_ins = Table(
    "family_sign_ins",
    metadata,
    Column("sign_in_hash", String(64), primary_key=True),
    Column("link_hash", String(64), nullable=False),
    Column("code_hash", String(64), nullable=False),
    Column("contact_id", Id, nullable=False),  # empty: nobody has the address; nothing was sent
    Column("expires_at_ms", BigInteger, nullable=False, index=True),
    Column("tries", Integer, nullable=False, server_default="0"),
    Index("uq_family_sign_ins_link_hash", "link_hash", unique=True),
)

family_sessions = Table(
    "family_sessions",
    metadata,
    Column("session_hash", String(64), primary_key=True),
    Column("contact_id", Id, nullable=False, index=True),
    Column("began_at_ms", BigInteger, nullable=False),
    Column("ends_at_ms", BigInteger, nullable=False, index=True),
)
