"""A station's pictures over a bad network: asked for again where it knows NACK, else a whole one is asked for."""

from __future__ import annotations

from dataclasses import replace

from bridge.rtp import rtcp
from bridge.rtp.packet import build
from tests.support.rtp_station import RtpStation
from tests.support.station_stage import H264, Stage, on_stage, until

NACKING = replace(H264, feedback=("nack", *H264.feedback))
IDR, SLICE = b"\x65" + bytes(50), b"\x41" + bytes(50)


async def messages(station: RtpStation, kind: type[rtcp.Message]) -> list[rtcp.Message]:
    """The next report to the station that has such a message."""
    while True:
        found = [each for each in rtcp.parse(await station.told()) if isinstance(each, kind)]
        if found:
            return found


async def lose(stage: Stage, station: RtpStation, count: int) -> None:
    """A picture arrives, so many packets do not, another one does."""
    heard = len(stage.ear.packets)
    station.say(IDR, marker=True)
    station.sequence += count
    station.say(SLICE, marker=True)
    await until(lambda: len(stage.ear.packets) == heard + 2)


async def test_what_is_missing_is_asked_for_and_asked_again() -> None:
    async with on_stage() as stage:
        station = stage.station(96)
        line = stage.line(station, NACKING)
        await lose(stage, station, 2)
        (asked,) = await messages(station, rtcp.Nack)
        assert isinstance(asked, rtcp.Nack)
        assert asked.sequences == (1001, 1002)
        stage.pass_time(0.06)
        assert await messages(station, rtcp.Nack) == [asked]
        assert line.counters.nacks == 4


async def test_what_came_after_all_is_asked_for_no_more() -> None:
    async with on_stage() as stage:
        station = stage.station(96)
        line = stage.line(station, NACKING)
        await lose(stage, station, 1)
        station.throw(build(SLICE, payload_type=96, sequence=1001, timestamp=8000, ssrc=station.ssrc))
        await until(lambda: len(stage.ear.packets) == 3)
        for _ in range(20):
            stage.pass_time(0.05)
        assert line.counters.nacks == 1
        assert stage.ear.keyframes_wanted == 0
        assert line.counters.keyframe_requests == 0


async def test_the_stations_own_request_is_answered_from_what_was_sent() -> None:
    async with on_stage() as stage:
        station = stage.station(96)
        line = stage.line(station, NACKING)
        await lose(stage, station, 0)
        sent = [
            build(bytes((0x41, number)), payload_type=96, sequence=number, timestamp=9, ssrc=line.send_ssrc)
            for number in range(5)
        ]
        for packet in sent:
            line.send(packet)
        assert [await station.heard() for _ in sent] == sent
        head = rtcp.receiver_report(rtcp.ReceiverInfo(1)) + rtcp.source_description(1, "x")
        station.report(head + rtcp.nack(1, line.send_ssrc, (2, 4)))
        assert [await station.heard() for _ in range(2)] == [sent[2], sent[4]]
        assert line.counters.retransmitted == 2
        assert line.counters.sent_packets == 5


async def test_a_station_that_knows_no_nack_is_asked_for_a_whole_picture_when_the_gap_stays() -> None:
    async with on_stage() as stage:
        station = stage.station(96)
        line = stage.line(station, H264)
        await lose(stage, station, 1)
        stage.pass_time(0.05)
        assert line.counters.keyframe_requests == 0, "packets may have been swapped"
        stage.pass_time(0.05)
        (asked,) = await messages(station, rtcp.KeyframeRequest)
        assert isinstance(asked, rtcp.KeyframeRequest)
        assert asked.media_ssrc == station.ssrc
        assert line.counters.nacks == 0


async def test_a_station_that_is_back_gets_a_whole_picture() -> None:
    async with on_stage() as stage:
        station = stage.station(96)
        stage.line(station, H264)
        await lose(stage, station, 0)
        stage.pass_time(0.5)
        assert stage.ear.keyframes_wanted == 0
        stage.pass_time(3.0)
        await lose(stage, station, 0)
        stage.pass_time(0.05)
        assert stage.ear.keyframes_wanted == 1
