"""A visit brought into each state by the events that lead there, for the tests of the machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gateway.call import events as e
from gateway.call.commands import Command
from gateway.call.machine import step
from gateway.call.phone import PhoneCall
from gateway.call.summary import Receipt
from gateway.call.termination import Reason
from gateway.call.visit import State, Timeouts, VisitState
from gateway.ivr import values as v
from gateway.money import Money
from gateway.policy.decision import Refusal
from gateway.policy.ivr import IvrRules

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
RECEIPT = Receipt("v1", "cdr:v1", 1, 30, 20, Money(53_333, "USD"), Money(946_667, "USD"), "family_left")
AUTHORISED = e.Authorised(paid_s=100, max_s=600)

ONE_OF_EACH: tuple[e.Event, ...] = (
    AUTHORISED,
    e.Refused(Refusal.HOURS),
    e.IvrNeeded(IvrRules(), "5552368001"),
    e.Greeted(),
    e.PromptEnded(1),
    e.PinChecked(v.PinRight()),
    e.IvrDue(),
    e.FamilyAccepted("offer"),
    e.FamilyRejoined("offer"),
    e.FamilyDeclined(),
    e.FamilyLeft(),
    e.StationConfirmed(),
    e.StationOffered("offer"),
    e.StationHeld(),
    e.StationResumed(),
    e.StationHungUp(),
    e.StationLost(),
    e.TransferTried(),
    e.ThreeWayTried("sip", "flash"),
    e.KeyPressed("web", "1"),
    e.StationWantsPicture(),
    e.PhoneProgress(1, rings=True),
    e.PhoneAnswered(1, "answer"),
    e.PhoneReady(),
    e.PhoneJoined(picture=True),
    e.PhoneEnded(486, 1, hung_up=True),
    e.PhoneOffered("offer"),
    e.PhoneHeld(),
    e.PhoneResumed(),
    e.PhoneWantsPicture(),
    e.MediaJoined(),
    e.MediaRefused(),
    e.WebUp(),
    e.WebDown(),
    e.StationSilent(),
    e.MediaFlows(0.0),
    e.MediaStops(0.0),
    e.PictureSeen("sip", 0.0),
    e.PictureMissing("sip"),
    e.PictureWanted(),
    e.LimitChanged(),
    e.RecordingFailed("disk"),
    e.RingTimedOut(),
    e.TrunkDue(),
    e.PhoneDue(),
    e.ConnectTimedOut(),
    e.ReconnectTimedOut(),
    e.SliceDue(),
    e.WarningDue(),
    e.FarewellDue(),
    e.ClockDue(),
    e.LimitReached(Reason.TIME_LIMIT),
    e.OfficerEnded(),
    e.DrainBegan(),
    e.DrainEnded(),
    e.Crashed(),
    e.HoldGrown(100, 100),
    e.HoldUnknown(),
    e.Recorded(RECEIPT),
)

TALK: tuple[e.Event, ...] = (AUTHORISED, e.FamilyAccepted("offer"), e.MediaJoined(), e.MediaFlows(0.0))

WELCOME: tuple[e.Event, ...] = (
    e.IvrNeeded(IvrRules(), "5552368001"),
    e.Greeted(),
    *(e.KeyPressed("sip", each) for each in "10042#2468#"),
    e.PinChecked(v.PinRight()),
    AUTHORISED,
    e.PromptEnded(4),
)

PHONE = PhoneCall(("carrier-a", "carrier-b"), "en", v.Notice(600))
BY_PHONE = replace(AUTHORISED, phone=PHONE)
ASKED: tuple[e.Event, ...] = (BY_PHONE, e.Greeted(), e.PhoneAnswered(1, "answer"), e.PhoneReady())
TALK_BY_PHONE: tuple[e.Event, ...] = (
    *ASKED, e.KeyPressed("web", "1"), e.PhoneJoined(picture=True), e.MediaFlows(0.0)
)  # fmt: skip

WAY_TO: dict[State, tuple[e.Event, ...]] = {
    State.REQUESTED: (),
    State.IDENTIFYING: WELCOME[:2],
    State.ANNOUNCING: WELCOME[:-1],
    State.RINGING: TALK[:1],
    State.ACCEPTING: ASKED,
    State.CONNECTING: TALK[:2],
    State.TALKING: TALK,
    State.HELD: (*TALK, e.StationHeld()),
    State.RECONNECTING: (*TALK, e.WebDown()),
    State.ENDING: (*TALK, e.FamilyLeft()),
    State.ENDED: (*TALK, e.FamilyLeft(), e.Recorded(RECEIPT)),
}


def fresh(timeouts: Timeouts | None = None) -> VisitState:
    return VisitState(timeouts=timeouts or Timeouts(), entered_at_s=0.0)


def after(*happened: e.Event | tuple[float, e.Event], visit: VisitState | None = None) -> VisitState:
    """The visit after events at second 0, or at the second that stands with them."""
    return play(*happened, visit=visit)[0]


def play(
    *happened: e.Event | tuple[float, e.Event], visit: VisitState | None = None
) -> tuple[VisitState, list[Command]]:
    visit, wanted = visit or fresh(), list[Command]()
    for each in happened:
        at_s, event = each if isinstance(each, tuple) else (0.0, each)
        visit, commands = step(visit, event, at_s)
        wanted += commands
    return visit, wanted
