"""What can happen to a visit: the input of the call machine. Values; SDP in them never shows in a representation."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.call.phone import PhoneCall
from gateway.call.summary import Receipt
from gateway.call.termination import Reason
from gateway.ivr import values as ivr
from gateway.policy.decision import Refusal
from gateway.policy.ivr import IvrRules

# ---- the decision ----


@dataclass(frozen=True, slots=True)
class Authorised:
    """Policy allows it and a hold pays for `paid_s` seconds. The hold grows by slices while the visit runs.

    reach_s: what it could grow to as the accounts stand, `paid_s` at least. max_s: the time limit on the wall clock,
    counted from the first media. closes_at_s: when the hours end. notice: what the voice is to say of it.
    phone: the family is called by telephone; None: they have a page.
    """

    paid_s: int
    max_s: int
    closes_at_s: float | None = None
    reach_s: int = 0
    notice: ivr.Notice | None = None
    phone: PhoneCall | None = None

    @property
    def may_grow(self) -> bool:
        """Whether the money, not the time limit, would end it."""
        return self.paid_s < self.max_s


@dataclass(frozen=True, slots=True)
class Refused:
    refusal: Refusal


# ---- the gateway's own voice ----


@dataclass(frozen=True, slots=True)
class IvrNeeded:
    """Policy wants the caller asked first. resident: whose station it is, if it is one resident's."""

    rules: IvrRules
    dialled: str = field(repr=False)
    resident: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Greeted:
    """The station's media is up, with nobody on the other side; it may be answered."""


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """What Say of this turn wanted said has been said to `source` (`sip` or `web`)."""

    turn: int
    source: str = "sip"


@dataclass(frozen=True, slots=True)
class PinChecked:
    answer: ivr.PinRight | ivr.PinWrong | ivr.PinLocked


@dataclass(frozen=True, slots=True)
class IvrDue:
    """The voice has waited long enough."""


# ---- the family ----


@dataclass(frozen=True, slots=True)
class FamilyAccepted:
    """contact: which one, where several are rung."""

    web_offer: str = field(repr=False)
    contact: str = ""


@dataclass(frozen=True, slots=True)
class FamilyRejoined:
    """The page comes back with a new PeerConnection."""

    web_offer: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FamilyDeclined:
    pass


@dataclass(frozen=True, slots=True)
class FamilyLeft:
    pass


# ---- the station ----


@dataclass(frozen=True, slots=True)
class StationConfirmed:
    """The dialog is confirmed. sdp: the answer of the ACK, when the offer in the 200 was ours."""

    sdp: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StationOffered:
    """A re-INVITE or UPDATE: hold, resume, video added or dropped, a new address."""

    sdp: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class StationHeld:
    pass


@dataclass(frozen=True, slots=True)
class StationResumed:
    pass


@dataclass(frozen=True, slots=True)
class StationHungUp:
    """BYE, or CANCEL while it rang."""


@dataclass(frozen=True, slots=True)
class StationLost:
    """The dialog died: its agent did, or a transaction or the session timer ran out."""


@dataclass(frozen=True, slots=True)
class TransferTried:
    """REFER came and was refused."""


@dataclass(frozen=True, slots=True)
class ThreeWayTried:
    """A sign that somebody else is to be brought in. source: `sip` or `web`. sign: `flash`, `code` or `focus`."""

    source: str
    sign: str


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """source: `sip` or `web`. Which key it was only the voice may know."""

    source: str
    digit: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class StationWantsPicture:
    """INFO picture_fast_update (RFC 5168)."""


# ---- the family's telephone; attempt: of CallPhone ----


@dataclass(frozen=True, slots=True)
class PhoneProgress:
    """A provisional response. rings: it was 180."""

    attempt: int
    rings: bool


@dataclass(frozen=True, slots=True)
class PhoneAnswered:
    attempt: int
    sdp: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PhoneReady:
    """Its media is up, apart from the station's; it can be talked to."""


@dataclass(frozen=True, slots=True)
class PhoneJoined:
    """Station and telephone hear each other. picture: the station will see one."""

    picture: bool


@dataclass(frozen=True, slots=True)
class PhoneEnded:
    """code: of the final response, 0 where there was none. hung_up: by the telephone; else its dialog died."""

    code: int
    attempt: int
    hung_up: bool = False


@dataclass(frozen=True, slots=True)
class PhoneOffered:
    """A re-INVITE or UPDATE."""

    sdp: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class PhoneHeld:
    pass


@dataclass(frozen=True, slots=True)
class PhoneResumed:
    pass


@dataclass(frozen=True, slots=True)
class PhoneWantsPicture:
    """INFO picture_fast_update (RFC 5168)."""


# ---- the media ----


@dataclass(frozen=True, slots=True)
class MediaJoined:
    """Both descriptions are there; the station may be answered."""


@dataclass(frozen=True, slots=True)
class MediaRefused:
    """No path joins the two, or a description cannot be understood."""


@dataclass(frozen=True, slots=True)
class WebUp:
    """ICE and DTLS with the browser are up."""


@dataclass(frozen=True, slots=True)
class WebDown:
    """The browser's transport closed or went silent."""


@dataclass(frozen=True, slots=True)
class StationSilent:
    """Nothing comes from the station although it does not hold."""


@dataclass(frozen=True, slots=True)
class MediaFlows:
    """Sound goes both ways since `at_s`."""

    at_s: float


@dataclass(frozen=True, slots=True)
class MediaStops:
    """Sound no longer goes both ways; the last packet of the failing side came at `at_s`."""

    at_s: float


@dataclass(frozen=True, slots=True)
class PictureSeen:
    """The first keyframe from `source` (`sip` or `web`) was passed on."""

    source: str
    at_s: float


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """It ends before the visit does. word: `disk`, `refused` (no key, no database) or `bug`."""

    word: str


@dataclass(frozen=True, slots=True)
class PictureMissing:
    """Sound comes from `source` (`sip` or `web`), and no picture that the other could see."""

    source: str


@dataclass(frozen=True, slots=True)
class PictureWanted:
    """`source` (`sip` or `web`) negotiated no feedback and must be asked for a picture by INFO."""

    source: str = "sip"


@dataclass(frozen=True, slots=True)
class LimitChanged:
    """The station sends more than the browser can take, or less, and hears of limits by a new offer only."""


# ---- the clock ----


@dataclass(frozen=True, slots=True)
class SliceDue:
    """Time to ask for more money, so early that the visit can be told before its end if there is none."""


@dataclass(frozen=True, slots=True)
class RingTimedOut:
    pass


@dataclass(frozen=True, slots=True)
class TrunkDue:
    """Nothing at all came over the trunk that the telephone is called by, and there is another."""


@dataclass(frozen=True, slots=True)
class PhoneDue:
    """The voice on the telephone has waited long enough."""


@dataclass(frozen=True, slots=True)
class ConnectTimedOut:
    """Accepted, but media never went both ways."""


@dataclass(frozen=True, slots=True)
class ReconnectTimedOut:
    """The browser did not come back within the grace time."""


@dataclass(frozen=True, slots=True)
class WarningDue:
    pass


@dataclass(frozen=True, slots=True)
class FarewellDue:
    """Time to say that the time is over, so that it is said when it is."""


@dataclass(frozen=True, slots=True)
class ClockDue:
    """Time to tell the family's page what is left."""


@dataclass(frozen=True, slots=True)
class LimitReached:
    """reason: BALANCE_EXHAUSTED, TIME_LIMIT or SCHEDULE_END."""

    reason: Reason


# ---- the house ----


@dataclass(frozen=True, slots=True)
class OfficerEnded:
    pass


@dataclass(frozen=True, slots=True)
class DrainBegan:
    """The node is being stopped: what has not been answered yet shall try elsewhere."""


@dataclass(frozen=True, slots=True)
class DrainEnded:
    """The time to finish is over."""


@dataclass(frozen=True, slots=True)
class Crashed:
    """A bug; the visit ends as well as it can."""


@dataclass(frozen=True, slots=True)
class HoldGrown:
    """The answer of the accounts: what the hold pays for now, in all, and what it could grow to; perhaps no more."""

    paid_s: int
    reach_s: int


@dataclass(frozen=True, slots=True)
class HoldUnknown:
    """The accounts did not answer: what is held is all that is sure."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The CDR is written."""

    receipt: Receipt


Event = (
    Authorised | Refused | IvrNeeded | Greeted | PromptEnded | PinChecked | IvrDue | FamilyAccepted
    | FamilyRejoined | FamilyDeclined | FamilyLeft | StationConfirmed | StationOffered | StationHeld
    | StationResumed | StationHungUp | StationLost | TransferTried | ThreeWayTried | KeyPressed
    | StationWantsPicture | PhoneProgress | PhoneAnswered | PhoneReady | PhoneJoined | PhoneEnded | PhoneOffered
    | PhoneHeld | PhoneResumed | PhoneWantsPicture | MediaJoined | MediaRefused | WebUp | WebDown
    | StationSilent | MediaFlows | MediaStops | PictureSeen | PictureMissing | PictureWanted | LimitChanged
    | RecordingFailed | SliceDue | RingTimedOut | TrunkDue | PhoneDue | ConnectTimedOut | ReconnectTimedOut
    | WarningDue | FarewellDue | ClockDue | LimitReached | OfficerEnded | DrainBegan | DrainEnded | Crashed
    | HoldGrown | HoldUnknown | Recorded
)  # fmt: skip
