"""The relay: another header, the same media, and feedback the other way."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import NegotiationError
from bridge.legs.leg import SenderReport
from bridge.links.counters import PipelineCounters
from bridge.links.rewrite import Numbering, Rewrite
from bridge.pipelines import relay
from bridge.rtp.packet import build
from bridge.types import Kind, Path, Route, Side
from tests.support.lines import H264, OPUS, PCMU, VP8, FarSource, MemoryLine, pair, route


class Hand:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def rewrite(sent: list[bytes], clock: Hand | None = None, numbering: Numbering | None = None) -> Rewrite:
    return Rewrite(
        PCMU,
        sent.append,
        payload_type=9,
        ssrc=0xBEEF,
        numbering=numbering or Numbering(sequence=999, timestamp=70_000),
        counters=PipelineCounters(),
        clock=clock or Hand(),
    )


def numbers(sent: list[bytes]) -> list[tuple[int, int]]:
    """(sequence, timestamp) of each."""
    return [struct.unpack_from("!HI", each, 2) for each in sent]


def test_a_packet_gets_the_number_type_and_source_of_the_target_line() -> None:
    source, target = pair(PCMU, replace(PCMU, payload_type=8))
    relay(source, target, route(source, target))
    FarSource(source).sends(b"sound", marker=True)
    header = target.headers()[0]
    assert (header.payload_type, header.ssrc, header.marker) == (8, 0x2222, True)
    assert target.payloads() == [b"sound"]


def test_extension_contributors_and_padding_are_stripped() -> None:
    source, target = pair(PCMU, PCMU)
    relay(source, target, route(source, target))
    head = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 0, 7, 160, 0xA1)
    dressed = head + bytes(8) + struct.pack("!HH", 0xBEDE, 1) + b"\x10\x7f\x00\x00" + b"sound" + b"\x00\x00\x03"
    source.received(dressed)
    assert target.sent[0][0] == 0x80
    assert target.payloads() == [b"sound"]


def test_steps_of_the_source_are_kept_and_wrap() -> None:
    sent: list[bytes] = []
    link = rewrite(sent, numbering=Numbering(sequence=65_533, timestamp=2**32 - 161))
    for index in range(5):
        link.push(build(b"x", payload_type=0, sequence=(65_535 + index) & 0xFFFF, timestamp=160 * index, ssrc=1))
    assert [number for number, _ in numbers(sent)] == [65_534, 65_535, 0, 1, 2]
    assert [time for _, time in numbers(sent)] == [2**32 - 160, 0, 160, 320, 480]


def test_a_loss_stays_visible_and_a_late_packet_takes_its_own_place() -> None:
    sent: list[bytes] = []
    link = rewrite(sent)
    for sequence in (10, 11, 14, 12):
        link.push(build(b"x", payload_type=0, sequence=sequence, timestamp=0, ssrc=1))
    assert [number for number, _ in numbers(sent)] == [1000, 1001, 1004, 1002]


def test_a_new_source_goes_on_where_the_old_one_stopped() -> None:
    sent: list[bytes] = []
    clock = Hand()
    link = rewrite(sent, clock)
    link.push(build(b"x", payload_type=0, sequence=10, timestamp=100, ssrc=1))
    clock.now += 0.02
    link.push(build(b"x", payload_type=0, sequence=11, timestamp=260, ssrc=1))
    clock.now += 0.5
    link.push(build(b"x", payload_type=0, sequence=40_000, timestamp=9_999_999, ssrc=2))
    assert numbers(sent) == [(1000, 70_001), (1001, 70_161), (1002, 70_161 + 4000)]


def test_a_source_that_restarts_under_its_ssrc_is_taken_as_new() -> None:
    sent: list[bytes] = []
    link = rewrite(sent)
    for sequence in (10, 11, 30_000, 30_001):
        link.push(build(b"x", payload_type=0, sequence=sequence, timestamp=0, ssrc=1))
    assert [number for number, _ in numbers(sent)] == [1000, 1001, 1002, 1003]


def test_duplicates_of_the_newest_packet_end_here() -> None:
    sent: list[bytes] = []
    link = rewrite(sent)
    for _ in range(3):
        link.push(build(b"x", payload_type=0, sequence=10, timestamp=0, ssrc=1))
    assert len(sent) == 1


def test_packets_without_media_leave_no_gap() -> None:
    sent: list[bytes] = []
    link = rewrite(sent)
    link.push(build(b"x", payload_type=0, sequence=10, timestamp=0, ssrc=1))
    probe = bytearray(build(b"\x00\x00\x03", payload_type=0, sequence=12, timestamp=0, ssrc=1))
    probe[0] |= 0x20
    link.push(build(b"y", payload_type=0, sequence=11, timestamp=0, ssrc=1))
    link.push(bytes(probe))
    link.push(build(b"z", payload_type=0, sequence=13, timestamp=0, ssrc=1))
    assert numbers(sent)[-1][0] == 1002
    assert len(sent) == 3


def test_other_payload_types_are_dropped_and_counted() -> None:
    source, target = pair(PCMU, PCMU)
    pipeline = relay(source, target, route(source, target))
    source.received(build(b"x", payload_type=101, sequence=1, timestamp=0, ssrc=1))
    assert target.sent == []
    assert pipeline.counters.foreign_packets == 1


def test_large_packets_pass_unchanged() -> None:
    source, target = pair(VP8, VP8)
    relay(source, target, route(source, target))
    FarSource(source).sends(bytes(1460))
    assert len(target.sent[0]) == 1472


def test_the_next_pipeline_goes_on_in_the_same_numbers() -> None:
    source, target = pair(PCMU, PCMU)
    first = relay(source, target, route(source, target))
    phone = FarSource(source)
    phone.sends(b"a", step=160)
    phone.sends(b"b", step=160)
    first.close()
    relay(source, target, route(source, target), numbering=first.numbering)
    FarSource(source, ssrc=0xB2, sequence=44_000, timestamp=1).sends(b"c")
    sequences = [each.sequence for each in target.headers()]
    assert [each - sequences[0] for each in sequences] == [0, 1, 2]
    assert 0 < (target.headers()[2].timestamp - target.headers()[1].timestamp) & 0xFFFFFFFF < 8000


def test_after_close_nothing_passes_either_way() -> None:
    source, target = pair(VP8, VP8)
    pipeline = relay(source, target, route(source, target))
    asked = source.keyframe_requests
    pipeline.close()
    pipeline.close()
    FarSource(source).sends(b"\x10\x00")
    pipeline.keyframe_wanted()
    pipeline.report_received(SenderReport(1, 2))
    assert target.sent == []
    assert target.reports == []
    assert source.keyframe_requests == asked


def test_first_sound_is_told_once() -> None:
    told: list[str] = []
    source, target = pair(PCMU, PCMU)
    relay(source, target, route(source, target), first_media=lambda: told.append("sound"))
    phone = FarSource(source)
    phone.sends(b"a")
    phone.sends(b"b")
    assert told == ["sound"]


@pytest.mark.parametrize(
    ("codec", "inner", "opening"),
    [
        (VP8, b"\x10\x01\x00\x00", b"\x10\x00\x00\x00"),
        (H264, b"\x61slice", b"\x65idr"),
        (H264, b"\x7c\x45not the first fragment", b"\x7c\x85first fragment of an IDR"),
        (H264, b"\x78\x00\x02\x61a", b"\x78\x00\x02\x67a\x00\x02\x68b\x00\x02\x65c"),
    ],
)
def test_first_picture_is_told_at_a_keyframe(codec, inner: bytes, opening: bytes) -> None:
    told: list[str] = []
    source, target = pair(codec, codec)
    pipeline = relay(source, target, route(source, target))
    pipeline.first_media = lambda: told.append("picture")
    station = FarSource(source)
    station.sends(inner)
    assert told == []
    watching = source.sink
    station.sends(opening)
    assert told == ["picture"]
    assert source.sink != watching, "the watcher must leave the packet path"
    station.sends(opening)
    assert told == ["picture"]
    assert len(target.sent) == 3


def test_keyframe_wishes_of_the_target_reach_the_source() -> None:
    source, target = pair(VP8, VP8)
    pipeline = relay(source, target, route(source, target))
    assert source.keyframe_requests == 1, "a new pipeline needs a picture to begin with"
    target.hears_wishes.keyframe_wanted()
    assert source.keyframe_requests == 2
    assert pipeline.counters.keyframes_wanted == 1


def test_sender_reports_move_to_the_time_base_of_the_target() -> None:
    source, target = pair(PCMU, PCMU)
    relay(source, target, route(source, target))
    source.hears_reports.report_received(SenderReport(ntp=77, rtp=5000))
    assert target.reports == [], "before the first packet there is no common time base"
    FarSource(source, timestamp=5000).sends(b"a")
    source.hears_reports.report_received(SenderReport(ntp=78, rtp=5000 + 1600))
    report = target.reports[0]
    assert report.ntp == 78
    assert (report.rtp - target.headers()[0].timestamp) & 0xFFFFFFFF == 1600


class LimitingLine(MemoryLine):
    limit_bps = 0

    def limit_bitrate(self, bps: int) -> None:
        self.limit_bps = bps


def test_bitrate_limits_reach_a_source_that_can_obey() -> None:
    target = MemoryLine(VP8, Side.WEB)
    obeys, deaf = LimitingLine(VP8, Side.SIP), MemoryLine(VP8, Side.SIP)
    relay(obeys, target, route(obeys, target)).bitrate_limited(300_000)
    assert obeys.limit_bps == 300_000
    pipeline = relay(deaf, target, route(deaf, target))
    pipeline.bitrate_limited(300_000)
    assert pipeline.counters.limits_ignored == 1


SPS, PPS = b"\x67\x42\xe0\x1f\x01", b"\x68\xce\x06"
SDP_ONLY = replace(H264, fmtp=(*H264.fmtp, ("sprop-parameter-sets", "Z0LgHwE=,aM4G")))


def test_parameter_sets_of_the_sdp_precede_each_idr_picture() -> None:
    source, target = pair(SDP_ONLY, H264)
    relay(source, target, route(source, target))
    station = FarSource(source)
    station.sends(b"\x65first slice")
    station.sends(b"\x65second slice", marker=True, step=3000)
    station.sends(b"\x61other", marker=True, step=3000)
    station.sends(b"\x7c\x85next IDR, first fragment")
    assert target.payloads() == [
        SPS, PPS, b"\x65first slice", b"\x65second slice", b"\x61other", SPS, PPS, b"\x7c\x85next IDR, first fragment",
    ]  # fmt: skip
    headers = target.headers()
    assert [each.sequence - headers[0].sequence for each in headers] == list(range(8))
    assert len({each.timestamp for each in headers[:4]}) == 1
    assert not headers[0].marker


def test_a_late_packet_keeps_its_place_before_inserted_sets() -> None:
    source, target = pair(SDP_ONLY, H264)
    relay(source, target, route(source, target))
    station = FarSource(source)
    station.sends(b"\x61a", step=3000)
    late = station.packet(b"\x61late", marker=True)
    station.timestamp += 3000
    station.sends(b"\x65idr")
    source.received(late)
    placed = {each.sequence: payload for each, payload in zip(target.headers(), target.payloads(), strict=True)}
    assert [placed[each] for each in sorted(placed)] == [b"\x61a", b"\x61late", SPS, PPS, b"\x65idr"]


def test_sets_in_band_are_not_doubled() -> None:
    source, target = pair(SDP_ONLY, H264)
    relay(source, target, route(source, target))
    station = FarSource(source)
    for payload in (SPS, PPS, b"\x65idr"):
        station.sends(payload)
    assert target.payloads() == [SPS, PPS, b"\x65idr"]


def test_a_sdp_with_broken_sets_is_relayed_without() -> None:
    broken = replace(H264, fmtp=(("sprop-parameter-sets", "!!!,"),))
    source, target = pair(broken, H264)
    pipeline = relay(source, target, route(source, target))
    assert "ParameterSets" not in str(pipeline)


@pytest.mark.parametrize(
    ("source_codec", "target_codec", "side", "text"),
    [
        (PCMU, PCMU, Side.SIP, "audio sip->web: PCMU -> Rewrite(PT 0, SSRC) -> WebLeg"),
        (
            OPUS,
            replace(OPUS, payload_type=96),
            Side.WEB,
            "audio web->sip: OPUS -> Reorder(80 ms) -> Rewrite(PT 96, SSRC) -> SipLeg",
        ),
        (
            SDP_ONLY,
            replace(H264, payload_type=103),
            Side.SIP,
            "video sip->web: H264 -> ParameterSets(SDP) -> Rewrite(PT 103, SSRC) -> WebLeg",
        ),
        (VP8, VP8, Side.WEB, "video web->sip: VP8 -> Reorder(400 ms) -> Rewrite(PT 96, SSRC) -> SipLeg"),
    ],
)
def test_a_relay_prints_itself(source_codec, target_codec, side: Side, text: str) -> None:
    source, target = pair(source_codec, target_codec, side)
    assert str(relay(source, target, route(source, target))) == text


def test_repaired_packets_of_the_browser_take_their_turn() -> None:
    source, target = pair(VP8, VP8, Side.WEB)
    relay(source, target, route(source, target))
    browser = FarSource(source)
    browser.sends(b"\x10one")
    repaired = browser.packet(b"\x10two")
    browser.sends(b"\x10three")
    source.received(repaired)
    browser.sends(b"\x10four")
    assert target.payloads() == [b"\x10one", b"\x10two", b"\x10three", b"\x10four"]


def test_a_route_that_carries_nothing_is_refused() -> None:
    source, target = pair(PCMU, PCMU)
    with pytest.raises(NegotiationError, match="audio sip->: none"):
        relay(source, target, Route(Kind.AUDIO, Side.SIP, Path.NONE, None, None))


@given(st.lists(st.binary(max_size=80), max_size=30))
def test_no_bytes_make_a_relay_raise(packets: list[bytes]) -> None:
    for codec, side in ((PCMU, Side.SIP), (SDP_ONLY, Side.SIP), (VP8, Side.WEB), (SDP_ONLY, Side.WEB)):
        source, target = pair(codec, codec, side)
        relay(source, target, route(source, target))
        for each in packets:
            source.received(each)
            source.received(bytes((0x80 | (each[0] & 0x3F if each else 0), codec.payload_type)) + each)
        assert all(each[0] == 0x80 and len(each) > 12 for each in target.sent)
