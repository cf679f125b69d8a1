"""What the station is told when a visit does not come about (RFC 3261 section 21)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.call.termination import Fault, Reason
from gateway.ivr.values import Outcome
from gateway.policy.decision import Refusal

NO_ANSWER = 480  # Temporarily Unavailable: nobody took it within the ring time
DECLINED = 603  # Decline: the family said no; not 486, which a PBX would try again elsewhere
CANCELLED = 487  # Request Terminated: the answer to the station's own CANCEL
FORBIDDEN = 403
NOT_ACCEPTABLE = 488  # Not Acceptable Here: the description is at fault, another one might do
UNAVAILABLE = 503  # Service Unavailable: the PBX may try another node
SERVER_ERROR = 500
TIMEOUT = 408  # Request Timeout: of our own call
NOT_FOUND = 404
BUSY = 600  # Busy Everywhere: as 486, and nobody tries again elsewhere

RETRY_AFTER_S = 10
"""What every 503 says: a node that thins out pictures or drains is not much better off sooner."""

REFUSALS: Mapping[Refusal, tuple[int, Fault]] = MappingProxyType(
    {
        Refusal.UNKNOWN_NUMBER: (404, Fault.STATION),
        Refusal.UNKNOWN_STATION: (FORBIDDEN, Fault.POLICY),
        Refusal.BLOCKED: (FORBIDDEN, Fault.POLICY),
        Refusal.HOURS: (FORBIDDEN, Fault.POLICY),
        Refusal.MEDIUM: (NOT_ACCEPTABLE, Fault.POLICY),
        Refusal.BLACKOUT: (FORBIDDEN, Fault.POLICY),
        Refusal.UNKNOWN_RESIDENT: (FORBIDDEN, Fault.POLICY),
        Refusal.INACTIVE: (FORBIDDEN, Fault.POLICY),
        Refusal.NOT_APPROVED: (FORBIDDEN, Fault.POLICY),
        Refusal.BANNED: (FORBIDDEN, Fault.POLICY),
        Refusal.NUMBER_BLOCKED: (FORBIDDEN, Fault.POLICY),
        Refusal.VISITS_PER_DAY: (FORBIDDEN, Fault.POLICY),
        Refusal.VISITS_PER_WEEK: (FORBIDDEN, Fault.POLICY),
        Refusal.GAP: (FORBIDDEN, Fault.POLICY),
        Refusal.VELOCITY: (FORBIDDEN, Fault.POLICY),
        Refusal.CONCURRENT: (FORBIDDEN, Fault.POLICY),
        Refusal.TRUNK_BUSY: (UNAVAILABLE, Fault.POLICY),
        Refusal.PIN: (FORBIDDEN, Fault.STATION),
        Refusal.LOCKED_OUT: (FORBIDDEN, Fault.POLICY),
        Refusal.NO_INPUT: (FORBIDDEN, Fault.STATION),
        Refusal.CONSENT: (FORBIDDEN, Fault.STATION),
        Refusal.BALANCE: (402, Fault.MONEY),
        Refusal.ACCOUNT_CLOSED: (402, Fault.MONEY),
        Refusal.SPENDING_LIMIT: (402, Fault.MONEY),
        Refusal.TARIFF: (UNAVAILABLE, Fault.GATEWAY),
        Refusal.OVERLOAD: (UNAVAILABLE, Fault.GATEWAY),
        Refusal.DRAINING: (UNAVAILABLE, Fault.GATEWAY),
        Refusal.MEDIA: (NOT_ACCEPTABLE, Fault.STATION),
        Refusal.UNAVAILABLE: (UNAVAILABLE, Fault.GATEWAY),
    }
)
"""For each refusal the final response and whose doing it is."""

# ---- what a telephone's call comes to, as reason, fault and what the station is told ----

Came = tuple[Reason, Fault, int]

NO_TRUNK: Came = (Reason.TRUNK_ERROR, Fault.NETWORK, UNAVAILABLE)
NOT_ACCEPTED: Mapping[Outcome, Came] = MappingProxyType(
    {
        Outcome.ACCEPTED: (Reason.FAMILY_LEFT, Fault.FAMILY, DECLINED),
        Outcome.DECLINED: (Reason.REJECTED, Fault.FAMILY, DECLINED),
        Outcome.NO_KEY: (Reason.NOT_ACCEPTED, Fault.FAMILY, DECLINED),
    }
)
_CAME: Mapping[int, Came] = MappingProxyType(
    {
        480: (Reason.NO_ANSWER, Fault.FAMILY, NO_ANSWER),
        487: (Reason.NO_ANSWER, Fault.FAMILY, NO_ANSWER),
        486: (Reason.BUSY, Fault.FAMILY, BUSY),
        600: (Reason.BUSY, Fault.FAMILY, BUSY),
        603: (Reason.REJECTED, Fault.FAMILY, DECLINED),
        607: (Reason.REJECTED, Fault.FAMILY, DECLINED),  # Unwanted (RFC 8197)
        608: (Reason.REJECTED, Fault.FAMILY, DECLINED),  # Rejected, by an analytics engine (RFC 8688)
        488: (Reason.MEDIA_FAILED, Fault.NETWORK, NOT_ACCEPTABLE),
        606: (Reason.MEDIA_FAILED, Fault.NETWORK, NOT_ACCEPTABLE),
    }
)
_OF_THE_TRUNK = (0, 401, 402, 403, 407, TIMEOUT)  # no response, or one to us: who is to be called was never asked


def is_the_trunks_fault(code: int) -> bool:
    """The final response says nothing of the telephone: another trunk may have more luck."""
    return code in _OF_THE_TRUNK or 500 <= code <= 599


def of_telephone(code: int) -> Came:
    """What the final response to our call means for the visit; 404, 410, 484, 604 and all others: no such number."""
    if is_the_trunks_fault(code):
        return NO_TRUNK
    return _CAME.get(code, (Reason.UNREACHABLE, Fault.FAMILY, NOT_FOUND))
