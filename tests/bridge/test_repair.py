"""Loss and its repair as pure arithmetic: what is asked again, when it is given up, what is remembered and reported."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from bridge.rtp.history import RtxWrapper, SendHistory, unwrap_rtx
from bridge.rtp.keyframe import begins_h264, begins_vp8
from bridge.rtp.nack import Gap, NackGenerator
from bridge.rtp.packet import build, parse
from bridge.rtp.reception import Reception, RoundTrip
from bridge.rtp.rtcp import ReportBlock


def packet(sequence: int, payload: bytes = b"abc") -> bytes:
    return build(payload, payload_type=96, sequence=sequence, timestamp=7, ssrc=9, marker=True)


class TestNack:
    def test_in_order_asks_nothing(self) -> None:
        nack = NackGenerator()
        assert [nack.arrived(each & 0xFFFF, 0.0) for each in range(65500, 65600)] == [None] * 100
        assert len(nack) == 0

    def test_a_gap_over_the_wrap_is_asked_in_order(self) -> None:
        nack = NackGenerator()
        nack.arrived(65534, 0.0)
        assert nack.arrived(2, 0.0) == Gap((65535, 0, 1))

    def test_a_late_packet_is_asked_no_more(self) -> None:
        nack = NackGenerator()
        nack.arrived(1, 0.0)
        nack.arrived(4, 0.0)
        nack.arrived(2, 0.01)
        assert nack.due(0.06) == Gap((3,))
        assert nack.repaired(3)
        assert not nack.repaired(3)
        assert nack.due(1.0) is None

    def test_it_repeats_and_gives_up(self) -> None:
        nack = NackGenerator()
        nack.arrived(1, 0.0)
        nack.arrived(3, 0.0)
        asked, now = 0, 0.0
        while len(nack):
            now += 0.02
            gap = nack.due(now)
            if gap is not None and gap.sequences:
                asked += 1
                assert gap.sequences == (2,)
        assert gap == Gap((), lost_hope=True)
        assert 5 <= asked <= 8
        assert now < 0.7

    def test_an_outage_is_not_repaired_packet_by_packet(self) -> None:
        nack = NackGenerator()
        nack.arrived(1, 0.0)
        assert nack.arrived(500, 0.0) == Gap((), lost_hope=True)
        assert len(nack) == 0

    def test_a_short_gap_after_a_silence_is_an_outage_too(self) -> None:
        nack = NackGenerator()
        nack.arrived(1, 0.0)
        assert nack.arrived(60, 3.0, silent_s=3.0) == Gap((), lost_hope=True)
        assert len(nack) == 0

    def test_where_packets_swap_the_first_request_waits_for_them(self) -> None:
        nack = NackGenerator(apart=True)
        nack.arrived(1, 0.0)
        assert nack.arrived(3, 0.0) == Gap((2,))
        nack.arrived(2, 0.015)
        assert nack.arrived(5, 0.02) is None, "mostly it comes by itself"
        nack.arrived(4, 0.03)
        assert nack.arrived(7, 0.04) is None
        assert nack.due(0.05) is None
        assert nack.due(0.06) == Gap((6,))

    def test_it_repeats_after_a_round_trip(self) -> None:
        for round_trip_s, repeats in ((0.01, 4), (0.2, 1)):
            nack = NackGenerator()
            nack.round_trip(round_trip_s)
            nack.arrived(1, 0.0)
            nack.arrived(3, 0.0)
            asked = [nack.due(tick / 50) for tick in range(10)]
            assert sum(each is not None and each.sequences == (2,) for each in asked) == repeats

    def test_a_whole_picture_is_asked_for_before_hope_is_gone(self) -> None:
        nack = NackGenerator()
        nack.arrived(1, 0.0)
        nack.arrived(3, 0.0)
        doubts = [tick for tick in range(20) if (gap := nack.due(tick / 50)) is not None and gap.lost_hope]
        assert doubts == [9], "once, while the packet is still asked for"
        assert nack.repaired(2)

    @given(st.lists(st.integers(0, 0xFFFF), max_size=300))
    def test_no_order_of_arrival_makes_it_grow_or_fail(self, sequences: list[int]) -> None:
        nack = NackGenerator()
        for step, sequence in enumerate(sequences):
            nack.arrived(sequence, step / 100)
            nack.due(step / 100)
            assert len(nack) <= 200


class TestHistory:
    def test_it_keeps_the_last_1024(self) -> None:
        history = SendHistory()
        for sequence in range(65000, 67000):
            history.store(packet(sequence & 0xFFFF))
        assert history.find((66999) & 0xFFFF) == packet(66999 & 0xFFFF)
        assert history.find((66999 - 1023) & 0xFFFF) is not None
        assert history.find((66999 - 1024) & 0xFFFF) is None

    @given(st.integers(0, 0xFFFF), st.binary(min_size=1, max_size=50))
    def test_rtx_carries_the_packet_back(self, sequence: int, payload: bytes) -> None:
        lost = packet(sequence, payload)
        wrapped = RtxWrapper(97, 55, 0xFFFF).wrap(lost)
        header = parse(wrapped)
        assert header is not None
        assert (header.payload_type, header.ssrc, header.sequence) == (97, 55, 0xFFFF)
        assert unwrap_rtx(wrapped, header.payload_start, header.payload_end, 96, 9) == lost

    def test_an_empty_retransmission_is_a_probe(self) -> None:
        assert unwrap_rtx(packet(1, b"\x00\x01"), 12, 14, 96, 9) is None


class TestReception:
    def test_loss_is_counted_over_the_wrap(self) -> None:
        reception = Reception(90000)
        sent = [each & 0xFFFF for each in range(65000, 66000)]
        kept = [each for each in sent if each % 10]
        for number, sequence in enumerate(kept):
            reception.arrived(sequence, number * 3000, number / 30)
        block = reception.report(7, 99.0)
        assert block is not None
        assert (
            block.packets_lost == reception.lost == len(sent) - len(kept) - (sent[0] % 10 == 0) - (sent[-1] % 10 == 0)
        )
        assert block.highest_sequence == 0x10000 + (65999 & 0xFFFF)
        assert 20 <= block.fraction_lost <= 30

    def test_fraction_is_of_the_interval_only(self) -> None:
        reception = Reception(8000)
        for sequence in (1, 2, 9, 10):
            reception.arrived(sequence, sequence * 160, sequence * 0.02)
        first = reception.report(7, 1.0)
        for sequence in (11, 12, 13):
            reception.arrived(sequence, sequence * 160, sequence * 0.02)
        second = reception.report(7, 2.0)
        assert first is not None
        assert second is not None
        assert (first.fraction_lost, second.fraction_lost) == ((6 << 8) // 10, 0)
        assert second.packets_lost == 6

    def test_jitter_is_nothing_for_a_steady_stream_and_something_for_a_shaken_one(self) -> None:
        chance = random.Random(1)
        steady, shaken = Reception(8000), Reception(8000)
        for number in range(500):
            steady.arrived(number, number * 160, number * 0.02)
            shaken.arrived(number, number * 160, number * 0.02 + chance.uniform(0, 0.01))
        assert steady.jitter_ms < 0.1
        assert 2 < shaken.jitter_ms < 5

    def test_a_new_start_of_the_sender_is_no_loss(self) -> None:
        reception = Reception(8000)
        for sequence in (1, 2, 4, 30000, 30001):
            reception.arrived(sequence, 0, 0.0)
        assert reception.lost == 1

    def test_the_echo_of_a_sender_report(self) -> None:
        reception = Reception(8000)
        reception.arrived(1, 0, 0.0)
        reception.sender_reported(0x0000_1234_5678_0000, 10.0)
        block = reception.report(7, 10.5)
        assert block is not None
        assert (block.last_sr, block.delay_since_last_sr) == (0x1234_5678, 32768)

    def test_round_trip_time_from_an_echo(self) -> None:
        trip = RoundTrip()
        trip.sent(0x0000_1234_5678_0000, 10.0)
        echo = ReportBlock(1, 0, 0, 0, 0, 0x1234_5678, 32768)
        assert trip.heard(echo, 10.58) is not None
        assert abs((trip.heard(echo, 10.58) or 0) - 80) < 0.1
        assert trip.heard(ReportBlock(1, 0, 0, 0, 0, 0xBAD, 0), 10.58) is None


class TestKeyframe:
    def test_h264(self) -> None:
        def begins(payload: bytes) -> bool:
            return begins_h264(payload, 0, len(payload))

        assert begins(b"\x65abc")
        assert begins(b"\x67abc")
        assert begins(b"\x78\x00\x02\x67\x42\x00\x02\x65\x88")
        assert begins(b"\x7c\x85abc")
        assert not begins(b"\x7c\x05abc"), "a later fragment"
        assert not begins(b"\x41abc")
        assert not begins(b"\x78\x00\x02\x41\x42")
        assert not begins(b"")

    def test_vp8(self) -> None:
        def begins(payload: bytes) -> bool:
            return begins_vp8(payload, 0, len(payload))

        assert begins(b"\x10\x00\x9d")
        assert not begins(b"\x10\x01\x9d"), "an inter frame"
        assert begins(b"\x90\x80\x81\x23\x00"), "with a picture number of 15 bits"
        assert begins(b"\x90\xe0\x01\x02\x03\x00"), "with picture number, TL0PICIDX and TID"
        assert not begins(b"\x00\x00"), "a later packet of the frame"
        assert not begins(b"\x11\x00"), "another partition"
        assert not begins(b"\x90")

    @given(st.binary(max_size=40))
    def test_no_bytes_make_them_fail(self, payload: bytes) -> None:
        begins_h264(payload, 0, len(payload))
        begins_vp8(payload, 0, len(payload))
