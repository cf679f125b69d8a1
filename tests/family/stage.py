"""Families who sign in: a real SMTP server that keeps what it is given, and a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

from gateway.clock import ManualClock
from gateway.config_family import MailConfig
from gateway.family import FamilyDesk, FamilyRules
from gateway.family.mail import SmtpMailer
from gateway.policy.plan import Contact
from gateway.store import By, Store
from tests.support.waiting import until

MONDAY = datetime(2026, 1, 5, 15, tzinfo=UTC)
ADA, BEN = "ada@example.org", "ben@example.org"
HERE = "198.51.100.7"
SECRET = "the-secret-of-the-links"
PAGE = "https://visits.example/family"


class Post:
    """What the mail server was given, in order."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        content = envelope.content
        assert isinstance(content, bytes)
        found = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        return "250 taken"

    async def mail(self, number: int = 1) -> EmailMessage:
        async def came() -> bool:
            return len(self.mails) >= number

        await until(came, f"mail {number} to come")
        return self.mails[number - 1]


def code_in(mail: EmailMessage) -> str:
    found = re.search(r": (\d{6})\b", mail.get_content())
    assert found is not None
    return found[1]


def link_in(mail: EmailMessage) -> str:
    """The token alone."""
    found = re.search(re.escape(PAGE) + r"#sign-in=([\w-]+)", mail.get_content())
    assert found is not None
    return found[1]


@dataclass
class Household:
    store: Store
    clock: ManualClock
    post: Post
    desk: FamilyDesk
    rules: FamilyRules = field(default_factory=FamilyRules)

    async def know(self, contact: str, address: str) -> None:
        by = By("tester", self.clock.now())
        row = Contact(contact, contact.title(), f"1{contact[-1]}", contact)

        def act(work) -> None:  # type: ignore[no-untyped-def]  # a function of the store
            work.people.put_contact(row, by)
            work.people.set_email(contact, address, by)

        await self.store.write(act)

    async def sign_in(self, address: str = ADA, *, source: str = HERE) -> str:
        """The cookie, by the code of the next mail."""
        number = len(self.post.mails) + 1
        started = await self.desk.start(address, source=source)
        code = code_in(await self.post.mail(number))
        return (await self.desk.by_code(started.sign_in, code, source=source)).cookie


def desk_on(store: Store, clock: ManualClock, port: int) -> FamilyDesk:
    config = MailConfig(host="127.0.0.1", port=port, sender="visits@visits.example", security="none")
    rules = FamilyRules(session=timedelta(days=30))
    return FamilyDesk(store, clock, rules, mailer=SmtpMailer(config, clock), secret=SECRET, page=lambda: PAGE)


@asynccontextmanager
async def household(url: str) -> AsyncIterator[Household]:
    post, clock = Post(), ManualClock(MONDAY)
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(post), "127.0.0.1", 0)
    try:
        async with Store(url) as store:
            port = server.sockets[0].getsockname()[1]
            house = Household(store, clock, post, desk_on(store, clock, port))
            await house.know("family-1", ADA)
            await house.know("family-2", BEN)
            yield house
            await house.desk.close()
    finally:
        server.close()
