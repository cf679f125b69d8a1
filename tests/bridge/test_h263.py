"""H.263 in RTP, both payload formats: vectors by hand, round trips through FFmpeg, sizes, losses and nonsense."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.codecs import Picture, VideoDecoder, VideoEncoder, Yuv
from bridge.codecs.limits import h263_size, limits_of
from bridge.links import h263
from bridge.links.counters import PipelineCounters
from bridge.links.depacketize import Depacketize, assembler
from bridge.links.link import EncodedFrame
from bridge.links.packetize import payloader
from bridge.links.scale import Letterbox, Scale, scale
from bridge.rtp.keyframe import DETECTORS, intra_h263
from bridge.rtp.packet import build
from bridge.types import Codec
from tests.support.lines import VP8

OLD = Codec("H263", 34, 90000, fmtp=(("cif", "1"), ("cif4", "1")))
NEW = Codec("H263-1998", 96, 90000, fmtp=(("cif", "2"), ("qcif", "1")))
FORMATS = (OLD, NEW, Codec("H263-2000", 97, 90000))

INTRA = bytes.fromhex("000080020c0719ff0102030405")  # CIF, as FFmpeg writes it
INTER = bytes.fromhex("000080060e0202e00102030405")
GROUP = bytes.fromhex("0000821133445566")


def gradient(width: int, height: int, shift: int = 0) -> Yuv:
    """A smooth grey picture with something to see in it."""
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    luma = 128 + 90 * np.sin(rows / 17 + shift / 3) * np.cos(columns / 23)
    return np.concatenate([luma.astype(np.uint8), np.full((height // 2, width), 128, np.uint8)])


def film(count: int, width: int = 352, height: int = 288, bps: int = 400_000) -> list[EncodedFrame]:
    encoder = VideoEncoder("H263-1998", width, height, 15, bps)
    return [
        each
        for number in range(count)
        for each in encoder.encode(gradient(width, height, number), number * 6000, keyframe=number == count // 2)
    ]


# -- vectors by hand


def test_a_start_code_leaves_its_zeros_out() -> None:
    assert h263.payloads(INTRA, 100) == [b"\x04\x00" + INTRA[2:]]


def test_a_picture_is_cut_before_a_group_of_blocks() -> None:
    assert h263.payloads(INTRA + GROUP, 18) == [b"\x04\x00" + INTRA[2:], b"\x04\x00" + GROUP[2:]]


def test_where_no_group_begins_it_is_cut_anywhere() -> None:
    assert h263.payloads(INTRA, 10) == [b"\x04\x00" + INTRA[2:8], b"\x00\x00" + INTRA[8:]]


def test_the_old_format_repeats_size_and_type_and_cuts_at_groups_only() -> None:
    assert h263.payloads_of_1996(INTER + GROUP, 12) == [b"\x00\x70\x00\x00" + INTER, b"\x00\x70\x00\x00" + GROUP]


def test_redundant_headers_are_passed_over() -> None:
    reader = h263.Assembler()
    assert reader.add(b"\x06\x18" + b"\xaa" + b"\xbb\xbb\xbb" + INTRA[2:])
    assert reader.take() == (INTRA, True)


def test_bytes_that_two_packets_share_become_one() -> None:
    """RFC 2190 cuts between macroblocks: EBIT of the one and SBIT of the next tell whose bits count."""
    reader = h263.AssemblerOf1996()
    cut = 7
    assert reader.add(bytes((0x03, 0x60, 0, 0)) + INTRA[:cut] + bytes((INTRA[cut] & 0xF8 | 0x05,)))
    assert reader.add(
        bytes((0x80 | 5 << 3, 0, 0, 0, 0, 0, 0, 0)) + bytes((INTRA[cut] & 0x07 | 0xA8,)) + INTRA[cut + 1 :]
    )
    assert reader.take() == (INTRA, True)


def test_halves_that_do_not_fit_spoil_the_picture() -> None:
    reader = h263.AssemblerOf1996()
    assert reader.add(bytes((0x03, 0x60, 0, 0)) + INTRA)
    assert not reader.add(bytes((0x80 | 2 << 3, 0, 0, 0, 0, 0, 0, 0)) + INTRA)


@pytest.mark.parametrize(("picture", "intra"), [(INTRA, True), (INTER, False)])
def test_both_formats_show_what_needs_no_other_picture(picture: bytes, intra: bool) -> None:
    for codec in FORMATS:
        (payload,) = payloader(codec)(picture)
        assert DETECTORS[codec.name](payload, 0, len(payload)) is intra


@pytest.mark.parametrize(("header", "intra"), [("000080021cb00100", True), ("000080061cb00104", False)])
def test_the_long_picture_type_is_read(header: str, intra: bool) -> None:
    data = bytes.fromhex(header)
    assert intra_h263(data, 2, len(data)) is intra


# -- through the encoder


@pytest.mark.parametrize("codec", FORMATS, ids=str)
def test_a_film_comes_through_as_it_was(codec: Codec) -> None:
    cut, reader = payloader(codec), assembler(codec)
    decoder = VideoDecoder(codec.name)
    pictures = 0
    for frame in film(20):
        packets = cut(frame.data)
        assert all(map(reader.add, packets))
        assert reader.take() == (frame.data, frame.keyframe)
        pictures += len(decoder.decode(frame))
    assert pictures == 20


def test_packets_of_the_old_format_keep_to_their_size() -> None:
    sizes = [len(each) for frame in film(20) for each in payloader(OLD)(frame.data)]
    assert max(sizes) <= 1300
    assert len(sizes) > 20, "large pictures are several packets"


def test_keyframes_come_when_ordered() -> None:
    assert [each.keyframe for each in film(10)] == [True, *[False] * 4, True, *[False] * 4]


def test_the_rate_is_kept() -> None:
    encoded = film(60, bps=200_000)
    assert 100_000 < 8 * sum(len(each.data) for each in encoded) / 4 < 300_000


# -- sizes


def test_the_size_is_one_that_the_far_side_named() -> None:
    assert h263_size(NEW) == (352, 288)
    assert h263_size(Codec("H263-1998", 96, 90000, fmtp=(("qcif", "2"), ("sqcif", "1")))) == (176, 144)
    assert h263_size(Codec("H263-1998", 96, 90000)) == (176, 144)
    assert round(limits_of(NEW).most_fps, 2) == 14.99
    assert limits_of(Codec("H263-1998", 96, 90000, fmtp=(("cif", "1"), ("maxbr", "1280")))).most_bps == 128_000


@pytest.mark.parametrize(
    ("width", "height", "black_rows", "black_columns"),
    [(640, 480, 0, 0), (1280, 720, 36, 0), (480, 640, 0, 77), (352, 288, 0, 15)],
)
def test_pictures_keep_their_proportions_in_a_frame_of_black(
    width: int, height: int, black_rows: int, black_columns: int
) -> None:
    letterbox = scale(VP8, NEW)
    assert isinstance(letterbox, Letterbox)
    shown = letterbox.turn(Picture.of(np.full((height * 3 // 2, width), 150, np.uint8), 7))
    assert (shown.width, shown.height, shown.rtp_timestamp) == (352, 288, 7)
    luma = shown.yuv[:288]
    assert (luma[:, 176] == 16).sum() == pytest.approx(2 * black_rows, abs=4)
    assert (luma[144] == 16).sum() == pytest.approx(2 * black_columns, abs=4)
    assert luma[144, 176] == 150


def test_wide_pixels_of_h263_become_square_ones() -> None:
    seen = scale(NEW, VP8)
    assert isinstance(seen, Scale)
    assert seen.size(352, 288) == (384, 288)
    assert seen.size(176, 144) == (192, 144)
    assert str(scale(NEW, OLD)) == "Letterbox(352x288)"


# -- losses and nonsense


@pytest.mark.parametrize("codec", FORMATS, ids=str)
def test_a_lost_packet_spoils_its_picture_and_asks_for_another(codec: Codec) -> None:
    found: list[EncodedFrame] = []
    asked: list[int] = []
    depay = Depacketize(codec, found.append, lambda: asked.append(1), PipelineCounters())
    frames = film(20)
    sequence = 0
    for number, frame in enumerate(frames):
        packets = payloader(codec)(frame.data)
        for index, payload in enumerate(packets):
            sequence += 1
            if number == 3 and index == len(packets) // 2:
                continue
            depay.push(
                build(
                    payload,
                    payload_type=codec.payload_type,
                    sequence=sequence,
                    timestamp=frame.rtp_timestamp,
                    ssrc=5,
                    marker=index == len(packets) - 1,
                )
            )
    assert asked
    kept = [each.rtp_timestamp for each in found]
    assert kept == [each.rtp_timestamp for each in frames[:3] + frames[10:]], "until the next keyframe, at the tenth"


@given(st.lists(st.binary(max_size=40), max_size=8))
@settings(max_examples=300, deadline=None)
def test_nonsense_is_refused_and_never_raises(payloads: list[bytes]) -> None:
    for codec in FORMATS:
        reader = assembler(codec)
        for payload in payloads:
            reader.add(payload)
            reader.begins(payload)
            DETECTORS[codec.name](payload, 0, len(payload))
        reader.take()


@given(st.binary(max_size=400), st.integers(1, 60))
@settings(max_examples=300, deadline=None)
def test_whatever_is_cut_can_be_joined(tail: bytes, most: int) -> None:
    data = INTRA + tail.replace(b"\x00\x00", b"\x00\x01")
    cuts: list[tuple[Codec, Callable[[bytes, int], list[bytes]]]] = [
        (NEW, h263.payloads),
        (OLD, h263.payloads_of_1996),
    ]
    for codec, cut in cuts:
        reader = assembler(codec)
        assert all(map(reader.add, cut(data, most)))
        assert reader.take() == (data, True)


def test_mutated_packets_never_raise() -> None:
    chance = random.Random(7)
    good = [each for frame in film(4) for codec in (OLD, NEW) for each in payloader(codec)(frame.data)]
    for codec in FORMATS:
        depay = Depacketize(codec, lambda _frame: None, lambda: None, PipelineCounters())
        for number in range(3000):
            payload = bytearray(chance.choice(good))
            for _ in range(chance.randrange(6)):
                payload[chance.randrange(len(payload))] = chance.randrange(256)
            depay.push(
                build(
                    bytes(payload[: chance.randrange(1, len(payload) + 1)]),
                    payload_type=codec.payload_type,
                    sequence=number & 0xFFFF,
                    timestamp=number // 3,
                    ssrc=9,
                    marker=chance.random() < 0.3,
                )
            )
