"""H.264 and VP8 in RTP: vectors by hand, round trips at any size, losses, and nonsense."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from aiortc.codecs.h264 import H264Encoder, h264_depayload
from aiortc.codecs.vpx import VpxPayloadDescriptor, vp8_depayload
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import CodecMissing
from bridge.links import h264, vp8
from bridge.links.counters import PipelineCounters
from bridge.links.depacketize import Depacketize
from bridge.links.link import EncodedFrame
from bridge.links.packetize import Packetize, payloader
from bridge.links.reorder import Patience, Reorder
from bridge.links.rewrite import Numbering
from bridge.links.timeline import Timeline
from bridge.rtp.packet import build
from bridge.types import Codec, Kind
from tests.support.lines import H264, H264_MODE_0, PCMU, VP8

SPS, PPS, IDR = b"\x67\x42\xe0\x1f", b"\x68\xce\x06\xe2", b"\x65\x88\x01\x02\x03\x04\x05\x06\x07\x08"
START = b"\x00\x00\x00\x01"


def annexb(*units: bytes) -> bytes:
    return b"".join(START + each for each in units)


# -- vectors by hand


def test_small_units_share_one_aggregate() -> None:
    assert h264.payloads(annexb(SPS, PPS), 100, 1) == [b"\x78" + b"\x00\x04" + SPS + b"\x00\x04" + PPS]


def test_a_lone_unit_goes_as_it_is() -> None:
    assert h264.payloads(annexb(IDR), 100, 1) == [IDR]


def test_a_large_unit_is_cut_into_fragments() -> None:
    assert h264.payloads(annexb(IDR), 6, 1) == [
        b"\x7c\x85\x88\x01\x02\x03",
        b"\x7c\x05\x04\x05\x06\x07",
        b"\x7c\x45\x08",
    ]


def test_mode_0_knows_single_units_only() -> None:
    assert h264.payloads(annexb(SPS, PPS, IDR), 6, 0) == [SPS, PPS, IDR]


def test_three_byte_start_codes_and_trailing_zeros_are_read() -> None:
    assert list(h264.units(b"\x00\x00\x01" + SPS + b"\x00\x00\x00\x01" + PPS + b"\x00\x00")) == [SPS, PPS]


def test_a_frame_of_vp8_is_cut_behind_its_descriptor() -> None:
    assert vp8.payloads(b"abcdefgh", 9, 0x1234) == [b"\x90\x80\x92\x34abcde", b"\x80\x80\x92\x34fgh"]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x10x", (1, -1, 1)),
        (b"\x90\x80\x11x", (3, 0x11, 0x80)),
        (b"\x90\x80\x92\x34x", (4, 0x1234, 0x8000)),
        (b"\x90\xe0\x92\x34\x07\x20x", (6, 0x1234, 0x8000)),
        (b"\x90\x10\x20x", (3, -1, 1)),
        (b"", None),
        (b"\x10", None),
        (b"\x90", None),
        (b"\x90\x80", None),
        (b"\x90\x80\x92", None),
        (b"\x90\xe0\x92\x34", None),
    ],
)
def test_descriptors_of_vp8(payload: bytes, expected: tuple[int, int, int] | None) -> None:
    assert vp8.descriptor(payload) == expected


# -- an independent implementation reads what we write, and the other way round


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(min_size=2, max_size=3000), min_size=1, max_size=4))
def test_aiortc_understands_our_h264(bodies: list[bytes]) -> None:
    wanted = annexb(SPS, PPS, *(b"\x65" + bytes(1 + each % 255 for each in body) for body in bodies))
    read = b"".join(h264_depayload(each) for each in h264.payloads(wanted, 1200, 1))
    assert read == wanted


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(min_size=2, max_size=3000), min_size=1, max_size=4))
def test_we_understand_the_h264_of_aiortc(bodies: list[bytes]) -> None:
    parts = [SPS, PPS, *(b"\x65" + bytes(1 + each % 255 for each in body) for body in bodies)]
    ours = h264.Assembler()
    for payload in H264Encoder._packetize(iter(parts)):
        assert ours.add(payload)
    assert ours.take() == (annexb(*parts), True)


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=5000), st.integers(0, 0x7FFF))
def test_aiortc_understands_our_vp8(data: bytes, picture_id: int) -> None:
    packets = vp8.payloads(data, 1200, picture_id)
    assert b"".join(vp8_depayload(each) for each in packets) == data
    descriptors = [VpxPayloadDescriptor.parse(each)[0] for each in packets]
    assert {each.picture_id for each in descriptors} == {picture_id}
    assert [each.partition_start for each in descriptors] == [1] + [0] * (len(packets) - 1)


# -- whole pictures through packets


class Receiver:
    """Reorder -> Depacketize, with what came out of it."""

    def __init__(self, codec: Codec) -> None:
        self.frames: list[EncodedFrame] = []
        self.wishes = 0
        self.counters = PipelineCounters()
        self.depay = Depacketize(codec, self.frames.append, self._wish, self.counters)
        self.now_s = 0.0
        self.push = Reorder(
            self.depay.push, Patience(50, 50, 50), counters=self.counters, clock=lambda: self.now_s
        ).push

    def _wish(self) -> None:
        self.wishes += 1


def sender(codec: Codec, sent: list[bytes], most_bytes: int = 1200) -> Packetize:
    numbering = Numbering(sequence=65_500, timestamp=2**32 - 5000)
    timeline = Timeline(90_000, 90_000, numbering, clock=lambda: 0.0)
    return Packetize(
        codec,
        Kind.VIDEO,
        sent.append,
        payload_type=codec.payload_type,
        ssrc=7,
        numbering=numbering,
        timeline=timeline,
        most_bytes=most_bytes,
    )


unit = st.builds(
    lambda kind, body: bytes((kind,)) + bytes(1 + each % 255 for each in body),
    st.sampled_from([0x41, 0x61, 0x06]),
    st.binary(min_size=1, max_size=400),
)
pictures = st.lists(st.lists(unit, min_size=1, max_size=6), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(pictures, st.integers(3, 500))
def test_h264_comes_out_as_it_went_in(units: list[list[bytes]], most_bytes: int) -> None:
    for codec in (H264, H264_MODE_0):
        sent: list[bytes] = []
        pay, receiver = sender(codec, sent, most_bytes), Receiver(codec)
        wanted = [annexb(SPS, PPS, IDR, *each) for each in units]
        for number, data in enumerate(wanted):
            pay.push(EncodedFrame(data, 3000 * number))
        for packet in sent:
            receiver.push(packet)
        assert [each.data for each in receiver.frames] == wanted
        assert all(each.keyframe for each in receiver.frames)
        if codec is H264:
            assert max(map(len, sent)) <= 12 + max(most_bytes, 3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=900), min_size=1, max_size=8), st.integers(5, 500))
def test_vp8_comes_out_as_it_went_in(bodies: list[bytes], most_bytes: int) -> None:
    sent: list[bytes] = []
    pay, receiver = sender(VP8, sent, most_bytes), Receiver(VP8)
    wanted = [b"\x10" + bodies[0], *(b"\x11" + each for each in bodies[1:])]
    for number, data in enumerate(wanted):
        pay.push(EncodedFrame(data, 3000 * number))
    for packet in sent:
        receiver.push(packet)
    assert [each.data for each in receiver.frames] == wanted
    assert [each.keyframe for each in receiver.frames] == [True] + [False] * (len(wanted) - 1)
    assert receiver.wishes == 0
    assert max(map(len, sent)) <= 12 + most_bytes


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([H264, H264_MODE_0, VP8]), st.integers(0, 2**32), st.floats(0, 0.5), st.integers(5, 300))
def test_what_arrives_through_loss_is_whole(codec: Codec, seed: int, loss: float, most_bytes: int) -> None:
    """Packets are lost, doubled and swapped; each picture that comes out is one that went in."""
    chance = random.Random(seed)
    sent: list[bytes] = []
    pay, receiver = sender(codec, sent, most_bytes), Receiver(codec)
    wanted = []
    for number in range(20):
        body = bytes(chance.randrange(1, 256) for _ in range(chance.randrange(20, 800)))
        key = number % 5 == 0
        if codec is VP8:
            data = (b"\x10" if key else b"\x11") + body
        else:
            data = annexb(SPS, PPS, b"\x65\x88" + body) if key else annexb(b"\x41\x9a" + body)
        wanted.append(data)
        pay.push(EncodedFrame(data, 3000 * number))
    kept = [each for each in sent if chance.random() >= loss for _ in range(1 + (chance.random() < 0.1))]
    for index in range(1, len(kept) - 1):
        if chance.random() < 0.1:
            kept[index], kept[index + 1] = kept[index + 1], kept[index]
    for packet in kept:
        receiver.now_s += 0.005
        receiver.push(packet)
    # parameter sets of a picture may be lost before it: a decoder has those of the picture before
    assert {each.data.split(START)[-1] for each in receiver.frames} <= {each.split(START)[-1] for each in wanted}
    if loss == 0:
        assert [each.data for each in receiver.frames] == wanted, "what is only swapped and doubled is put right"


def video(codec: Codec, payload: bytes, sequence: int, timestamp: int, marker: bool = True) -> bytes:
    return build(
        payload, payload_type=codec.payload_type, sequence=sequence, timestamp=timestamp, ssrc=7, marker=marker
    )


def test_after_a_gap_nothing_is_shown_until_a_keyframe() -> None:
    receiver = Receiver(VP8)
    receiver.depay.push(video(VP8, b"\x10\x00key", 1, 0))
    receiver.depay.push(video(VP8, b"\x10\x01lost its base", 3, 6000))
    assert receiver.wishes == 1
    receiver.depay.push(video(VP8, b"\x10\x01too", 4, 9000))
    receiver.depay.push(video(VP8, b"\x10\x00new key", 5, 12_000))
    assert [each.data for each in receiver.frames] == [b"\x00key", b"\x00new key"]
    assert receiver.counters.frames_dropped == 3


def test_a_station_that_sends_no_keyframe_is_shown_after_a_second() -> None:
    receiver = Receiver(VP8)
    receiver.depay.push(video(VP8, b"\x10\x00key", 1, 0))
    for number in range(2, 40):
        receiver.depay.push(video(VP8, b"\x10\x01x", number + 1, 3000 * number))
    assert receiver.frames[1].rtp_timestamp == 3000 * 30


def test_after_an_outage_patience_begins_when_it_is_over() -> None:
    receiver = Receiver(VP8)
    receiver.depay.push(video(VP8, b"\x10\x00key", 1, 0))
    receiver.depay.push(video(VP8, b"\x10\x01spoilt", 50, 270_000))
    receiver.depay.push(video(VP8, b"\x10\x01spoilt", 51, 273_000))
    receiver.depay.push(video(VP8, b"\x10\x00new key", 52, 276_000))
    assert [each.data for each in receiver.frames] == [b"\x00key", b"\x00new key"]


def test_padding_between_pictures_of_a_browser_is_no_loss() -> None:
    receiver = Receiver(VP8)
    receiver.depay.push(video(VP8, b"\x90\x80\x80\x07\x00key", 1, 0))
    receiver.depay.push(video(VP8, b"\x90\x80\x80\x08\x01next", 9, 3000))
    assert [each.data for each in receiver.frames] == [b"\x00key", b"\x01next"]
    assert receiver.wishes == 0


def test_pictures_end_without_a_marker_too() -> None:
    receiver = Receiver(H264)
    receiver.depay.push(video(H264, IDR, 1, 0, marker=False))
    receiver.depay.push(video(H264, b"\x41\x9a", 2, 3000, marker=False))
    assert [each.data for each in receiver.frames] == [annexb(IDR)]


def test_parameter_sets_of_the_sdp_precede_a_bare_keyframe() -> None:
    codec = Codec("H264", 97, 90000, fmtp=(("sprop-parameter-sets", "Z0LgHw==,aM4G4g=="),))
    receiver = Receiver(codec)
    receiver.depay.push(video(codec, IDR, 1, 0))
    receiver.depay.push(video(codec, b"\x41\x9a", 2, 3000))
    assert [each.data for each in receiver.frames] == [annexb(SPS, PPS, IDR), annexb(b"\x41\x9a")]


def test_a_source_that_changes_begins_anew() -> None:
    receiver = Receiver(VP8)
    receiver.depay.push(video(VP8, b"\x10\x00key", 1, 0))
    other = build(b"\x10\x00other", payload_type=96, sequence=900, timestamp=77, ssrc=8, marker=True)
    receiver.depay.push(other)
    assert [each.data for each in receiver.frames] == [b"\x00key", b"\x00other"]


@pytest.mark.parametrize("codec", [H264, H264_MODE_0, VP8], ids=["mode 1", "mode 0", "VP8"])
@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=60), st.booleans(), st.integers(0, 3)), max_size=30))
def test_no_payload_makes_a_depacketizer_raise(codec: Codec, items: list[tuple[bytes, bool, int]]) -> None:
    receiver = Receiver(codec)
    for number, (payload, marker, step) in enumerate(items):
        receiver.push(payload)
        receiver.depay.push(payload)
        packet = bytearray(video(codec, payload, number * step, 3000 * (number // 3), marker))
        packet[0] |= step << 4
        receiver.push(bytes(packet))
        receiver.depay.push(video(codec, b"\x7c\x85" + payload, number, number, marker))
        receiver.depay.push(video(codec, b"\x78" + payload, number, number, marker))


def test_codecs_without_a_payload_format_are_refused_by_name() -> None:
    with pytest.raises(CodecMissing, match="PCMU"):
        payloader(PCMU)


# -- reordering


def packets(*sequences: int, ssrc: int = 1) -> list[bytes]:
    return [build(b"x", payload_type=0, sequence=each, timestamp=0, ssrc=ssrc) for each in sequences]


def ordered(items: list[bytes], step_s: float = 0.0) -> list[int]:
    seen: list[int] = []
    now_s = 0.0
    link = Reorder(
        lambda packet: seen.append(packet[2] << 8 | packet[3]),
        Patience(50, 50, 50),
        counters=PipelineCounters(),
        clock=lambda: now_s,
    )
    for each in items:
        now_s += step_s
        link.push(each)
    return seen


def test_swapped_packets_are_put_right_over_the_wrap() -> None:
    assert ordered(packets(65_534, 0, 65_535, 2, 1, 3)) == [65_534, 65_535, 0, 1, 2, 3]


def test_a_missing_packet_is_waited_for_in_vain_only_so_long() -> None:
    assert ordered(packets(1, 3, 4, 5), step_s=0.02) == [1]
    assert ordered(packets(1, 3, 4, 5, 6), step_s=0.02) == [1, 3, 4, 5, 6]


def test_each_gap_has_its_own_time() -> None:
    assert ordered(packets(1, 3, 5, 6, 2), step_s=0.02) == [1, 2, 3]
    assert ordered(packets(1, 3, 5, 6, 2, 7), step_s=0.02) == [1, 2, 3, 5, 6, 7]


def test_what_comes_after_its_time_is_left_out() -> None:
    assert ordered(packets(1, 3, 4, 5, 6, 2, 7), step_s=0.02) == [1, 3, 4, 5, 6, 7]


class Waiting:
    """A `Reorder` whose packets come when the test says."""

    def __init__(
        self,
        patience: Patience = Patience(0, 20, 80),  # noqa: B008 - frozen
        begins: Callable[[bytes, int, int], bool] | None = None,
    ) -> None:
        self.given_up = 0
        self.now_s = 0.0
        self.counters = PipelineCounters()
        self.seen: list[int] = []
        self.link = Reorder(
            lambda packet: self.seen.append(packet[2] << 8 | packet[3]),
            patience,
            counters=self.counters,
            gave_up=self._count,
            begins=begins,
            clock=lambda: self.now_s,
        )

    def _count(self) -> None:
        self.given_up += 1

    def comes(self, sequence: int, at_s: float, payload: bytes = b"x") -> None:
        self.now_s = at_s
        self.link.push(build(payload, payload_type=0, sequence=sequence, timestamp=0, ssrc=1))


def test_where_nothing_ever_comes_late_it_waits_no_more() -> None:
    stage = Waiting()
    for sequence in range(1000):
        if sequence % 10:
            stage.comes(sequence, sequence * 0.02)
    assert stage.link.wait_ms == 0
    stage.comes(1001, 20.02)
    assert stage.seen[-1] == 1001, "held up for nobody"
    assert stage.counters.missing_packets == 100


def test_a_packet_that_came_too_late_makes_it_wait_longer_within_bounds() -> None:
    stage = Waiting()
    for sequence, at_s in ((0, 0.0), (2, 0.04), (3, 0.065), (1, 0.07)):
        stage.comes(sequence, at_s)
    assert stage.seen == [0, 2, 3]
    assert stage.counters.late_packets == 1
    assert 30 < stage.link.wait_ms < 50
    for sequence, at_s in ((5, 0.10), (6, 0.12), (4, 0.13)):
        stage.comes(sequence, at_s)
    assert stage.seen == [0, 2, 3, 4, 5, 6], "now it knows"
    for sequence, at_s in ((8, 0.18), (9, 0.24), (7, 2.0)):
        stage.comes(sequence, at_s)
    assert stage.link.wait_ms == 80


def test_a_packet_that_comes_twice_is_no_late_one() -> None:
    stage = Waiting()
    for sequence, at_s in ((0, 0.0), (1, 0.02), (0, 0.5), (2, 0.52)):
        stage.comes(sequence, at_s)
    assert stage.seen == [0, 1, 2]
    assert (stage.counters.duplicate_packets, stage.counters.late_packets) == (1, 0)
    assert stage.link.wait_ms == 20


def test_another_source_is_taken_at_once() -> None:
    assert ordered([*packets(10, 12), *packets(3, 4, ssrc=2)]) == [10, 12, 3, 4]


def test_no_more_than_so_many_are_held() -> None:
    assert len(ordered(packets(1, *range(3, 300)))) > 200


def test_a_whole_picture_waits_for_nothing_that_was_before_it() -> None:
    stage = Waiting(Patience(200, 300, 400), begins=lambda packet, start, _end: packet[start] == 7)
    for sequence, at_s in ((0, 0.0), (2, 0.04), (3, 0.06)):
        stage.comes(sequence, at_s)
    stage.comes(4, 0.08, b"\x07")
    assert stage.seen == [0], "pictures may have been swapped on the way"
    stage.comes(5, 0.10)
    stage.comes(7, 0.12, b"\x07")
    assert stage.seen == [0, 2, 3, 4, 5, 7]
    assert stage.given_up == 2


def test_what_follows_an_outage_is_not_held_up() -> None:
    assert ordered(packets(1, 100, 101)) == [1, 100, 101]
