"""A telephone's visit with real codecs, officers and recorders, and what is left when it is over."""

from __future__ import annotations

import asyncio
import base64
import gc
import re
import time
from pathlib import Path

import pytest

from bridge import sdp
from bridge.own import Prompt
from bridge.plane import MediaPlane
from bridge.rtp import packet as rtp
from bridge.rtp.srtp import Opener, Profile, Sealer
from bridge.types import MediaSettings, Side
from tests.bridge.test_three_times import handles
from tests.bridge.test_watching import FAMILY, STATION, watching
from tests.support.bridge_stage import IDR, Terminal, until
from tests.support.ffmpeg_terminal import Decoded, FfmpegTerminal
from tests.support.phone_stage import PhoneStage, heard
from tests.support.recordings import Desk, probe

_SUITE = "AES_CM_128_HMAC_SHA1_80"


def moving(decoded: Decoded) -> bool:
    return decoded.different_pictures >= 60 and decoded.sounds >= 100


@pytest.mark.interop
@pytest.mark.skipif(not FfmpegTerminal.installed(), reason="Debian's ffmpeg is not installed")
@pytest.mark.parametrize("mode", [1, 0])
async def test_two_terminals_see_and_hear_each_other(tmp_path: Path, mode: int) -> None:
    """A phone that knows no fragments (mode 0) is encoded for; what it sends is relayed."""
    folders = [tmp_path / "station", tmp_path / "phone"]
    for each in folders:
        each.mkdir()
    async with (
        MediaPlane(MediaSettings(sheds_load=False)) as plane,
        FfmpegTerminal(folders[0]) as station,
        FfmpegTerminal(folders[1], mode=mode) as phone,
    ):
        bridge = plane.bridge(sealed=True)
        answer = (await bridge.greet(station.description)).sip_sdp
        offer = await bridge.offer_telephone()
        await bridge.complete_telephone(phone.description)
        routes = await bridge.connect_telephone(sealed=False)
        there = "relay" if mode else "transcode"
        assert [str(each) for each in routes] == [
            "audio sip->: relay PCMU -> PCMU",
            "audio web->: relay PCMU -> PCMU",
            f"video sip->: {there} H264 -> H264",
            "video web->: relay H264 -> H264",
        ]
        await station.aim(answer)
        await phone.aim(offer)
        await station.until(moving)
        await phone.until(moving)


async def test_an_officer_sees_the_phones_picture_as_the_familys() -> None:
    async with PhoneStage() as stage:
        await stage.visit()
        async with watching(stage) as officer:
            stage.terminal.picture.say(IDR + b"station")
            stage.phone.picture.say(IDR + b"family")
            peer = officer.peer
            await peer.until(lambda: bool(peer.got(STATION)) and bool(peer.got(FAMILY)))
            assert peer.payloads(STATION) == [IDR + b"station"]
            assert peer.payloads(FAMILY) == [IDR + b"family"]
            assert "Tap(watching)" in stage.bridge.describe()


async def test_a_recording_has_what_the_phone_sent_in_its_own_codec(tmp_path: Path) -> None:
    async with PhoneStage() as stage:
        await stage.greet()
        await stage.call(stage.phone.describe(video=False).replace("RTP/AVP 0 101", "RTP/AVP 9 101"), video=False)
        stage.phone.sound.payload_type = 9
        await stage.bridge.connect_telephone(sealed=False)
        desk, began_s = Desk(tmp_path), time.monotonic()
        desk.recorder.work(began_s)
        stage.bridge.tap(desk.recorder)
        assert stage.bridge.describe().splitlines()[1] == (
            "audio web->sip: Tap(recording) -> Reorder(80 ms) -> Depay(G722) -> Decode -> Decimate(2) -> "
            "Blocks(20 ms) -> Encode(PCMU) -> Pay(PCMU) -> SipLeg"
        )
        for _ in range(25):
            stage.phone.sound.say()
            stage.terminal.sound.say()
        for _ in range(20):
            await stage.terminal.sound.heard()
            await stage.phone.sound.heard()
        desk.recorder.work(time.monotonic())
        desk.finish()
        assert not desk.failures
        found = probe(desk.plain())["streams"]
        assert [(each["codec_name"], each["tags"]["title"]) for each in found] == [
            ("pcm_mulaw", "station audio"),
            ("adpcm_g722", "family audio"),
        ]


async def test_a_phone_may_come_back_with_keys() -> None:
    async with PhoneStage() as stage:
        await stage.visit()
        key = bytes(range(30))
        line = f"a=crypto:1 {_SUITE} inline:{base64.b64encode(key).decode()}\r\n"
        secured = re.sub(
            r"(m=audio \d+) RTP/AVP(.*?\r\n)", rf"\1 RTP/SAVP\2{line}", stage.phone.describe(video=False), count=1
        )
        (crypto,) = sdp.parse(await stage.bridge.change_telephone(secured)).media[0].crypto
        opener = Opener.with_key(Profile[_SUITE], base64.b64decode(crypto.split("inline:")[1]))
        stage.terminal.sound.say(b"to the phone")
        sealed = await stage.phone.sound.heard()
        opener.view[0 : len(sealed)] = sealed
        clear = opener.rtp(len(sealed))
        assert clear is not None
        assert clear[12:] == b"to the phone"
        packet = rtp.build(b"from the phone", payload_type=0, sequence=9, timestamp=9, ssrc=0x77)
        view = Sealer.with_key(Profile[_SUITE], key).rtp(packet)
        assert view is not None
        stage.phone.sound.throw(bytes(view))
        await heard(stage.terminal.sound, b"from the phone")


async def short_visits(count: int) -> None:
    """Greeted, spoken to, called, asked; some accept, some do not, some are dropped for another."""
    station, phone = Terminal(), Terminal()
    async with MediaPlane(MediaSettings()) as plane:
        counts = []
        for number in range(count):
            bridge = plane.bridge(sealed=True)
            await bridge.greet(station.describe() if number % 2 else None)
            if not number % 2:
                await bridge.complete(station.describe())
            bridge.say(Side.SIP, (Prompt.WELCOME,), "en", 1)
            await bridge.offer_telephone(video=number % 3 == 0)
            if number % 5 == 0:
                await bridge.drop_telephone()
                await bridge.offer_telephone(video=number % 3 == 0)
            if number % 4:
                await bridge.complete_telephone(phone.describe(video=number % 3 == 0))
                bridge.say(Side.WEB, (Prompt.ACCEPT,), "es", 2)
            if number % 4 > 1:
                await bridge.connect_telephone(sealed=number % 4 == 2)
            await bridge.close()
            if number in (19, count - 1):
                await until(lambda: not any("bridge" in task.get_name() for task in asyncio.all_tasks()))
                gc.collect()  # what an earlier test left is none of ours
                counts.append((handles(), len(plane._timer), len(asyncio.all_tasks())))
        early, late = counts
        assert all(after <= before for before, after in zip(early, late, strict=True)), counts
        assert len(plane) == 0
    station.close()
    phone.close()


async def test_short_visits_leave_no_socket_timer_or_task() -> None:
    await short_visits(60)


@pytest.mark.soak
async def test_two_hundred_short_visits_leave_no_socket_timer_or_task() -> None:
    await short_visits(200)
