"""Why a visit ended and who ended it: a closed list, the words of the CDR."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    COMPLETED = "completed"  # ended in the ordinary way and nobody can be named
    BALANCE_EXHAUSTED = "balance_exhausted"
    TIME_LIMIT = "time_limit"
    SCHEDULE_END = "schedule_end"
    OFFICER_TERMINATED = "officer_terminated"
    FAMILY_LEFT = "family_left"
    INMATE_HUNG_UP = "inmate_hung_up"  # the station sent BYE, or CANCEL while it rang
    NO_ANSWER = "no_answer"  # rang until the limit
    REJECTED = "rejected"  # the family declined
    BUSY = "busy"  # the family's telephone is engaged
    UNREACHABLE = "unreachable"  # nobody can be reached by that telephone number
    NOT_ACCEPTED = "not_accepted"  # the telephone was answered, and nobody pressed the key: perhaps a voice mail
    REFUSED = "refused"  # with a Refusal: written as refused_<rule>
    MEDIA_FAILED = "media_failed"
    NODE_CRASH = "node_crash"
    TRUNK_ERROR = "trunk_error"


class Fault(StrEnum):
    """Whose doing it was."""

    STATION = "station"
    FAMILY = "family"
    OFFICER = "officer"
    POLICY = "policy"
    MONEY = "money"
    NETWORK = "network"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Termination:
    """refusal: the Refusal's value when reason is REFUSED, else empty. sip_code: what the station was told (0: BYE)."""

    reason: Reason
    fault: Fault
    refusal: str = ""
    sip_code: int = 0

    @property
    def word(self) -> str:
        """The closed list's word: `balance_exhausted`, `refused_hours`."""
        return f"{self.reason}_{self.refusal}" if self.refusal else str(self.reason)
