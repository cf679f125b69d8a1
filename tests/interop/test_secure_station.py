"""A terminal that takes nothing but SRTP (baresip's own, over libre), with its keys in the description."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bridge import sdp
from bridge.events import FirstMedia, MediaFlowing
from bridge.types import Kind, Side
from tests.support.baresip import Baresip
from tests.support.real_visit import RealVisit
from tests.support.waiting import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(60),
    pytest.mark.skipif(not shutil.which("baresip"), reason="needs baresip: make setup"),
]


async def test_a_terminal_with_srtp_sees_hears_holds_and_comes_back(tmp_path: Path) -> None:
    terminal = Baresip(tmp_path / "terminal", account_parameters=";mediaenc=srtp-mand", modules=("srtp",))
    async with RealVisit() as visit, terminal:
        await terminal.dial(visit.uri)
        await visit.until(MediaFlowing)
        await visit.until(FirstMedia, count=3)  # its sound, the browser's, its picture
        assert {each.proto for each in sdp.parse(visit.answers[0]).media} <= {"RTP/SAVP", "RTP/SAVPF"}
        assert all(each.crypto for each in sdp.parse(visit.answers[0]).media)

        await terminal.command("hold")

        async def held() -> bool:
            return visit.bridge.held()

        await until(held, "the hold")
        await terminal.command("resume")
        await visit.until(MediaFlowing, count=2)

        await visit.offer_again()

        async def settled() -> bool:
            return len(visit.settled) == 1

        await until(settled, "the answer to our re-INVITE")
        assert all(each.crypto for each in sdp.parse(visit.settled[0]).media)
        carried = visit.flow(Kind.AUDIO, Side.WEB).sent_packets

        async def heard() -> bool:
            return visit.flow(Kind.AUDIO, Side.WEB).sent_packets > carried + 30

        await until(heard, "sound for the terminal after the hold")
        assert visit.flow(Kind.AUDIO, Side.SIP).discarded_packets < 5
        await terminal.hang_up()
        report = await terminal.finish()
    assert report.audio_received_packets > 15, "of the thirty since the hold"
    assert "unprotect" not in report.text, "it opened what we sealed"
