"""Keys: one event for each press, whatever the sender repeats, loses or gets wrong; and no hole in the sound."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator

import pytest

from bridge.links.counters import PipelineCounters
from bridge.links.rewrite import Numbering, Rewrite
from bridge.negotiate import plan
from bridge.rtp.dtmf import KeyReader
from bridge.sdp import Media, Session
from bridge.types import Codec
from tests.support.rtp_station import RtpStation
from tests.support.station_stage import PCMU, Stage, on_stage, until

EVENTS = 101


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


class Keypad:
    """What a sender puts on the wire for presses, packet by packet: (timestamp, payload)."""

    def __init__(self, clock_hz: int = 8000) -> None:
        self.pressed: list[tuple[str, int]] = []
        self.now_s = 10.0
        self.reader = KeyReader(clock_hz, lambda digit, ms: self.pressed.append((digit, ms)))

    def send(self, timestamp: int, code: int, duration: int, *, end: bool = False) -> None:
        self.now_s += 0.02
        self.reader.packet(timestamp & 0xFFFFFFFF, struct.pack("!BBH", code, end << 7 | 10, duration), self.now_s)

    def press(self, timestamp: int, code: int, ms: int = 100, ends: int = 3) -> None:
        for duration in range(160, 8 * ms, 160):
            self.send(timestamp, code, duration)
        for _ in range(ends):
            self.send(timestamp, code, 8 * ms, end=True)


def test_the_same_key_twice_is_two_presses_and_three_ends_are_one() -> None:
    pad = Keypad()
    pad.press(1000, 5)
    pad.press(3000, 5, ends=1)
    assert pad.pressed == [("5", 100), ("5", 100)]


def test_a_press_whose_end_was_lost_ends_with_the_next_or_with_silence() -> None:
    pad = Keypad()
    pad.press(1000, 1, ends=0)
    pad.press(3000, 1, ends=0)
    assert pad.pressed == [("1", 80)]
    pad.reader.tick(pad.now_s + 0.2)
    assert len(pad.pressed) == 1
    pad.reader.tick(pad.now_s + 0.3)
    assert pad.pressed == [("1", 80), ("1", 80)]
    pad.send(3000, 1, 800, end=True)
    assert len(pad.pressed) == 2, "its end came late"


def test_a_press_of_which_only_the_end_came_counts() -> None:
    pad = Keypad()
    pad.send(1000, 11, 800, end=True)
    assert pad.pressed == [("#", 100)]


@pytest.mark.parametrize("lost_tail", [0, 3])
def test_a_press_of_twenty_seconds_is_one_press(lost_tail: int) -> None:
    """RFC 4733 section 2.5.1.3: each part has the next timestamp; the packet that fills a part up may be lost."""
    pad = Keypad()
    for part in range(2):
        for duration in range(160, 0xFFFF - 160 * lost_tail, 160):
            pad.send(1000 + part * 0xFFFF, 7, duration)
        if not lost_tail:
            pad.send(1000 + part * 0xFFFF, 7, 0xFFFF)
    pad.send(1000 + 2 * 0xFFFF, 7, 28_930)
    assert not pad.pressed
    pad.send(1000 + 2 * 0xFFFF, 7, 28_930, end=True)
    assert pad.pressed == [("7", 20_000)]


def test_another_key_after_a_long_one_is_another_press() -> None:
    pad = Keypad()
    for code in (7, 8):
        for duration in range(160, 0xFFFF, 160):
            pad.send(1000 + code * 70_000, code, duration)
    pad.send(1000 + 8 * 70_000, 8, 0xFFFF, end=True)
    assert [digit for digit, _ in pad.pressed] == ["7", "8"]


def test_a_hook_flash_is_a_key_of_its_own() -> None:
    pad = Keypad()
    pad.send(1000, 16, 800, end=True)
    assert pad.pressed == [("!", 100)]


def test_events_that_are_no_keys_and_stunted_packets_are_passed_over() -> None:
    pad = Keypad()
    pad.send(1000, 17, 800, end=True)  # no key of a telephone
    pad.reader.packet(2000, b"\x05\x8a\x03", 11.0)
    assert not pad.pressed


def test_a_wrong_clock_makes_a_wrong_duration_and_nothing_else() -> None:
    """Stations count events at 8000 whatever they said (G.722), or at 48000 though they said 8000."""
    pad = Keypad(clock_hz=48_000)
    pad.press(1000, 3)
    pad.press(3000, 4)
    assert pad.pressed == [("3", 16), ("4", 16)]


@pytest.mark.parametrize(
    ("clocks", "taken"), [((8000,), 8000), ((16_000, 8000), 8000), ((16_000,), 16_000), ((48_000, 16_000), 48_000)]
)
def test_events_of_the_sounds_clock_are_best_and_others_better_than_none(clocks: tuple[int, ...], taken: int) -> None:
    events = tuple(Codec("TELEPHONE-EVENT", 101 + place, clock_hz) for place, clock_hz in enumerate(clocks))
    station = Session(media=(Media("audio", 4000, codecs=(PCMU, *events), address="192.0.2.1"),))
    browser = Session(media=(Media("audio", 9, codecs=(PCMU,), address="192.0.2.2"),))
    (line,) = plan(station, browser).station
    assert line.dtmf is not None
    assert line.dtmf.clock_hz == taken


def say_key(station: RtpStation, code: int, packets: int = 5) -> None:
    station.payload_type = EVENTS
    for step in range(1, packets + 1):
        end = 0x80 if step >= packets - 2 else 0
        station.say(struct.pack("!BBH", code, end | 10, 160 * min(step, packets - 2)), same_time=True)
    station.payload_type = 0
    station.timestamp += 160 * packets


async def test_keys_and_comfort_noise_are_no_loss_to_us_nor_to_the_browser(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    sent: list[bytes] = []
    link = Rewrite(
        PCMU, sent.append, payload_type=0, ssrc=9, numbering=Numbering(sequence=99), counters=PipelineCounters()
    )
    line.attach(link.push, stage.ear)
    station.say()
    say_key(station, 5)
    station.say()
    station.payload_type = 13
    station.say(b"\x40")
    station.payload_type = 0
    station.say()
    await until(lambda: len(sent) == 3)
    line.freshen()
    assert stage.keys == [("5", 60)]
    assert line.counters.lost_packets == 0
    assert [struct.unpack_from("!H", each, 2)[0] for each in sent] == [100, 101, 102]


async def test_a_lost_packet_among_keys_stays_one_loss(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    sent: list[bytes] = []
    link = Rewrite(
        PCMU, sent.append, payload_type=0, ssrc=9, numbering=Numbering(sequence=99), counters=PipelineCounters()
    )
    line.attach(link.push, stage.ear)
    station.say()
    station.sequence += 1
    say_key(station, 5)
    station.say()
    await until(lambda: len(sent) == 2)
    line.freshen()
    assert line.counters.lost_packets == 1
    assert [struct.unpack_from("!H", each, 2)[0] for each in sent] == [100, 102]


async def test_keys_in_a_stream_of_their_own_do_not_disturb_the_sound(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    station.say()
    await until(lambda: len(stage.ear.packets) == 1)
    sequence, ssrc = station.sequence, station.ssrc
    station.ssrc, station.sequence = 0xD1A1, 9
    say_key(station, 2)
    station.ssrc, station.sequence = ssrc, sequence
    station.say()
    await until(lambda: len(stage.ear.packets) == 2)
    line.freshen()
    assert stage.keys == [("2", 60)]
    assert (line.counters.lost_packets, len(stage.ear.empties)) == (0, 0)


async def test_a_clock_of_its_own_in_key_packets_is_no_jitter(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    for number in range(1, 40):
        station.payload_type, station.timestamp = (0, 160 * number) if number % 2 else (EVENTS, 0)
        station.say(struct.pack("!BBH", 5, 10, 160), same_time=True)
        await until(lambda seen=number: line.counters.received_packets == seen)  # type: ignore[misc]  # bound at once
        stage.now_s += 0.02
    line.freshen()
    assert line.counters.jitter_ms < 1.0
