"""RTCP with stations that leave, that have no clock, that do not listen the first time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bridge.legs.leg import SenderReport
from bridge.rtp import packet as rtp
from bridge.rtp import rtcp
from bridge.types import Kind
from tests.support.rtp_station import RtpStation
from tests.support.station_stage import H264, PCMU, Ear, Stage, describe, on_stage, until

_WITH_LIMITS = replace(H264, feedback=("nack pli", "ccm tmmbr"))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


async def told(station: RtpStation, kind: type[rtcp.Message]) -> rtcp.Message:
    """The next message of this kind."""
    while True:
        for message in rtcp.parse(await station.told()):
            if isinstance(message, kind):
                return message


async def all_told(station: RtpStation) -> list[rtcp.Message]:
    """What waits at the station's RTCP port."""
    found: list[rtcp.Message] = []
    while True:
        try:
            found += rtcp.parse(station.sockets.rtcp.recv(8192))
        except BlockingIOError:
            return found


async def test_after_bye_the_next_packet_begins_a_stream_even_under_the_same_ssrc(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    for _ in range(5):
        station.say()
    station.sequence += 5
    station.say()
    await until(lambda: len(stage.ear.packets) == 6)
    station.report(rtcp.receiver_report(rtcp.ReceiverInfo(station.ssrc, ())) + rtcp.bye(station.ssrc))
    await until(lambda: line.counters.last_heard_s > 0)
    stage.pass_time(1.1)
    report = await told(station, rtcp.ReceiverInfo)
    assert isinstance(report, rtcp.ReceiverInfo)
    assert report.reports == (), "there is nobody to report about"
    station.sequence = 40_000
    station.say()
    await until(lambda: len(stage.ear.packets) == 7)
    line.freshen()
    assert line.counters.lost_packets == 5


async def test_bye_of_another_stream_changes_nothing(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    station.say()
    await until(lambda: len(stage.ear.packets) == 1)
    station.report(rtcp.bye(station.ssrc + 1))
    await until(lambda: line.counters.last_heard_s > 0)
    stage.pass_time(1.1)
    report = await told(station, rtcp.ReceiverInfo)
    assert isinstance(report, rtcp.ReceiverInfo)
    assert report.reports[0].ssrc == station.ssrc


async def test_we_say_bye_to_whom_we_sent_something(stage: Stage) -> None:
    heard, unheard = stage.station(), stage.station(96)
    line = stage.line(heard)
    line.send(rtp.build(b"x", payload_type=0, sequence=1, timestamp=1, ssrc=line.send_ssrc))
    stage.leg.apply([describe(heard.port, Kind.AUDIO, PCMU), describe(unheard.port, Kind.VIDEO, H264)])
    stage.leg.apply([])
    assert await told(heard, rtcp.Bye) == rtcp.Bye((line.send_ssrc,))
    with pytest.raises(BlockingIOError):
        unheard.sockets.rtcp.recv(1)


async def test_both_lines_have_one_name(stage: Stage) -> None:
    """The station plays sound and lips together only when it sees that they are of one source."""
    sound, picture = stage.station(), stage.station(96)
    stage.leg.apply([describe(sound.port, Kind.AUDIO, PCMU), describe(picture.port, Kind.VIDEO, H264)])
    stage.pass_time(1.1)
    names = {(await each.told())[18:34] for each in (sound, picture)}
    assert len(names) == 1
    assert len(names.pop()) == 16


async def play(stage: Stage, station: RtpStation, seconds: float) -> None:
    """Sound, a packet every 20 ms, in real order; the timer ticks with it."""
    line = stage.leg.line(Kind.AUDIO)
    assert line is not None
    for _ in range(round(seconds * 50)):
        heard = line.counters.received_packets
        station.say()
        await until(lambda heard=heard: line.counters.received_packets > heard)  # type: ignore[misc]  # bound at once
        stage.pass_time(0.02)


async def test_a_station_without_sender_reports_gets_some_from_when_its_packets_arrive(stage: Stage) -> None:
    station = stage.station()
    stage.line(station)
    await play(stage, station, 7.0)
    assert stage.ear.reports == []
    await play(stage, station, 6.0)
    assert len(stage.ear.reports) >= 2
    first, second = stage.ear.reports[:2]
    seconds = (second.ntp - first.ntp) / 2**32
    assert seconds == pytest.approx(2.0, abs=0.15)
    assert (second.rtp - first.rtp) / 8000 == pytest.approx(seconds, abs=0.001)


async def test_one_line_without_reports_lives_by_the_clock_of_the_other(stage: Stage) -> None:
    sound, picture = stage.station(), stage.station(96)
    stage.leg.apply([describe(sound.port, Kind.AUDIO, PCMU), describe(picture.port, Kind.VIDEO, H264)])
    seen = Ear()
    for kind, station, ear in ((Kind.AUDIO, sound, stage.ear), (Kind.VIDEO, picture, seen)):
        line = stage.leg.line(kind)
        assert line is not None
        line.attach(ear.hear, ear)
        station.aim(line.port)
    theirs = 0x0000_1234_0000_0000  # a clock that never heard of 1900
    sound.say()
    await until(lambda: len(stage.ear.packets) == 1)
    sound.report(rtcp.sender_report(rtcp.SenderInfo(sound.ssrc, theirs, sound.timestamp, 1, 1)))
    await until(lambda: stage.ear.reports == [SenderReport(theirs, sound.timestamp)])
    stage.now_s += 8.0
    picture.say(b"\x65")
    await until(lambda: len(seen.packets) == 1)
    stage.pass_time(0.1)
    assert len(seen.reports) == 1
    assert (seen.reports[0].ntp - theirs) / 2**32 == pytest.approx(8.1)


async def test_nothing_is_made_up_for_a_line_that_is_silent(stage: Stage) -> None:
    station = stage.station()
    stage.line(station)
    await play(stage, station, 1.0)
    for _ in range(200):
        stage.pass_time(0.1)
    assert stage.ear.reports == []


async def test_a_limit_is_repeated_until_the_station_has_heard_it(stage: Stage) -> None:
    station = stage.station(96)
    line = stage.line(station, _WITH_LIMITS)
    station.say(b"\x65")
    await until(lambda: len(stage.ear.packets) == 1)
    line.limit_bitrate(400_000)
    wanted = rtcp.BitrateLimit(line.send_ssrc, 400_000, (station.ssrc,))
    assert await told(station, rtcp.BitrateLimit) == wanted
    stage.pass_time(1.0)
    assert await told(station, rtcp.BitrateLimit) == wanted
    station.report(rtcp.limit_accepted(station.ssrc, line.send_ssrc, 400_000))
    await until(lambda: line.counters.last_heard_s > 0)
    for _ in range(40):
        stage.pass_time(0.1)
    assert [each for each in await all_told(station) if isinstance(each, rtcp.BitrateLimit)] == []


async def test_a_station_that_never_accepts_a_limit_is_left_alone_in_the_end(stage: Stage) -> None:
    station = stage.station(96)
    line = stage.line(station, _WITH_LIMITS)
    station.say(b"\x65")
    await until(lambda: len(stage.ear.packets) == 1)
    line.limit_bitrate(400_000)
    for _ in range(200):
        stage.pass_time(0.1)
    assert len([each for each in await all_told(station) if isinstance(each, rtcp.BitrateLimit)]) == 6


async def test_a_station_that_ignores_feedback_is_asked_by_info_too(stage: Stage) -> None:
    station = stage.station(96)
    line = stage.line(station, H264)
    station.say(b"\x41")
    await until(lambda: len(stage.ear.packets) == 1)
    line.request_keyframe()
    for _ in range(35):
        stage.pass_time(0.1)
    assert (line.counters.keyframe_requests, stage.infos) == (3, 0)
    for _ in range(60):
        stage.pass_time(0.1)
    assert stage.infos >= 1
    requests = [each for each in await all_told(station) if isinstance(each, rtcp.KeyframeRequest)]
    assert {each.fir_sequence is None for each in requests} == {True, False}, "some obey only PLI, some only FIR"


async def test_of_the_limits_of_description_and_report_the_lower_holds(stage: Stage) -> None:
    station = stage.station(96)
    line = stage.line(station, _WITH_LIMITS, bandwidth_bps=384_000)
    for bps in (2_000_000, 128_000):
        station.report(rtcp.limit_request(station.ssrc, line.send_ssrc, bps))
        assert await told(station, rtcp.LimitAccepted) == rtcp.LimitAccepted(line.send_ssrc, (station.ssrc,))
    assert stage.ear.limits_bps == [384_000, 384_000, 128_000]
    late = Ear()
    line.listen(late)
    assert late.limits_bps == [128_000], "a pipeline that comes later hears it too"
