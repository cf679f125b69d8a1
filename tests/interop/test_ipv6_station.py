"""A facility that speaks IPv6 alone: its terminal's SIP, RTP and RTCP."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from bridge import sdp
from bridge.events import FirstMedia, MediaFlowing
from bridge.types import Kind, Side
from tests.support.baresip import Baresip
from tests.support.real_visit import RealVisit
from tests.support.waiting import until


def _has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(60),
    pytest.mark.skipif(not shutil.which("baresip"), reason="needs baresip: make setup"),
    pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6"),
]


async def test_a_visit_over_ipv6(tmp_path: Path) -> None:
    terminal = Baresip(tmp_path / "terminal", host="::1")
    async with RealVisit(host="::1") as visit, terminal:
        await terminal.dial(visit.uri)
        await visit.until(MediaFlowing)
        await visit.until(FirstMedia, count=3)
        ours = sdp.parse(visit.answers[0])
        assert {each.address for each in ours.media} == {"::1"}

        async def reported() -> bool:
            return visit.flow(Kind.AUDIO, Side.WEB).sent_packets > 50

        await until(reported, "sound for the terminal")
        await terminal.hang_up()
        report = await terminal.finish()
    assert report.audio_received_packets > 20
