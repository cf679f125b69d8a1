"""Damaged RTP and RTCP at both legs of a joined bridge: nothing is raised, nothing grows, the visit goes on.

The suite throws some ten thousand of them, `make fuzz` a million. Half of what comes is whole, so that the state
behind the parsers moves on; the other half is one of the same packets with wounds.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bridge.bridge import Joined
from bridge.live import Bridge
from bridge.plane import MediaPlane
from bridge.rtp import packet as rtp
from bridge.rtp import rtcp
from bridge.rtp.rtcp import ReportBlock
from bridge.types import Kind, MediaSettings
from tests.fuzz.growth import Weight, has_grown
from tests.fuzz.mutation import Mutator
from tests.support import raw_peer
from tests.support.raw_peer import AUDIO_SSRC, VIDEO_RTX_SSRC, VIDEO_SSRC, RawPeer

STATION_AUDIO, STATION_VIDEO = 0x50, 0x96
STATION = "\r\n".join([
    "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
    "m=audio 39998 RTP/AVPF 0 101", "a=rtpmap:101 telephone-event/8000",
    "m=video 39996 RTP/AVPF 96", "a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1;profile-level-id=42801f",
    "a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli", "a=rtcp-fb:96 ccm fir", "a=rtcp-fb:96 ccm tmmbr", "",
])  # fmt: skip
SPS, PPS = b"\x67\x42\x80\x1f\x95\xa8\x14\x01\x6e\x40", b"\x68\xce\x3c\x80"
SINGLE = b"\x41" + bytes(range(60))
AGGREGATE = b"\x18" + b"".join(struct.pack("!H", len(unit)) + unit for unit in (SPS, PPS, b"\x65" + bytes(40)))
FIRST_FRAGMENT, LAST_FRAGMENT = b"\x7c\x85" + bytes(80), b"\x7c\x45" + bytes(80)
PICTURES = (SINGLE, AGGREGATE, FIRST_FRAGMENT, LAST_FRAGMENT, SPS, PPS)
KEY_PRESS = b"\x05\x8a\x03\x20"


class Sender:
    """Whole packets of one stream, one after the other."""

    def __init__(self, payload_type: int, ssrc: int, payloads: tuple[bytes, ...], step: int) -> None:
        self._payload_type, self._ssrc, self._payloads, self._step = payload_type, ssrc, payloads, step
        self._count = 0

    def next(self) -> bytes:
        self._count += 1
        return rtp.build(
            self._payloads[self._count % len(self._payloads)],
            payload_type=self._payload_type,
            sequence=self._count & 0xFFFF,
            timestamp=self._count * self._step & 0xFFFFFFFF,
            ssrc=self._ssrc,
            marker=self._count % 3 == 0,
        )


def reports(sender: int, about: int) -> tuple[bytes, ...]:
    block = ReportBlock(about, 3, 9, 70_000, 40, 0x12345678, 65_536)
    return (
        rtcp.sender_report(rtcp.SenderInfo(sender, 1 << 60, 90_000, 100, 9_000, (block,)))
        + rtcp.source_description(sender, "somebody"),
        rtcp.receiver_report(rtcp.ReceiverInfo(sender, (block,))) + rtcp.picture_loss(sender, about),
        rtcp.nack(sender, about, [1, 2, 5, 17, 400]) + rtcp.remb(sender, 400_000, [about]),
        rtcp.full_intra_request(sender, about, 3),
    )


@asynccontextmanager
async def joined(*, transcode: bool) -> AsyncIterator[tuple[Bridge, Joined]]:
    """Both sides have described themselves; what they would send is put into the legs by hand."""
    browser = RawPeer()
    async with MediaPlane(MediaSettings(prefer_transcode=transcode, sheds_load=False)) as plane:
        bridge = plane.bridge()
        yield bridge, await bridge.join(STATION, await browser.offer())
    await browser.close()


def doors(bridge: Bridge) -> list[tuple[Callable[[bytes], None], Callable[[], bytes]]]:
    """Each way in, and what whole packets come there."""
    web = bridge._seat.leg
    sound, picture = bridge._station.leg.line(Kind.AUDIO), bridge._station.leg.line(Kind.VIDEO)
    assert web is not None
    assert sound is not None
    assert picture is not None
    turn = Mutator(7).random
    web_sound, web_picture = web.line(Kind.AUDIO), web.line(Kind.VIDEO)
    assert web_sound is not None
    assert web_picture is not None
    here = ("127.0.0.1", 39_998)
    voices = Sender(0, STATION_AUDIO, (b"\xd5" * 160, b"\x7f" * 160), 160)
    keys = Sender(101, STATION_AUDIO, (KEY_PRESS,), 160)
    pictures = Sender(96, STATION_VIDEO, PICTURES, 3000)
    answers = Sender(web_sound.codec.payload_type, AUDIO_SSRC, (b"\xd5" * 160,), 160)
    films = Sender(web_picture.codec.payload_type, VIDEO_SSRC, PICTURES, 3000)
    again = Sender(raw_peer.H264_RTX, VIDEO_RTX_SSRC, tuple(b"\x00\x05" + each for each in PICTURES), 3000)
    from_station = reports(STATION_VIDEO, picture.send_ssrc) + reports(STATION_AUDIO, sound.send_ssrc)
    from_browser = reports(VIDEO_SSRC, web_picture.send_ssrc) + reports(AUDIO_SSRC, web_sound.send_ssrc)

    def unsealed(packet: bytes) -> None:
        """As it leaves the SRTP library, which lets nothing shorter or of another version through."""
        if len(packet) >= rtp.HEADER_BYTES and packet[0] >> 6 == 2:
            web.rtp_arrived(packet)

    return [
        (lambda packet: sound._take(packet, here), voices.next),
        (lambda packet: sound._take(packet, here), keys.next),
        (lambda packet: picture._take(packet, here), pictures.next),
        (lambda packet: picture._take_rtcp(packet, here), lambda: turn.choice(from_station)),
        (unsealed, answers.next),
        (unsealed, films.next),
        (unsealed, again.next),
        (web.rtcp_arrived, lambda: turn.choice(from_browser)),
    ]


async def throw(bridge: Bridge, seed: int, count: int) -> None:
    mutator = Mutator(seed)
    ways = doors(bridge)
    for index in range(count):
        take, whole = mutator.random.choice(ways)
        packet = whole()
        packet = mutator.bytes_like(packet) if mutator.random.random() < 0.5 else packet
        try:
            if packet:  # a socket hands over no empty datagram
                take(packet)
        except Exception as error:
            raise AssertionError(f"packet {index} of seed {seed}: {packet.hex()}") from error
        if index % 50 == 0:
            await asyncio.sleep(0)  # the timer and the workers have their turn


async def endures(caplog: pytest.LogCaptureFixture, *, transcode: bool, count: int, seed: int) -> None:
    caplog.set_level(logging.WARNING)
    async with joined(transcode=transcode) as (bridge, _):
        await throw(bridge, seed, count // 2)
        before = Weight.now()
        await throw(bridge, seed + 1, count // 2)
        assert not has_grown(before, Weight.now())
        assert bridge.stats().flows
        text = bridge.describe()
        assert len(text.splitlines()) == 4, text
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR], caplog.text


@pytest.mark.parametrize("transcode", [False, True], ids=["relay", "transcode"])
async def test_damaged_packets(caplog: pytest.LogCaptureFixture, transcode: bool) -> None:
    await endures(caplog, transcode=transcode, count=6_000, seed=11)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("transcode", "count"), [(False, 900_000), (True, 100_000)], ids=["relay", "transcode"])
async def test_a_million_damaged_packets(caplog: pytest.LogCaptureFixture, transcode: bool, count: int) -> None:
    await endures(caplog, transcode=transcode, count=count, seed=2027)
