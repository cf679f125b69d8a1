"""From the words of the SIP and media packages to the machine's. Pure; None: nothing the machine cares for."""

from __future__ import annotations

from bridge import events as media
from bridge.types import BridgeStats, Kind, Side
from gateway.call import events as e
from gateway.call.summary import FlowSummary, MediaSummary
from gateway.call.threeway import FLASH
from sip import events as sip
from sip.types import EndedBy


def from_dialog(event: sip.DialogEvent) -> e.Event | None:  # noqa: PLR0911 - a dictionary, one line a word
    match event:
        case sip.Answered(sdp):
            return e.StationConfirmed(sdp)
        case sip.Offered(sdp=sdp):
            return e.StationOffered(sdp)
        case sip.Dtmf(digit=digit):
            return e.KeyPressed(str(Side.SIP), digit) if digit != FLASH else None
        case sip.TransferRefused():
            return e.TransferTried()
        case sip.Info():
            return e.StationWantsPicture() if asks_for_picture(event) else None
        case sip.Ended(by=by):
            # our own final response or BYE ends it as LOCAL, when the visit is ending anyway; else nobody asked for it
            return e.StationHungUp() if by is EndedBy.REMOTE else e.StationLost()
        case sip.Progress() | sip.OfferRefused() | sip.ConferenceSeen():
            return None


def from_phone(event: sip.DialogEvent, attempt: int) -> e.Event | None:  # noqa: PLR0911 - one line a word
    """What the family's telephone says, in the call of this attempt."""
    match event:
        case sip.Progress(code=code):
            return e.PhoneProgress(attempt, rings=code == RINGS)
        case sip.Answered(sdp):
            return e.PhoneAnswered(attempt, sdp)
        case sip.Offered(sdp=sdp):
            return e.PhoneOffered(sdp)
        case sip.Dtmf(digit=digit):
            return e.KeyPressed(str(Side.WEB), digit) if digit != FLASH else None
        case sip.TransferRefused():
            return e.TransferTried()
        case sip.Info():
            return e.PhoneWantsPicture() if asks_for_picture(event) else None
        case sip.Ended(by=by, code=code):
            return e.PhoneEnded(code, attempt, hung_up=by is EndedBy.REMOTE)
        case sip.OfferRefused() | sip.ConferenceSeen():
            return None


RINGS = 180


def asks_for_picture(info: sip.Info) -> bool:
    """RFC 5168 section 5."""
    return "media_control" in info.content_type.lower() and "picture_fast_update" in info.body


PICTURE_CONTENT_TYPE = "application/media_control+xml"
PICTURE_BODY = (
    '<?xml version="1.0" encoding="utf-8" ?>\r\n'
    "<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>\r\n"
)
"""What a terminal without RTCP feedback understands as a wish for a keyframe (RFC 5168 section 7.1)."""


def from_media(event: media.BridgeEvent) -> e.Event | None:  # noqa: PLR0911 - a dictionary, one line a word
    match event:
        case media.WebConnected() | media.CameBack():
            return e.WebUp()
        case media.WebLost() | media.WentSilent():
            return e.WebDown()
        case media.FirstMedia(kind=kind, source=source, at_s=at_s):
            return e.PictureSeen(str(source), at_s) if kind is Kind.VIDEO else None
        case media.MediaFlowing(at_s):
            return e.MediaFlows(at_s)
        case media.MediaStopped(at_s=at_s):
            return e.MediaStops(at_s)
        case media.PictureMissing(source):
            return e.PictureMissing(str(source))
        case media.SideDead(source):
            return e.StationSilent() if source is Side.SIP else e.WebDown()
        case media.DtmfKey(source=source, digit=digit):
            return e.KeyPressed(str(source), digit) if digit != FLASH else None
        case media.PromptEnded(side=side, turn=turn):
            return e.PromptEnded(turn, str(side))
        case media.KeyframeByInfo(source):
            return e.PictureWanted(str(source))
        case media.LimitByDescription():
            return e.LimitChanged()


def from_stats(stats: BridgeStats) -> MediaSummary:
    flows = tuple(
        FlowSummary(
            kind=str(each.kind),
            source=str(each.source),
            path=str(each.path),
            source_codec=each.source_codec,
            target_codec=each.target_codec,
            packets=each.received_packets,
            lost=each.lost_packets,
            jitter_ms=each.jitter_ms,
            frames_decoded=each.frames_decoded,
            far_lost=each.far_lost_packets,
            rtt_ms=each.rtt_ms,
            frozen_s=each.frozen_s,
            mos=each.mos,
        )
        for each in stats.flows
    )
    return MediaSummary(flows, stats.one_way_s)
