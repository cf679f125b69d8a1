"""Corners of real networks: packets swapped at a change of source, stations that move, late reports and keys."""

from __future__ import annotations

import struct

import pytest

from bridge.legs.leg import LineCounters, SenderReport
from bridge.legs.station_rtcp import StationClock, StationRtcp
from bridge.links.counters import PipelineCounters
from bridge.links.depacketize import Depacketize
from bridge.links.link import EncodedFrame
from bridge.links.rewrite import Numbering, Rewrite
from bridge.rtp import rtcp
from bridge.rtp.dtmf import KeyReader
from bridge.rtp.latch import Latch, reachable
from bridge.rtp.packet import build
from bridge.rtp.reception import Reception
from bridge.rtp.udp import Address
from bridge.types import Codec

_OLD: Address = ("192.0.2.1", 4000)
_NEW: Address = ("192.0.2.2", 6000)
_BEHIND_NAT: Address = ("198.51.100.7", 31_000)


def _rewrite(sent: list[bytes]) -> Rewrite:
    codec = Codec("H264", 97, 90000)
    numbering = Numbering(sequence=500, timestamp=0)
    return Rewrite(codec, sent.append, payload_type=97, ssrc=7, numbering=numbering, counters=PipelineCounters())


def _packet(sequence: int, ssrc: int = 1) -> bytes:
    return build(b"\x41" + bytes(8), payload_type=97, sequence=sequence, timestamp=sequence, ssrc=ssrc)


def _sequences(sent: list[bytes]) -> list[int]:
    return [struct.unpack_from("!H", each, 2)[0] for each in sent]


def test_swapped_packets_of_a_new_source_share_no_number_with_the_old_one() -> None:
    sent: list[bytes] = []
    link = _rewrite(sent)
    for packet in (_packet(10), _packet(11), _packet(9001, ssrc=2), _packet(9000, ssrc=2), _packet(9002, ssrc=2)):
        link.push(packet)
    assert _sequences(sent) == [501, 502, 503, 504]


def test_swapped_packets_at_the_very_beginning_both_pass() -> None:
    sent: list[bytes] = []
    link = _rewrite(sent)
    for sequence in (11, 10, 12):
        link.push(_packet(sequence))
    assert _sequences(sent) == [501, 500, 502]


def test_a_packet_from_before_two_insertions_takes_no_number_of_another() -> None:
    sent: list[bytes] = []
    link = _rewrite(sent)
    for sequence in range(10, 32):
        if sequence in (20, 30):
            link.insert(b"\x67set", _packet(sequence))
            link.insert(b"\x68set", _packet(sequence))
        if sequence != 19:
            link.push(_packet(sequence))
    link.push(_packet(19))
    assert len(set(_sequences(sent))) == len(sent)


def _moved_while_the_old_source_still_sends() -> tuple[Latch, int]:
    """The latch, and the packets so far: twelve of the old source came after the description that moves it."""
    latch = Latch()
    latch.aim(_OLD)
    assert latch.admits(_OLD, 0, 9.0)
    latch.aim(_NEW)
    assert latch.admits(_OLD, 200, 0.02), "until the new one speaks, the old one is heard"
    return latch, 212


def test_a_station_that_moved_is_heard_however_long_its_old_address_went_on() -> None:
    latch, packets = _moved_while_the_old_source_still_sends()
    assert latch.admits(_NEW, packets + 1000, 0.01)
    assert latch.target == _NEW
    assert not latch.admits(_OLD, packets + 1001, 0.01), "and the old one does not come back"


def test_a_station_that_moved_behind_nat_is_heard_when_the_old_address_is_silent() -> None:
    latch, packets = _moved_while_the_old_source_still_sends()
    assert not latch.admits(_BEHIND_NAT, packets, 0.02)
    assert latch.admits(_BEHIND_NAT, packets, 0.6)
    assert not latch.admits(("203.0.113.5", 9), packets + 20, 0.6), "then the line is settled"


def test_a_source_that_outstays_a_move_is_settled_against_strangers() -> None:
    latch, packets = _moved_while_the_old_source_still_sends()
    assert not latch.admits(_BEHIND_NAT, packets + 100, 5.0)


def test_an_address_is_compared_as_the_system_writes_it() -> None:
    assert reachable("2001:DB8:0::1", 4000) == ("2001:db8::1", 4000)


class _Reports:
    def __init__(self) -> None:
        self.heard: list[SenderReport] = []

    def report_received(self, report: SenderReport) -> None:
        self.heard.append(report)

    def keyframe_wanted(self) -> None: ...

    def bitrate_limited(self, bps: int) -> None: ...


def _station(written: list[bytes]) -> StationRtcp:
    counters = LineCounters(sent_packets=1)
    return StationRtcp(
        ssrc=1,
        clock=StationClock(0.0),
        clock_hz=8000,
        counters=counters,
        write=written.append,
        by_info=lambda: None,
        now_s=0.0,
    )


def test_the_clock_of_another_stream_is_not_taken_for_the_present_one() -> None:
    station, reports = _station([]), _Reports()
    station.reports = reports
    station.remote_ssrc = 500
    station.reception.arrived(1, 1, 0.5)
    for ssrc, ntp in ((500, 5 << 32), (499, 9 << 32)):
        station.take(rtcp.sender_report(rtcp.SenderInfo(ssrc, ntp, 4711, 1, 1)), 1.0)
    assert [each.ntp for each in reports.heard] == [5 << 32]
    block = station.reception.report(500, 2.0)
    assert block is not None
    assert block.last_sr == 5 << 16


def test_our_own_report_names_the_present_while_nothing_is_sent() -> None:
    written: list[bytes] = []
    station = _station(written)
    sent = build(b"x", payload_type=0, sequence=1, timestamp=4711, ssrc=1)
    told: list[tuple[float, int]] = []
    for tenth in range(1, 400):
        station.tick(tenth / 10, sent)
        told += [(tenth / 10, m.rtp) for p in written for m in rtcp.parse(p) if isinstance(m, rtcp.SenderInfo)]
        written.clear()
    assert len(told) > 1
    assert [rtp for _, rtp in told] == [4711 + round((at_s - 0.1) * 8000) for at_s, _ in told]


def test_the_late_end_of_a_press_is_no_press_of_its_own() -> None:
    pressed: list[str] = []
    keys = KeyReader(8000, lambda digit, _ms: pressed.append(digit))
    one_ends, two, two_ends = bytes((1, 0x80, 3, 32)), bytes((2, 0, 0, 160)), bytes((2, 0x80, 3, 32))
    for timestamp, payload in ((1000, one_ends), (3000, two), (1000, one_ends), (3000, two), (3000, two_ends)):
        keys.packet(timestamp, payload, 0.1)
    assert "".join(pressed) == "12"


@pytest.mark.parametrize("restart", [20_000, 60_000])
def test_loss_is_seen_after_a_source_starts_anew_wherever_it_starts(restart: int) -> None:
    reception = Reception(8000)
    for step in range(100):
        reception.arrived(40_000 + step, 160 * step, step * 0.02)
    for step in range(0, 101, 2):
        reception.arrived(restart + step, 160 * step, 3 + step * 0.02)
    assert reception.lost == 50


def test_a_new_source_of_pictures_is_asked_for_a_whole_one() -> None:
    asked: list[int] = []
    frames: list[EncodedFrame] = []
    depay = Depacketize(Codec("VP8", 96, 90000), frames.append, lambda: asked.append(len(frames)), PipelineCounters())

    def push(sequence: int, ssrc: int, *, key: bool) -> None:
        payload = bytes((0x10, 0 if key else 1)) + bytes(20)
        depay.push(
            build(payload, payload_type=96, sequence=sequence, timestamp=3000 * sequence, ssrc=ssrc, marker=True)
        )

    push(1, 1, key=True)
    push(2, 1, key=False)
    assert not asked
    push(50, 2, key=False)
    push(51, 2, key=False)
    assert asked == [2], "once, at the change; the line repeats the wish"
