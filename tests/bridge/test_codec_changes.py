"""A station that changes its mind: another codec, another address, and what it may send of an offer of ours."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from bridge import sdp
from bridge.codecs.g711 import translation
from bridge.events import WebConnected
from bridge.rtp import packet as rtp
from bridge.rtp import rtcp
from bridge.types import Kind, Side
from tests.support import raw_peer
from tests.support.bridge_stage import IDR, Stage
from tests.support.raw_peer import AUDIO_SSRC, VIDEO_SSRC
from tests.support.rtp_station import RtpStation

SOUND = bytes(range(160))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        yield stage


def paths(stage: Stage) -> list[str]:
    return [str(each) for each in stage.bridge.routes()]


async def heard_in_the_browser(stage: Stage, payload: bytes) -> bytes:
    """The packet with that payload, once it is there."""
    await stage.browser.until(lambda: any(each[12:] == payload for each in stage.browser.packets))
    return next(each for each in stage.browser.packets if each[12:] == payload)


async def test_a_reinvite_to_another_law_leaves_the_browser_alone(stage: Stage) -> None:
    await stage.join()
    stage.terminal.sound.say(SOUND)
    before = await heard_in_the_browser(stage, SOUND)
    answer = sdp.parse(await stage.bridge.change(stage.terminal.describe().replace("RTP/AVP 0 101", "RTP/AVP 8 101")))
    assert [each.name for each in answer.media[0].codecs] == ["PCMA", "TELEPHONE-EVENT"]
    assert paths(stage)[:2] == ["audio sip->: transcode PCMA -> PCMU", "audio web->: transcode PCMU -> PCMA"]

    stage.terminal.sound.payload_type = 8
    stage.terminal.sound.say(SOUND)
    after = await heard_in_the_browser(stage, SOUND.translate(translation("PCMA", "PCMU")))
    one, other = rtp.parse(before), rtp.parse(after)
    assert one is not None
    assert other is not None
    assert (other.ssrc, other.payload_type) == (one.ssrc, one.payload_type), "the browser sees one stream"
    assert (other.sequence - one.sequence) & 0xFFFF == 1

    stage.from_browser(SOUND, raw_peer.PCMU, AUDIO_SSRC)
    packet = await stage.terminal.sound.heard()
    assert packet[1] & 0x7F == 8
    assert packet[12:] == SOUND.translate(translation("PCMU", "PCMA"))


async def test_a_reinvite_to_another_picture_codec_is_transcoded(stage: Stage) -> None:
    await stage.join()
    assert paths(stage)[2] == "video sip->: relay H264 -> H264"
    changed = stage.terminal.describe().replace("H264/90000", "VP8/90000")
    changed = changed.replace("a=fmtp:96 packetization-mode=1;profile-level-id=42801f\r\n", "")
    answer = sdp.parse(await stage.bridge.change(changed))
    assert [each.name for each in answer.media[1].codecs] == ["VP8"]
    assert paths(stage)[2:] == ["video sip->: transcode VP8 -> H264", "video web->: transcode H264 -> VP8"]
    await stage.bridge.change(stage.terminal.describe())
    assert paths(stage)[2:] == ["video sip->: relay H264 -> H264", "video web->: relay H264 -> H264"]


async def test_a_reinvite_may_move_the_address(stage: Stage) -> None:
    await stage.join()
    stage.from_browser(b"one", raw_peer.PCMU, AUDIO_SSRC)
    assert (await stage.terminal.sound.heard())[12:] == b"one"
    old, stage.terminal.sound = stage.terminal.sound, RtpStation(0, ssrc=0x51)
    answer = sdp.parse(await stage.bridge.change(stage.terminal.describe()))
    stage.terminal.sound.aim(answer.media[0].port)
    stage.from_browser(b"two", raw_peer.PCMU, AUDIO_SSRC)
    assert (await stage.terminal.sound.heard())[12:] == b"two"
    assert old.is_silent()
    old.close()


async def test_pictures_dropped_and_taken_up_again(stage: Stage) -> None:
    await stage.join()
    without = stage.terminal.describe().replace(f"m=video {stage.terminal.picture.port}", "m=video 0")
    assert [each.port > 0 for each in sdp.parse(await stage.bridge.change(without)).media] == [True, False]
    assert paths(stage)[2:] == ["video sip->: none", "video web->: none"]
    stage.terminal.aim(await stage.bridge.change(stage.terminal.describe()))
    stage.terminal.picture.say(IDR)
    await heard_in_the_browser(stage, IDR)
    stage.from_browser(IDR, raw_peer.H264, VIDEO_SSRC)
    assert (await stage.terminal.picture.heard())[12:] == IDR


async def test_a_number_below_96_is_as_good_as_any(stage: Stage) -> None:
    offer = re.sub(r"\b102\b", "39", await stage.browser.offer())
    joined = await stage.bridge.join(stage.terminal.describe(), offer)
    assert joined.web_sdp is not None
    assert "a=rtpmap:39 H264/90000" in joined.web_sdp
    stage.browser.accept(joined.web_sdp)
    await stage.until(WebConnected)
    stage.terminal.aim(joined.sip_sdp)
    stage.terminal.picture.say(IDR, marker=True)
    assert (await heard_in_the_browser(stage, IDR))[1] == 0x80 | 39
    stage.from_browser(IDR, 39, VIDEO_SSRC)
    assert (await stage.terminal.picture.heard())[12:] == IDR


async def test_a_phone_becomes_a_terminal_three_times(stage: Stage) -> None:
    await stage.join(video=False)
    assert paths(stage)[2:] == ["video sip->: none", "video web->: none"]
    for _ in range(3):
        stage.terminal.aim(await stage.bridge.change(stage.terminal.describe()))
        assert paths(stage)[2:] == ["video sip->: relay H264 -> H264", "video web->: relay H264 -> H264"]
        stage.browser.packets.clear()
        stage.terminal.picture.say(IDR)
        await heard_in_the_browser(stage, IDR)
        stage.from_browser(IDR, raw_peer.H264_MODE0, VIDEO_SSRC)
        assert (await stage.terminal.picture.heard())[12:] == IDR
        await stage.bridge.change(stage.terminal.describe(video=False))
        assert paths(stage)[2:] == ["video sip->: none", "video web->: none"]
        assert "video" not in stage.bridge.describe()


async def test_a_picture_that_nobody_sees_is_made_small(stage: Stage) -> None:
    await stage.join(video=False)

    def limits() -> list[int]:
        return [each.bps for each in stage.browser.messages if isinstance(each, rtcp.BitrateLimit)]

    await stage.browser.until(lambda: bool(limits()))
    assert limits()[-1] == 50_000
    await stage.bridge.change(stage.terminal.describe())
    await stage.browser.until(lambda: limits()[-1] > 50_000)


async def test_a_station_sends_what_it_likes_of_what_it_took(stage: Stage) -> None:
    offered = await stage.bridge.join(None, await stage.browser.offer())
    answer = stage.terminal.describe().replace("RTP/AVP 0 101", "RTP/AVP 0 8 101")
    joined = await stage.bridge.complete(answer)
    assert joined.web_sdp is not None
    stage.browser.accept(joined.web_sdp)
    await stage.until(WebConnected)
    stage.terminal.aim(offered.sip_sdp)
    assert paths(stage)[0] == "audio sip->: relay PCMU -> PCMU"

    stage.terminal.sound.payload_type = 8
    for _ in range(3):
        stage.terminal.sound.say(SOUND)
    await heard_in_the_browser(stage, SOUND.translate(translation("PCMA", "PCMU")))
    assert paths(stage)[:2] == ["audio sip->: transcode PCMA -> PCMU", "audio web->: relay PCMU -> PCMU"]
    stage.from_browser(SOUND, raw_peer.PCMU, AUDIO_SSRC)
    assert (await stage.terminal.sound.heard())[12:] == SOUND, "it is sent what it named first, as before"
    flow = stage.bridge.stats().flow(Kind.AUDIO, Side.SIP)
    assert flow is not None
    assert flow.source_codec == "PCMA"


async def test_a_stranger_changes_no_codec(stage: Stage) -> None:
    offered = await stage.bridge.join(None, await stage.browser.offer())
    joined = await stage.bridge.complete(stage.terminal.describe().replace("RTP/AVP 0 101", "RTP/AVP 0 8 101"))
    assert joined.web_sdp is not None
    stage.browser.accept(joined.web_sdp)
    await stage.until(WebConnected)
    ours = stage.terminal.aim(offered.sip_sdp)
    stage.terminal.sound.say(SOUND)
    await heard_in_the_browser(stage, SOUND)
    stranger = RtpStation(8, ssrc=0x66).aim(ours.media[0].port)
    for _ in range(6):
        stranger.say(b"boo" * 50)
    stage.terminal.sound.say(b"still here")
    await heard_in_the_browser(stage, b"still here")
    assert paths(stage)[0] == "audio sip->: relay PCMU -> PCMU"
    stranger.close()
