"""A telephone as the family's side: called, asked by our voice, and joined when it accepts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge import sdp
from bridge.apart import Apart
from bridge.codecs.g711 import translation
from bridge.errors import AudioMissing, BridgeSealed, NegotiationError, SdpError
from bridge.events import DtmfKey, MediaFlowing, MediaStopped, PromptEnded
from bridge.own import Prompt, Slate
from bridge.types import Kind, Side
from bridge.wiring import Wiring
from tests.bridge.test_tap import ALL, Ear
from tests.support.bridge_stage import IDR, until
from tests.support.phone_stage import PhoneStage, emptied, heard

SOUND = bytes(range(160))

RELAYED = """\
audio sip->web: PCMU -> Reorder(80 ms) -> Rewrite(PT 0, SSRC) -> PhoneLeg
audio web->sip: PCMU -> Reorder(80 ms) -> Rewrite(PT 0, SSRC) -> SipLeg
video sip->web: H264 -> Reorder(80 ms) -> Rewrite(PT 96, SSRC) -> PhoneLeg
video web->sip: H264 -> Reorder(80 ms) -> Rewrite(PT 96, SSRC) -> SipLeg"""


@pytest.fixture
async def stage() -> AsyncIterator[PhoneStage]:
    async with PhoneStage() as stage:
        yield stage


async def test_they_are_joined_and_sound_and_picture_are_relayed_untouched(stage: PhoneStage) -> None:
    await stage.greet()
    offered = await stage.call()
    assert [[each.name for each in media.codecs] for media in offered.media] == [
        ["PCMU", "PCMA", "G722", "TELEPHONE-EVENT"],
        ["H264", "H264", "VP8", "H263-1998"],
    ]
    assert stage.bridge.describe() == "", "there is no pipeline before they are connected"
    await stage.bridge.connect_telephone(sealed=False)
    assert stage.bridge.describe() == RELAYED
    stage.terminal.sound.say(SOUND)
    assert (await stage.phone.sound.heard())[12:] == SOUND
    stage.phone.sound.say(SOUND)
    assert (await stage.terminal.sound.heard())[12:] == SOUND
    stage.terminal.picture.say(IDR)
    assert (await stage.phone.picture.heard())[12:] == IDR
    stage.phone.picture.say(IDR)
    assert (await stage.terminal.picture.heard())[12:] == IDR
    stage.talk_by_phone()
    await stage.until(MediaFlowing)


async def test_until_it_accepts_each_hears_us_and_nobody_the_other(stage: PhoneStage) -> None:
    await stage.greet()
    await stage.call()
    wiring = stage.bridge._wiring
    assert isinstance(wiring, Apart)
    assert not isinstance(wiring, Wiring), "there is no place for a pipeline"
    with pytest.raises(BridgeSealed):
        stage.bridge.tap(Ear())
    stage.bridge.say(Side.WEB, (Prompt.ACCEPT,), "en", 4)
    stage.bridge.say(Side.SIP, (Prompt.PLEASE_WAIT,), "es", 5)
    await stage.phone.sound.heard()
    await stage.terminal.sound.heard()
    assert stage.bridge.describe() == (
        "audio ->sip: Prompt(please-wait, PCMU) -> SipLeg\naudio ->web: Prompt(accept, PCMU) -> PhoneLeg"
    )
    for party in (stage.terminal, stage.phone):
        for _ in range(20):
            party.sound.say(SOUND)
            party.picture.say(IDR)
    stage.phone.sound.press("1")
    assert await stage.until(DtmfKey) == DtmfKey(Side.WEB, "1", 100)
    stage.bridge.hush(Side.WEB)
    stage.bridge.hush(Side.SIP)
    for party in (stage.terminal, stage.phone):
        while not party.sound.is_silent():
            assert (await party.sound.heard())[12:] != SOUND
        assert party.picture.is_silent()
    assert not [each for each in stage.events if isinstance(each, MediaFlowing)], "nobody is charged"
    await stage.bridge.connect_telephone(sealed=False)
    stage.phone.sound.say(SOUND)
    await heard(stage.terminal.sound, SOUND)


async def test_what_is_said_to_it_ends_with_its_turn_and_its_line_goes_on_as_one_stream(stage: PhoneStage) -> None:
    await stage.greet()
    await stage.call()
    stage.bridge.say(Side.WEB, (Prompt.GOODBYE,), "en", 9)
    assert await stage.until(PromptEnded) == PromptEnded(Side.WEB, 9)
    last = b""
    while not stage.phone.sound.is_silent():
        last = await stage.phone.sound.heard()
    await stage.bridge.connect_telephone(sealed=False)
    stage.terminal.sound.say(SOUND)
    first = await stage.phone.sound.heard()
    assert first[8:12] == last[8:12]
    assert int.from_bytes(first[2:4], "big") == (int.from_bytes(last[2:4], "big") + 1) & 0xFFFF


async def test_what_comes_before_it_answers_is_forgotten(stage: PhoneStage) -> None:
    await stage.greet()
    stage.phone.aim(await stage.bridge.offer_telephone())
    stage.phone.sound.press("1")
    for _ in range(50):
        stage.phone.sound.say(b"\x55" * 160)  # a ringing tone of the network
    await stage.bridge.complete_telephone(stage.phone.describe())
    await stage.bridge.connect_telephone(sealed=False)
    stage.phone.sound.say(SOUND)
    assert (await stage.terminal.sound.heard())[12:] == SOUND
    assert not [each for each in stage.events if isinstance(each, DtmfKey)]


async def test_laws_that_differ_are_transcoded_by_a_table(stage: PhoneStage) -> None:
    await stage.greet()
    await stage.call(stage.phone.describe(video=False).replace("RTP/AVP 0 101", "RTP/AVP 8 101"), video=False)
    stage.phone.sound.payload_type = 8
    await stage.bridge.connect_telephone(sealed=False)
    assert stage.bridge.describe() == (
        "audio sip->web: PCMU -> Reorder(80 ms) -> Law(PCMA) -> Rewrite(PT 8, SSRC) -> PhoneLeg\n"
        "audio web->sip: PCMA -> Reorder(80 ms) -> Law(PCMU) -> Rewrite(PT 0, SSRC) -> SipLeg"
    )
    stage.phone.sound.say(SOUND)
    assert (await stage.terminal.sound.heard())[12:] == SOUND.translate(translation("PCMA", "PCMU"))


async def test_a_terminal_keeps_its_picture_line_and_sees_a_slate_while_the_phone_has_none(stage: PhoneStage) -> None:
    await stage.greet()
    await stage.call(video=False)
    stage.bridge.show(Side.SIP, Slate.PLEASE_WAIT)
    await stage.terminal.picture.heard()
    await stage.bridge.connect_telephone(sealed=False)
    stage.bridge.show(Side.SIP, Slate.SOUND_ONLY)
    await until(lambda: "Slate(sound-only, H264" in stage.bridge.describe())
    await emptied(stage.terminal.picture)
    await stage.terminal.picture.heard()
    answer = sdp.parse(await stage.bridge.change(stage.terminal.describe()))
    assert [each.port > 0 for each in answer.media] == [True, True]


async def test_a_phone_may_be_called_before_there_is_a_station(stage: PhoneStage) -> None:
    await stage.call()
    stage.bridge.say(Side.WEB, (Prompt.ACCEPT,), "en", 1)
    await stage.phone.sound.heard()
    with pytest.raises(NegotiationError):
        await stage.bridge.connect_telephone(sealed=False)
    joined = await stage.bridge.greet(None)
    stage.terminal.aim(joined.sip_sdp)
    await stage.bridge.complete(stage.terminal.describe())
    stage.bridge.hush(Side.WEB)
    await stage.bridge.connect_telephone(sealed=False)
    stage.terminal.sound.say(SOUND)
    await heard(stage.phone.sound, SOUND)


async def test_each_may_hold_and_come_back(stage: PhoneStage) -> None:
    await stage.visit()
    stage.talk_by_phone()
    await stage.until(MediaFlowing)
    answer = sdp.parse(await stage.bridge.change_telephone(stage.phone.describe(flow="sendonly")))
    assert [str(each.flow) for each in answer.media] == ["recvonly", "recvonly"]
    assert (stage.bridge.held(Side.WEB), stage.bridge.held()) == (True, False)
    await stage.until(MediaStopped)
    await emptied(stage.phone.sound)
    assert stage.phone.sound.is_silent()
    await stage.bridge.change_telephone(stage.phone.describe())
    assert not stage.bridge.held(Side.WEB)
    await stage.until(MediaFlowing, 2)
    await stage.bridge.change(stage.terminal.describe(flow="sendonly"))
    assert (stage.bridge.held(Side.WEB), stage.bridge.held()) == (False, True)
    await stage.until(MediaStopped, 2)
    await stage.bridge.change(stage.terminal.describe())
    await stage.until(MediaFlowing, 3)


async def test_the_phone_may_turn_to_another_codec_and_drop_its_picture(stage: PhoneStage) -> None:
    await stage.visit()
    changed = stage.phone.describe().replace("RTP/AVP 0 101", "RTP/AVP 8 101")
    changed = changed.replace(f"m=video {stage.phone.picture.port}", "m=video 0")
    answer = sdp.parse(await stage.bridge.change_telephone(changed))
    assert [(each.codecs[0].name, each.port > 0) for each in answer.media[:1]] == [("PCMA", True)]
    assert answer.media[1].port == 0
    assert [str(each) for each in stage.bridge.routes()] == [
        "audio sip->: transcode PCMU -> PCMA",
        "audio web->: transcode PCMA -> PCMU",
        "video sip->: none",
        "video web->: none",
    ]
    stage.phone.aim(await stage.bridge.change_telephone(stage.phone.describe()))
    assert stage.bridge.describe() == RELAYED
    offered = await stage.bridge.change_telephone(None)
    await stage.bridge.complete_telephone(stage.phone.describe())
    assert sdp.parse(offered).media[0].port == sdp.parse(await stage.bridge.change_telephone(None)).media[0].port


async def test_of_what_we_offered_it_may_send_what_it_took(stage: PhoneStage) -> None:
    await stage.greet()
    both = stage.phone.describe(video=False).replace("RTP/AVP 0 101", "RTP/AVP 0 8 101")
    await stage.call(both, video=False)
    await stage.bridge.connect_telephone(sealed=False)
    stage.phone.sound.payload_type = 8
    for _ in range(3):
        stage.phone.sound.say(SOUND)
    await until(lambda: "audio web->: transcode PCMA -> PCMU" in map(str, stage.bridge.routes()))
    stage.phone.sound.say(SOUND)
    await heard(stage.terminal.sound, SOUND.translate(translation("PCMA", "PCMU")))
    stage.bridge.play(Side.WEB, Prompt.GOODBYE)
    assert (await stage.phone.sound.heard())[1] & 0x7F == 0, "it is sent what was agreed"


async def test_a_phone_that_does_not_accept_makes_room_for_another_and_for_a_browser(stage: PhoneStage) -> None:
    await stage.greet()
    await stage.call()
    stage.bridge.show(Side.WEB, Slate.CALLING, Prompt.PLEASE_WAIT)
    await stage.phone.sound.heard()
    await stage.bridge.drop_telephone()
    assert stage.bridge.describe() == ""
    with pytest.raises(NegotiationError):
        await stage.bridge.drop_telephone()
    await stage.call()
    assert stage.bridge.describe() == "", "nothing of what was meant for the one before"
    await stage.bridge.drop_telephone()
    answer = await stage.bridge.bring(await stage.browser.offer(), sealed=False)
    stage.browser.accept(answer)
    await stage.browser.connected.wait()
    stage.terminal.sound.say(SOUND)
    await until(lambda: any(each[12:] == SOUND for each in stage.browser.packets))


async def test_recorders_and_officers_hear_both_and_a_privileged_visit_nobody(stage: PhoneStage) -> None:
    await stage.visit(sealed=False)
    ear = Ear()
    stage.bridge.tap(ear)
    assert ear.codecs == dict(zip(sorted(ALL), ["PCMU", "PCMU", "H264", "H264"], strict=True))
    sound = stage.phone.sound.say(SOUND)
    picture = stage.phone.picture.say(IDR)
    await ear.until(lambda: bool(ear.heard(Kind.VIDEO, Side.WEB)))
    assert (ear.heard(Kind.AUDIO, Side.WEB), ear.heard(Kind.VIDEO, Side.WEB)) == ([sound], [picture])
    assert "audio web->sip: PCMU -> Tap(recording) -> Reorder" in stage.bridge.describe()


async def test_a_privileged_visit_by_telephone_has_no_place_for_a_tap(stage: PhoneStage) -> None:
    await stage.visit(sealed=True)
    assert type(stage.bridge._wiring) is Wiring
    with pytest.raises(BridgeSealed):
        stage.bridge.tap(Ear())
    assert stage.bridge.describe() == RELAYED


async def test_its_figures_are_the_familys(stage: PhoneStage) -> None:
    await stage.visit()
    stage.talk_by_phone()
    await stage.until(MediaFlowing)
    flow = stage.bridge.stats().flow(Kind.AUDIO, Side.WEB)
    assert flow is not None
    assert flow.received_packets > 0
    assert (flow.source_codec, flow.target_codec) == ("PCMU", "PCMU")
    assert flow.mos is not None


async def test_what_comes_in_the_wrong_order_or_does_not_fit_is_refused_and_leaves_all_as_it_was(
    stage: PhoneStage,
) -> None:
    await stage.greet()
    for call in (stage.bridge.complete_telephone("v=0"), stage.bridge.change_telephone(None)):
        with pytest.raises(NegotiationError, match="no telephone"):
            await call
    stage.phone.aim(await stage.bridge.offer_telephone())
    with pytest.raises(NegotiationError, match="already"):
        await stage.bridge.offer_telephone()
    with pytest.raises(NegotiationError, match="drop it"):
        await stage.bridge.bring(await stage.browser.offer(), sealed=False)
    with pytest.raises(SdpError):
        await stage.bridge.complete_telephone("v=0\r\nm=audio x\r\n")
    with pytest.raises(NegotiationError, match="m= lines"):
        await stage.bridge.complete_telephone(stage.phone.describe(video=False))
    with pytest.raises(AudioMissing):
        await stage.bridge.complete_telephone(stage.phone.describe().replace(" 0 101", " 18 101"))
    with pytest.raises(NegotiationError, match="can be connected"):
        await stage.bridge.connect_telephone(sealed=False)
    await stage.bridge.complete_telephone(stage.phone.describe())
    await stage.bridge.connect_telephone(sealed=False)
    for call in (stage.bridge.connect_telephone(sealed=False), stage.bridge.drop_telephone()):
        with pytest.raises(NegotiationError, match="connected"):
            await call
    with pytest.raises(AudioMissing):
        await stage.bridge.change_telephone(stage.phone.describe().replace(" 0 101", " 18 101"))
    assert stage.bridge.describe() == RELAYED


async def test_a_browsers_visit_has_no_room_for_a_telephone(stage: PhoneStage) -> None:
    await stage.join()
    with pytest.raises(NegotiationError):
        await stage.bridge.offer_telephone()
    stage.bridge.show(Side.WEB, Slate.HELD)
    await until(lambda: "Slate(on-hold" in stage.bridge.describe() or "Slate(held" in stage.bridge.describe())
    with pytest.raises(NegotiationError):
        await stage.bridge.drop_telephone()
    assert "Slate(" in stage.bridge.describe(), "what the browser sees is none of its business"


async def test_a_phone_that_holds_before_it_accepts_is_joined_on_hold(stage: PhoneStage) -> None:
    await stage.greet()
    await stage.call()
    await stage.bridge.change_telephone(stage.phone.describe(flow="sendonly"))
    await stage.bridge.change(stage.terminal.describe(video=True).replace("RTP/AVP 0 101", "RTP/AVP 8 101"))
    stage.terminal.sound.payload_type = 8
    await stage.bridge.connect_telephone(sealed=False)
    assert str(stage.bridge.routes()[0]) == "audio sip->: transcode PCMA -> PCMU"
    stage.terminal.sound.say(SOUND)
    stage.phone.sound.say(SOUND)
    assert (await stage.terminal.sound.heard())[12:] == SOUND.translate(translation("PCMU", "PCMA"))
    assert stage.phone.sound.is_silent(), "a party that holds is sent nothing"
    await stage.bridge.change_telephone(stage.phone.describe())
    stage.talk_by_phone()
    await stage.until(MediaFlowing)


async def test_a_station_that_cannot_be_greeted_leaves_the_phone_where_it_is(stage: PhoneStage) -> None:
    await stage.call()
    with pytest.raises(AudioMissing):
        await stage.bridge.greet(stage.terminal.describe().replace(" 0 101", " 18 101"))
    stage.bridge.say(Side.WEB, (Prompt.GOODBYE,), "en", 2)
    assert await stage.until(PromptEnded) == PromptEnded(Side.WEB, 2)
    await stage.greet()
    await stage.bridge.connect_telephone(sealed=False)
