"""Facts of a visit, for the bus: MQTT, the live feed, metrics. They carry ids, never names or numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class FactKind(StrEnum):
    """The topic's last word: `<root>/<node>/visits/<visit_id>/<kind>`."""

    REQUESTED = "requested"
    IDENTIFYING = "identifying"  # the gateway's own voice has answered and asks who calls
    ANNOUNCING = "announcing"  # it says what the visit is, before anybody is rung
    REFUSED = "refused"
    RINGING = "ringing"
    TRUNK_FAILED = "trunk-failed"  # the family's telephone could not be called over it; the next one is tried
    ANSWERED = "answered"  # the family's telephone, which is asked to accept
    ACCEPTED = "accepted"
    CONNECTED = "connected"  # media goes both ways, the meter starts
    FIRST_PICTURE = "first-picture"
    HELD = "held"
    RESUMED = "resumed"
    WARNED = "warned"
    DTMF = "dtmf"  # that a key was pressed, not which
    TRANSFER_REFUSED = "transfer-refused"
    WATCHED = "watched"  # an officer's browser joined, receiving only
    UNWATCHED = "unwatched"
    MESSAGE = "message"  # an officer wrote to the family; what, is not said
    RECORDING_FAILED = "recording-failed"  # it ended before the visit did
    ENDED = "ended"
    RECORDED = "recorded"  # the CDR is written
    LOW_BALANCE = "low-balance"  # the visit has brought an account below its mark; once until it is above again
    WEBHOOK_DELIVERED = "webhook-delivered"  # a receiver has taken a message about the visit
    WEBHOOK_GIVEN_UP = "webhook-given-up"
    LINK_OPENED = "link-opened"  # a join link of the visit, by the device that has it from then on
    SIP_REFUSED = "sip-refused"  # of the node: requests that were not let through
    RULES_CHANGED = "rules-changed"  # of the node: another dialplan or other tariffs are in force
    RULES_REFUSED = "rules-refused"  # of the node: they were read and had mistakes; the old ones stay
    IDENTITY_IGNORED = "identity-ignored"  # the INVITE asserted a caller, and its trunk's word does not count
    WATCHED_NUMBER = "watched-number"  # what was dialled is on the facility's watch list; the visit goes on
    THREE_WAY = "three-way"  # a sign that somebody is to be brought into the visit


@dataclass(frozen=True, slots=True)
class Fact:
    """state: the call machine's state after it. detail: small numbers and closed words only."""

    kind: FactKind
    node: str
    visit_id: str
    facility: str
    state: str
    at: datetime
    privileged: bool = False
    detail: dict[str, str | int | bool] = field(default_factory=dict)
