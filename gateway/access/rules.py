"""The figures that sessions and sign-ins go by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from gateway.access.throttle import Limit
from gateway.config_access import AccessConfig

_ACCOUNT = Limit(5, timedelta(minutes=15))
_SOURCE = Limit(20, timedelta(minutes=15))


@dataclass(frozen=True, slots=True)
class AccessRules:
    """idle, longest: after which a session is over, unused or at all. of_account, of_source: who may fail how often."""

    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=12)
    of_account: Limit = _ACCOUNT
    of_source: Limit = _SOURCE
    memory_mib: int = 64

    @classmethod
    def of(cls, config: AccessConfig) -> AccessRules:
        lockout = timedelta(minutes=config.lockout_minutes)
        return cls(
            idle=timedelta(minutes=config.idle_minutes),
            longest=timedelta(hours=config.session_hours),
            of_account=Limit(config.account_tries, lockout),
            of_source=Limit(config.source_tries, lockout),
            memory_mib=config.password_memory_mib,
        )
