"""A visit's media with real encoders and decoders at both ends: ffmpeg as the terminal, Chromium as the family."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.plane import MediaPlane
from bridge.types import Kind, MediaSettings, Side
from tests.support.chromium import Chromium, Seen
from tests.support.ffmpeg_terminal import Decoded, FfmpegTerminal

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not Chromium.installed(), reason="Debian's chromium is not installed"),
    pytest.mark.skipif(not FfmpegTerminal.installed(), reason="Debian's ffmpeg is not installed"),
]

_RELAYED = """\
audio sip->web: PCMU -> Rewrite(PT 0, SSRC) -> WebLeg
audio web->sip: PCMU -> Reorder(80 ms) -> Rewrite(PT 0, SSRC) -> SipLeg
video sip->web: H264 -> Rewrite(PT {video}, SSRC) -> WebLeg
video web->sip: H264 -> Reorder(400 ms) -> Rewrite(PT 96, SSRC) -> SipLeg"""

_TRANSCODED = """\
audio sip->web: Reorder(80 ms) -> Depay(PCMU) -> Decode -> Blocks(20 ms) -> Encode(OPUS) -> Pay(OPUS) -> WebLeg
audio web->sip: Reorder(80 ms) -> Depay(OPUS) -> Decode -> Blocks(20 ms) -> Encode(PCMU) -> Pay(PCMU) -> SipLeg
video sip->web: Reorder(80 ms) -> Depay(H264) -> Decode -> Scale(640x480) -> Encode(VP8) -> Pay(VP8) -> WebLeg
video web->sip: Reorder(400 ms) -> Depay(VP8) -> Decode -> Scale(640x480) -> Encode(H264) -> Pay(H264) -> SipLeg"""


def seen_and_heard(seen: Seen) -> bool:
    return seen.frames_decoded >= 90 and seen.audio_energy > 0.05


def moving(decoded: Decoded) -> bool:
    return decoded.different_pictures >= 60 and decoded.sounds >= 100


@pytest.mark.parametrize("mode", [0, 1])
async def test_a_relayed_visit_moves_both_ways(tmp_path: Path, mode: int) -> None:
    async with (
        MediaPlane(MediaSettings()) as plane,
        Chromium() as chromium,
        FfmpegTerminal(tmp_path, mode=mode) as terminal,
    ):
        bridge, page = plane.bridge(), await chromium.page()
        joined = await bridge.join(terminal.description, await page.offer())
        assert joined.web_sdp is not None
        await page.accept(joined.web_sdp)
        await terminal.aim(joined.sip_sdp)
        seen = await page.until(seen_and_heard)
        await terminal.until(moving)
        assert seen.video_codec == "video/H264"
        number = joined.routes[2].target_codec
        assert number is not None
        assert int(number.parameter("packetization-mode")) == mode
        assert bridge.describe() == _RELAYED.format(video=number.payload_type)


async def test_a_transcoded_visit_moves_both_ways(tmp_path: Path) -> None:
    async with (
        MediaPlane(MediaSettings(prefer_transcode=True, sheds_load=False)) as plane,
        Chromium() as chromium,
        FfmpegTerminal(tmp_path) as terminal,
    ):
        bridge, page = plane.bridge(), await chromium.page()
        joined = await bridge.join(terminal.description, await page.offer())
        assert joined.web_sdp is not None
        await page.accept(joined.web_sdp)
        await terminal.aim(joined.sip_sdp)
        seen = await page.until(seen_and_heard)
        await terminal.until(moving)
        assert bridge.describe() == _TRANSCODED
        assert seen.video_codec == "video/VP8"
        assert seen.audio_codec.lower() == "audio/opus"
        flow = bridge.stats().flow(Kind.VIDEO, Side.SIP)
        assert flow is not None
        assert (flow.source_codec, flow.target_codec) == ("H264", "VP8")
        assert flow.frames_encoded >= 90
        assert flow.undecodable == 0
