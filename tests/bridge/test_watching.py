"""An officer watches a live visit: both pictures and the mixed sound, and nothing changes for those who are in it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from bridge.codecs import g711
from bridge.errors import BridgeClosed, BridgeSealed, NegotiationError, SdpError
from bridge.events import WebLost
from bridge.legs.web_sdp import LocalTransport, read_offer
from bridge.rtp import packet as rtp
from bridge.rtp import rtcp
from bridge.types import Codec, Kind, Side
from bridge.watching import Gallery, Watcher
from bridge.watching.plan import seat
from tests.support import raw_peer
from tests.support.bridge_stage import IDR, SLICE, Stage, without
from tests.support.raw_peer import AUDIO_SSRC, VIDEO_SSRC, RawPeer
from tests.support.waiting import until
from tests.support.watching_peer import H264, WatchingPeer, carried, watching_offer

SOUND, STATION, FAMILY = 0, 1, 2


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        await stage.join()
        yield stage


class Officer:
    """A watching browser and how its watching ended."""

    def __init__(self) -> None:
        self.peer = WatchingPeer()
        self.ended: list[str] = []
        self.watcher: Watcher

    async def join(self, stage: Stage, **offer: tuple[str, ...]) -> None:
        self.watcher, answer = await stage.plane.watch(stage.bridge, await self.peer.wish(**offer), self.ended.append)
        self.peer.accept(answer)
        await self.peer.connected.wait()
        await self.until(lambda: self.watcher.connected)

    async def until(self, condition: object, what: str = "what the officer waits for") -> None:
        async def holds() -> bool:
            return bool(condition())  # type: ignore[operator]  # a lambda of the test

        await until(holds, what, 10)


@asynccontextmanager
async def watching(stage: Stage, **offer: tuple[str, ...]) -> AsyncIterator[Officer]:
    officer = Officer()
    await officer.join(stage, **offer)
    yield officer
    await officer.watcher.close()
    await officer.peer.close()


def gallery(stage: Stage) -> Gallery:
    found = stage.plane._galleries.of(stage.bridge)
    assert found is not None
    return found


async def test_both_pictures_come_as_they_were_sent(stage: Stage) -> None:
    async with watching(stage) as officer:
        stage.terminal.picture.say(IDR + b"station")
        stage.from_browser(IDR + b"family", raw_peer.H264, VIDEO_SSRC)
        peer = officer.peer
        await peer.until(lambda: bool(peer.got(STATION)) and bool(peer.got(FAMILY)))
        assert peer.payloads(STATION) == [IDR + b"station"]
        assert peer.payloads(FAMILY) == [IDR + b"family"]
        assert peer.got(STATION)[0].payload_type == H264


async def test_both_voices_come_as_one(stage: Stage) -> None:
    tone = g711.encode("PCMU", np.full(160, 4000, np.int16))
    quiet = g711.encode("PCMU", np.full(160, 1000, np.int16))
    numbers = itertools.count(1)

    def family(payload: bytes) -> None:
        number = next(numbers)
        stage.browser.send(
            rtp.build(payload, payload_type=raw_peer.PCMU, sequence=number, timestamp=160 * number, ssrc=AUDIO_SSRC)
        )

    async with watching(stage) as officer:

        async def speak() -> None:
            while True:
                stage.terminal.sound.say(tone)
                family(quiet)
                await asyncio.sleep(0.02)

        speaking = asyncio.create_task(speak())
        peer = officer.peer

        def mixed() -> bool:
            loudest = [int(np.abs(g711.decode("PCMU", each).astype(int)).max()) for each in peer.payloads(SOUND)]
            return any(4700 <= each <= 5300 for each in loudest)

        await officer.until(mixed, "4000 and 1000 added up")
        speaking.cancel()
        assert {len(each) for each in peer.payloads(SOUND)} == {480}, "60 ms a packet"
        sequences = [each.sequence for each in peer.got(SOUND)]
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))


async def test_the_visits_own_path_is_as_before_but_for_the_tap(stage: Stage) -> None:
    before = stage.bridge.describe()
    async with watching(stage) as officer:
        during = stage.bridge.describe()
        assert during.count("Tap(watching) -> ") == 4
        assert during.replace("Tap(watching) -> ", "") == before
        assert gallery(stage).describe().splitlines() == [
            "Mix(PCMU + PCMU, 8000 Hz) -> Encode(PCMU)",
            "video sip: H264 -> Rewrite(PT 102, SSRC) -> WatchLeg",
            "video web: H264 -> Rewrite(PT 102, SSRC) -> WatchLeg",
        ]
        assert officer.ended == []
    assert stage.bridge.describe() == before


async def test_a_whole_picture_is_asked_for_when_the_officer_is_there(stage: Stage) -> None:
    stage.terminal.picture.say(IDR)
    stage.from_browser(IDR, raw_peer.H264, VIDEO_SSRC)
    await stage.browser.until(lambda: bool(stage.browser.packets))
    stage.browser.messages.clear()
    async with watching(stage):
        await stage.browser.until(lambda: bool(stage.browser.heard(rtcp.KeyframeRequest)))
        message = rtcp.parse(await stage.terminal.picture.told())
        while not any(isinstance(each, rtcp.KeyframeRequest) for each in message):
            message = rtcp.parse(await stage.terminal.picture.told())


async def test_what_the_officers_browser_lacks_is_encoded_once_for_all(stage: Stage) -> None:
    async with watching(stage, video=("VP8",)), watching(stage, video=("VP8",)):
        shown = [each for each in gallery(stage).describe().splitlines() if each.startswith("video")]
        assert [each.endswith("Encode(VP8) -> Pay(VP8) -> WebLeg x 2") for each in shown] == [True, True]
        assert sum(stage.plane._workers.load) == 2
    assert sum(stage.plane._workers.load) == 0


async def test_opus_is_mixed_in_a_worker(stage: Stage) -> None:
    stage.talk()
    async with watching(stage, audio=("opus",)) as officer:
        await officer.peer.until(lambda: len(officer.peer.got(SOUND)) > 5)
        assert "Encode(OPUS)" in gallery(stage).describe()
        steps = np.diff([each.timestamp for each in officer.peer.got(SOUND)])
        assert set(steps) == {960}


async def test_the_family_comes_back_with_another_codec_and_the_officer_sees_on(stage: Stage) -> None:
    async with watching(stage) as officer:
        stage.from_browser(IDR, raw_peer.H264, VIDEO_SSRC)
        await officer.peer.until(lambda: len(officer.peer.got(FAMILY)) == 1)
        await stage.browser.close()
        await stage.until(WebLost)
        stage.browser = RawPeer()
        offer = without(await stage.browser.offer(), raw_peer.H264, raw_peer.H264_RTX, raw_peer.H264_MODE0)
        stage.browser.accept(await stage.bridge.rejoin(offer))
        texts = gallery(stage).describe().splitlines()
        (shown,) = [each for each in texts if "web->web" in each]
        assert "Depay(VP8) -> Decode" in shown
        assert shown.endswith("Encode(H264) -> Pay(H264) -> WebLeg x 1")


async def test_an_officer_who_leaves_costs_nothing_any_more(stage: Stage) -> None:
    timers = len(stage.plane._timer)
    async with watching(stage):
        assert len(stage.plane._galleries) == 1
    assert len(stage.plane._galleries) == 0
    assert "Tap" not in stage.bridge.describe()
    assert len(stage.plane._timer) == timers


async def test_an_officers_browser_that_closes_is_told_and_the_visit_goes_on(stage: Stage) -> None:
    async with watching(stage) as officer:
        await officer.peer.close()
        await officer.until(lambda: officer.ended == ["closed"])
        assert "Tap" not in stage.bridge.describe()
        count = len(stage.browser.packets)
        stage.terminal.picture.say(SLICE)
        await stage.browser.until(lambda: len(stage.browser.packets) > count)


async def test_an_officer_who_gets_hardly_anything_is_let_go_and_another_stays(stage: Stage) -> None:
    async with watching(stage) as slow, watching(stage) as quick:
        assert slow.peer.answer is not None
        ssrc = slow.peer.answer.lines[STATION].ssrc
        assert ssrc is not None
        block = rtcp.ReportBlock(ssrc, 128, 1000, 5, 0, 0, 0)
        for _ in range(10):
            slow.peer.send_rtcp(rtcp.receiver_report(rtcp.ReceiverInfo(7, (block,))))
        await slow.until(lambda: slow.ended == ["slow"])
        assert quick.ended == []
        stage.terminal.picture.say(IDR)
        await quick.peer.until(lambda: bool(quick.peer.got(STATION)))
        assert slow.peer.got(STATION) == []


async def test_the_end_of_the_visit_ends_every_watching(stage: Stage) -> None:
    async with watching(stage) as one, watching(stage) as two:
        await stage.bridge.close()
        assert (one.ended, two.ended) == (["visit_ended"], ["visit_ended"])
        with pytest.raises(BridgeClosed):
            await stage.plane.watch(stage.bridge, await WatchingPeer().wish(), one.ended.append)


async def test_a_privileged_visit_cannot_be_watched() -> None:
    async with Stage() as stage:
        sealed = stage.plane.bridge(sealed=True)
        browser = RawPeer()
        await sealed.join(stage.terminal.describe(), await browser.offer())
        peer = WatchingPeer()
        with pytest.raises(BridgeSealed):
            await stage.plane.watch(sealed, await peer.wish(), [].append)
        assert "Tap" not in sealed.describe()
        await peer.close()
        await browser.close()


async def test_an_offer_that_is_none_leaves_no_tap(stage: Stage) -> None:
    with pytest.raises(SdpError):
        await stage.plane.watch(stage.bridge, "v=0\r\n", [].append)
    peer = WatchingPeer()
    with pytest.raises(NegotiationError, match="recvonly"):
        await stage.plane.watch(stage.bridge, (await peer.wish()).replace("recvonly", "sendrecv"), [].append)
    await peer.close()
    assert "Tap" not in stage.bridge.describe()
    assert len(stage.plane._galleries) == 0


LOCAL = LocalTransport(
    ("1 1 UDP 1 127.0.0.1 9 typ host",), "127.0.0.1", 9, "u", "p" * 22, (("sha-256", "AA"),), "passive"
)
H264_MODE0 = Codec("H264", 98, 90000, fmtp=(("profile-level-id", "42801f"),))
PCMU = Codec("PCMU", 0, 8000)


@pytest.mark.parametrize(
    ("video", "audio", "sources", "wanted"),
    [
        (("VP8", "H264"), ("opus", "PCMU"), (H264_MODE0, PCMU, PCMU), ["sound PCMU", "station H264", "family H264"]),
        (("VP8",), ("opus", "PCMU"), (H264_MODE0, PCMU, PCMU), ["sound PCMU", "station VP8", "family VP8"]),
        (
            ("VP8", "H264"),
            ("opus", "PCMU"),
            (Codec("VP8", 96, 90000), Codec("OPUS", 111, 48000, 2), PCMU),
            ["sound OPUS", "station VP8", "family H264"],
        ),
        (("VP8",), ("PCMU",), (None, PCMU, None), ["sound PCMU", "station VP8", "family VP8"]),
    ],
)
def test_what_each_line_carries(
    video: tuple[str, ...], audio: tuple[str, ...], sources: tuple[Codec | None, ...], wanted: list[str]
) -> None:
    keys = ((Kind.VIDEO, Side.SIP), (Kind.AUDIO, Side.SIP), (Kind.AUDIO, Side.WEB))
    known = {key: codec for key, codec in zip(keys, sources, strict=True) if codec is not None}
    offer = read_offer(watching_offer(LOCAL, audio=audio, video=video))
    assert carried(seat(offer, known, iter(range(1, 100))).plans) == wanted


def test_a_third_picture_has_nothing_to_show() -> None:
    text = watching_offer(LOCAL)
    third = text[text.index("m=video", text.index("m=video") + 1) :].replace("a=mid:2", "a=mid:3")
    offer = read_offer((text + third).replace("BUNDLE 0 1 2", "BUNDLE 0 1 2 3"))
    assert carried(seat(offer, {}, iter(range(1, 100))).plans)[3] == "nothing"


def test_nothing_of_the_officers_own_is_accepted() -> None:
    offer = read_offer(watching_offer(LOCAL).replace("a=recvonly", "a=sendrecv", 1))
    assert carried(seat(offer, {}, iter(range(1, 100))).plans)[0] == "nothing"
    assert AUDIO_SSRC not in [each.ssrc for each in offer.lines]
