"""SQL of the families' own accounts: addresses, sign-ins that are under way, sessions.

Of cookies, links and codes only hashes get here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from gateway.errors import PeopleError
from gateway.store.family_tables import contact_emails, family_sessions, family_sign_ins
from gateway.store.rows import from_ms, to_ms


@dataclass(frozen=True, slots=True)
class FamilySignIn:
    """A link and a code that were sent together. contact "": nobody has the address, nothing was sent."""

    sign_in_hash: str
    link_hash: str
    code_hash: str
    contact: str
    expires_at: datetime
    tries: int = 0


@dataclass(frozen=True, slots=True)
class FamilySession:
    """A browser that is signed in as this contact."""

    session_hash: str
    contact: str
    began_at: datetime
    ends_at: datetime


class FamilyBook:
    """Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # ---- addresses ----

    def email_of(self, contact: str) -> str:
        """Empty: none is known."""
        found = select(contact_emails.c.email).where(contact_emails.c.contact_id == contact)
        return str(self._connection.execute(found).scalar() or "")

    def contact_of(self, email: str) -> str:
        """Empty: nobody has this address."""
        found = select(contact_emails.c.contact_id).where(contact_emails.c.email == email)
        return str(self._connection.execute(found).scalar() or "")

    def set_email(self, contact: str, email: str) -> bool:
        """Whether it is another one than before; empty: none. Raises PeopleError when another contact has it."""
        if email and self.contact_of(email) not in ("", contact):
            raise PeopleError(f"contact {contact!r}: its e-mail address is another contact's")
        if self.email_of(contact) == email:
            return False
        self._connection.execute(delete(contact_emails).where(contact_emails.c.contact_id == contact))
        if email:
            self._connection.execute(insert(contact_emails).values(contact_id=contact, email=email))
        return True

    # ---- sign-ins ----

    def add_sign_in(self, row: FamilySignIn) -> None:
        self._connection.execute(
            insert(family_sign_ins).values(
                sign_in_hash=row.sign_in_hash,
                link_hash=row.link_hash,
                code_hash=row.code_hash,
                contact_id=row.contact,
                expires_at_ms=to_ms(row.expires_at),
                tries=row.tries,
            )
        )

    def sign_in(self, *, sign_in_hash: str = "", link_hash: str = "") -> FamilySignIn | None:
        columns = family_sign_ins.c
        by = columns.sign_in_hash == sign_in_hash if sign_in_hash else columns.link_hash == link_hash
        row = self._connection.execute(select(family_sign_ins).where(by)).first()
        if row is None:
            return None
        return FamilySignIn(
            row.sign_in_hash, row.link_hash, row.code_hash, row.contact_id, from_ms(row.expires_at_ms), row.tries
        )

    def count_try(self, sign_in_hash: str) -> None:
        found = update(family_sign_ins).where(family_sign_ins.c.sign_in_hash == sign_in_hash)
        self._connection.execute(found.values(tries=family_sign_ins.c.tries + 1))

    def take_sign_in(self, sign_in_hash: str) -> bool:
        """Link and code are used up; whether they were there."""
        found = delete(family_sign_ins).where(family_sign_ins.c.sign_in_hash == sign_in_hash)
        return self._connection.execute(found).rowcount == 1

    # ---- sessions ----

    def begin(self, session: FamilySession) -> None:
        self._connection.execute(
            insert(family_sessions).values(
                session_hash=session.session_hash,
                contact_id=session.contact,
                began_at_ms=to_ms(session.began_at),
                ends_at_ms=to_ms(session.ends_at),
            )
        )

    def session(self, session_hash: str) -> FamilySession | None:
        row = self._connection.execute(
            select(family_sessions).where(family_sessions.c.session_hash == session_hash)
        ).first()
        if row is None:
            return None
        return FamilySession(row.session_hash, row.contact_id, from_ms(row.began_at_ms), from_ms(row.ends_at_ms))

    def end(self, session_hash: str) -> None:
        self._connection.execute(delete(family_sessions).where(family_sessions.c.session_hash == session_hash))

    def end_all(self, contact: str) -> int:
        """How many there were."""
        found = delete(family_sessions).where(family_sessions.c.contact_id == contact)
        return self._connection.execute(found).rowcount

    def forget(self, now: datetime) -> None:
        """Takes away what is over."""
        self._connection.execute(delete(family_sign_ins).where(family_sign_ins.c.expires_at_ms <= to_ms(now)))
        self._connection.execute(delete(family_sessions).where(family_sessions.c.ends_at_ms <= to_ms(now)))
