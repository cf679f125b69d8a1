"""A station that is greeted first: our voice answers it, and the browser comes later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bridge import sdp
from bridge.errors import AudioMissing, BridgeSealed, NegotiationError
from bridge.events import DtmfKey, MediaFlowing, PromptEnded, WebConnected
from bridge.own import Prompt, Slate, SpokenDigits
from bridge.own.speech import clips
from bridge.own.studio import SoundOrder, Studio
from bridge.types import Kind, Side
from tests.bridge.test_tap import Ear
from tests.support import raw_peer
from tests.support.bridge_stage import IDR, Stage, until
from tests.support.raw_peer import AUDIO_SSRC, VIDEO_SSRC

SENTENCE = (Prompt.PRESS, SpokenDigits("12"))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        await stage.stand_alone()
        yield stage


async def bring(stage: Stage, *, sealed: bool = False, offer: str = "") -> None:
    offer = offer or await stage.browser.offer()
    stage.browser.accept(await stage.bridge.bring(offer, sealed=sealed))
    await stage.browser.connected.wait()
    await stage.until(WebConnected)


async def test_the_station_is_answered_and_hears_us_while_nobody_is_there(stage: Stage) -> None:
    joined = await stage.bridge.greet(stage.terminal.describe())
    assert joined.web_sdp is None
    answer = stage.terminal.aim(joined.sip_sdp)
    assert [each.codecs[0].name for each in answer.media] == ["PCMU", "H264"]
    assert stage.bridge.describe() == "", "there is no pipeline"
    stage.bridge.say(Side.SIP, SENTENCE, "en", 7)
    assert await stage.until(PromptEnded) == PromptEnded(Side.SIP, 7)
    studio = Studio()
    orders = [SoundOrder(clip, "PCMU", "en") for clip in clips(SENTENCE, "en")]
    said = [block for order in orders for block in studio.make_sound(order)]
    heard = [(await stage.terminal.sound.heard())[12:] for _ in said]
    assert heard == said
    stage.bridge.show(Side.SIP, Slate.PLEASE_WAIT)
    await stage.terminal.picture.heard()


async def test_keys_are_told_and_what_is_said_gives_way_to_what_is_said_next(stage: Stage) -> None:
    stage.terminal.aim((await stage.bridge.greet(stage.terminal.describe())).sip_sdp)
    stage.bridge.say(Side.SIP, (Prompt.ENTER_ID,), "en", 1)
    await stage.terminal.sound.heard()
    stage.terminal.sound.press("5")
    assert (await stage.until(DtmfKey)).digit == "5"
    stage.bridge.hush(Side.SIP)
    assert stage.bridge.describe() == ""
    stage.bridge.say(Side.SIP, (Prompt.ENTER_PIN,), "en", 2)
    stage.bridge.say(Side.SIP, (Prompt.GOODBYE,), "es", 3)
    assert await stage.until(PromptEnded) == PromptEnded(Side.SIP, 3), "what gave way has no end of its own"


async def test_the_browser_comes_and_sound_and_picture_are_relayed(stage: Stage) -> None:
    stage.terminal.aim((await stage.bridge.greet(stage.terminal.describe())).sip_sdp)
    stage.bridge.show(Side.SIP, Slate.PLEASE_WAIT, Prompt.PLEASE_WAIT)
    last = int.from_bytes((await stage.terminal.sound.heard())[2:4], "big")
    before = sdp.parse(await stage.bridge.change(stage.terminal.describe()))
    await bring(stage)
    stage.bridge.clear(Side.SIP)
    assert [str(each) for each in stage.bridge.routes()] == [
        "audio sip->: relay PCMU -> PCMU",
        "audio web->: relay PCMU -> PCMU",
        "video sip->: relay H264 -> H264",
        "video web->: relay H264 -> H264",
    ]
    while not stage.terminal.sound.is_silent():
        last = int.from_bytes((await stage.terminal.sound.heard())[2:4], "big")
    stage.from_browser(b"from the family", raw_peer.PCMU, AUDIO_SSRC)
    async with asyncio.timeout(10):
        while (heard := await stage.terminal.sound.heard())[12:] != b"from the family":
            last = int.from_bytes(heard[2:4], "big")
    assert int.from_bytes(heard[2:4], "big") == (last + 1) & 0xFFFF, "one stream, whoever speaks"
    sent = stage.terminal.sound.say(b"from the terminal")
    await until(lambda: any(each[12:] == sent[12:] for each in stage.browser.packets))
    assert before.origin.version == sdp.parse(await stage.bridge.change(stage.terminal.describe())).origin.version
    stage.talk()
    await stage.until(MediaFlowing)


async def test_a_browser_with_another_codec_is_transcoded_to(stage: Stage) -> None:
    stage.terminal.aim((await stage.bridge.greet(stage.terminal.describe(video=False))).sip_sdp)
    offer = (
        (await stage.browser.offer())
        .replace("SAVPF 111 0\r\n", "SAVPF 111\r\n")
        .replace("a=rtpmap:0 PCMU/8000\r\n", "")
    )
    await bring(stage, offer=offer)
    assert str(stage.bridge.routes()[0]) == "audio sip->: transcode PCMU -> OPUS"


async def test_a_delayed_offer_is_ours_and_its_answer_completes_the_greeting(stage: Stage) -> None:
    joined = await stage.bridge.greet(None)
    offered = sdp.parse(joined.sip_sdp)
    assert [each.kind for each in offered.media] == ["audio", "video"]
    stage.terminal.aim(joined.sip_sdp)
    done = await stage.bridge.complete(stage.terminal.describe().replace("AVP 96", "AVP 97").replace(":96 ", ":97 "))
    assert done.web_sdp is None
    stage.bridge.say(Side.SIP, (Prompt.WELCOME,), "en", 1)
    await stage.until(PromptEnded)
    await bring(stage)


async def test_nothing_can_be_tapped_before_policy_has_spoken_and_a_privileged_visit_never(stage: Stage) -> None:
    stage.terminal.aim((await stage.bridge.greet(stage.terminal.describe())).sip_sdp)
    with pytest.raises(BridgeSealed):
        stage.bridge.tap(Ear())
    await bring(stage, sealed=True)
    with pytest.raises(BridgeSealed):
        stage.bridge.tap(Ear())
    assert "Tap" not in stage.bridge.describe()


async def test_an_ordinary_visit_that_was_greeted_can_be_recorded(stage: Stage) -> None:
    stage.terminal.aim((await stage.bridge.greet(stage.terminal.describe())).sip_sdp)
    await bring(stage, sealed=False)
    ear = Ear()
    stage.bridge.tap(ear)
    stage.from_browser(IDR, raw_peer.H264, VIDEO_SSRC)
    await ear.until(lambda: bool(ear.heard(Kind.VIDEO, Side.WEB)))


async def test_a_browser_that_does_not_fit_leaves_the_station_waiting_for_another(stage: Stage) -> None:
    stage.terminal.aim((await stage.bridge.greet(stage.terminal.describe())).sip_sdp)
    with pytest.raises(AudioMissing):
        await stage.bridge.bring((await stage.browser.offer()).replace("m=audio 9", "m=audio 0"), sealed=False)
    stage.bridge.say(Side.SIP, (Prompt.WELCOME,), "en", 1)
    await stage.until(PromptEnded)
    await bring(stage)


async def test_what_comes_in_the_wrong_order_is_refused(stage: Stage) -> None:
    with pytest.raises(NegotiationError):
        await stage.bridge.bring(await stage.browser.offer(), sealed=False)
    with pytest.raises(AudioMissing):
        await stage.bridge.greet(stage.terminal.describe().replace(" 0 101", " 18 101"))
    stage.terminal.aim((await stage.bridge.greet(stage.terminal.describe())).sip_sdp)
    with pytest.raises(NegotiationError):
        await stage.bridge.join(stage.terminal.describe(), await stage.browser.offer())
