"""The figures that the families' sign-ins and sessions go by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from gateway.access.throttle import Limit
from gateway.config_family import FamilyConfig

_HOUR = timedelta(hours=1)
_ADDRESS = Limit(5, _HOUR)
_SOURCE = Limit(30, _HOUR)


@dataclass(frozen=True, slots=True)
class FamilyRules:
    """code_good: how long link and code are. code_tries: for one code. of_address, of_source: how often, for whom."""

    code_good: timedelta = timedelta(minutes=10)
    session: timedelta = timedelta(days=30)
    code_tries: int = 5
    of_address: Limit = _ADDRESS
    of_source: Limit = _SOURCE

    @classmethod
    def of(cls, config: FamilyConfig) -> FamilyRules:
        return cls(
            code_good=timedelta(minutes=config.code_minutes),
            session=timedelta(days=config.session_days),
            of_address=Limit(config.starts_per_hour, _HOUR),
            of_source=Limit(config.source_tries, _HOUR),
        )
