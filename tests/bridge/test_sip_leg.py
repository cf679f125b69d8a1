"""The station's leg over real sockets: whom it believes, what it reports, how it asks for pictures."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
import uvloop

from bridge.errors import PortsExhausted
from bridge.legs.leg import SenderReport
from bridge.legs.sip import SipLeg
from bridge.rtp import packet as rtp
from bridge.rtp import rtcp
from bridge.rtp.ports import Ports
from bridge.rtp.timer import Timer
from bridge.types import Flow, Kind
from tests.support.baresip import free_port
from tests.support.rtp_station import RtpStation
from tests.support.station_stage import H264, PCMU, Ear, Stage, describe, on_stage, until


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


async def test_packets_pass_as_they_are_up_to_the_largest(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    sent = [station.say(bytes(size)) for size in (1, 160, 1460, 3000)]
    await until(lambda: len(stage.ear.packets) == 4)
    assert stage.ear.packets == sent
    assert line.counters.received_packets == 4
    assert line.counters.received_bytes == sum(len(each) - 12 for each in sent)


async def test_we_send_where_the_description_says_before_anything_came(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    packet = rtp.build(b"x" * 1460, payload_type=0, sequence=1, timestamp=1, ssrc=line.send_ssrc)
    line.send(packet)
    assert await station.heard() == packet
    assert (line.counters.sent_packets, line.counters.sent_bytes) == (1, 1460)


async def test_we_send_where_packets_really_come_from(stage: Stage) -> None:
    announced, real = stage.station(), stage.station()
    line = stage.line(announced)
    real.aim(line.port).say()
    await until(lambda: len(stage.ear.packets) == 1)
    line.send(b"\x80" * 12)
    assert await real.heard() == b"\x80" * 12


async def test_strays_are_discarded_and_counted_once_the_source_is_settled(stage: Stage) -> None:
    station, stranger = stage.station(), stage.station()
    line = stage.line(station)
    station.say()
    await until(lambda: len(stage.ear.packets) == 1)
    stranger.aim(line.port)
    for _ in range(3):
        stranger.say()
    await until(lambda: line.counters.discarded_packets == 3)
    line.send(b"\x80" * 12)
    assert await station.heard() == b"\x80" * 12
    assert len(stage.ear.packets) == 1


async def test_the_described_address_takes_the_line_from_an_early_stranger(stage: Stage) -> None:
    station, stranger = stage.station(), stage.station()
    line = stage.line(station)
    stranger.aim(line.port).say()
    await until(lambda: len(stage.ear.packets) == 1)
    station.say()
    await until(lambda: len(stage.ear.packets) == 2)
    stranger.say()
    await until(lambda: line.counters.discarded_packets == 1)


async def test_a_late_packet_of_another_call_does_not_keep_a_station_behind_nat_out(stage: Stage) -> None:
    announced, late, real = stage.station(), stage.station(), stage.station()
    line = stage.line(announced)
    late.aim(line.port).say()
    await until(lambda: len(stage.ear.packets) == 1)
    stage.pass_time(0.6)
    real.aim(line.port).say()
    await until(lambda: len(stage.ear.packets) == 2)


async def test_after_ten_packets_nobody_takes_the_line_over(stage: Stage) -> None:
    announced, real = stage.station(), stage.station()
    line = stage.line(announced)
    real.aim(line.port)
    for _ in range(11):
        real.say()
    await until(lambda: len(stage.ear.packets) == 11)
    stage.pass_time(5.0)
    announced.say()
    await until(lambda: line.counters.discarded_packets == 1)


async def test_a_new_address_in_the_description_opens_the_latch(stage: Stage) -> None:
    station, moved = stage.station(), stage.station()
    line = stage.line(station)
    station.say()
    await until(lambda: len(stage.ear.packets) == 1)
    assert stage.line(moved) is line, "the port of a line stays through a re-INVITE"
    moved.say()
    await until(lambda: len(stage.ear.packets) == 2)
    station.say()
    await until(lambda: line.counters.discarded_packets == 1)
    line.send(b"\x80" * 12)
    assert await moved.heard() == b"\x80" * 12


async def test_nothing_is_sent_to_a_station_that_holds_and_it_goes_on_after(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    station.say()
    await until(lambda: len(stage.ear.packets) == 1)
    for hold in (
        describe(station.port, Kind.AUDIO, PCMU, Flow.RECVONLY),
        describe(station.port, Kind.AUDIO, PCMU, Flow.INACTIVE),
        describe(station.port, Kind.AUDIO, PCMU, Flow.RECVONLY, address="0.0.0.0"),
    ):
        stage.leg.apply([hold])
        assert stage.leg.held
        line.send(b"\x80" * 12)
    assert line.counters.sent_packets == 0
    stage.leg.apply([describe(station.port, Kind.AUDIO, PCMU)])
    assert not stage.leg.held
    line.send(b"\x81" * 12)
    assert await station.heard() == b"\x81" * 12


@pytest.mark.parametrize(
    "junk", [b"", b"\x80", b"\x00" * 40, b"\x80" + b"\x7f" * 30, b"\xff" * 12, b"\x80\xc8\x00\x06"]
)
async def test_junk_is_counted_and_ends_nothing(stage: Stage, junk: bytes) -> None:
    station = stage.station()
    line = stage.line(station)
    station.throw(junk)
    station.report(junk)
    good = station.say()
    await until(lambda: stage.ear.packets == [good])
    assert line.counters.discarded_packets == 1


async def test_whatever_comes_raises_nothing(stage: Stage) -> None:
    """A fixed seed: mutations of good packets of both kinds, and noise."""
    chance = random.Random(4711)
    line = stage.line(stage.station(96), H264, rtcp_mux=True)
    good = [
        rtp.build(b"\x7c\x85" + bytes(20), payload_type=96, sequence=9, timestamp=9, ssrc=9),
        rtp.build(struct.pack("!BBH", 5, 0x8A, 160), payload_type=101, sequence=9, timestamp=9, ssrc=9),
        rtcp.sender_report(rtcp.SenderInfo(9, 9, 9, 9, 9)) + rtcp.nack(1, 2, [3, 4, 90]) + rtcp.remb(1, 2, [3]),
        rtcp.limit_request(1, line.send_ssrc, 5) + rtcp.full_intra_request(1, 2, 3) + rtcp.bye(4),
    ]
    line.request_keyframe()
    source = ("127.0.0.1", 9)
    for _ in range(5000):
        packet = bytearray(chance.choice(good))
        for _ in range(chance.randrange(1, 6)):
            packet[chance.randrange(len(packet))] = chance.randrange(256)
        mutilated = bytes(packet[: chance.randrange(len(packet) + 1)])
        line._take(mutilated, source)
        line._take_rtcp(mutilated, source)


async def test_an_unknown_payload_type_is_a_sign_of_life_but_no_sound(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    station.say()
    await until(lambda: len(stage.ear.packets) == 1)
    stage.now_s += 5.0
    station.payload_type = 18
    station.say()
    await until(lambda: line.counters.discarded_packets == 1)
    assert (line.counters.last_received_s, line.counters.last_heard_s) == (100.0, 105.0)


async def test_comfort_noise_is_the_sound_of_silence(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    station.say()
    await until(lambda: len(stage.ear.packets) == 1)
    stage.now_s += 5.0
    station.payload_type = 13
    station.say(b"\x40")
    await until(lambda: line.counters.discarded_packets == 1)
    assert line.counters.last_received_s == 105.0
    assert len(stage.ear.packets) == 1


async def test_reports_of_the_station_are_a_sign_of_life(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    station.say()
    await until(lambda: len(stage.ear.packets) == 1)
    stage.now_s += 5.0
    station.report(rtcp.receiver_report(rtcp.ReceiverInfo(station.ssrc, ())))
    await until(lambda: line.counters.last_heard_s == 105.0)
    assert line.counters.last_received_s == 100.0


async def test_a_sink_that_raises_does_not_end_the_reading(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    taken: list[bytes] = []

    def sink(packet: bytes) -> None:
        taken.append(packet)
        raise RuntimeError("a pipeline with a fault")

    line.attach(sink, stage.ear)
    station.say()
    station.say()
    await until(lambda: len(taken) == 2)


async def test_a_press_is_one_key_however_often_it_is_repeated(stage: Stage) -> None:
    station = stage.station()
    stage.line(station)
    station.say()
    station.payload_type = 101
    for duration, end in ((160, 0), (320, 0), (480, 0), (640, 0x80), (640, 0x80), (640, 0x80)):
        station.say(struct.pack("!BBH", 5, end | 10, duration), same_time=True)
    station.timestamp += 8000
    station.say(struct.pack("!BBH", 11, 0x8A, 800), same_time=True)
    station.payload_type = 0
    station.say()
    await until(lambda: len(stage.ear.packets) == 2)
    assert stage.keys == [("5", 80), ("#", 100)]


async def test_a_press_whose_end_was_lost_is_reported_too(stage: Stage) -> None:
    station = stage.station(101)
    line = stage.line(station)
    station.say(struct.pack("!BBH", 1, 10, 160), same_time=True)
    station.timestamp += 1600
    station.say(struct.pack("!BBH", 2, 10, 320), same_time=True)
    await until(lambda: line.counters.received_packets == 2)
    assert stage.keys == [("1", 20)]
    stage.pass_time(0.4)
    assert stage.keys == [("1", 20), ("2", 40)]


async def test_loss_and_jitter_are_counted_and_reported(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    for number in range(10):
        if number in (3, 4):
            station.sequence += 1
        else:
            station.say()
    await until(lambda: len(stage.ear.packets) == 8)
    line.freshen()
    assert line.counters.lost_packets == 2
    stage.pass_time(1.0)
    (report,) = rtcp.parse(await station.told())
    assert isinstance(report, rtcp.ReceiverInfo)
    assert (report.reports[0].ssrc, report.reports[0].packets_lost) == (station.ssrc, 2)
    assert report.reports[0].fraction_lost == (2 << 8) // 10


async def test_loss_adds_up_over_a_change_of_ssrc(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    station.say()
    station.sequence += 3
    station.say()
    station.ssrc += 1
    station.sequence = 40000
    station.say()
    station.sequence += 1
    station.say()
    await until(lambda: len(stage.ear.packets) == 4)
    line.freshen()
    assert line.counters.lost_packets == 4


async def test_reports_come_after_a_second_and_then_about_every_five(stage: Stage) -> None:
    station = stage.station()
    stage.line(station)
    stage.pass_time(0.9)
    stage.pass_time(0.2)
    await station.told()
    for _ in range(38):
        stage.pass_time(0.1)
    with pytest.raises(BlockingIOError):
        station.sockets.rtcp.recv(1)
    for _ in range(23):
        stage.pass_time(0.1)
    await station.told()


async def test_the_pipelines_clock_pair_goes_out_and_its_echo_gives_the_round_trip(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    line.send(rtp.build(b"x" * 160, payload_type=0, sequence=1, timestamp=1, ssrc=line.send_ssrc))
    ntp = 0x1234_5678_9ABC_DEF0
    line.send_report(SenderReport(ntp, 777))
    (info,) = rtcp.parse(await station.told())
    assert isinstance(info, rtcp.SenderInfo)
    assert (info.ssrc, info.ntp, info.rtp, info.packets, info.octets) == (line.send_ssrc, ntp, 777, 1, 160)
    stage.now_s += 0.75
    echo = rtcp.ReportBlock(line.send_ssrc, 0, 0, 1, 0, ntp >> 16 & 0xFFFFFFFF, 65536 // 2)
    station.report(rtcp.receiver_report(rtcp.ReceiverInfo(station.ssrc, (echo,))))
    await until(lambda: line.counters.rtt_ms is not None)
    assert line.counters.rtt_ms == pytest.approx(250.0)


async def test_without_clock_pairs_of_the_far_side_we_report_what_we_send(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    for sequence in range(250):
        line.send(rtp.build(b"x" * 160, payload_type=0, sequence=sequence, timestamp=4711, ssrc=line.send_ssrc))
        stage.pass_time(0.1)
    messages: list[rtcp.Message] = []
    while not any(isinstance(each, rtcp.SenderInfo) for each in messages):
        messages += rtcp.parse(await station.told())
    assert [each.rtp for each in messages if isinstance(each, rtcp.SenderInfo)] == [4711]


async def test_what_the_station_reports_reaches_the_pipelines(stage: Stage) -> None:
    station = stage.station(96)
    line = stage.line(station, H264)
    station.report(
        rtcp.sender_report(rtcp.SenderInfo(station.ssrc, 9 << 32, 8, 7, 6))
        + rtcp.picture_loss(station.ssrc, line.send_ssrc)
        + rtcp.full_intra_request(station.ssrc, line.send_ssrc, 1)
        + rtcp.limit_request(station.ssrc, line.send_ssrc, 512_000)
    )
    await until(lambda: bool(stage.ear.limits_bps))
    assert stage.ear.reports == [SenderReport(9 << 32, 8)]
    assert stage.ear.keyframes_wanted == 2
    assert stage.ear.limits_bps == [512_000]
    answer = await station.told()
    assert answer.endswith(rtcp.limit_accepted(line.send_ssrc, station.ssrc, 512_000))


async def test_a_limit_of_the_far_side_reaches_a_station_that_negotiated_limits(stage: Stage) -> None:
    station = stage.station(96)
    line = stage.line(station, replace(H264, feedback=("ccm tmmbr",)))
    station.say()
    await until(lambda: len(stage.ear.packets) == 1)
    line.limit_bitrate(400_000)
    line.limit_bitrate(410_000)
    stage.pass_time(0.9)
    line.limit_bitrate(200_000)
    assert rtcp.parse(await station.told())[-1] == rtcp.BitrateLimit(line.send_ssrc, 400_000, (station.ssrc,))
    stage.now_s += 0.1
    line.limit_bitrate(300_000)
    assert rtcp.parse(await station.told())[-1] == rtcp.BitrateLimit(line.send_ssrc, 300_000, (station.ssrc,))


async def test_the_bandwidth_of_the_description_limits_the_far_side(stage: Stage) -> None:
    stage.line(stage.station(96), H264, bandwidth_bps=384_000)
    assert stage.ear.limits_bps == [384_000]


async def test_reports_of_strangers_are_not_believed(stage: Stage) -> None:
    station = stage.station(96)
    line = stage.line(station, H264)
    stranger = stage.stations[0].__class__(96, host="127.0.0.2")
    stage.stations.append(stranger)
    stranger.sockets.rtcp.sendto(rtcp.picture_loss(1, line.send_ssrc), ("127.0.0.1", line.port + 1))
    await until(lambda: line.counters.discarded_packets == 1)
    assert stage.ear.keyframes_wanted == 0


async def test_rtcp_on_the_port_of_rtp_where_multiplexed(stage: Stage) -> None:
    station = stage.station(96)
    line = stage.line(station, H264, rtcp_mux=True)
    station.throw(rtcp.picture_loss(station.ssrc, line.send_ssrc))
    await until(lambda: stage.ear.keyframes_wanted == 1)
    stage.pass_time(1.0)
    assert isinstance(rtcp.parse(await station.heard())[0], rtcp.ReceiverInfo)


async def test_the_rtcp_attribute_says_where_reports_go(stage: Stage) -> None:
    station, elsewhere = stage.station(), stage.station()
    stage.line(station, rtcp_port=elsewhere.port)
    stage.pass_time(1.0)
    assert rtcp.parse(await elsewhere.heard())


@pytest.mark.parametrize(
    ("feedback", "asked"), [(("nack pli", "ccm fir"), None), (("nack pli",), None), (("ccm fir",), 1)]
)
async def test_a_picture_is_asked_for_as_negotiated(stage: Stage, feedback: tuple[str, ...], asked: int | None) -> None:
    station = stage.station(96)
    line = stage.line(station, replace(H264, feedback=feedback))
    line.request_keyframe()
    assert line.counters.keyframe_requests == 0, "nobody to ask yet"
    station.say()
    await until(lambda: len(stage.ear.packets) == 1)
    stage.pass_time(0.1)
    request = rtcp.parse(await station.told())[-1]
    assert isinstance(request, rtcp.KeyframeRequest)
    assert (request.media_ssrc, request.fir_sequence) == (station.ssrc, asked)


async def test_many_wishes_for_a_picture_are_few_requests(stage: Stage) -> None:
    station = stage.station(96)
    line = stage.line(station, H264)
    station.say()
    await until(lambda: len(stage.ear.packets) == 1)
    for _ in range(10):
        line.request_keyframe()
        stage.pass_time(0.1)
    assert line.counters.keyframe_requests in (2, 3)


async def test_a_picture_is_asked_for_ever_more_slowly_until_a_keyframe_comes(stage: Stage) -> None:
    station = stage.station(96)
    line = stage.line(station, H264)
    line.request_keyframe()
    station.say(b"\x41 a slice that needs others")
    await until(lambda: len(stage.ear.packets) == 1)
    for _ in range(100):
        stage.pass_time(0.1)
    asked = line.counters.keyframe_requests
    assert 4 <= asked <= 6
    station.say(b"\x65 an IDR slice")
    await until(lambda: len(stage.ear.packets) == 2)
    for _ in range(100):
        stage.pass_time(0.1)
    assert line.counters.keyframe_requests == asked


async def test_without_feedback_a_picture_is_asked_for_by_info(stage: Stage) -> None:
    station = stage.station(96)
    line = stage.line(station, replace(H264, feedback=()))
    line.request_keyframe()
    assert stage.infos == 1
    for _ in range(31):
        stage.pass_time(0.1)
    assert stage.infos == 2, "again after two seconds, then after four"


async def test_a_dropped_line_gives_its_ports_back(stage: Stage) -> None:
    station = stage.station()
    line = stage.line(station)
    low = line.port
    stage.leg.apply([])
    assert len(stage.timer) == 0
    pair = Ports("127.0.0.1", (low, low + 1)).pair()
    pair.close()


async def test_ports_taken_for_a_failed_call_are_given_back() -> None:
    low = free_port(2)
    ports = Ports("127.0.0.1", (low, low + 1))
    leg = SipLeg(ports, Timer(), on_key=lambda *_: None, by_info=lambda: None)
    with pytest.raises(PortsExhausted):
        leg.reserve(Kind)
    await leg.close()
    ports.pair().close()


async def test_a_press_does_not_look_like_jitter(stage: Stage) -> None:
    station = stage.station(101)
    line = stage.line(station)
    for step in range(1, 50):
        station.say(struct.pack("!BBH", 5, 10, 160 * step), same_time=True)
        await until(lambda seen=step: line.counters.received_packets == seen)  # type: ignore[misc]  # bound at once
        stage.now_s += 0.02
    line.freshen()
    assert line.counters.jitter_ms < 1.0


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_loops_and_both_families(loop: Callable[[], asyncio.AbstractEventLoop], host: str) -> None:
    async def talk() -> None:
        station = RtpStation(0, host=host)
        leg = SipLeg(Ports(host, (0, 0)), Timer(), on_key=lambda *_: None, by_info=lambda: None)
        leg.apply([describe(station.port, Kind.AUDIO, PCMU, address=host)])
        line = leg.line(Kind.AUDIO)
        assert line is not None
        ear = Ear()
        line.attach(ear.packets.append, ear)
        sent = [station.aim(line.port).say() for _ in range(200)]
        await until(lambda: len(ear.packets) == 200)
        assert ear.packets == sent
        line.send(sent[0])
        assert await station.heard() == sent[0]
        await leg.close()
        station.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(talk())
