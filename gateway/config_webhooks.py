"""The configuration's `webhooks:`: who is told when a family is to be reached; docs/reaching.md."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from gateway.documents import Document, Problem, Source

SECRET_PREFIX = "whsec_"  # noqa: S105 - of the standard, no secret
_SHORTEST_KEY, _LONGEST_KEY = 24, 64


def key_of(secret: str) -> bytes:
    """The key in `whsec_...` (Standard Webhooks 1.0.0). Raises ValueError, which never quotes it."""
    encoded = secret.removeprefix(SECRET_PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if encoded == secret or not _SHORTEST_KEY <= len(key) <= _LONGEST_KEY:
        raise ValueError(
            f"a webhook's secret is {SECRET_PREFIX} and the base64 of {_SHORTEST_KEY} to {_LONGEST_KEY} random bytes; "
            f'make one with: echo "{SECRET_PREFIX}$(openssl rand -base64 32)"'
        )
    return key


class WebhookConfig(Document):
    """One receiver, such as an SMS or push provider's.

    The secret stands in the environment variable `secret_env`, or here. previous_secret, previous_secret_env: the one
    before, while the receiver changes over; messages are then signed with both. kinds, facilities: only these;
    facilities empty: all. private: it is inside our own network: only private addresses then, and http is allowed.
    devices: how many join links each message carries, one for each device.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    url: str
    secret: SecretStr = SecretStr("")
    secret_env: str = ""
    previous_secret: SecretStr = SecretStr("")
    previous_secret_env: str = ""
    kinds: Annotated[tuple[Literal["visit.ringing", "visit.reminder"], ...], Field(min_length=1)] = (
        "visit.ringing",
        "visit.reminder",
    )
    facilities: tuple[str, ...] = ()
    private: bool = False
    devices: Annotated[int, Field(ge=1, le=8)] = 1

    @field_validator("url")
    @classmethod
    def _plain_address(cls, url: str) -> str:
        parts = urlsplit(url)
        try:
            usable = parts.port != 0
        except ValueError:
            usable = False
        if parts.scheme not in ("https", "http") or not parts.hostname or not usable:
            raise ValueError("this is no address; write https://sms.example/kinbridge")
        if parts.username or parts.password:
            raise ValueError("a name or password in the address would reach logs; the signature says who we are")
        if parts.fragment:
            raise ValueError("leave out what follows #: it is never sent")
        return url

    @field_validator("secret", "previous_secret")
    @classmethod
    def _sound_key(cls, secret: SecretStr) -> SecretStr:
        if secret.get_secret_value():
            key_of(secret.get_secret_value())
        return secret

    @model_validator(mode="after")
    def _consistent(self) -> WebhookConfig:
        if bool(self.secret.get_secret_value()) == bool(self.secret_env):
            raise ValueError("write either secret_env, the name of an environment variable, or secret")
        if self.previous_secret.get_secret_value() and self.previous_secret_env:
            raise ValueError("write either previous_secret_env or previous_secret")
        if self.url.startswith("http://") and not self.private:
            raise ValueError("http:// is readable on its way; write https://, or private: true inside your own network")
        return self


class WebhooksConfig(Document):
    """give_up_after_h: a message that nobody took for so long is given up.

    parallel: so many are sent to each receiver at once. timeout_s: for a whole attempt. The pause after a failure
    begins with first_retry_s and doubles each time, up to longest_retry_s, each shortened by chance. keep_days: how
    long `kinbridge webhooks list` knows of a settled one.
    ca: a PEM file of authorities that are trusted beside the system's.
    """

    receivers: tuple[WebhookConfig, ...] = ()
    give_up_after_h: Annotated[float, Field(gt=0, le=168)] = 24.0
    parallel: Annotated[int, Field(ge=1, le=64)] = 8
    timeout_s: Annotated[float, Field(ge=0.1, le=60)] = 10.0
    first_retry_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    longest_retry_s: Annotated[float, Field(ge=1, le=86_400)] = 3600.0
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 30
    ca: str = ""

    def problems(self, source: Source, base: Path) -> list[Problem]:
        """What is wrong between its fields, and on the disk. base: the folder of the configuration."""
        names = [each.name for each in self.receivers]
        found = [
            source.problem(f"a receiver named {name!r} stands above", "webhooks", "receivers", index, "name")
            for index, name in enumerate(names)
            if name in names[:index]
        ]
        if self.ca and not (base / self.ca).is_file():
            found.append(source.problem(f"there is no file {self.ca!r} beside the configuration", "webhooks", "ca"))
        return found

    def beside(self, base: Path) -> WebhooksConfig:
        """With its paths made absolute."""
        return self.model_copy(update={"ca": str(base / self.ca)}) if self.ca else self
