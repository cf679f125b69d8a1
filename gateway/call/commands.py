"""What the call machine wants done: its output. Each is one act of the session, which does it and reports back."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge import Prompt, Side, Slate
from gateway.call.facts import FactKind
from gateway.call.summary import LowBalance, Receipt
from gateway.call.termination import Reason
from gateway.ivr import values as ivr

# ---- towards the station ----


@dataclass(frozen=True, slots=True)
class RingStation:
    """180."""


@dataclass(frozen=True, slots=True)
class AnswerStation:
    """200 with the description that joining gave."""


@dataclass(frozen=True, slots=True)
class RejectStation:
    code: int


@dataclass(frozen=True, slots=True)
class HangUpStation:
    """BYE."""


@dataclass(frozen=True, slots=True)
class RefuseOffer:
    code: int


@dataclass(frozen=True, slots=True)
class AskStationForPicture:
    """INFO picture_fast_update (RFC 5168)."""


# ---- towards the media ----


@dataclass(frozen=True, slots=True)
class JoinMedia:
    """Reported by MediaJoined or MediaRefused."""

    web_offer: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CompleteMedia:
    """The answer to our offer. Reported by MediaRefused when it does not fit."""

    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChangeMedia:
    """Answer the station's new offer, or refuse it. Reported by StationHeld or StationResumed when that changed."""

    sdp: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class OfferLimit:
    """Tell the station by a new offer how much picture it may send. Its answer comes as StationConfirmed."""


@dataclass(frozen=True, slots=True)
class SettleMedia:
    """The answer to an offer of ours in mid-visit. Reported likewise."""

    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RejoinMedia:
    """Nothing is reported: whoever comes back hears it from the answer, and media that flows says so itself."""

    web_offer: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskFamilyForPicture:
    """A keyframe from the browser, because the station asked by INFO."""


@dataclass(frozen=True, slots=True)
class Play:
    """A prompt into one side's sound, once."""

    to: Side
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Show:
    """A slate for one side, until `Clear`; and a prompt with quiet after it in place of the far side's sound.

    until_picture: the slate gives way to the picture by itself.
    """

    to: Side
    slate: Slate
    prompt: Prompt | None = None
    until_picture: bool = False


@dataclass(frozen=True, slots=True)
class Clear:
    """The far side is back."""

    to: Side


@dataclass(frozen=True, slots=True)
class GreetStation:
    """Media with the station alone. Reported by Greeted or MediaRefused."""


@dataclass(frozen=True, slots=True)
class Speak:
    """In place of what is being said there. PromptEnded of its turn comes when it has been said."""

    say: ivr.Say
    to: Side = Side.SIP


@dataclass(frozen=True, slots=True)
class Hush:
    """What is being said there is to stop."""

    to: Side = Side.SIP


@dataclass(frozen=True, slots=True)
class StartRecording:
    """If the dialplan says so. RecordingFailed comes when it ends before the visit does."""


@dataclass(frozen=True, slots=True)
class CloseMedia:
    pass


# ---- towards the family's telephone ----


@dataclass(frozen=True, slots=True)
class CallPhone:
    """An INVITE over this trunk, after the one before is left. Reported by PhoneProgress, PhoneAnswered, PhoneEnded.

    attempt: what they name it by.
    """

    trunk: str
    attempt: int


@dataclass(frozen=True, slots=True)
class CompletePhone:
    """The answer of its 200. Reported by PhoneReady or MediaRefused."""

    sdp: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ConnectPhone:
    """They hear each other. Reported by PhoneJoined or MediaRefused; by nothing while the station's description is
    still to come."""


@dataclass(frozen=True, slots=True)
class ChangePhone:
    """Answer its new offer, or refuse it. Reported by PhoneHeld or PhoneResumed when that changed."""

    sdp: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class RefusePhoneOffer:
    """488."""


@dataclass(frozen=True, slots=True)
class AskPhoneForPicture:
    """INFO picture_fast_update (RFC 5168)."""


@dataclass(frozen=True, slots=True)
class AskStationForKeyframe:
    """A keyframe from the station, because the telephone asked by INFO."""


@dataclass(frozen=True, slots=True)
class HangUpPhone:
    """CANCEL, or BYE."""


# ---- towards the family ----


@dataclass(frozen=True, slots=True)
class RingFamily:
    pass


@dataclass(frozen=True, slots=True)
class TellClock:
    pass


@dataclass(frozen=True, slots=True)
class TellWarning:
    """reason: what will end the visit."""

    seconds_left: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class TellHold:
    held: bool


@dataclass(frozen=True, slots=True)
class TellOver:
    receipt: Receipt


# ---- towards the house ----


@dataclass(frozen=True, slots=True)
class CheckPin:
    """Reported by PinChecked, or by Refused where nobody can tell."""

    resident: str = field(repr=False)
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskPolicy:
    """The question again, with what the voice has found out; then the hold. Reported by Authorised or Refused."""

    resident: str = field(repr=False)
    dialled: str = field(repr=False)


# ---- towards the records ----


@dataclass(frozen=True, slots=True)
class Publish:
    """detail: pairs of small numbers and closed words."""

    kind: FactKind
    detail: tuple[tuple[str, str | int | bool], ...] = ()


@dataclass(frozen=True, slots=True)
class ExtendHold:
    """Ask for the next slice, beside everything else. Told by HoldGrown or HoldUnknown when the answer is there."""

    paid_s: int


@dataclass(frozen=True, slots=True)
class TellLow:
    """The accounts that this visit has made low."""

    low: tuple[LowBalance, ...]


@dataclass(frozen=True, slots=True)
class CloseBooks:
    """Charge and CDR. Reported by Recorded, however long the database stays away."""


Command = (
    RingStation
    | AnswerStation
    | RejectStation
    | HangUpStation
    | RefuseOffer
    | AskStationForPicture
    | JoinMedia
    | CompleteMedia
    | ChangeMedia
    | OfferLimit
    | SettleMedia
    | RejoinMedia
    | AskFamilyForPicture
    | GreetStation
    | Speak
    | Hush
    | CheckPin
    | AskPolicy
    | Play
    | Show
    | Clear
    | CallPhone
    | CompletePhone
    | ConnectPhone
    | ChangePhone
    | RefusePhoneOffer
    | AskPhoneForPicture
    | AskStationForKeyframe
    | HangUpPhone
    | StartRecording
    | CloseMedia
    | RingFamily
    | TellClock
    | TellWarning
    | TellHold
    | TellOver
    | Publish
    | ExtendHold
    | TellLow
    | CloseBooks
)
