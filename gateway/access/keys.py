"""Keys of other systems: `kb_`, then 32 random bytes. Shown once; the store has the SHA-256, which is enough for what
is random to begin with.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from gateway.access.scopes import Scope
from gateway.clock import Clock
from gateway.errors import AccessError
from gateway.store import Access, ApiKey, Store, Work

PREFIX = "kb_"
MOST_DAYS = 3 * 366


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks by a key. name: what audits keep."""

    name: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class MadeKey:
    """key: shown now and never again."""

    row: ApiKey
    key: str = field(repr=False)


class KeyDesk:
    """Every method raises StoreError when the store does not answer."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def add(self, name: str, scopes: frozenset[Scope], days: int, who: str) -> MadeKey:
        """Raises AccessError for a key without name or scope, or one that would last too long."""
        if not name.strip() or len(name) > 100:
            raise AccessError("name: say whose key it is, in 1 to 100 characters")
        if not scopes:
            raise AccessError(f"scopes: a key needs one or more of {', '.join(Scope)}")
        if not 1 <= days <= MOST_DAYS:
            raise AccessError(f"days: a key lasts 1 to {MOST_DAYS} days; make a new one before it ends")
        now = self._clock.now()
        key = PREFIX + secrets.token_urlsafe(32)
        row = ApiKey(
            key_id=f"key-{secrets.token_hex(4)}",
            key_hash=_hashed(key),
            name=name.strip(),
            scopes=tuple(sorted(scopes)),
            made_at=now,
            made_by=who,
            expires_at=now + timedelta(days=days),
        )

        def act(work: Work) -> None:
            work.keys.add(row)
            work.accesses.write(Access(now, who, "key.added", row.key_id, detail=" ".join(row.scopes)))

        await self._store.write(act)
        return MadeKey(row, key)

    async def all(self) -> tuple[ApiKey, ...]:
        return await self._store.read(lambda work: work.keys.all())

    async def revoke(self, key_id: str, who: str) -> None:
        """Raises AccessError when there is none that is still good."""
        now = self._clock.now()

        def act(work: Work) -> bool:
            if not work.keys.revoke(key_id, now):
                return False
            work.accesses.write(Access(now, who, "key.revoked", key_id))
            return True

        if not await self._store.write(act):
            raise AccessError(f"there is no key {key_id!r} to revoke; `kinbridge api-key list` shows them")

    async def holder(self, key: str) -> Holder | None:
        """None for a key that was never made, is revoked, or is over. The day of its use is kept."""
        found = await self._store.read(lambda work: work.keys.by_hash(_hashed(key)))
        now = self._clock.now()
        if found is None or found.revoked_at is not None or found.expires_at <= now:
            return None
        key_id, today = found.key_id, now.date().isoformat()
        if found.last_used_day != today:
            await self._store.write(lambda work: work.keys.used(key_id, today))
        known = frozenset(Scope(each) for each in found.scopes if each in set(Scope))
        return Holder(key_id, known)


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
