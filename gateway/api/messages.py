"""What goes over the WebSockets, as models: the family's page and the staff's live feed. docs/api.md tells the order.

Times left are whole seconds, amounts are decimal text with their currency: a browser has no integer for micro-units.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.call.facts import Fact
from gateway.call.notices import Clocked, Hold, Low, Notice, Over, Ring, Said, Taken, Warned
from gateway.call.summary import MediaSummary
from gateway.call.view import VisitView
from gateway.money import Money
from gateway.policy.decision import Medium


class Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class Amount(Message):
    """Money as it is shown and reckoned with."""

    amount: Annotated[str, Field(description="decimal text", examples=["0.16"])]
    currency: Annotated[str, Field(description="ISO 4217", examples=["USD"])]

    @classmethod
    def of(cls, money: Money) -> Amount:
        text, _, currency = str(money).rpartition(" ")
        return cls(amount=text, currency=currency)


class IceServer(Message):
    urls: str


class OngoingVisit(Message):
    """A visit of this contact that goes on: the page may come back to it."""

    visit_id: str
    caller_name: str
    facility_name: str
    video: bool
    monitored: bool
    recorded: bool
    held: bool
    seconds_left: int
    rate_per_minute: Amount
    charged: Amount
    money_left: Amount


class HelloMessage(Message):
    """The first message of each connection; a `ring` for each visit that rings follows at once."""

    type: Literal["hello"] = "hello"
    contact_name: str
    ice_servers: tuple[IceServer, ...]
    visit: OngoingVisit | None


class RingMessage(Message):
    """A visit rings. seconds: how long it can last; at_most: what that would cost.

    balance_ok: false when nothing is left to pay it with.
    monitored: it may be watched; recorded: it is written down. The page says both before anybody accepts.
    """

    type: Literal["ring"] = "ring"
    visit_id: str
    caller_name: str
    facility_name: str
    video: bool
    rate_per_minute: Amount
    seconds: int
    at_most: Amount
    balance_ok: bool
    privileged: bool
    monitored: bool
    recorded: bool


class ClockMessage(Message):
    """What is left, when the meter starts, stops and every few seconds."""

    type: Literal["clock"] = "clock"
    visit_id: str
    running: bool
    seconds_left: int
    charged: Amount
    money_left: Amount


class WarnedMessage(Message):
    type: Literal["warned"] = "warned"
    visit_id: str
    seconds_left: int
    reason: str


class HoldMessage(Message):
    type: Literal["hold"] = "hold"
    visit_id: str
    held: bool


class TextMessage(Message):
    """An officer's words, to be shown at once and as text."""

    type: Literal["message"] = "message"
    visit_id: str
    text: str


class TakenMessage(Message):
    """A page of this contact accepted or came back (page: which, as it named itself), or declined.

    Or another contact, who was rung too, has accepted.
    """

    type: Literal["taken"] = "taken"
    visit_id: str
    page: str = ""


class OverMessage(Message):
    type: Literal["over"] = "over"
    visit_id: str
    reason: str
    duration_s: int
    billable_s: int
    charged: Amount | None


class LowMessage(Message):
    """The family's account has fallen below its mark; said once, until it was above it again."""

    type: Literal["low"] = "low"
    visit_id: str
    balance: Amount


class RefusedMessage(Message):
    """The link opens nothing; the connection is closed with 4401."""

    type: Literal["refused"] = "refused"
    reason: Literal["expired", "invalid"]


FamilyMessage = (
    HelloMessage
    | RingMessage
    | ClockMessage
    | WarnedMessage
    | HoldMessage
    | TextMessage
    | LowMessage
    | TakenMessage
    | OverMessage
    | RefusedMessage
)


class FlowQuality(Message):
    """One kind of media in one direction, since the visit's media began."""

    kind: Annotated[str, Field(description="`audio` or `video`", examples=["audio"])]
    source: Annotated[str, Field(description="`sip`: from the station; `web`: from the family", examples=["sip"])]
    path: Annotated[str, Field(description="`relay`, `transcode` or `none`", examples=["relay"])]
    packets: Annotated[int, Field(description="that came to the gateway", examples=[6012])]
    lost: Annotated[int, Field(description="on the way to the gateway", examples=[3])]
    far_lost: Annotated[int, Field(description="what the far side says it misses", examples=[5])]
    jitter_ms: Annotated[float, Field(examples=[2.4])]
    rtt_ms: Annotated[float | None, Field(description="to the far side and back; null: unknown", examples=[41.5])]
    frozen_s: Annotated[float, Field(description="nothing new went out although it was due", examples=[0.0])]
    mos: Annotated[float | None, Field(description="E-model estimate of sound, 1.0 to 4.5", examples=[4.38])]


class Quality(Message):
    """What the visit is worth to those who see and hear it."""

    flows: tuple[FlowQuality, ...]
    one_way_s: Annotated[float, Field(description="sound came from one side only", examples=[0.0])]

    @classmethod
    def of(cls, media: MediaSummary) -> Quality:
        flows = tuple(
            FlowQuality(**{name: getattr(each, name) for name in FlowQuality.model_fields}) for each in media.flows
        )
        return cls(flows=flows, one_way_s=media.one_way_s)


class Visit(Message):
    """A live visit."""

    visit_id: Annotated[str, Field(examples=["v-7f3a9c"])]
    node: str
    facility: str
    facility_name: str
    state: Annotated[
        str,
        Field(
            description="`dialing`, `ringing`, `connecting`, `talking`, `held`, `reconnecting`, `ending`",
            examples=["talking"],
        ),
    ]
    medium: Medium
    station: Annotated[str, Field(description="this and the names: empty for a privileged visit without the role")]
    caller_name: str
    contact: str
    contact_name: str
    privileged: Annotated[bool, Field(description="no recording, no monitoring")]
    monitored: Annotated[bool, Field(description="an officer may watch it")]
    recorded: Annotated[bool, Field(description="the dialplan has it recorded")]
    held: bool
    setup_at: datetime
    answer_at: datetime | None
    media_start_at: datetime | None
    seconds_left: Annotated[int, Field(description="at most: of money, time limit and hours", examples=[840])]
    rate_per_minute: Amount
    charged: Amount
    money_left: Amount
    routes: Annotated[tuple[str, ...], Field(examples=[("video sip->: relay H264 -> H264",)])]
    pipelines: str
    quality: Quality

    @classmethod
    def of(cls, view: VisitView, *, discreet: bool) -> Visit:
        """discreet: of a privileged visit the reader learns that it runs, and not between whom."""
        if discreet and view.privileged:
            view = replace(view, station="", caller_name="", contact="", contact_name="", routes=(), pipelines="")
        names = (
            each for each in cls.model_fields if each not in ("rate_per_minute", "charged", "money_left", "quality")
        )
        return cls(
            **{name: getattr(view, name) for name in names},
            rate_per_minute=Amount.of(view.rate_per_minute),
            charged=Amount.of(view.charged),
            money_left=Amount.of(view.money_left),
            quality=Quality.of(view.media),
        )


class FactMessage(Message):
    """Something happened to a visit. visit: how it stands now; null once it is gone."""

    type: Literal["fact"] = "fact"
    kind: str
    node: str
    visit_id: str
    facility: str
    state: str
    at: datetime
    privileged: bool
    detail: dict[str, str | int | bool]
    visit: Visit | None

    @classmethod
    def of(cls, fact: Fact, visit: VisitView | None, *, discreet: bool) -> FactMessage:
        return cls(
            kind=str(fact.kind),
            node=fact.node,
            visit_id=fact.visit_id,
            facility=fact.facility,
            state=fact.state,
            at=fact.at,
            privileged=fact.privileged,
            detail=fact.detail,
            visit=Visit.of(visit, discreet=discreet) if visit else None,
        )


class SnapshotMessage(Message):
    """The first message of the staff's feed: every live visit."""

    type: Literal["snapshot"] = "snapshot"
    visits: tuple[Visit, ...]


def ring_message(ring: Ring) -> RingMessage:
    return RingMessage(
        visit_id=ring.visit_id,
        caller_name=ring.caller_name,
        facility_name=ring.facility_name,
        video=ring.video,
        rate_per_minute=Amount.of(ring.rate_per_minute),
        seconds=ring.seconds,
        at_most=Amount.of(ring.at_most),
        balance_ok=ring.balance_ok,
        privileged=ring.privileged,
        monitored=ring.monitored,
        recorded=ring.recorded,
    )


def ongoing_visit(view: VisitView) -> OngoingVisit:
    return OngoingVisit(
        visit_id=view.visit_id,
        caller_name=view.caller_name,
        facility_name=view.facility_name,
        video=view.medium is Medium.VIDEO,
        monitored=view.monitored,
        recorded=view.recorded,
        held=view.held,
        seconds_left=view.seconds_left,
        rate_per_minute=Amount.of(view.rate_per_minute),
        charged=Amount.of(view.charged),
        money_left=Amount.of(view.money_left),
    )


def notice_message(notice: Notice) -> FamilyMessage:  # noqa: PLR0911 - a dictionary, one line a word
    match notice:
        case Clocked():
            return ClockMessage(
                visit_id=notice.visit_id,
                running=notice.running,
                seconds_left=notice.seconds_left,
                charged=Amount.of(notice.charged),
                money_left=Amount.of(notice.money_left),
            )
        case Warned():
            return WarnedMessage(visit_id=notice.visit_id, seconds_left=notice.seconds_left, reason=notice.reason)
        case Hold():
            return HoldMessage(visit_id=notice.visit_id, held=notice.held)
        case Said():
            return TextMessage(visit_id=notice.visit_id, text=notice.text)
        case Taken():
            return TakenMessage(visit_id=notice.visit_id)
        case Low():
            return LowMessage(visit_id=notice.visit_id, balance=Amount.of(notice.balance))
        case Over():
            return OverMessage(
                visit_id=notice.visit_id,
                reason=notice.reason,
                duration_s=notice.duration_s,
                billable_s=notice.billable_s,
                charged=Amount.of(notice.charged) if notice.charged else None,
            )
