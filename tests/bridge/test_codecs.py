"""Encoders and decoders, judged by what is seen and heard after both."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.codecs import AudioDecoder, AudioEncoder, VideoDecoder, VideoEncoder, _av, available
from bridge.codecs.g711 import VALUES, translation
from bridge.codecs.limits import h264_level
from bridge.codecs.video import h264_options
from bridge.errors import CodecFailed, CodecMissing
from bridge.links.link import EncodedFrame
from tests.support.moving import bars, psnr_db, tone, tone_share

WIDTH, HEIGHT = 320, 240


@pytest.mark.parametrize("name", ["H264", "VP8"])
def test_a_moving_picture_comes_back(name: str) -> None:
    encoder = VideoEncoder(name, WIDTH, HEIGHT, 30, 600_000)
    decoder = VideoDecoder(name)
    worst = 99.0
    for number in range(20):
        shown = bars(WIDTH, HEIGHT, number)
        (frame,) = encoder.encode(shown, 3000 * number)
        (seen,) = decoder.decode(frame)
        assert seen.rtp_timestamp == 3000 * number
        worst = min(worst, psnr_db(shown, seen.yuv))
        assert psnr_db(bars(WIDTH, HEIGHT, number + 7), seen.yuv) < 20, "the judge must see another moment as wrong"
    assert worst > 30


@pytest.mark.parametrize("name", ["H264", "VP8"])
def test_keyframes_come_when_asked_for_and_only_then(name: str) -> None:
    encoder = VideoEncoder(name, WIDTH, HEIGHT, 30, 600_000)
    keys = [
        frame.keyframe
        for number in range(12)
        for frame in encoder.encode(bars(WIDTH, HEIGHT, number), 3000 * number, keyframe=number == 7)
    ]
    assert [index for index, key in enumerate(keys) if key] == [0, 7]


@pytest.mark.parametrize("name", ["H264", "VP8"])
def test_a_decoder_can_begin_at_any_keyframe(name: str) -> None:
    encoder, decoder = VideoEncoder(name, WIDTH, HEIGHT, 30, 600_000), VideoDecoder(name)
    encoder.encode(bars(WIDTH, HEIGHT, 0), 0)
    (frame,) = encoder.encode(bars(WIDTH, HEIGHT, 1), 3000, keyframe=True)
    (seen,) = decoder.decode(frame)
    assert psnr_db(bars(WIDTH, HEIGHT, 1), seen.yuv) > 30


@pytest.mark.parametrize("name", ["H264", "VP8"])
def test_timestamps_may_wrap_and_repeat(name: str) -> None:
    encoder = VideoEncoder(name, WIDTH, HEIGHT, 30, 600_000)
    times = [2**32 - 3000, 0, 0, 3000]
    stamps = [f.rtp_timestamp for n, t in enumerate(times) for f in encoder.encode(bars(WIDTH, HEIGHT, n), t)]
    assert stamps == times


def test_h264_is_constrained_baseline_of_the_agreed_level() -> None:
    encoder = VideoEncoder("H264", WIDTH, HEIGHT, 30, 600_000, extra=h264_options("42e01f", 1, 1200))
    (frame,) = encoder.encode(bars(WIDTH, HEIGHT, 0), 0)
    start = frame.data.index(b"\x00\x00\x01\x67") + 4
    profile, constraints, level = frame.data[start : start + 3]
    assert (profile, level) == (66, 31)
    assert constraints & 0x40, "constraint_set1: constrained baseline"


def test_h264_for_mode_0_comes_in_slices_that_fit_a_packet() -> None:
    encoder = VideoEncoder("H264", 640, 480, 30, 1_500_000, extra=h264_options("42e01f", 0, 900))
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 255, (720, 640), dtype=np.uint8)
    (frame,) = encoder.encode(noise, 0)
    units = [each.rstrip(b"\0") for each in frame.data.split(b"\x00\x00\x01")]
    assert len(units) > 10
    assert max(map(len, units)) <= 900


@pytest.mark.parametrize(("text", "level"), [("42e01f", 31), ("42800d", 13), ("", 0), ("zz", 0), ("42e0ff", 0)])
def test_levels_are_read_from_the_profile(text: str, level: int) -> None:
    assert h264_level(text) == level


@pytest.mark.parametrize("name", ["H264", "VP8"])
@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_crash_a_video_decoder(name: str, data: bytes) -> None:
    decoder = VideoDecoder(name)
    for each in (data, b"\x00\x00\x01\x67" + data, b"\x00\x00\x01\x65" + data, b"\x10\x02\x00\x9d\x01\x2a" + data):
        try:
            decoder.decode(EncodedFrame(each, 0))
        except CodecFailed:
            continue


@pytest.mark.parametrize("name", ["H264", "VP8"])
def test_a_picture_of_monstrous_size_is_refused(name: str) -> None:
    width, height = 4112, 2400
    grey = np.full((height * 3 // 2, width), 128, np.uint8)
    (frame,) = VideoEncoder(name, width, height, 30, 600_000).encode(grey, 0)
    with pytest.raises(CodecFailed):
        VideoDecoder(name).decode(frame)


@pytest.mark.parametrize("name", ["H264", "VP8"])
def test_a_picture_of_the_wrong_shape_is_refused(name: str) -> None:
    encoder = VideoEncoder(name, WIDTH, HEIGHT, 30, 600_000)
    with pytest.raises(CodecFailed):
        encoder.encode(np.zeros((7, 3), np.uint8), 0)


@pytest.mark.parametrize(("name", "rate_hz"), [("PCMU", None), ("PCMA", None), ("G722", None), ("OPUS", 48_000)])
def test_a_tone_comes_back(name: str, rate_hz: int | None) -> None:
    encoder, decoder = AudioEncoder(name, rate_hz), AudioDecoder(name)
    heard = _through(encoder, decoder, 440)
    assert tone_share(heard, decoder.rate_hz, 440) > 0.9
    assert tone_share(heard, decoder.rate_hz, 700) < 0.05


@pytest.mark.parametrize("rate_hz", [8000, 12_000, 16_000, 24_000])
def test_opus_takes_the_rate_of_the_other_side(rate_hz: int) -> None:
    heard = _through(AudioEncoder("OPUS", rate_hz), AudioDecoder("OPUS"), 440)
    assert tone_share(heard, 48_000, 440) > 0.9


def _through(encoder: AudioEncoder, decoder: AudioDecoder, hz: int) -> np.ndarray:
    sound = tone(encoder.rate_hz, hz, 0.6)
    blocks = [
        decoder.decode(frame)
        for start in range(0, len(sound), encoder.block)
        for frame in encoder.encode(sound[start : start + encoder.block], start)
    ]
    return np.concatenate(blocks[5:])  # codecs fade in


def test_g711_keeps_every_value_of_its_tables() -> None:
    for name, values in VALUES.items():
        encoder, decoder = AudioEncoder(name), AudioDecoder(name)
        again = decoder.decode(encoder.encode(values, 0)[0])
        assert np.array_equal(again, values)


@pytest.mark.parametrize(("name", "code", "value"), [("PCMU", 0x80, 32124), ("PCMU", 0xFF, 0), ("PCMU", 0x00, -32124)])
def test_mu_law_by_the_standard(name: str, code: int, value: int) -> None:
    assert VALUES[name][code] == value


@pytest.mark.parametrize(("code", "value"), [(0xD5, 8), (0x55, -8), (0xAA, 32256), (0x2A, -32256)])
def test_a_law_by_the_standard(code: int, value: int) -> None:
    assert VALUES["PCMA"][code] == value


def test_one_law_translates_to_the_other_by_a_table() -> None:
    table = translation("PCMU", "PCMA")
    loud = tone(8000, 300, 0.1)
    law = AudioEncoder("PCMU").encode(loud, 0)[0].data.translate(table)
    error = AudioDecoder("PCMA").decode(EncodedFrame(law, 0)).astype(int) - loud
    assert np.abs(error).max() < np.abs(loud).max() * 0.06


@pytest.mark.parametrize("name", ["G722", "OPUS"])
@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_crash_a_sound_decoder(name: str, data: bytes) -> None:
    decoder = AudioDecoder(name)
    try:
        decoder.decode(EncodedFrame(data, 0))
    except CodecFailed:
        return


def test_a_block_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(CodecFailed, match="20 ms"):
        AudioEncoder("OPUS", 8000).encode(np.zeros(77, np.int16), 0)


def test_unknown_codecs_name_those_there_are() -> None:
    with pytest.raises(CodecMissing, match="H264, VP8"):
        VideoEncoder("AV1", 64, 64, 30, 1000)
    with pytest.raises(CodecMissing, match="PCMU"):
        AudioDecoder("G729")
    with pytest.raises(CodecFailed, match="8000"):
        AudioEncoder("PCMU", 48_000)


def test_the_installed_library_has_all_of_them() -> None:
    names = ("H264", "VP8", "H263-1998", "H263-2000", "H263", "PCMU", "PCMA", "G722", "OPUS")
    assert available() == dict.fromkeys(names, "")


def test_a_library_without_a_codec_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    lame = _av.VideoCodec("VP8", "libvpx_of_the_moon", "vp8", {}, changes_bitrate=False)
    monkeypatch.setattr(_av, "VIDEO", {"VP8": lame})
    assert available()["VP8"] == "encoder libvpx_of_the_moon"
    with pytest.raises(CodecMissing, match="install the wheel"):
        _av.PictureEncoder(lame, _av.PictureFormat(64, 64, 30, 1000, {}))
