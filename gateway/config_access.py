"""The configuration's `access:`: sessions of the staff, and how often a sign-in may fail; docs/access.md."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.documents import Document


class AccessConfig(Document):
    """idle_minutes, session_hours: after which a session is over, unused or at all.

    account_tries, source_tries: sign-ins of one name, or from one address, that may fail within lockout_minutes; then
    it is locked out for as long. Behind a proxy that hides addresses all share one: raise source_tries there.
    password_memory_mib: what argon2id takes for each comparison.
    """

    idle_minutes: Annotated[float, Field(ge=1, le=24 * 60)] = 30.0
    session_hours: Annotated[float, Field(gt=0, le=7 * 24)] = 12.0
    account_tries: Annotated[int, Field(ge=2, le=100)] = 5
    source_tries: Annotated[int, Field(ge=2, le=100_000)] = 20
    lockout_minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 15.0
    password_memory_mib: Annotated[int, Field(ge=8, le=1024)] = 64
