"""The web leg against a real browser: two pages of Chromium see and hear each other through two legs."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from bridge import sdp
from bridge.legs.web import WebLeg
from bridge.legs.web_line import WebLine, Wire
from bridge.legs.web_port import WebPort
from bridge.rtp.ports import Ports
from bridge.rtp.timer import Timer
from bridge.types import Codec, Flow, Kind, MediaSettings
from tests.support.cable import Cable
from tests.support.chromium import Chromium, Seen, VisitPage

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not Chromium.installed(), reason="Debian's chromium is not installed"),
]

BOTH_WAYS = {Kind.AUDIO: Flow.SENDRECV, Kind.VIDEO: Flow.SENDRECV}


@pytest_asyncio.fixture
async def chromium() -> AsyncIterator[Chromium]:
    async with Chromium() as browser:
        yield browser


def offered(offer: str, kind: Kind, name: str, **parameters: str) -> Codec:
    """The first codec of the offer that fits."""
    for media in sdp.parse(offer).media:
        for codec in media.codecs if media.kind == kind else ():
            fits = all(codec.parameter(key.replace("_", "-")) == value for key, value in parameters.items())
            if codec.name == name and fits:
                return codec
    raise LookupError(f"the browser offers no {name} {parameters}")


@dataclass
class End:
    """One page and its leg."""

    page: VisitPage
    leg: WebLeg
    lost: asyncio.Future[str]

    def line(self, kind: Kind) -> WebLine:
        line = self.leg.line(kind)
        assert line is not None
        return line


@contextlib.asynccontextmanager
async def pair(
    chromium: Chromium,
    audio: str,
    video: str,
    **parameters: str,
) -> AsyncIterator[tuple[End, End]]:
    """Two pages joined by cables; their legs share a port."""
    async with Timer() as timer, contextlib.AsyncExitStack() as stack:
        ends = []
        port = WebPort(Ports("127.0.0.1", (0, 0)))
        stack.callback(port.close)
        for _ in range(2):
            page = await chromium.page()
            offer = await page.offer()
            leg = WebLeg(MediaSettings(), port, timer)
            end = End(page, leg, asyncio.get_running_loop().create_future())
            leg.on_lost = end.lost.set_result
            codecs: dict[Kind, Codec | None] = {
                Kind.AUDIO: offered(offer, Kind.AUDIO, audio),
                Kind.VIDEO: offered(offer, Kind.VIDEO, video, **parameters),
            }
            await page.accept(await leg.answer(offer, codecs, BOTH_WAYS))
            ends.append(end)
        for source, target in (ends, reversed(ends)):
            for kind in Kind:
                Cable(source.line(kind), target.line(kind))
        for end in ends:
            end.line(Kind.VIDEO).request_keyframe()
        try:
            yield ends[0], ends[1]
        finally:
            for end in ends:
                await end.leg.close()


def lively(seen: Seen) -> bool:
    return seen.frames_decoded >= 60 and seen.audio_energy > 0.05


@pytest.mark.parametrize(
    ("audio", "video", "parameters"),
    [
        ("PCMU", "H264", {"packetization_mode": "1", "profile_level_id": "42e01f"}),
        pytest.param("PCMA", "H264", {"packetization_mode": "0", "profile_level_id": "42e01f"}, marks=pytest.mark.soak),
        ("OPUS", "VP8", {}),
        pytest.param("G722", "VP8", {}, marks=pytest.mark.soak),
    ],
    ids=["H264-1+PCMU", "H264-0+PCMA", "VP8+OPUS", "VP8+G722"],
)
async def test_two_pages_see_and_hear_each_other(
    chromium: Chromium, audio: str, video: str, parameters: dict[str, str]
) -> None:
    async with pair(chromium, audio, video, **parameters) as ends:
        for end in ends:
            await end.page.until(lively)
            seen = await end.page.steady()
            assert seen.video_codec == f"video/{video}"
            assert seen.audio_codec.upper() == f"AUDIO/{audio}"
            assert seen.srtp_cipher.startswith("SRTP_AEAD_AES")
            line = end.line(Kind.VIDEO)
            assert line.counters.sent_packets > 60
            assert line.counters.rtt_ms is not None


async def test_a_page_that_wants_a_picture_gets_one_from_the_other_page(chromium: Chromium) -> None:
    async with pair(chromium, "PCMU", "VP8") as (one, two):
        await two.page.until(lively)
        before = (await two.page.seen()).key_frames_decoded
        one.line(Kind.VIDEO).request_keyframe()
        await two.page.until(lambda seen: seen.key_frames_decoded > before)
        assert (await one.page.seen()).plis_received >= 1


async def test_closing_the_page_is_seen_at_once(chromium: Chromium) -> None:
    async with pair(chromium, "PCMU", "VP8") as (one, two):
        await two.page.until(lively)
        await one.page.hang_up()
        assert await asyncio.wait_for(one.lost, 5) == "closed"
        assert not two.lost.done()


async def test_packets_lost_on_the_way_to_the_page_are_repaired(chromium: Chromium) -> None:
    """A tenth of the video is lost between bridge and browser; the browser asks, and the history answers."""
    chance = random.Random(20)
    async with pair(chromium, "PCMU", "VP8") as (_one, two):
        line = two.line(Kind.VIDEO)
        wire = line._wire = _LossyWire(line._wire, chance, line.send_payload_type)
        await two.page.until(lambda seen: seen.frames_decoded >= 150)
        assert wire.lost > 10
        assert line.counters.retransmitted >= wire.lost // 2


class _LossyWire:
    """Loses a tenth of the packets of one payload type, and claims to have sent them."""

    def __init__(self, wire: Wire, chance: random.Random, payload_type: int) -> None:
        self._wire, self._chance, self._payload_type = wire, chance, payload_type
        self.send_rtcp = wire.send_rtcp
        self.lost = 0

    def send_rtp(self, packet: bytes) -> bool:
        if packet[1] & 0x7F == self._payload_type and self._chance.random() < 0.1:
            self.lost += 1
            return True
        return self._wire.send_rtp(packet)


async def test_packets_lost_on_the_way_from_the_page_are_asked_for(chromium: Chromium) -> None:
    """A tenth of what the first page sends is lost before the leg sees it; the second page still sees it all."""
    chance = random.Random(21)
    async with pair(chromium, "PCMU", "VP8") as (one, two):
        await two.page.until(lively)
        line, lost = one.line(Kind.VIDEO), 0
        taken = line.media_arrived

        def lossy(packet: bytes, second: int, *rest: Any) -> None:
            nonlocal lost
            if second & 0x7F == line.send_payload_type and chance.random() < 0.1:
                lost += 1
            else:
                taken(packet, second, *rest)

        one.leg._by_ssrc = {ssrc: lossy if take == taken else take for ssrc, take in one.leg._by_ssrc.items()}
        before = await two.page.seen()
        await two.page.until(lambda seen: seen.frames_decoded >= before.frames_decoded + 120)
        assert lost > 10
        assert line.counters.nacks > lost // 2  # the newest have not been asked for yet
        assert (await one.page.seen()).retransmitted_packets >= lost // 2


async def test_a_page_without_camera_still_sees_and_hears(chromium: Chromium) -> None:
    async with Timer() as timer:
        giving, taking = await chromium.page(), await chromium.page()
        offers = [await giving.offer(), await taking.offer(video=False, receive_only=("video",))]
        legs = []
        for page, offer in zip((giving, taking), offers, strict=True):
            leg = WebLeg(MediaSettings(), Ports("127.0.0.1", (0, 0)), timer)
            codecs: dict[Kind, Codec | None] = {
                Kind.AUDIO: offered(offer, Kind.AUDIO, "PCMU"),
                Kind.VIDEO: offered(offer, Kind.VIDEO, "VP8"),
            }
            await page.accept(await leg.answer(offer, codecs, BOTH_WAYS))
            legs.append(leg)
        for kind in Kind:
            source, target = legs[0].line(kind), legs[1].line(kind)
            assert source is not None
            assert target is not None
            Cable(source, target)
            source.request_keyframe()
        seen = await taking.until(lively)
        assert seen.frames_sent == 0
        for leg in legs:
            await leg.close()


async def test_the_offer_of_a_page_with_audio_alone(chromium: Chromium) -> None:
    async with Timer() as timer:
        page = await chromium.page()
        offer = await page.offer(video=False)
        leg = WebLeg(MediaSettings(), Ports("127.0.0.1", (0, 0)), timer)
        codecs: dict[Kind, Codec | None] = {Kind.AUDIO: offered(offer, Kind.AUDIO, "PCMU"), Kind.VIDEO: None}
        await page.accept(await leg.answer(offer, codecs, BOTH_WAYS))
        line = leg.line(Kind.AUDIO)
        assert line is not None
        Cable(line, line)
        seen = await page.until(lambda seen: seen.audio_energy > 0.02)
        assert seen.frames_decoded == 0
        assert leg.line(Kind.VIDEO) is None
        await leg.close()
