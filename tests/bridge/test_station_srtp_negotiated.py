"""SRTP from the description to the wire: lines that differ in one visit, keys that change, keys that wear out."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator

import pytest

from bridge import sdp
from bridge.negotiate import StationLine
from bridge.rtp import packet as rtp
from bridge.rtp.srtp import Opener, Profile, Sealer
from bridge.sdes import Sdes
from bridge.types import Kind
from tests.support import raw_peer
from tests.support.bridge_stage import IDR, Stage, until
from tests.support.raw_peer import AUDIO_SSRC
from tests.support.station_stage import PCMU, describe, on_stage

_SUITE = "AES_CM_128_HMAC_SHA1_80"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        yield stage


def secured(text: str, key: bytes) -> str:
    """The sound with keys, the picture without."""
    line = f"a=crypto:1 {_SUITE} inline:{base64.b64encode(key).decode()}\r\n"
    return re.sub(r"(m=audio \d+) RTP/AVP(.*?\r\n)", rf"\1 RTP/SAVP\2{line}", text, count=1)


def key_of(description: str) -> bytes:
    """Ours, of the sound."""
    (crypto,) = sdp.parse(description).media[0].crypto
    return base64.b64decode(crypto.split("inline:")[1])


class Phone:
    """Seals and opens the sound of the stage's terminal."""

    def __init__(self, stage: Stage, key: bytes) -> None:
        self.stage = stage
        self.sealer = Sealer.with_key(Profile[_SUITE], key)
        self.opener: Opener | None = None

    def answered(self, description: str) -> None:
        self.opener = Opener.with_key(Profile[_SUITE], key_of(description))
        self.stage.terminal.aim(description)

    async def talks_both_ways(self, word: bytes) -> None:
        sound, browser = self.stage.terminal.sound, self.stage.browser
        packet = raw_packet(sound.sequence, word, sound.ssrc)
        sound.sequence += 1
        sound.throw(bytes(self.sealer.rtp(packet) or b""))
        await browser.until(lambda: any(each[12:] == word for each in browser.packets))
        self.stage.from_browser(word, raw_peer.PCMU, AUDIO_SSRC)
        sealed = await sound.heard()
        assert self.opener is not None
        self.opener.view[: len(sealed)] = sealed
        clear = self.opener.rtp(len(sealed))
        assert clear is not None
        assert clear[12:] == word


def raw_packet(sequence: int, payload: bytes, ssrc: int) -> bytes:
    return rtp.build(payload, payload_type=0, sequence=sequence, timestamp=160 * sequence, ssrc=ssrc)


async def test_sealed_sound_and_a_plain_picture_in_one_visit(stage: Stage) -> None:
    key = os.urandom(30)
    phone = Phone(stage, key)
    joined = await stage.bridge.join(secured(stage.terminal.describe(), key), await stage.browser.offer())
    assert joined.web_sdp is not None
    stage.browser.accept(joined.web_sdp)
    await stage.browser.connected.wait()
    phone.answered(joined.sip_sdp)
    assert [each.proto for each in sdp.parse(joined.sip_sdp).media] == ["RTP/SAVP", "RTP/AVP"]
    await phone.talks_both_ways(b"in secret")
    stage.terminal.picture.say(IDR)
    await stage.browser.until(lambda: any(each[12:] == IDR for each in stage.browser.packets))

    first = key_of(joined.sip_sdp)
    held = await stage.bridge.change(secured(stage.terminal.describe(flow="inactive"), key))
    assert key_of(held) == first, "a hold is no reason for a new key"
    again = os.urandom(30)
    phone.sealer = Sealer.with_key(Profile[_SUITE], again)
    phone.answered(await stage.bridge.change(secured(stage.terminal.describe(), again)))
    await phone.talks_both_ways(b"under another key")


async def test_a_worn_key_is_renewed_by_the_next_description_and_by_no_repetition(stage: Stage) -> None:
    key = os.urandom(30)
    phone = Phone(stage, key)
    offer = secured(stage.terminal.describe(), key)
    joined = await stage.bridge.join(offer, await stage.browser.offer())
    assert joined.web_sdp is not None
    stage.browser.accept(joined.web_sdp)
    await stage.browser.connected.wait()
    phone.answered(joined.sip_sdp)
    await phone.talks_both_ways(b"first")
    line = stage.bridge._station.leg.line(Kind.AUDIO)
    assert line is not None
    line.counters.sent_packets += 30_000
    assert await stage.bridge.change(offer) == joined.sip_sdp, "a session timer's refresh changes nothing"
    renewed = await stage.bridge.change(offer.replace("o=- 1 1", "o=- 1 2"))
    assert key_of(renewed) != key_of(joined.sip_sdp)
    phone.answered(renewed)
    await phone.talks_both_ways(b"second")


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg: make setup")
@pytest.mark.parametrize("profile", [Profile.AES_CM_128_HMAC_SHA1_80, Profile.AES_CM_128_HMAC_SHA1_32])
async def test_what_ffmpeg_seals_is_opened(profile: Profile) -> None:
    keys = Sdes(profile.name, os.urandom(30), os.urandom(30))
    async with on_stage() as stage:
        station = stage.station()
        stage.leg.apply([with_keys(describe(station.port, Kind.AUDIO, PCMU), keys)])
        line = stage.leg.line(Kind.AUDIO)
        assert line is not None
        line.attach(stage.ear.hear, stage.ear)
        source = ("-f", "lavfi", "-i", "sine=f=440:r=8000", "-t", "5", "-c:a", "pcm_mulaw", "-ac", "1")
        sealed = ("-srtp_out_suite", profile.name, "-srtp_out_params", base64.b64encode(keys.receive_key).decode())
        command = ("ffmpeg", "-loglevel", "error", *source, "-f", "rtp", *sealed, f"srtp://127.0.0.1:{line.port}")
        ffmpeg = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert await asyncio.wait_for(ffmpeg.wait(), 20) == 0
        await until(lambda: len(stage.ear.packets) > 10)
        line.freshen()
        assert line.counters.lost_packets == 0
        # its reports have the short tag in _32 too, where RFC 4568 section 6.2 wants the long one
        assert line.counters.discarded_packets == 0 or profile is Profile.AES_CM_128_HMAC_SHA1_32


def with_keys(line: StationLine, keys: Sdes) -> StationLine:
    return StationLine(line.index, line.kind, line.codec, line.dtmf, line.flow, line.media, sdes=keys)
