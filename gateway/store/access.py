"""SQL of who may come in: staff accounts, their sessions, API keys, and what was tried at the door.

Of cookies, keys, names that were tried and addresses only SHA-256 (hexadecimal) gets here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from gateway.store.access_tables import api_keys, sign_in_tries, staff_accounts, staff_sessions
from gateway.store.rows import from_ms, maybe_time, to_ms


@dataclass(frozen=True, slots=True)
class StaffAccount:
    """roles: words of gateway.config.StaffRole. A disabled account keeps its roles and its password."""

    name: str
    password_hash: str
    roles: tuple[str, ...]
    made_at: datetime
    changed_at: datetime
    active: bool = True


@dataclass(frozen=True, slots=True)
class StaffSession:
    """token_mark: of the configured token it was begun with; empty: it was begun with a password."""

    session_hash: str
    name: str
    token_mark: str
    began_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """scopes: words of gateway.access.Scope. last_used_day: as 2026-11-23, of UTC; empty: never."""

    key_id: str
    key_hash: str
    name: str
    scopes: tuple[str, ...]
    made_at: datetime
    made_by: str
    expires_at: datetime
    revoked_at: datetime | None = None
    last_used_day: str = ""


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a name or an address has failed since then; until when it may not try at all."""

    count: int
    since: datetime
    locked_until: datetime


class StaffBook:
    """Accounts and sessions. Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # ---- accounts ----

    def account(self, name: str) -> StaffAccount | None:
        row = self._connection.execute(select(staff_accounts).where(staff_accounts.c.name == name)).first()
        return None if row is None else _account(row)

    def accounts(self) -> tuple[StaffAccount, ...]:
        rows = self._connection.execute(select(staff_accounts).order_by(staff_accounts.c.name))
        return tuple(_account(row) for row in rows)

    def add(self, account: StaffAccount) -> None:
        self._connection.execute(insert(staff_accounts).values(name=account.name, **_values(account)))

    def change(self, account: StaffAccount) -> None:
        found = update(staff_accounts).where(staff_accounts.c.name == account.name)
        self._connection.execute(found.values(**_values(account)))

    # ---- sessions ----

    def begin(self, session: StaffSession) -> None:
        self._connection.execute(
            insert(staff_sessions).values(
                session_hash=session.session_hash,
                name=session.name,
                token_mark=session.token_mark,
                began_at_ms=to_ms(session.began_at),
                seen_at_ms=to_ms(session.seen_at),
            )
        )

    def session(self, session_hash: str) -> StaffSession | None:
        row = self._connection.execute(
            select(staff_sessions).where(staff_sessions.c.session_hash == session_hash)
        ).first()
        if row is None:
            return None
        began, seen = from_ms(row.began_at_ms), from_ms(row.seen_at_ms)
        return StaffSession(row.session_hash, row.name, row.token_mark, began, seen)

    def seen(self, session_hash: str, at: datetime) -> None:
        found = update(staff_sessions).where(staff_sessions.c.session_hash == session_hash)
        self._connection.execute(found.values(seen_at_ms=to_ms(at)))

    def end(self, session_hash: str) -> bool:
        """Whether it was there."""
        found = delete(staff_sessions).where(staff_sessions.c.session_hash == session_hash)
        return self._connection.execute(found).rowcount == 1

    def end_all(self, name: str) -> int:
        """Those that an account's password began; how many they were."""
        found = delete(staff_sessions).where(staff_sessions.c.name == name, staff_sessions.c.token_mark == "")
        return self._connection.execute(found).rowcount

    def forget(self, seen_before: datetime, began_before: datetime) -> int:
        """Takes away sessions that have come to their end."""
        over = or_(staff_sessions.c.seen_at_ms < to_ms(seen_before), staff_sessions.c.began_at_ms < to_ms(began_before))
        return self._connection.execute(delete(staff_sessions).where(over)).rowcount

    # ---- what was tried ----

    def tries(self, subject: str) -> Tries | None:
        row = self._connection.execute(select(sign_in_tries).where(sign_in_tries.c.subject == subject)).first()
        return None if row is None else Tries(row.tries, from_ms(row.since_ms), from_ms(row.locked_until_ms))

    def put_tries(self, subject: str, tries: Tries) -> None:
        values = {
            "tries": tries.count,
            "since_ms": to_ms(tries.since),
            "locked_until_ms": to_ms(tries.locked_until),
        }
        there = update(sign_in_tries).where(sign_in_tries.c.subject == subject).values(**values)
        if self._connection.execute(there).rowcount == 0:
            self._connection.execute(insert(sign_in_tries).values(subject=subject, **values))

    def forget_tries(self, subject: str) -> None:
        self._connection.execute(delete(sign_in_tries).where(sign_in_tries.c.subject == subject))

    def forget_tries_before(self, since: datetime, now: datetime) -> None:
        """What began before `since` and locks nobody out any more."""
        over = (sign_in_tries.c.since_ms < to_ms(since), sign_in_tries.c.locked_until_ms < to_ms(now))
        self._connection.execute(delete(sign_in_tries).where(*over))


class KeyBook:
    """API keys. Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, key: ApiKey) -> None:
        self._connection.execute(
            insert(api_keys).values(
                key_id=key.key_id,
                key_hash=key.key_hash,
                name=key.name,
                scopes=" ".join(key.scopes),
                made_at_ms=to_ms(key.made_at),
                made_by=key.made_by,
                expires_at_ms=to_ms(key.expires_at),
            )
        )

    def by_hash(self, key_hash: str) -> ApiKey | None:
        row = self._connection.execute(select(api_keys).where(api_keys.c.key_hash == key_hash)).first()
        return None if row is None else _key(row)

    def all(self) -> tuple[ApiKey, ...]:
        """The oldest first."""
        rows = self._connection.execute(select(api_keys).order_by(api_keys.c.made_at_ms, api_keys.c.key_id))
        return tuple(_key(row) for row in rows)

    def used(self, key_id: str, day: str) -> None:
        self._connection.execute(update(api_keys).where(api_keys.c.key_id == key_id).values(last_used_day=day))

    def revoke(self, key_id: str, at: datetime) -> bool:
        """Whether there was one that was good until now."""
        found = update(api_keys).where(api_keys.c.key_id == key_id, api_keys.c.revoked_at_ms.is_(None))
        return self._connection.execute(found.values(revoked_at_ms=to_ms(at))).rowcount == 1


def _account(row: Row[Any]) -> StaffAccount:
    return StaffAccount(
        name=row.name,
        password_hash=row.password_hash,
        roles=tuple(row.roles.split()),
        made_at=from_ms(row.made_at_ms),
        changed_at=from_ms(row.changed_at_ms),
        active=row.active,
    )


def _values(account: StaffAccount) -> dict[str, object]:
    return {
        "password_hash": account.password_hash,
        "roles": " ".join(account.roles),
        "active": account.active,
        "made_at_ms": to_ms(account.made_at),
        "changed_at_ms": to_ms(account.changed_at),
    }


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        key_hash=row.key_hash,
        name=row.name,
        scopes=tuple(row.scopes.split()),
        made_at=from_ms(row.made_at_ms),
        made_by=row.made_by,
        expires_at=from_ms(row.expires_at_ms),
        revoked_at=maybe_time(row.revoked_at_ms),
        last_used_day=row.last_used_day,
    )
