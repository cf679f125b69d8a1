"""A browser that comes back, and what the station hears and sees meanwhile: real sockets, ICE, DTLS and SRTP."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import numpy as np
import pytest

from bridge.codecs import AudioDecoder, VideoDecoder
from bridge.errors import NegotiationError, SdpError
from bridge.events import CameBack, MediaFlowing, MediaStopped, WebConnected, WebLost, WentSilent
from bridge.links.counters import PipelineCounters
from bridge.links.depacketize import Depacketize
from bridge.links.link import EncodedFrame
from bridge.own import Prompt, Slate
from bridge.own.draw import draw
from bridge.own.studio import Studio
from bridge.rtp.packet import parse
from bridge.rtp.sequence import timestamp_distance
from bridge.types import Codec, MediaSettings, Side
from tests.support import raw_peer
from tests.support.bridge_stage import Stage, until
from tests.support.moving import psnr_db
from tests.support.raw_peer import AUDIO_SSRC, RawPeer
from tests.support.rtp_station import RtpStation

H264 = Codec("H264", 96, 90000, fmtp=(("packetization-mode", "1"), ("profile-level-id", "42e01f")))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        yield stage


def arrived(station: RtpStation) -> list[bytes]:
    """What lies in the station's socket by now."""
    found = []
    while not station.is_silent():
        found.append(station.sockets.rtp.recv(4096))
    return found


def pictures(packets: list[bytes], codec: Codec = H264) -> list[np.ndarray]:
    frames: list[EncodedFrame] = []
    depay, decoder = Depacketize(codec, frames.append, lambda: None, PipelineCounters()), VideoDecoder(codec.name)
    for packet in packets:
        depay.push(packet)
    return [each.yuv for frame in frames for each in decoder.decode(frame)]


def sound(packets: list[bytes]) -> np.ndarray:
    decoder = AudioDecoder("PCMU")
    return np.concatenate([decoder.decode(EncodedFrame(each[12:], 0)) for each in packets]).astype(float)


def whole(packets: list[bytes]) -> None:
    headers = [header for each in packets if (header := parse(each)) is not None]
    assert len({each.ssrc for each in headers}) == 1
    assert {(b.sequence - a.sequence) & 0xFFFF for a, b in itertools.pairwise(headers)} == {1}
    assert all(timestamp_distance(b.timestamp, a.timestamp) >= 0 for a, b in itertools.pairwise(headers))


async def talks(stage: Stage) -> None:
    await stage.join()
    stage.talk()
    await stage.until(MediaFlowing)


async def hears_the_family(stage: Stage) -> None:
    """The station hears what the browser says from now on."""
    arrived(stage.terminal.sound)
    async with asyncio.timeout(5):
        while (await stage.terminal.sound.heard())[12:] != b"\xff" * 160:
            pass


async def test_an_offer_that_is_none_ends_no_connection(stage: Stage) -> None:
    await talks(stage)
    described = stage.bridge.describe()
    with pytest.raises(SdpError):
        await stage.bridge.rejoin("v=0\r\nm=audio x\r\n")
    with pytest.raises((NegotiationError, SdpError)):
        await stage.bridge.rejoin((await stage.browser.offer()).replace(" 111 0", " 13").replace("a=rtpmap", "a=x"))
    await hears_the_family(stage)
    assert stage.bridge.describe() == described
    assert not [each for each in stage.events if isinstance(each, WebLost | MediaStopped)]


async def test_a_page_that_never_connects_ends_no_connection(stage: Stage) -> None:
    await talks(stage)
    async with RawPeer() as nobody, RawPeer() as another:
        await stage.bridge.rejoin(await nobody.offer())
        await stage.bridge.rejoin(await another.offer())
        await hears_the_family(stage)
    assert not [each for each in stage.events if isinstance(each, WebLost | MediaStopped)]
    await stage.bridge.close()
    legs = [each.get_name() for each in asyncio.all_tasks() if "web-leg" in each.get_name()]
    assert legs == [], "the pages that never came are given up with the visit"


async def test_a_page_that_never_connects_is_given_up_in_time() -> None:
    async with Stage(MediaSettings(web_connect_timeout_s=0.3)) as stage, RawPeer() as nobody:
        await talks(stage)
        open_before = len(stage.plane._timer)
        await stage.bridge.rejoin(await nobody.offer())
        assert len(stage.plane._timer) > open_before
        await until(lambda: len(stage.plane._timer) == open_before)
        await hears_the_family(stage)


async def test_the_last_page_wins_also_when_the_connection_was_lost_meanwhile(stage: Stage) -> None:
    """A page comes back, the old one goes before that is up, and another page comes: the first can not take over."""
    await talks(stage)
    async with RawPeer(MediaSettings(web_connect_timeout_s=1.0)) as first, RawPeer() as last:
        to_first = await stage.bridge.rejoin(await first.offer())
        await stage.browser.close()
        await stage.until(WebLost)
        last.accept(await stage.bridge.rejoin(await last.offer()))
        await stage.until(WebConnected, 2)
        first.accept(to_first)
        assert await asyncio.wait_for(first.lost, 10), "it finds nobody"
        assert not first.connected.is_set()
        assert not last.lost.done()


async def test_the_new_connection_takes_over_when_it_is_there(stage: Stage) -> None:
    await talks(stage)
    heard = arrived(stage.terminal.sound)
    old, stage.browser = stage.browser, RawPeer()
    answer = await stage.bridge.rejoin(await stage.browser.offer())
    assert not old.lost.done()
    stage.browser.accept(answer)
    await stage.until(WebConnected, 2)
    assert await asyncio.wait_for(old.lost, 5), "the old one is told goodbye"
    stopped, again = await stage.until(MediaStopped), await stage.until(MediaFlowing, 2)
    assert again.at_s >= stopped.at_s
    heard += arrived(stage.terminal.sound)
    await stage.terminal.sound.heard()
    whole(heard)
    assert stage.bridge.describe().count("\n") == 3
    await old.close()


async def test_the_station_is_told_while_the_network_is_away(stage: Stage) -> None:
    """As call control does it: `WentSilent` -> show, `CameBack` -> clear. Five seconds without a packet."""
    await talks(stage)
    await hears_the_family(stage)
    stage.hush()  # both are silent, nobody said goodbye
    quiet = asyncio.get_running_loop().time()
    await stage.until(WentSilent)
    stage.bridge.show(Side.SIP, Slate.RECONNECTING, Prompt.RECONNECTING)
    await until(lambda: "Prompt" in stage.bridge.describe() and "Slate" in stage.bridge.describe())
    assert stage.bridge.describe().splitlines()[:2] == [
        "audio ->sip: Prompt(reconnecting, PCMU) -> SipLeg",
        "audio sip->web: PCMU -> Rewrite(PT 0, SSRC) -> WebLeg",
    ]
    await until(lambda: asyncio.get_running_loop().time() > quiet + 5)
    stage.talk()
    await stage.until(CameBack)
    stage.bridge.clear(Side.SIP)
    await until(lambda: "Prompt" not in stage.bridge.describe())
    heard = arrived(stage.terminal.sound)
    await hears_the_family(stage)

    whole(heard)
    said, prompt = sound(heard), Studio().samples(Prompt.RECONNECTING, 8000).astype(float)
    part = prompt[4000:9600]
    peak = np.correlate(said, part).max() / np.linalg.norm(part) ** 2
    assert peak > 0.9
    shown = pictures(arrived(stage.terminal.picture))
    drawn = draw(Studio().texts(Slate.RECONNECTING, ""), 640, 360)
    assert len(shown) >= 3
    assert min(psnr_db(drawn, each) for each in shown) > 33


async def test_a_slate_that_was_up_before_the_browser_begins_with_its_keyframe(stage: Stage) -> None:
    joined = await stage.bridge.join(stage.terminal.describe(), await stage.browser.offer())
    stage.terminal.aim(joined.sip_sdp)
    stage.bridge.show(Side.WEB, Slate.CALLING, about="Terry Example", until_picture=True)
    await until(lambda: "Slate(calling" in stage.bridge.describe())
    assert joined.web_sdp is not None
    stage.browser.accept(joined.web_sdp)
    codec = Codec("H264", raw_peer.H264, 90000, fmtp=H264.fmtp)
    await stage.browser.until(lambda: len(pictures(stage.browser.packets, codec)) >= 2)
    drawn = draw((("Terry Example", "The picture comes in a moment."),), 640, 360)
    assert psnr_db(drawn, pictures(stage.browser.packets, codec)[0]) > 30
    assert AUDIO_SSRC not in {header.ssrc for each in stage.browser.packets if (header := parse(each))}
