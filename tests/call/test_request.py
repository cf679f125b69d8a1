"""What is read of an INVITE, and what the packages' words mean to the machine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import bridge.events as media
import sip.events as dialog
from bridge.types import Kind, Side
from gateway.call import events as e
from gateway.call.request import request_of, user_part
from gateway.call.translate import (
    PICTURE_BODY,
    PICTURE_CONTENT_TYPE,
    asks_for_picture,
    from_dialog,
    from_media,
    from_phone,
)
from gateway.policy.decision import Medium
from sip.types import EndedBy, Invite, Transport
from tests.call.stage import AUDIO_OFFER, VIDEO_OFFER

NOW = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)


def invite(**changes: Any) -> Invite:
    values: dict[str, Any] = {
        "handle": "h", "sip_call_id": "c", "trunk": "demo", "from_user": "terminal-1", "from_display": "",
        "to_user": "other", "request_uri": "sip:5552368001@10.0.0.1:5060", "asserted_identity": "",
        "source": "127.0.0.1:5099", "transport": Transport.UDP, "sdp": VIDEO_OFFER,
    }  # fmt: skip
    return Invite(**(values | changes))


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:5552368001@10.0.0.1", "5552368001"),
        ("sips:mary@jail.example:5061;transport=tls", "mary"),
        ('"Pod A" <sip:terminal-1@10.0.0.1;user=phone>;tag=1', "terminal-1"),
        ("<sip:+1-555-236-8001@10.0.0.1>", "+15552368001"),
        ("tel:(555)236-8001;phone-context=+1", "5552368001"),
        ("sip:mary%20b;isub=1@10.0.0.1", "mary b"),
        ("sip:10.0.0.1;transport=tcp", ""),
        ("terminal-1", "terminal-1"),
        ("", ""),
    ],
)
def test_user_part(uri: str, user: str) -> None:
    assert user_part(uri) == user


def test_the_asserted_identity_goes_before_the_claimed_one() -> None:
    request, _ = request_of(invite(asserted_identity="<sip:terminal-2@10.0.0.1>"), NOW)
    assert (request.station, request.dialled) == ("terminal-2", "5552368001")
    assert request_of(invite(), NOW)[0].station == "terminal-1"


@pytest.mark.parametrize(
    ("sdp", "medium", "known", "understood"),
    [
        (VIDEO_OFFER, Medium.VIDEO, True, True),
        (AUDIO_OFFER, Medium.AUDIO, True, True),
        (None, Medium.VIDEO, False, True),
        ("nonsense", Medium.AUDIO, True, False),
    ],
)
def test_medium(sdp: str | None, medium: Medium, known: bool, understood: bool) -> None:
    request, was_understood = request_of(invite(sdp=sdp), NOW)
    assert (request.medium, request.medium_known, was_understood) == (medium, known, understood)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (dialog.Answered("sdp"), e.StationConfirmed("sdp")),
        (dialog.Offered(None, "INVITE"), e.StationOffered(None)),
        (dialog.Dtmf("5", 100), e.KeyPressed("sip", "5")),
        (dialog.Info(PICTURE_CONTENT_TYPE, PICTURE_BODY), e.StationWantsPicture()),
        (dialog.Info("text/plain", "picture_fast_update"), None),
        (dialog.TransferRefused("sip:x@example.org"), e.TransferTried()),
        (dialog.Ended(EndedBy.REMOTE, 200, ""), e.StationHungUp()),
        (dialog.Ended(EndedBy.TIMEOUT, 408, ""), e.StationLost()),
        (dialog.Ended(EndedBy.AGENT, 0, ""), e.StationLost()),
        (dialog.Progress(180, None), None),
    ],
)
def test_words_of_a_dialog(said: dialog.DialogEvent, meant: e.Event | None) -> None:
    assert from_dialog(said) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (dialog.Progress(183, "early media"), e.PhoneProgress(2, rings=False)),
        (dialog.Progress(180, None), e.PhoneProgress(2, rings=True)),
        (dialog.Answered("sdp"), e.PhoneAnswered(2, "sdp")),
        (dialog.Offered("sdp", "UPDATE"), e.PhoneOffered("sdp")),
        (dialog.OfferRefused(488, ""), None),
        (dialog.Dtmf("1", 100), e.KeyPressed("web", "1")),
        (dialog.Dtmf("!", 100), None),
        (dialog.Info(PICTURE_CONTENT_TYPE, PICTURE_BODY), e.PhoneWantsPicture()),
        (dialog.Info("text/plain", "hello"), None),
        (dialog.TransferRefused("sip:x@example.org"), e.TransferTried()),
        (dialog.Ended(EndedBy.REMOTE, 486, ""), e.PhoneEnded(486, 2, hung_up=True)),
        (dialog.Ended(EndedBy.TIMEOUT, 408, ""), e.PhoneEnded(408, 2)),
        (dialog.Ended(EndedBy.AGENT, 0, ""), e.PhoneEnded(0, 2)),
    ],
)
def test_words_of_a_telephones_dialog(said: dialog.DialogEvent, meant: e.Event | None) -> None:
    assert from_phone(said, attempt=2) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (media.WebConnected(), e.WebUp()),
        (media.WebLost("closed"), e.WebDown()),
        (media.FirstMedia(Kind.VIDEO, Side.SIP, 2.0), e.PictureSeen("sip", 2.0)),
        (media.FirstMedia(Kind.AUDIO, Side.SIP, 2.0), None),
        (media.MediaFlowing(3.0), e.MediaFlows(3.0)),
        (media.MediaStopped(Side.WEB, 4.0), e.MediaStops(4.0)),
        (media.SideDead(Side.SIP), e.StationSilent()),
        (media.SideDead(Side.WEB), e.WebDown()),
        (media.DtmfKey(Side.WEB, "1", 80), e.KeyPressed("web", "1")),
        (media.KeyframeByInfo(), e.PictureWanted()),
        (media.KeyframeByInfo(Side.WEB), e.PictureWanted("web")),
        (media.PromptEnded(Side.WEB, 3), e.PromptEnded(3, "web")),
        (media.LimitByDescription(), e.LimitChanged()),
    ],
)
def test_words_of_a_bridge(said: media.BridgeEvent, meant: e.Event | None) -> None:
    assert from_media(said) == meant


def test_what_we_ask_is_what_we_would_understand() -> None:
    assert asks_for_picture(dialog.Info(PICTURE_CONTENT_TYPE, PICTURE_BODY))
