"""The configuration's `family:`: how families sign in by themselves; docs/family-account.md."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.documents import Document


class MailConfig(Document):
    """The SMTP server that takes our mail. sender: what stands in From.

    The password stands in the environment variable `password_env`. security: `tls` from the first byte (port 465),
    `starttls` (587), or `none`, which is for a server on this machine.
    """

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    sender: Annotated[str, Field(pattern=r"^[^\s@<>]+@[^\s@<>]+$")]
    username: str = ""
    password_env: str = ""
    security: Literal["tls", "starttls", "none"] = "starttls"
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 20.0

    @model_validator(mode="after")
    def _no_password_in_the_open(self) -> MailConfig:
        if bool(self.username) != bool(self.password_env):
            raise ValueError("write both username and password_env, or neither")
        if self.username and self.security == "none":
            raise ValueError("a password needs security: starttls or tls, or it is readable on its way")
        return self


class FamilyConfig(Document):
    """mail: None: nobody signs in by e-mail. code_minutes: how long link and code are good. session_days: how long a
    browser stays signed in. starts_per_hour: mails to one address; source_tries: sign-ins begun, or codes that are
    wrong, from one network address within an hour.
    """

    mail: MailConfig | None = None
    code_minutes: Annotated[float, Field(ge=1, le=60)] = 10.0
    session_days: Annotated[float, Field(gt=0, le=366)] = 30.0
    starts_per_hour: Annotated[int, Field(ge=1, le=100)] = 5
    source_tries: Annotated[int, Field(ge=1, le=100_000)] = 30
