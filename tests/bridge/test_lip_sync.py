"""Lips and voice: a source that flashes and beeps at the same moment, and what both far sides make of it.

A far side plays together what sender reports say belongs together (RFC 3550 section 6.4.1): the flash's timestamp and
the beep's are carried to the clock that both streams share, and there they must meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from bridge.legs.leg import SenderReport
from bridge.rtp.rtcp import SenderInfo
from bridge.rtp.sequence import timestamp_distance
from bridge.types import Codec, Kind, MediaSettings
from tests.support.field import FPS, SIZE, Camera, Ear, Field, Microphone, Screen
from tests.support.moving import Samples, Yuv, bars, tone

RELAY, TRANSCODE = MediaSettings(), MediaSettings(prefer_transcode=True, sheds_load=False)
_EPOCH = 3_900_000_000 << 32
_MOST_S = 0.080
_PAIRS = 2


def flashing(number: int) -> Yuv:
    """A white picture at each full second of media time, dark ones between."""
    yuv = bars(*SIZE, number) // 4
    yuv[SIZE[1] :] = 128
    if number % FPS == 0:
        yuv[: SIZE[1]] = 235
    return yuv


def beeping(microphone: Microphone) -> None:
    """Sound in the first 40 ms of each full second, silence between."""
    beep = tone(microphone.rate_hz, 1000, 0.04, amplitude=12_000)
    size = len(beep) // 2
    quiet = np.zeros(size, np.int16)

    def sound(number: int) -> Samples:
        place = number % 50
        return beep[place * size : (place + 1) * size] if place < 2 else quiet

    microphone.sound = sound


def ntp_s(report: SenderReport | SenderInfo, timestamp: int, clock_hz: int) -> float:
    """When that timestamp was, by the clock of both streams."""
    return (report.ntp - _EPOCH) / 2**32 + timestamp_distance(timestamp, report.rtp) / clock_hz


class Watcher:
    """Timestamps of pictures that are suddenly bright."""

    def __init__(self, screen: Screen) -> None:
        self.flashes: list[int] = []
        self._bright = False
        screen.on_picture = self._look

    def _look(self, yuv: Yuv, timestamp: int) -> None:
        bright = float(yuv[: yuv.shape[0] * 2 // 3].mean()) > 150
        if bright and not self._bright:
            self.flashes.append(timestamp)
        self._bright = bright


def beeps(ear: Ear) -> list[int]:
    """Timestamps where sound begins after a silence, to the sample."""
    found, silent = [], True
    base = min(int.from_bytes(each[4:8]) for each in ear.packets)
    for at, block in ear.blocks().items():
        loud = np.flatnonzero(np.abs(block.astype(int)) > 3000)
        if len(loud) and silent:
            found.append(base + at + int(loud[0]) * ear.codec.clock_hz // 50 // len(block))
        silent = not len(loud)
    return found


def reports(camera: Camera, microphone: Microphone, at_s: float) -> tuple[SenderReport, SenderReport]:
    """Sender reports of both streams about one moment of media time."""
    ntp = _EPOCH + int(at_s * 2**32)
    picture = camera.timeline.translate(round(at_s * 90_000))
    assert picture is not None
    return SenderReport(ntp, picture), SenderReport(ntp, round(at_s * microphone.clock_hz))


def pairs(seen: list[float], heard: list[float]) -> list[float]:
    """How far each flash is from the beep of the same second, but for the first and the last flash."""
    beep = {round(each): each for each in heard}
    return [abs(each - beep[round(each)]) for each in seen[1:-1] if round(each) in beep]


class Ways:
    """A visit's two directions, and what flashed and beeped at their ends."""

    def __init__(self, field: Field) -> None:
        self._field = field
        for end in (field.station, field.person):
            end.camera.picture = flashing
            beeping(end.microphone)
        assert field.person.screen is not None
        assert field.station.screen is not None
        self._to_family, self._to_terminal = Watcher(field.person.screen), Watcher(field.station.screen)

    def report(self) -> None:
        """Both ends tell their clocks."""
        field = self._field
        picture, sound = reports(field.station.camera, field.station.microphone, field.station.camera.shot / FPS)
        field.picture.report(picture.ntp, picture.rtp)
        field.sound.report(sound.ntp, sound.rtp)
        picture, sound = reports(field.person.camera, field.person.microphone, field.person.camera.shot / FPS)
        field.browser.lines[Kind.VIDEO].send_report(picture)
        field.browser.lines[Kind.AUDIO].send_report(sound)

    def apart(self) -> dict[str, list[float]]:
        field = self._field
        family, audio = field.browser.hears, field.browser.lines[Kind.AUDIO].codec
        return {
            "terminal to family": self._pairs(
                family[Kind.VIDEO].reports, family[Kind.AUDIO].reports, self._to_family, field.person.ear, audio
            ),
            "family to terminal": self._pairs(
                field.picture.reports, field.sound.reports, self._to_terminal, field.station.ear, field.sound.codec
            ),
        }

    @staticmethod
    def _pairs(
        of_picture: Sequence[SenderReport | SenderInfo],
        of_sound: Sequence[SenderReport | SenderInfo],
        watcher: Watcher,
        ear: Ear,
        codec: Codec,
    ) -> list[float]:
        if not of_picture or not of_sound or not ear.packets:
            return []
        return pairs(
            [ntp_s(of_picture[-1], each, 90_000) for each in watcher.flashes],
            [ntp_s(of_sound[-1], each, codec.clock_hz) for each in beeps(ear)],
        )


async def a_visit(settings: MediaSettings, path: str) -> None:
    async with Field(settings, 5) as field:
        ways = Ways(field)
        async with asyncio.timeout(60):
            while min(map(len, ways.apart().values())) < _PAIRS:
                await field.seconds(0.5)
                ways.report()
        for way, apart in ways.apart().items():
            print(path, way, "flash and beep apart by", [f"{1000 * each:.0f} ms" for each in apart])
            assert max(apart) <= _MOST_S, (path, way, apart)


async def test_a_flash_and_a_beep_belong_together_at_both_ends() -> None:
    """Relayed and transcoded at once."""
    await asyncio.gather(a_visit(RELAY, "relay"), a_visit(TRANSCODE, "transcode"))


def test_the_judge_sees_a_stream_that_is_late() -> None:
    """100 ms between the two are found, whatever the zero of the clocks."""
    report = SenderReport(_EPOCH + (7 << 32), 0xFFFFFF00)
    flash = ntp_s(report, (0xFFFFFF00 + 90_000) & 0xFFFFFFFF, 90_000)
    late = ntp_s(report, (0xFFFFFF00 + 8000 + 800) & 0xFFFFFFFF, 8000)
    assert flash == pytest.approx(8.0)
    assert pairs([7.0, flash, 9.0], [late]) == [pytest.approx(0.1)]
