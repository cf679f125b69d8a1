"""What a dialog and an endpoint report. Each is a value; together they are closed unions."""

from __future__ import annotations

from dataclasses import dataclass

from sip.types import EndedBy, Registration


@dataclass(frozen=True, slots=True)
class Progress:
    """The far side answered our INVITE with 180, 183 or another 1xx. sdp: early media, if it has some."""

    code: int
    sdp: str | None


@dataclass(frozen=True, slots=True)
class Answered:
    """Offer and answer are complete and the dialog is confirmed.

    sdp: for our INVITE, the answer of the 200. For an incoming INVITE without SDP, the answer of the ACK.
    For an incoming INVITE with SDP, None (its offer was in the Invite), sent when the ACK came.
    """

    sdp: str | None


@dataclass(frozen=True, slots=True)
class Offered:
    """A re-INVITE or UPDATE carries an offer. Answer with `Dialog.answer_offer(sdp)` or `refuse_offer(code)`.

    The far side waits: an answer later than two seconds is replaced by 488 and the session stays as it was.
    sdp None: a re-INVITE without SDP; `answer_offer` then carries OUR offer, and Answered the far side's answer.
    It also comes when our own INVITE had no SDP: then it is the offer of the 200, and our ACK answers it.
    """

    sdp: str | None
    method: str  # INVITE or UPDATE


@dataclass(frozen=True, slots=True)
class OfferRefused:
    """The far side refused our `Dialog.offer` (488, or 491 when both sides offered). The session stays as it was."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Dtmf:
    """One key press by SIP INFO (application/dtmf-relay or application/dtmf). RFC 4733 keys come from the bridge."""

    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Info:
    """Any other INFO, for instance application/media_control+xml with picture_fast_update (RFC 5168)."""

    content_type: str
    body: str


@dataclass(frozen=True, slots=True)
class TransferRefused:
    """A REFER came; it was refused with 603 by the agent at once. refer_to is personal data: never log it."""

    refer_to: str


@dataclass(frozen=True, slots=True)
class ConferenceSeen:
    """The far side has become a conference: its Contact says isfocus (RFC 4579 section 5.1). Once a dialog."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The dialog is over. The last event of every dialog, exactly once.

    code, reason: the SIP status that ended it (200 for a normal BYE, 487 for CANCEL, 0 for a dead agent).
    """

    by: EndedBy
    code: int
    reason: str


DialogEvent = Progress | Answered | Offered | OfferRefused | Dtmf | Info | TransferRefused | ConferenceSeen | Ended


@dataclass(frozen=True, slots=True)
class AgentRestarted:
    """Agent `agent` died with `exit_code` and was started again; its dialogs have ended with EndedBy.AGENT."""

    agent: int
    exit_code: int
    lost_dialogs: int


@dataclass(frozen=True, slots=True)
class RegistrationChanged:
    registration: Registration


@dataclass(frozen=True, slots=True)
class RequestsRefused:
    """So many requests were not let through, told at most once a second. Whose they were is not kept.

    why: `stranger`, `scanner`, `trunk-rate` or `source-rate`. method: INVITE, OPTIONS, REGISTER ... or OTHER.
    trunk: "" for a stranger's.
    """

    why: str
    method: str
    trunk: str
    number: int


EndpointEvent = AgentRestarted | RegistrationChanged | RequestsRefused
