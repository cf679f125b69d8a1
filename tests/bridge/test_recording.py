"""A recording: what each side sent, in its own codec, on one timeline, in a file that may end at any moment."""

from __future__ import annotations

import hashlib
import os
import resource
import threading
from pathlib import Path

import pytest

from bridge.legs.leg import SenderReport
from bridge.recording import Part, Writer
from bridge.recording import recorder as recorder_module
from bridge.types import Kind, Side
from tests.support.flash_and_beep import EVERY_S, SOUND, Sent, later, mixed, pictures, sound
from tests.support.recordings import Desk, beeps, flashes, probe

STATION = ("PCMU", "H264")
FAMILY = ("OPUS", "VP8")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def visit(seconds: float, station: tuple[str, str] = STATION, family: tuple[str, str] = FAMILY) -> list[Sent]:
    return mixed(
        sound(station[0], Side.SIP, seconds),
        pictures(station[1], Side.SIP, seconds),
        sound(family[0], Side.WEB, seconds),
        pictures(family[1], Side.WEB, seconds),
    )


@pytest.mark.parametrize(
    ("station", "family"),
    [
        (("PCMU", "H264"), ("OPUS", "VP8")),
        (("G722", "VP8"), ("PCMA", "H264")),
        (("PCMA", "H263-1998"), ("G722", "H264")),
    ],
)
def test_both_sides_are_kept_as_they_sent_it(desk: Desk, station: tuple[str, str], family: tuple[str, str]) -> None:
    desk.carry(*station, *family)
    desk.play(visit(3.0, station, family))
    (written,) = desk.finish()
    assert written.whole
    assert written.size == desk.parts[0].path.stat().st_size
    found = probe(desk.plain())
    assert found["complaints"] == ""
    names = {"PCMU": "pcm_mulaw", "PCMA": "pcm_alaw", "G722": "adpcm_g722", "H263-1998": "h263"}
    expected = [names.get(each, each.lower()) for each in (station[0], family[0], station[1], family[1])]
    assert [each["codec_name"] for each in found["streams"]] == expected
    titles = [each["tags"]["title"] for each in found["streams"]]
    assert titles == ["station audio", "family audio", "station video", "family video"]
    assert {(each["width"], each["height"]) for each in found["streams"][2:]} == {(176, 144)}
    assert all(int(each["nb_read_frames"]) > 70 for each in found["streams"][2:])
    assert all(int(each["nb_read_frames"]) > 140 for each in found["streams"][:2])


def test_the_file_on_the_disk_is_not_media(desk: Desk) -> None:
    desk.carry(*STATION, *FAMILY)
    desk.play(visit(1.5))
    desk.finish()
    sealed, plain = desk.parts[0].path.read_bytes(), desk.plain()
    assert plain.startswith(b"\x1a\x45\xdf\xa3")
    assert b"\x1a\x45\xdf\xa3" not in sealed
    assert b"matroska" not in sealed
    assert not any(plain[at : at + 64] in sealed for at in range(0, len(plain), 5000))
    assert desk.parts[0].path.stat().st_mode & 0o777 == 0o600


def test_lips_and_voice_stay_together_whatever_each_took_on_the_way(desk: Desk) -> None:
    """The picture arrives 300 ms after its sound: only the sender reports can tell."""
    desk.carry(*STATION, *FAMILY)
    desk.play(
        mixed(
            sound("PCMU", Side.SIP, 6, delay_s=0.02),
            pictures("H264", Side.SIP, 6, delay_s=0.32),
            sound("OPUS", Side.WEB, 6, delay_s=0.25),
            pictures("VP8", Side.WEB, 6, delay_s=0.05),
        )
    )
    desk.finish()
    plain = desk.plain()
    for voice, picture in ((0, 2), (1, 3)):
        heard, seen = beeps(plain, voice)[-4:], flashes(plain, picture)[-4:]
        assert len(heard) == len(seen) == 4
        assert max(abs(h - s) for h, s in zip(heard, seen, strict=True)) < 0.08


def test_without_sender_reports_arrival_is_what_there_is(desk: Desk) -> None:
    desk.carry("PCMU", "H264")
    desk.play(mixed(sound("PCMU", Side.SIP, 4, reports=False), pictures("H264", Side.SIP, 4, reports=False)))
    desk.finish()
    heard, seen = beeps(desk.plain(), 0), flashes(desk.plain(), 1)
    assert len(heard) == len(seen) == 4
    assert max(abs(h - s) for h, s in zip(heard, seen, strict=True)) < 0.08
    assert heard[-1] - heard[0] == pytest.approx(3 * EVERY_S, abs=0.03)


@pytest.mark.parametrize("goes", [True, False])
def test_a_hold_is_a_gap_in_time_and_shifts_nothing(desk: Desk, goes: bool) -> None:
    """goes: the line is told away for it, as wiring does; else the station just falls silent."""
    desk.carry(*STATION)
    first = mixed(sound("PCMU", Side.SIP, 2), pictures("H264", Side.SIP, 2))
    desk.play(first)
    if goes:
        desk.turn(Kind.AUDIO, Side.SIP, "")
        desk.turn(Kind.VIDEO, Side.SIP, "")
        desk.carry(*STATION)
    desk.play(later(first, 10.0, lasted_s=2.0))  # its clocks stood still meanwhile
    (written,) = desk.finish()
    heard, seen = beeps(desk.plain(), 0), flashes(desk.plain(), 1)
    assert heard == pytest.approx([0, 1, 10, 11], abs=0.1)
    assert seen == pytest.approx([0, 1, 10, 11], abs=0.1)
    assert (written.ended_at - written.began_at).total_seconds() == pytest.approx(12, abs=0.1)


def test_another_codec_is_another_file(desk: Desk) -> None:
    desk.carry(*STATION, *FAMILY)
    desk.play(visit(2.0))
    desk.turn(Kind.VIDEO, Side.WEB, "H264")
    desk.play(later(visit(2.0, family=("OPUS", "H264")), 2.0))
    first, second = desk.finish()
    assert [each["codec_name"] for each in probe(desk.plain(1))["streams"]] == ["pcm_mulaw", "opus", "h264", "vp8"]
    assert [each["codec_name"] for each in probe(desk.plain(2))["streams"]] == ["pcm_mulaw", "opus", "h264", "h264"]
    assert (second.began_at - first.began_at).total_seconds() == pytest.approx(2, abs=0.15)


def test_a_picture_that_joins_later_begins_a_new_file_and_one_that_comes_back_does_not(desk: Desk) -> None:
    desk.carry("PCMU", "", "PCMU")
    desk.play(mixed(sound("PCMU", Side.SIP, 2), sound("PCMU", Side.WEB, 2)))
    desk.turn(Kind.VIDEO, Side.SIP, "H264")
    desk.play(later(visit(2.0, family=("PCMU", "VP8")), 2.0))
    desk.turn(Kind.VIDEO, Side.SIP, "")
    desk.turn(Kind.VIDEO, Side.SIP, "H264")
    desk.play(later(visit(2.0, family=("PCMU", "VP8")), 4.0))
    assert len(desk.finish()) == 2
    assert len(probe(desk.plain(2))["streams"]) == 3


def test_packets_that_swap_come_out_in_order_and_one_that_is_lost_costs_its_picture(desk: Desk) -> None:
    desk.carry("PCMU", "H264")
    sent = mixed(sound("PCMU", Side.SIP, 3), pictures("H264", Side.SIP, 3))
    for at in range(20, len(sent) - 1, 17):
        sent[at], sent[at + 1] = sent[at + 1], sent[at]
    video = [index for index, each in enumerate(sent) if each.kind is Kind.VIDEO and isinstance(each.what, bytes)]
    del sent[video[len(video) // 2]]
    desk.play(sent)
    desk.finish()
    streams = probe(desk.plain())["streams"]
    assert int(streams[0]["nb_read_frames"]) == 150
    assert int(streams[1]["nb_read_frames"]) == 74


def test_what_was_written_before_the_end_came_plays(desk: Desk) -> None:
    """The file as it lies there two seconds in, and half a chunk more, as a crash leaves it."""
    desk.carry(*STATION, *FAMILY)
    desk.play(visit(3.2))
    lying = desk.parts[0].path.read_bytes()
    desk.finish()
    torn = desk.folder / "torn.kbr"
    torn.write_bytes(lying + os.urandom(5000))
    desk.parts[0] = type(desk.parts[0])("r-1", torn, desk.parts[0].key)
    found = probe(desk.plain())
    assert found["complaints"] == ""
    assert len(found["streams"]) == 4
    assert int(found["streams"][2]["nb_read_frames"]) > 40


def test_while_no_file_is_there_frames_wait_and_are_counted_beyond_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MOST_WAITING", 100)
    desk = Desk(tmp_path, answers=False)
    desk.carry("PCMU")
    desk.play(mixed(sound("PCMU", Side.SIP, 3)))
    assert desk.recorder.dropped == 50
    desk.recorder.give(desk.parts[0])
    desk.recorder.work(3.1)
    (written,) = desk.finish()
    assert written.dropped == 50
    assert len(beeps(desk.plain(), 0)) == 2


def test_a_recording_that_is_refused_its_file_ends_and_says_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path, answers=False)
    desk.carry("PCMU")
    desk.play(mixed(sound("PCMU", Side.SIP, 1)))
    desk.recorder.give(None)
    desk.recorder.work(2.0)
    desk.play(later(mixed(sound("PCMU", Side.SIP, 1)), 2.0))
    assert desk.failures == ["refused"]
    assert desk.finish() == ()


def test_a_disk_that_is_full_ends_the_recording_and_what_was_written_plays(desk: Desk) -> None:
    """The system's own limit on a file's size stands for the disk: it takes a part of a write and refuses the rest."""
    desk.carry(*STATION, *FAMILY)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, before[1]))
    try:
        desk.play(visit(4.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert desk.failures == ["disk"]
    (written,) = desk.finish()
    assert not written.whole
    assert written.size == desk.parts[0].path.stat().st_size
    assert 70_000 - 16_384 < written.size <= 70_000
    assert (written.size - 64) % 16_384 == 0
    assert written.sha256 == hashlib.sha256(desk.parts[0].path.read_bytes()).hexdigest()
    assert len(probe(desk.plain())["streams"]) == 4


def test_a_disk_that_has_no_room_for_the_end_loses_nothing_of_what_lies_there(desk: Desk) -> None:
    desk.carry(*STATION, *FAMILY)
    desk.play(visit(4.0))
    desk.recorder.work(1e5)  # the cluster of the last turn: what fails now is the end
    lies = desk.parts[0].path.stat().st_size
    assert lies > 64 + 16_384
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (lies, before[1]))
    try:
        (written,) = desk.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert desk.failures == ["disk"]
    assert not written.whole
    assert written.size == lies == desk.parts[0].path.stat().st_size
    assert written.sha256 == hashlib.sha256(desk.parts[0].path.read_bytes()).hexdigest()
    assert len(probe(desk.plain())["streams"]) == 4


def test_while_the_disk_stands_still_neither_packets_nor_reports_pile_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MOST_WAITING", 10)
    desk.carry("PCMU")
    report = SenderReport(ntp=1 << 32, rtp=0)
    for _ in range(50):
        desk.recorder.report(Kind.AUDIO, Side.SIP, report)
    assert len(desk.recorder._inbox) == 10


def test_a_disk_that_answers_nothing_does_not_hold_up_the_end_of_the_node() -> None:
    gate, held = threading.Event(), threading.Event()

    def hold(_: int) -> None:
        held.set()
        gate.wait(30)

    writer = Writer()
    writer.start()
    try:
        recorder = writer.recorder(want_part=hold, failed=lambda word: None, ended=lambda written: None)
        for each in mixed(sound("PCMU", Side.SIP, 1)):
            if isinstance(each.what, bytes):
                recorder.line_changed(each.kind, each.side, SOUND["PCMU"])
                recorder.packet(each.kind, each.side, each.what, each.at_s)
        recorder.finish()
        assert held.wait(20)
        writer.close(within_s=0.1)
        assert writer._thread.is_alive()
    finally:
        gate.set()
        writer._thread.join(20)


def test_a_part_never_prints_its_key(tmp_path: Path) -> None:
    part = Part("r-1", tmp_path / "r-1.kbr", b"a key that nobody reads in a log")
    assert "nobody reads" not in repr(part)


def test_no_bytes_make_a_recording_end(desk: Desk) -> None:
    desk.carry(*STATION, *FAMILY)
    good = visit(2.0)
    for at, each in enumerate(visit(2.0)):
        if isinstance(each.what, bytes) and at % 3 == 0:
            junk = bytearray(each.what)
            junk[(at * 7) % len(junk)] ^= 0x55
            good.insert(at, Sent(each.kind, each.side, bytes(junk[: 12 + at % 30]), each.at_s))
    desk.play(good)
    (written,) = desk.finish()
    assert written.whole
    assert desk.failures == []
    assert len(probe(desk.plain())["streams"]) >= 3
