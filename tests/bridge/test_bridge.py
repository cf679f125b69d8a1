"""A visit's media from both ends: a station made of packets, a browser made of packets, a bridge between them."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bridge import sdp
from bridge.errors import AudioMissing, BridgeClosed, BridgeError, NegotiationError, PortsExhausted, SdpError
from bridge.events import (
    DtmfKey,
    FirstMedia,
    KeyframeByInfo,
    MediaFlowing,
    MediaStopped,
    SideDead,
    WebConnected,
    WebLost,
)
from bridge.plane import MediaPlane
from bridge.rtp import packet as rtp
from bridge.rtp import rtcp
from bridge.types import Flow, Kind, MediaSettings, Path, Side
from tests.support import raw_peer
from tests.support.baresip import free_port
from tests.support.bridge_stage import IDR, SLICE, Stage, Terminal, until, without
from tests.support.raw_peer import AUDIO_SSRC, VIDEO_SSRC, RawPeer


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        yield stage


async def test_sound_and_picture_are_relayed_both_ways(stage: Stage) -> None:
    await stage.join()
    sent = stage.terminal.sound.say(b"from the terminal")
    stage.terminal.picture.say(IDR + bytes(1400))
    await stage.browser.until(lambda: len(stage.browser.packets) == 2)
    payloads = {each[12:] for each in stage.browser.packets}
    assert payloads == {sent[12:], IDR + bytes(1400)}
    stage.from_browser(b"from the family", raw_peer.PCMU, AUDIO_SSRC)
    stage.from_browser(IDR, raw_peer.H264, VIDEO_SSRC)
    assert (await stage.terminal.sound.heard())[12:] == b"from the family"
    assert (await stage.terminal.picture.heard())[12:] == IDR
    heard = {(each.kind, each.source) for each in stage.events if isinstance(each, FirstMedia)}
    assert heard == {(kind, side) for kind in Kind for side in Side}


async def test_what_an_auditor_reads(stage: Stage) -> None:
    await stage.join()
    assert stage.bridge.describe() == (
        "audio sip->web: PCMU -> Rewrite(PT 0, SSRC) -> WebLeg\n"
        "audio web->sip: PCMU -> Reorder(80 ms) -> Rewrite(PT 0, SSRC) -> SipLeg\n"
        "video sip->web: H264 -> Rewrite(PT 102, SSRC) -> WebLeg\n"
        "video web->sip: H264 -> Reorder(400 ms) -> Rewrite(PT 96, SSRC) -> SipLeg"
    )
    assert [str(each) for each in stage.bridge.routes()] == [
        "audio sip->: relay PCMU -> PCMU",
        "audio web->: relay PCMU -> PCMU",
        "video sip->: relay H264 -> H264",
        "video web->: relay H264 -> H264",
    ]


async def test_a_picture_is_asked_for_from_both_sides_when_the_browser_is_there(stage: Stage) -> None:
    await stage.join()
    await stage.browser.until(lambda: bool(stage.browser.heard(rtcp.KeyframeRequest)))
    stage.terminal.picture.say(SLICE)
    message = rtcp.parse(await stage.terminal.picture.told())[-1]
    assert isinstance(message, rtcp.KeyframeRequest)
    assert message.media_ssrc == stage.terminal.picture.ssrc


async def test_a_terminal_without_feedback_is_asked_by_info(stage: Stage) -> None:
    await stage.join(feedback=False)
    await stage.until(KeyframeByInfo)


async def test_a_terminals_bandwidth_is_the_browsers_limit(stage: Stage) -> None:
    offer = stage.terminal.describe().replace("a=rtpmap:96", "b=AS:384\r\na=rtpmap:96")
    joined = await stage.bridge.join(offer, await stage.browser.offer())
    assert joined.web_sdp is not None
    stage.browser.accept(joined.web_sdp)
    await stage.browser.until(lambda: bool(stage.browser.heard(rtcp.BitrateLimit)))
    (limit, *_) = stage.browser.heard(rtcp.BitrateLimit)
    assert isinstance(limit, rtcp.BitrateLimit)
    assert 370_000 < limit.bps <= 384_000


async def test_a_terminals_wish_for_a_picture_reaches_the_browser(stage: Stage) -> None:
    await stage.join()
    stage.from_browser(IDR, raw_peer.H264, VIDEO_SSRC)
    await stage.terminal.picture.heard()
    asked = len(stage.browser.heard(rtcp.KeyframeRequest))
    stage.bridge.want_picture()
    await stage.browser.until(lambda: len(stage.browser.heard(rtcp.KeyframeRequest)) > asked)


async def test_the_meter_may_run_while_both_are_heard(stage: Stage) -> None:
    await stage.join()
    stage.talk()
    flowing = await stage.until(MediaFlowing)
    stage.hush()
    stopped = await stage.until(MediaStopped)
    assert stopped.at_s >= flowing.at_s
    stage.talk()
    again = await stage.until(MediaFlowing, 2)
    assert again.at_s >= stopped.at_s + 2.0


async def test_a_dead_side_is_reported() -> None:
    async with Stage(MediaSettings(rtp_timeout_s=0.5)) as stage:
        await stage.join()
        dead = {(await stage.until(SideDead)).source, (await stage.until(SideDead, 2)).source}
        assert dead == set(Side)


async def test_a_held_terminal_may_be_silent_for_as_long_as_it_likes() -> None:
    async with Stage(MediaSettings(rtp_timeout_s=0.3)) as stage:
        await stage.join()
        answer = sdp.parse(await stage.bridge.change(stage.terminal.describe(flow="inactive")))
        assert [each.flow for each in answer.media] == [Flow.INACTIVE, Flow.INACTIVE]
        assert stage.bridge.held()
        assert (await stage.until(SideDead)).source is Side.WEB
        answer = sdp.parse(await stage.bridge.change(stage.terminal.describe()))
        assert [each.flow for each in answer.media] == [Flow.SENDRECV, Flow.SENDRECV]
        assert not stage.bridge.held()
        assert (await stage.until(SideDead, 2)).source is Side.SIP


@pytest.mark.parametrize(("flow", "address"), [("sendonly", ""), ("sendrecv", "0.0.0.0")])
async def test_a_hold_keeps_ports_and_pipelines_and_lets_music_through(stage: Stage, flow: str, address: str) -> None:
    before = await stage.join()
    described = stage.bridge.describe()
    stage.talk()
    await stage.until(MediaFlowing)
    held = sdp.parse(await stage.bridge.change(stage.terminal.describe(flow=flow, address=address)))
    assert [each.flow for each in held.media] == [Flow.RECVONLY, Flow.RECVONLY]
    assert [each.port for each in held.media] == [each.port for each in before.media]
    assert held.origin == replace(before.origin, version=before.origin.version + 1)
    await stage.until(MediaStopped)
    count = len(stage.browser.packets)
    await stage.browser.until(lambda: len(stage.browser.packets) > count + 5)
    await stage.bridge.change(stage.terminal.describe())
    await stage.until(MediaFlowing, 2)
    assert stage.bridge.describe() == described


async def test_the_same_offer_again_gets_the_same_answer(stage: Stage) -> None:
    before = await stage.join()
    assert sdp.parse(await stage.bridge.change(stage.terminal.describe())) == before


async def test_a_dropped_and_added_picture(stage: Stage) -> None:
    await stage.join()
    stage.terminal.picture.say(IDR)
    await stage.browser.until(lambda: len(stage.browser.packets) == 1)
    dropped = sdp.parse(
        await stage.bridge.change(
            stage.terminal.describe()
            .replace("m=video ", "m=video 0 #", 1)
            .replace(f"#{stage.terminal.picture.port} ", "")
        )
    )
    assert [each.port == 0 for each in dropped.media] == [False, True]
    assert "video" not in stage.bridge.describe()
    assert stage.bridge.stats().flow(Kind.VIDEO, Side.SIP).received_packets == 1  # type: ignore[union-attr]  # the route stands, as none
    added = stage.terminal.aim(await stage.bridge.change(stage.terminal.describe()))
    assert all(each.port for each in added.media)
    stage.terminal.picture.say(IDR)
    await stage.browser.until(lambda: len(stage.browser.packets) == 2)


async def test_a_picture_that_the_browser_has_no_line_for_is_refused(stage: Stage) -> None:
    await stage.bridge.join(stage.terminal.describe(video=False), await stage.browser.offer(video=False))
    answer = sdp.parse(await stage.bridge.change(stage.terminal.describe()))
    assert [each.port == 0 for each in answer.media] == [False, True]
    assert [each.path for each in stage.bridge.routes() if each.kind is Kind.VIDEO] == [Path.NONE, Path.NONE]


async def test_a_terminal_that_moves_is_followed(stage: Stage) -> None:
    await stage.join()
    stage.terminal.sound.say()
    await stage.browser.until(lambda: len(stage.browser.packets) == 1)
    moved = Terminal()
    moved.sound.ssrc += 1
    moved.aim(await stage.bridge.change(moved.describe()))
    moved.sound.say()
    await stage.browser.until(lambda: len(stage.browser.packets) == 2)
    stage.from_browser(b"follow", raw_peer.PCMU, AUDIO_SSRC)
    assert (await moved.sound.heard())[12:] == b"follow"
    moved.close()


async def test_a_terminal_that_changes_its_codec_is_understood(stage: Stage) -> None:
    await stage.join()
    stage.terminal.sound.say(b"\xff" * 160)
    await stage.browser.until(lambda: len(stage.browser.packets) == 1)
    offer = stage.terminal.describe().replace("RTP/AVP 0 101", "RTP/AVP 8 101")
    stage.terminal.aim(await stage.bridge.change(offer))
    assert str(stage.bridge.routes()[0]) == "audio sip->: transcode PCMA -> PCMU"
    stage.terminal.sound.payload_type = 8
    stage.terminal.sound.say(b"\xd5" * 160)
    await stage.browser.until(lambda: len(stage.browser.packets) == 2)
    before, after = (rtp.parse(each) for each in stage.browser.packets)
    assert before is not None
    assert after is not None
    assert (after.payload_type, after.ssrc, after.sequence) == (0, before.ssrc, (before.sequence + 1) & 0xFFFF)
    assert stage.browser.packets[1][12:] == b"\xfe" * 160, "the smallest step of one law is that of the other"


async def test_an_offer_that_cannot_be_met_changes_nothing(stage: Stage) -> None:
    await stage.join()
    described = stage.bridge.describe()
    with pytest.raises(AudioMissing):
        await stage.bridge.change(stage.terminal.describe().replace("RTP/AVP 0 101", "RTP/AVP 18"))
    with pytest.raises(SdpError):
        await stage.bridge.change("no SDP at all")
    assert stage.bridge.describe() == described
    stage.terminal.sound.say()
    await stage.browser.until(lambda: len(stage.browser.packets) == 1)


async def test_a_call_without_an_offer_gets_ours(stage: Stage) -> None:
    offered = await stage.bridge.join(None, await stage.browser.offer())
    assert offered.web_sdp is None
    ours = sdp.parse(offered.sip_sdp)
    assert [each.kind for each in ours.media] == ["audio", "video"]
    joined = await stage.bridge.complete(stage.terminal.describe())
    assert joined.web_sdp is not None
    assert joined.sip_sdp == offered.sip_sdp
    stage.browser.accept(joined.web_sdp)
    await stage.until(WebConnected)
    stage.terminal.aim(offered.sip_sdp)
    stage.terminal.sound.say(b"hello")
    await stage.browser.until(lambda: [each[12:] for each in stage.browser.packets] == [b"hello"])


async def test_an_answer_without_video_to_our_offer(stage: Stage) -> None:
    await stage.bridge.join(None, await stage.browser.offer())
    answer = stage.terminal.describe().replace(f"m=video {stage.terminal.picture.port}", "m=video 0")
    joined = await stage.bridge.complete(answer)
    assert [str(each) for each in joined.routes[2:]] == ["video sip->: none", "video web->: none"]
    assert "video" not in stage.bridge.describe()


async def test_a_reinvite_without_an_offer_gets_our_description_again(stage: Stage) -> None:
    before = await stage.join()
    await stage.bridge.change(stage.terminal.describe(flow="sendonly"))
    offer = sdp.parse(await stage.bridge.change(None))
    assert [(each.port, each.flow) for each in offer.media] == [(each.port, Flow.SENDRECV) for each in before.media]
    await stage.bridge.complete(stage.terminal.describe())
    assert not stage.bridge.held()


async def test_a_browser_comes_back_with_a_new_connection(stage: Stage) -> None:
    await stage.join()
    stage.talk()
    await stage.until(MediaFlowing)
    stage.terminal.picture.say(IDR)
    await until(lambda: any(each.kind is Kind.VIDEO for each in stage.events if isinstance(each, FirstMedia)))
    await stage.browser.close()
    await stage.until(WebLost)
    await stage.until(MediaStopped)
    before = stage.bridge.stats().flow(Kind.AUDIO, Side.WEB)
    assert before is not None
    stage.browser = RawPeer()
    stage.browser.accept(await stage.bridge.rejoin(await stage.browser.offer()))
    await stage.until(WebConnected, 2)
    await stage.until(MediaFlowing, 2)
    after = stage.bridge.stats().flow(Kind.AUDIO, Side.WEB)
    assert after is not None
    assert after.received_packets > before.received_packets
    assert after.sent_packets > before.sent_packets
    assert stage.bridge.describe().count("\n") == 3


async def test_a_browser_that_comes_back_without_a_camera_still_sees(stage: Stage) -> None:
    await stage.join()
    await stage.browser.close()
    stage.browser = RawPeer()
    stage.browser.accept(await stage.bridge.rejoin(await stage.browser.offer(video_flow="recvonly")))
    await stage.until(WebConnected, 2)
    assert [str(each) for each in stage.bridge.routes()[2:]] == ["video sip->: relay H264 -> H264", "video web->: none"]


async def test_only_the_direction_that_needs_it_is_transcoded(stage: Stage) -> None:
    offer = without(await stage.browser.offer(), raw_peer.H264_MODE0)
    await stage.bridge.join(stage.terminal.describe().replace("mode=1", "mode=0"), offer)
    assert stage.bridge.describe().splitlines()[2:] == [
        "video sip->web: H264 -> Rewrite(PT 102, SSRC) -> WebLeg",
        "video web->sip: Reorder(400 ms) -> Depay(H264) -> Decode -> Scale(640x480) -> Encode(H264) -> Pay(H264) -> SipLeg",  # noqa: E501 - one line a pipeline
    ]


async def test_a_browser_that_comes_back_with_other_codecs_is_transcoded(stage: Stage) -> None:
    await stage.join()
    await stage.browser.close()
    stage.browser = RawPeer()
    offer = without(await stage.browser.offer(), raw_peer.H264, raw_peer.H264_RTX, raw_peer.H264_MODE0)
    stage.browser.accept(await stage.bridge.rejoin(offer))
    await stage.until(WebConnected, 2)
    assert [str(each) for each in stage.bridge.routes()[2:]] == [
        "video sip->: transcode H264 -> VP8",
        "video web->: transcode VP8 -> H264",
    ]
    stage.terminal.sound.say(b"still here")
    await stage.browser.until(lambda: bool(stage.browser.packets))


async def test_a_key_press_is_reported_and_not_heard(stage: Stage) -> None:
    await stage.join()
    stage.terminal.sound.payload_type = 101
    for _ in range(3):
        stage.terminal.sound.say(struct.pack("!BBH", 7, 0x80, 800), same_time=True)
    assert await stage.until(DtmfKey) == DtmfKey(Side.SIP, "7", 100)
    stage.terminal.sound.payload_type = 0
    stage.terminal.sound.say(b"sound")
    await stage.browser.until(lambda: bool(stage.browser.packets))
    assert [each[12:] for each in stage.browser.packets] == [b"sound"]


async def test_the_numbers_of_a_visit(stage: Stage) -> None:
    await stage.join()
    for _ in range(10):
        stage.terminal.sound.say(bytes(160))
    stage.terminal.sound.sequence += 2
    stage.terminal.sound.say(bytes(160))
    await stage.browser.until(lambda: len(stage.browser.packets) == 11)
    flow = stage.bridge.stats().flow(Kind.AUDIO, Side.SIP)
    assert flow is not None
    assert (flow.path, flow.source_codec, flow.target_codec) == (Path.RELAY, "PCMU", "PCMU")
    assert (flow.received_packets, flow.received_bytes, flow.lost_packets) == (11, 1760, 2)
    assert (flow.sent_packets, flow.sent_bytes) == (11, 1760)
    await stage.bridge.close()
    assert stage.bridge.stats().flow(Kind.AUDIO, Side.SIP) == flow, "the record outlives the bridge"


async def test_an_audio_phone_leaves_the_browsers_camera_idle(stage: Stage) -> None:
    answer = await stage.join(video=False)
    assert [each.kind for each in answer.media] == ["audio"]
    assert stage.bridge.describe().count("video") == 0


async def test_what_cannot_be_joined_says_why_and_leaves_nothing_open() -> None:
    low = free_port(2)
    settings = MediaSettings(sip_ports=(low, low + 1))
    async with Stage(settings) as stage:
        offer = await stage.browser.offer()
        with pytest.raises(SdpError):
            await stage.bridge.join("v=0\r\nm=audio x\r\n", offer)
        with pytest.raises(NegotiationError, match="nothing is joined"):
            await stage.bridge.change(stage.terminal.describe())
        with pytest.raises(NegotiationError, match="nobody has joined"):
            await stage.bridge.rejoin(offer)
        with pytest.raises(NegotiationError, match="no offer of ours"):
            await stage.bridge.complete(stage.terminal.describe())
        with pytest.raises(PortsExhausted, match=r"widen media\.sip_ports"):
            await stage.bridge.join(stage.terminal.describe(), offer)
        await stage.bridge.join(stage.terminal.describe(video=False), offer)
        with pytest.raises(NegotiationError, match="joined its sides before"):
            await stage.bridge.join(stage.terminal.describe(video=False), offer)


async def test_a_join_that_failed_can_be_tried_again() -> None:
    low = free_port(4)
    async with Stage(MediaSettings(sip_ports=(low, low + 3))) as stage:
        offer = await stage.browser.offer()
        with pytest.raises(SdpError):
            await stage.bridge.join(stage.terminal.describe(), offer.replace("a=ice-ufrag:", "a=x-ice-ufrag:"))
        with pytest.raises(AudioMissing):
            await stage.bridge.join(None, offer.replace("m=audio 9", "m=audio 0"))
        joined = await stage.bridge.join(stage.terminal.describe(), offer)
        assert all(each.port for each in sdp.parse(joined.sip_sdp).media)


async def test_a_closed_bridge_takes_no_more_and_gives_everything_back() -> None:
    low = free_port(4)
    async with Stage(MediaSettings(sip_ports=(low, low + 3))) as stage:
        await stage.join()
        assert len(stage.plane) == 1
        await stage.bridge.close()
        await stage.bridge.close()
        assert len(stage.plane) == 0
        with pytest.raises(BridgeClosed):
            await stage.bridge.change(stage.terminal.describe())
        await asyncio.wait_for(stage.browser.lost, 5)
        second = stage.plane.bridge()
        browser = RawPeer()
        await second.join(stage.terminal.describe(), await browser.offer())
        await second.close()
        await browser.close()


async def test_a_bridge_closed_in_the_middle_of_joining(stage: Stage) -> None:
    joining = asyncio.create_task(stage.bridge.join(stage.terminal.describe(), await stage.browser.offer()))
    await asyncio.sleep(0)
    await stage.bridge.close()
    with contextlib.suppress(BridgeClosed):
        await joining
    with pytest.raises(BridgeClosed):
        await stage.bridge.change(None)


async def test_unread_events_are_bounded(stage: Stage) -> None:
    bridge = stage.plane.bridge()
    browser = RawPeer()
    joined = await bridge.join(stage.terminal.describe(), await browser.offer())
    stage.terminal.aim(joined.sip_sdp)
    stage.terminal.sound.payload_type = 101
    for _ in range(300):
        stage.terminal.sound.timestamp += 160
        stage.terminal.sound.say(struct.pack("!BBH", 7, 0x80, 800), same_time=True)
    await until(lambda: bridge.reports.dropped >= 40)
    browser.accept(joined.web_sdp or "")
    await browser.connected.wait()
    for _ in range(300):
        stage.terminal.sound.timestamp += 160
        stage.terminal.sound.say(struct.pack("!BBH", 7, 0x80, 800), same_time=True)
    await until(lambda: bridge.reports.dropped >= 300)
    await bridge.close()
    unread = [each async for each in bridge.events()]
    assert len(unread) <= 256
    assert any(isinstance(each, WebConnected) for each in unread), "no key pushes out what the meter hangs on"
    await browser.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_that_would_mean_hold_is_refused(host: str) -> None:
    with pytest.raises(BridgeError, match=r"set media\.advertised"):
        MediaPlane(MediaSettings(host=host))
