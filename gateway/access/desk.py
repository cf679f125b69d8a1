"""Staff accounts and sessions, over every node that shares the store.

    ticket = await desk.sign_in("badge-1138", password, source="198.51.100.7", before="")
    session = await desk.session(ticket.cookie)      # None when it is over: unused, too old, ended, account disabled
    await desk.end(ticket.cookie)

Of a cookie the store has the SHA-256. The word that guards against forged requests (CSRF) is made of the cookie, so
that nothing more has to be kept; it tells nothing about it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from gateway.access.passwords import PasswordHashes
from gateway.access.rules import AccessRules
from gateway.access.throttle import Limit, counted, given_back, wait
from gateway.clock import Clock
from gateway.config import StaffRole
from gateway.errors import AccessError, SignInLocked, SignInRefused, StoreError
from gateway.store import Access, StaffAccount, StaffSession, Store, Work

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SEEN_ANEW = timedelta(minutes=1)  # how exact `seen_at` is: not every request writes
LOOK_AGAIN_S = 20.0  # at a session that has something open
_MOST_WAITING = 16  # for their turn at the hash; who comes later is told to come back
_COME_BACK = timedelta(seconds=5)
_UNKNOWN = "(unknown)"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a browser gets at its sign-in. cookie: a secret, never logged."""

    cookie: str = field(repr=False)
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """token_mark: of the configured token that it was begun with (see `mark_of`), "" for a password's.

    roles: of the account, as they are now; empty for a token's: the configuration has those.
    """

    name: str
    roles: frozenset[StaffRole]
    token_mark: str
    ends_at: datetime
    csrf_token: str = field(repr=False)


class AccessDesk:
    """Every method raises StoreError when the store does not answer."""

    def __init__(self, store: Store, clock: Clock, rules: AccessRules = AccessRules()) -> None:  # noqa: B008 - frozen
        self._store = store
        self._clock = clock
        self._rules = rules
        self._hashing = asyncio.Semaphore(1)  # one at a time: each takes a core and 64 MiB for a while
        self._waiting = 0
        self._hashes: PasswordHashes | None = None

    # ---- signing in ----

    async def sign_in(self, name: str, password: str, *, source: str, before: str = "") -> Ticket:
        """before: the cookie that the browser had; its session is over, right password or not.

        Raises SignInRefused, the same after the same time for a wrong password, a name that nobody has and an account
        that is disabled; SignInLocked for a name or an address that has failed too often.
        """
        now = self._clock.now()
        if self._waiting >= _MOST_WAITING:
            raise SignInLocked("too many sign in at this moment", _COME_BACK.total_seconds())
        subjects = {_subject("name", name.casefold()): self._rules.of_account}
        subjects |= {_subject("source", source): self._rules.of_source}
        account = await self._store.write(lambda work: self._try(work, subjects, now, name, before))
        fits = await self._hash(lambda hashes: hashes.fits(account.password_hash if account else "", password))
        if account is None or not fits:
            await self._store.write(lambda work: self._refused(work, now, account, subjects))
            raise SignInRefused("no account has this name and this password")
        return await self._store.write(lambda work: self._begin(work, account.name, "", subjects, account))

    async def sign_in_by_token(self, name: str, token_sha256: str, *, source: str, before: str = "") -> Ticket:
        """token_sha256 "": no configured token was it. Raises SignInRefused, SignInLocked."""
        now, subjects = self._clock.now(), {_subject("source", source): self._rules.of_source}
        await self._store.write(lambda work: self._try(work, subjects, now, "", before))
        if not token_sha256:
            await self._store.write(lambda work: self._refused(work, now, None, subjects))
            raise SignInRefused("this is no staff token")
        return await self._store.write(lambda work: self._begin(work, name, mark_of(token_sha256), subjects, None))

    def _try(
        self, work: Work, subjects: dict[str, Limit], now: datetime, name: str, before: str
    ) -> StaffAccount | None:
        """The account, when it is active. The old session ends; the try is counted before it is compared."""
        if before:
            work.staff.end(_hashed(before))
        work.staff.forget(now - self._rules.idle, now - self._rules.longest)
        work.staff.forget_tries_before(now - 2 * self._rules.of_source.lockout, now)
        tried = {each: work.staff.tries(each) for each in subjects}
        if longest := max(wait(each, now) for each in tried.values()):
            raise SignInLocked("too many sign-ins have failed", math.ceil(longest.total_seconds()))
        for subject, limit in subjects.items():
            work.staff.put_tries(subject, counted(tried[subject], now, limit))
        account = work.staff.account(name) if name else None
        return account if account is not None and account.active else None

    @staticmethod
    def _refused(work: Work, now: datetime, account: StaffAccount | None, subjects: dict[str, Limit]) -> None:
        """What was typed as a name is written down only when it is one: it may have been the password."""
        locked = any(wait(work.staff.tries(each), now) for each in subjects)
        act = "staff.locked_out" if locked else "staff.sign_in_refused"
        name = account.name if account else _UNKNOWN
        work.accesses.write(Access(now, name, act, name))

    def _begin(
        self, work: Work, name: str, mark: str, subjects: dict[str, Limit], account: StaffAccount | None
    ) -> Ticket:
        if account is not None and work.staff.account(name) != account:
            raise SignInRefused("the account has changed in this moment")
        now, cookie = self._clock.now(), secrets.token_urlsafe(32)
        for subject, limit in subjects.items():
            left = given_back(work.staff.tries(subject))
            if left is None or limit is self._rules.of_account:
                work.staff.forget_tries(subject)
            else:
                work.staff.put_tries(subject, left)
        work.staff.begin(StaffSession(_hashed(cookie), name, mark, now, now))
        work.accesses.write(Access(now, name, "staff.signed_in", name, detail="token" if mark else "password"))
        return Ticket(cookie, now + self._rules.longest)

    # ---- sessions ----

    async def session(self, cookie: str) -> Session | None:
        found = await self._store.read(lambda work: self._session(work, _hashed(cookie)))
        if found is None:
            return None
        row, account = found
        now = self._clock.now()
        ends_at = row.began_at + self._rules.longest
        if now >= ends_at or now >= row.seen_at + self._rules.idle:
            return None
        if now >= row.seen_at + _SEEN_ANEW:
            await self._store.write(lambda work: work.staff.seen(row.session_hash, now))
        roles = frozenset(StaffRole(each) for each in account.roles if each in set(StaffRole)) if account else ()
        return Session(row.name, frozenset(roles), row.token_mark, ends_at, csrf_token_of(cookie))

    async def over(self, session: Session, cookie: str) -> None:
        """Returns when the session is over or has other roles than it had, so that what is open by it can be closed.

        An open page counts as use. While the store does not answer, nobody is thrown out.
        """
        while True:
            await self._clock.sleep(LOOK_AGAIN_S)
            with contextlib.suppress(StoreError):
                found = await self.session(cookie)
                if found is None or found.roles != session.roles:
                    return

    async def end(self, cookie: str) -> None:
        """What is no session any more is no mistake."""
        now, session_hash = self._clock.now(), _hashed(cookie)

        def act(work: Work) -> None:
            row = work.staff.session(session_hash)
            if row is not None and work.staff.end(session_hash):
                work.accesses.write(Access(now, row.name, "staff.signed_out", row.name))

        await self._store.write(act)

    @staticmethod
    def _session(work: Work, session_hash: str) -> tuple[StaffSession, StaffAccount | None] | None:
        row = work.staff.session(session_hash)
        if row is None or row.token_mark:
            return None if row is None else (row, None)
        account = work.staff.account(row.name)
        return (row, account) if account is not None and account.active else None

    # ---- accounts ----

    async def accounts(self) -> tuple[StaffAccount, ...]:
        return await self._store.read(lambda work: work.staff.accounts())

    async def add(self, name: str, roles: frozenset[StaffRole], password: str, who: str) -> None:
        """Raises AccessError for a name that is taken or none, no role, or a password that is guessed early."""
        if not _NAME.fullmatch(name):
            raise AccessError("name: 1 to 63 letters, digits, dots, dashes or underlines, such as badge-1138")
        made = StaffAccount(name, "", _words(roles), self._clock.now(), self._clock.now())
        made = replace(made, password_hash=await self._hash(lambda hashes: hashes.hash(name, password)))

        def act(work: Work) -> None:
            if any(each.name.casefold() == name.casefold() for each in work.staff.accounts()):
                raise AccessError(f"there is a staff account {name!r} already")
            work.staff.add(made)
            work.accesses.write(Access(made.made_at, who, "staff.added", name, detail=" ".join(made.roles)))

        await self._store.write(act)

    async def set_password(self, name: str, password: str, who: str) -> int:
        """Sessions that were begun with the old one end; how many. A lock-out of the name ends too."""
        password_hash = await self._hash(lambda hashes: hashes.hash(name, password))
        return await self._change(name, {"password_hash": password_hash}, who, "staff.password_set")

    async def set_roles(self, name: str, roles: frozenset[StaffRole], who: str) -> None:
        """Its sessions go on, with these roles from now on."""
        await self._change(name, {"roles": _words(roles)}, who, "staff.roles_set", " ".join(_words(roles)))

    async def set_active(self, name: str, who: str, *, active: bool) -> int:
        """Its sessions end; how many."""
        return await self._change(name, {"active": active}, who, "staff.enabled" if active else "staff.disabled")

    async def _change(self, name: str, values: dict[str, object], who: str, act: str, detail: str = "") -> int:
        now = self._clock.now()

        def change(work: Work) -> int:
            account = work.staff.account(name)
            if account is None:
                raise AccessError(f"there is no staff account {name!r}; `kinbridge staff list` shows them")
            work.staff.change(replace(account, changed_at=now, **values))  # type: ignore[arg-type]  # fields of it
            work.staff.forget_tries(_subject("name", name.casefold()))
            work.accesses.write(Access(now, who, act, name, detail=detail))
            return 0 if "roles" in values else work.staff.end_all(name)

        return await self._store.write(change)

    # ---- what was done ----

    async def trail(
        self, since: int, limit: int, *, who: str = "", act: str = "", subject: str = ""
    ) -> tuple[tuple[int, Access], ...]:
        """Lines of the audit with a number above `since`, each with it, oldest first; an empty word asks for any."""
        return await self._store.read(lambda work: work.accesses.page(since, limit, who=who, act=act, subject=subject))

    async def _hash(self, work: Callable[[PasswordHashes], T]) -> T:
        self._waiting += 1
        try:
            async with self._hashing:
                if self._hashes is None:
                    self._hashes = await asyncio.to_thread(PasswordHashes, self._rules.memory_mib)
                return await asyncio.to_thread(work, self._hashes)
        finally:
            self._waiting -= 1


def mark_of(token_sha256: str) -> str:
    """By which a session knows the configured token it was begun with; the token cannot be asked of it."""
    return _hashed(f"mark:{token_sha256}")


def csrf_token_of(cookie: str) -> str:
    return _hashed(f"csrf:{cookie}")


def _subject(kind: str, text: str) -> str:
    return _hashed(f"{kind}:{text}")


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _words(roles: frozenset[StaffRole]) -> tuple[str, ...]:
    if not roles:
        raise AccessError(f"roles: give one or more of {', '.join(StaffRole)}")
    return tuple(each.value for each in StaffRole if each in roles)
