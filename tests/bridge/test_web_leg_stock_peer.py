"""The web leg against aiortc as it comes: another WebRTC stack, which decodes its own media as we echo it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge import sdp
from bridge.legs.web import WebLeg
from bridge.legs.web_port import WebPort
from bridge.rtp.ports import Ports
from bridge.rtp.timer import Timer
from bridge.types import Codec, Flow, Kind, MediaSettings
from tests.support.cable import Cable


@pytest_asyncio.fixture
async def stock_peer() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.stock_peer",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    yield process
    if process.returncode is None:
        process.terminate()
    await process.wait()


@pytest.mark.parametrize(("audio", "video"), [("PCMU", "H264"), ("OPUS", "VP8")])
async def test_it_decodes_what_we_echo(stock_peer: asyncio.subprocess.Process, audio: str, video: str) -> None:
    assert stock_peer.stdin is not None
    assert stock_peer.stdout is not None
    offer = json.loads(await stock_peer.stdout.readline())
    found = {media.kind: {codec.name: codec for codec in media.codecs} for media in sdp.parse(offer).media}
    codecs: dict[Kind, Codec | None] = {Kind.AUDIO: found["audio"][audio], Kind.VIDEO: found["video"][video]}
    async with Timer() as timer:
        port = WebPort(Ports("127.0.0.1", (0, 0)))
        leg = WebLeg(MediaSettings(), port, timer)
        answer = await leg.answer(offer, codecs, dict.fromkeys(Kind, Flow.SENDRECV))
        for kind in Kind:
            line = leg.line(kind)
            assert line is not None
            Cable(line, line)
        stock_peer.stdin.write(json.dumps(answer).encode() + b"\n")
        async with asyncio.timeout(40):
            counts = {"audio": 0, "video": 0}
            while min(counts.values()) < 20:
                counts = json.loads(await stock_peer.stdout.readline())
        await leg.close()
        port.close()
