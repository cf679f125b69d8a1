"""Sign-in of contacts by e-mail, and their sessions, over every node that shares the store.

    started = await desk.start("ada@example.org", source="198.51.100.7", language="en")
    ticket = await desk.by_code(started.sign_in, "493027", source="198.51.100.7")     # or by_link(token, source=...)
    session = await desk.session(ticket.cookie)                                        # None when it is over

Whether anybody has an address cannot be told from outside: the answer is the same, and the mail is sent afterwards. Of
cookies, links and codes the store has hashes; a code's is keyed, for six digits are soon tried.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import aiosmtplib

from gateway.access.throttle import Limit, counted, wait
from gateway.clock import Clock
from gateway.errors import NotOffered, SignInLocked, SignInRefused
from gateway.family.mail import Mail, Mailer, address_of
from gateway.family.rules import FamilyRules
from gateway.store import Access, FamilySession, FamilySignIn, Store, Work

log = logging.getLogger(__name__)
_PURPOSE = b"kinbridge.family-code.v1"
_NO = "this code or link is not valid, or not any more"


@dataclass(frozen=True, slots=True)
class Started:
    """sign_in: the page keeps it until the code comes: who has only the code gets nowhere."""

    sign_in: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a browser gets at its sign-in. cookie: a secret, never logged."""

    cookie: str = field(repr=False)
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """csrf_token: what the page sends along with what it changes."""

    contact: str
    ends_at: datetime
    csrf_token: str = field(repr=False)


class FamilyDesk:
    """Every method raises StoreError when the store does not answer.

    secret: as for contact links. page: the address of the family's page, to which a link adds its token.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rules: FamilyRules,
        *,
        mailer: Mailer | None,
        secret: str,
        page: Callable[[], str],
    ) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules
        self._mailer = mailer
        self._key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
        self._page = page
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def by_email(self) -> bool:
        return self._mailer is not None

    async def start(self, email: str, *, source: str, language: str = "en") -> Started:
        """Raises NotOffered, SignInLocked (the same for an address that nobody has)."""
        if self._mailer is None:
            raise NotOffered("this gateway sends no e-mail; set family.mail")
        now, address = self._clock.now(), address_of(email)
        sign_in, link = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
        code = f"{secrets.randbelow(1_000_000):06d}"
        subjects = {_subject("source", source): self._rules.of_source}
        subjects |= {_subject("address", address or email): self._rules.of_address}
        ends = now + self._rules.code_good

        def act(work: Work) -> str:
            self._assert_free(work, subjects, now)
            self._count(work, subjects, now)
            work.families.forget(now)
            contact = work.families.contact_of(address) if address else ""
            code_hash = self._code_hash(sign_in, code)
            work.families.add_sign_in(FamilySignIn(_hashed(sign_in), _hashed(link), code_hash, contact, ends))
            return contact

        if await self._store.write(act):
            minutes = int(self._rules.code_good.total_seconds() // 60)
            self._post(Mail(address, f"{self._page()}#sign-in={link}", code, minutes, language))
        return Started(sign_in, ends)

    async def by_code(self, sign_in: str, code: str, *, source: str, before: str = "") -> Ticket:
        """before: the cookie that the browser had; its session is over. Raises SignInRefused, SignInLocked."""
        now, code_hash = self._clock.now(), self._code_hash(sign_in, code)
        subjects = {_subject("code-source", source): self._rules.of_source}

        def act(work: Work) -> str:
            self._assert_free(work, subjects, now)
            found = work.families.sign_in(sign_in_hash=_hashed(sign_in))
            good = found is not None and found.expires_at > now and found.tries < self._rules.code_tries
            if found is None or not good or not hmac.compare_digest(found.code_hash, code_hash) or not found.contact:
                self._count(work, subjects, now)
                work.families.count_try(_hashed(sign_in))
                return ""
            return self._begin(work, found, now, before)

        return self._ticket(await self._store.write(act), now)

    async def by_link(self, token: str, *, source: str, before: str = "") -> Ticket:
        """Raises SignInRefused, SignInLocked."""
        now = self._clock.now()
        subjects = {_subject("code-source", source): self._rules.of_source}

        def act(work: Work) -> str:
            self._assert_free(work, subjects, now)
            found = work.families.sign_in(link_hash=_hashed(token))
            if found is None or found.expires_at <= now or not found.contact:
                self._count(work, subjects, now)
                return ""
            return self._begin(work, found, now, before)

        return self._ticket(await self._store.write(act), now)

    async def session(self, cookie: str) -> Session | None:
        found = await self._store.read(lambda work: work.families.session(_hashed(cookie)))
        if found is None or self._clock.now() >= found.ends_at:
            return None
        return Session(found.contact, found.ends_at, _hashed(f"csrf:{cookie}"))

    async def end(self, cookie: str) -> None:
        """What is no session any more is no mistake."""
        await self._store.write(lambda work: work.families.end(_hashed(cookie)))

    async def end_all(self, contact: str) -> int:
        """On every device; how many there were."""
        return await self._store.write(lambda work: work.families.end_all(contact))

    async def close(self) -> None:
        """What is being sent may finish within its own time."""
        await asyncio.gather(*self._sending, return_exceptions=True)

    def _begin(self, work: Work, found: FamilySignIn, now: datetime, before: str) -> str:
        """In the same transaction: what was sent is used up and the session is there, or neither."""
        if not work.families.take_sign_in(found.sign_in_hash):
            return ""
        if before:
            work.families.end(_hashed(before))
        cookie = secrets.token_urlsafe(32)
        work.families.begin(FamilySession(_hashed(cookie), found.contact, now, now + self._rules.session))
        work.accesses.write(Access(now, f"contact:{found.contact}", "family.signed_in", found.contact, detail="e-mail"))
        return cookie

    def _ticket(self, cookie: str, now: datetime) -> Ticket:
        if not cookie:
            raise SignInRefused(_NO)
        return Ticket(cookie, now + self._rules.session)

    @staticmethod
    def _assert_free(work: Work, subjects: dict[str, Limit], now: datetime) -> None:
        if longest := max(wait(work.staff.tries(each), now) for each in subjects):
            raise SignInLocked("too many sign-ins were tried", math.ceil(longest.total_seconds()))

    @staticmethod
    def _count(work: Work, subjects: dict[str, Limit], now: datetime) -> None:
        for subject, limit in subjects.items():
            work.staff.put_tries(subject, counted(work.staff.tries(subject), now, limit))

    def _post(self, mail: Mail) -> None:
        """Afterwards, so that the answer takes as long for an address that nobody has."""
        task = asyncio.create_task(self._send(mail), name="family mail")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, mail: Mail) -> None:
        assert self._mailer is not None  # noqa: S101 - `start` asked
        try:
            await self._mailer.send(mail)
        except (OSError, aiosmtplib.SMTPException) as error:
            log.warning("a sign-in mail was not sent (%s)", type(error).__name__)

    def _code_hash(self, sign_in: str, code: str) -> str:
        return hmac.new(self._key, f"{sign_in}:{code}".encode(errors="replace"), hashlib.sha256).hexdigest()


def _subject(kind: str, text: str) -> str:
    return _hashed(f"family-{kind}:{text}")


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
