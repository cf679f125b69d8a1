"""Mail to families, by SMTP (RFC 5321): a link and a code, in the language that the page was in.

Addresses, links and codes never reach a log.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Protocol

import aiosmtplib

from gateway.clock import Clock
from gateway.config_family import MailConfig
from gateway.errors import StartError

_ADDRESS = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_LONGEST = 254


@dataclass(frozen=True, slots=True)
class Mail:
    """link: the address of the page that signs in by it. minutes: how long both are good."""

    to: str = field(repr=False)
    link: str = field(repr=False)
    code: str = field(repr=False)
    minutes: int
    language: str


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Raises OSError, aiosmtplib.SMTPException: it was not taken."""
        ...


def address_of(text: str) -> str:
    """In small letters; "" for what is no address that we write to (ASCII, with a domain)."""
    address = text.strip().lower()
    return address if len(address) <= _LONGEST and _ADDRESS.fullmatch(address) else ""


class SmtpMailer:
    """One connection for each mail: there are few. Raises StartError for a password that is not in the environment."""

    def __init__(self, config: MailConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._password = os.environ.get(config.password_env, "") if config.password_env else ""
        if config.password_env and not self._password:
            raise StartError(f"family.mail: put the password of the SMTP server into ${config.password_env}")

    async def send(self, mail: Mail) -> None:
        config = self._config
        await aiosmtplib.send(
            self._message(mail),
            hostname=config.host,
            port=config.port,
            username=config.username or None,
            password=self._password or None,
            use_tls=config.security == "tls",
            start_tls=config.security == "starttls",
            timeout=config.timeout_s,
        )

    def _message(self, mail: Mail) -> EmailMessage:
        subject, text = _WORDS.get(mail.language, _WORDS["en"])
        message = EmailMessage()
        message["From"], message["To"] = self._config.sender, mail.to
        message["Subject"] = subject
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = make_msgid(domain=self._config.sender.partition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no machine answers it
        message.set_content(text.format(code=mail.code, link=mail.link, minutes=mail.minutes))
        return message


_WORDS = {
    "en": (
        "Your sign-in",
        (
            "Your code: {code}\n\nOr open this link on the device you want to use:\n{link}\n\n"
            "Both work once, within {minutes} minutes. Nobody will ask you for the code.\n"
            "If you did not ask for this, do nothing: nobody gets in without it.\n"
        ),
    ),
    "es": (
        "Su acceso",
        (
            "Su código: {code}\n\nO abra este enlace en el dispositivo que quiere usar:\n{link}\n\n"
            "Ambos sirven una sola vez, durante {minutes} minutos. Nadie le pedirá el código.\n"
            "Si usted no lo pidió, no haga nada: nadie entra sin él.\n"
        ),
    ),
}
