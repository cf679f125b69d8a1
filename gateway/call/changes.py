"""The call machine's actions while a visit lives: media that comes and goes, a station that changes its mind."""

from __future__ import annotations

from dataclasses import replace

from bridge import Prompt, Side, Slate
from gateway.call import commands as c
from gateway.call import events as e
from gateway.call import sip_codes
from gateway.call.facts import FactKind
from gateway.call.step import Step
from gateway.call.visit import Line, State, VisitState

# ---- media that comes and goes ----


def flows(visit: VisitState, event: e.MediaFlows, now_s: float) -> Step:
    if visit.marks.media_start_at_s is not None:
        return replace(visit, state=visit.joined_state, flowing=True), _back(visit)
    marks = replace(visit.marks, media_start_at_s=min(event.at_s, now_s))
    after = replace(visit, flowing=True, marks=marks)
    accepted_at_s = marks.accepted_at_s if marks.accepted_at_s is not None else now_s
    waited_ms = max(0, round((event.at_s - accepted_at_s) * 1000))
    told = c.Publish(FactKind.CONNECTED, (("after_accept_ms", waited_ms),))
    return replace(after, state=after.joined_state), (*_back(visit), c.StartRecording(), told)


def stops(visit: VisitState, event: e.MediaStops, now_s: float) -> Step:
    return replace(visit, flowing=False), ()


def web_down(visit: VisitState, event: e.WebDown, now_s: float) -> Step:
    waiting = c.Show(Side.SIP, Slate.RECONNECTING, Prompt.RECONNECTING)
    return replace(visit, state=State.RECONNECTING, flowing=False), (waiting,)


def web_up(visit: VisitState, event: e.WebUp, now_s: float) -> Step:
    return replace(visit, state=visit.joined_state), _back(visit)


def _back(visit: VisitState) -> tuple[c.Command, ...]:
    """What the station sees and hears gives way to the browser's own."""
    return (c.Clear(Side.SIP),) if visit.state is State.RECONNECTING else ()


def rejoin(visit: VisitState, event: e.FamilyRejoined, now_s: float) -> Step:
    """An offer alone ends no connection: the old one goes on until the new one is up, or until it is lost."""
    return visit, (c.RejoinMedia(event.web_offer),)


# ---- the station changes its mind ----


def hold(visit: VisitState, event: e.StationHeld, now_s: float) -> Step:
    """Also before the first sound: what a station that calls on hold is to be waited for has no limit of its own."""
    state = visit.state if visit.state is State.RECONNECTING else State.HELD
    shown = c.Show(Side.WEB, Slate.HELD, Prompt.HELD)
    return replace(visit, state=state, held=True), (shown, c.TellHold(held=True), c.Publish(FactKind.HELD))


def resume(visit: VisitState, event: e.StationResumed, now_s: float) -> Step:
    after = replace(visit, held=False)
    state = visit.state if visit.state is State.RECONNECTING else after.joined_state
    told = (c.TellHold(held=False), c.Publish(FactKind.RESUMED))
    return replace(after, state=state), (c.Clear(Side.WEB), *told)


def change(visit: VisitState, event: e.StationOffered, now_s: float) -> Step:
    return visit, (c.ChangeMedia(event.sdp),)


def change_if_answered(visit: VisitState, event: e.StationOffered, now_s: float) -> Step:
    """Before there is any media there is nothing that could change."""
    answered = visit.line is Line.ANSWERED
    return visit, (c.ChangeMedia(event.sdp) if answered else c.RefuseOffer(sip_codes.NOT_ACCEPTABLE),)


# ---- what is only told ----


def transfer(visit: VisitState, event: e.TransferTried, now_s: float) -> Step:
    return visit, (c.Publish(FactKind.TRANSFER_REFUSED),)


def three_way(visit: VisitState, event: e.ThreeWayTried, now_s: float) -> Step:
    return visit, (c.Publish(FactKind.THREE_WAY, (("source", event.source), ("sign", event.sign))),)


def key(visit: VisitState, event: e.KeyPressed, now_s: float) -> Step:
    return visit, (c.Publish(FactKind.DTMF, (("source", event.source),)),)


def first_picture(visit: VisitState, event: e.PictureSeen, now_s: float) -> Step:
    since_s = visit.marks.accepted_at_s if visit.marks.accepted_at_s is not None else now_s
    detail = (("source", event.source), ("after_accept_ms", max(0, round((event.at_s - since_s) * 1000))))
    return visit, (c.Publish(FactKind.FIRST_PICTURE, detail),)


def recording_failed(visit: VisitState, event: e.RecordingFailed, now_s: float) -> Step:
    return visit, (c.Publish(FactKind.RECORDING_FAILED, (("word", event.word),)),)


def no_picture(visit: VisitState, event: e.PictureMissing, now_s: float) -> Step:
    if event.source == Side.SIP and visit.held:
        return visit, ()  # the family sees why
    to = Side.WEB if event.source == Side.SIP else Side.SIP
    return visit, (c.Show(to, Slate.SOUND_ONLY, until_picture=True),)


def ask_family(visit: VisitState, event: e.StationWantsPicture, now_s: float) -> Step:
    return visit, (c.AskFamilyForPicture(),)


def offer_limit(visit: VisitState, event: e.LimitChanged, now_s: float) -> Step:
    return visit, (c.OfferLimit(),)


def ask_station(visit: VisitState, event: e.PictureWanted, now_s: float) -> Step:
    return visit, (c.AskStationForPicture() if event.source == Side.SIP else c.AskPhoneForPicture(),)


def ignore(visit: VisitState, event: e.Event, now_s: float) -> Step:
    return visit, ()
