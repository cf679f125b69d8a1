"""Lost sound: what is put in its place joins on both sides without a click, and sounds like what was lost."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from bridge.codecs import AudioEncoder
from bridge.codecs._opus import OpusDecoder
from bridge.errors import CodecFailed
from bridge.links.link import EncodedFrame
from bridge.links.mend import Mend, Mended
from gateway.demo.scene import Voice
from tests.support.moving import Samples, tone, tone_share

CODECS = ["PCMU", "PCMA", "G722", "OPUS"]


def packets(codec: str, sound: Samples, rate_hz: int) -> list[EncodedFrame]:
    encoder = AudioEncoder(codec, rate_hz)
    ticks = encoder.codec.clock_hz // 50
    blocks = sound[: len(sound) // encoder.block * encoder.block].reshape(-1, encoder.block)
    return [each for number, block in enumerate(blocks) for each in encoder.encode(block, number * ticks)]


def rate(codec: str) -> int:
    return 16_000 if codec == "G722" else 8000


def mended(codec: str, frames: list[EncodedFrame], lost: set[int]) -> tuple[Samples, list[Mended]]:
    mend = Mend(codec, rate(codec))
    turns = [mend.turn(frame) for number, frame in enumerate(frames) if number not in lost]
    return np.concatenate([each.samples for each in turns]), turns


def clicks(sound: Samples) -> float:
    """The steepest step between two samples."""
    return float(np.abs(np.diff(sound.astype(float))).max())


@pytest.mark.parametrize("codec", CODECS)
def test_a_lost_packet_of_a_tone_leaves_no_hole_and_no_click(codec: str) -> None:
    hz = rate(codec)
    frames = packets(codec, tone(hz, 440, 1.0), hz)
    whole, _ = mended(codec, frames, set())
    sound, turns = mended(codec, frames, {20, 35})
    assert len(sound) == len(whole)
    assert sum(each.concealed_ms for each in turns) == 40
    assert clicks(sound[hz // 10 :]) < 1.6 * clicks(whole[hz // 10 :])
    for gone in (20, 35):
        hole = sound[gone * hz // 50 : (gone + 1) * hz // 50]
        assert np.sqrt(np.mean(hole.astype(float) ** 2)) > 3000, "the tone goes on, if softer"
    assert tone_share(sound[hz // 5 :], hz, 440) > 0.9


@pytest.mark.parametrize("codec", CODECS)
def test_time_goes_on_through_the_gap(codec: str) -> None:
    hz = rate(codec)
    frames = packets(codec, tone(hz, 440, 0.6), hz)
    _, turns = mended(codec, frames, {5, 10, 11, 20, 21, 22, 23})
    clock_hz = Mend(codec, hz).clock_hz
    for one, other in pairwise(turns):
        assert other.rtp_timestamp == one.rtp_timestamp + len(one.samples) * clock_hz // hz


@pytest.mark.parametrize("codec", CODECS)
def test_a_long_silence_is_no_loss(codec: str) -> None:
    frames = packets(codec, tone(rate(codec), 440, 0.6), rate(codec))
    _, turns = mended(codec, frames, set(range(10, 20)))
    assert sum(each.concealed_ms for each in turns) == 0
    assert turns[10].rtp_timestamp == frames[20].rtp_timestamp


@pytest.mark.parametrize("codec", CODECS)
def test_sound_that_comes_twice_or_too_late_is_left_out(codec: str) -> None:
    frames = packets(codec, tone(rate(codec), 440, 0.4), rate(codec))
    whole, _ = mended(codec, frames, set())
    assert len(mended(codec, [*frames[:10], frames[5], *frames[10:]], set())[0]) == len(whole)


def test_a_fade_ends_in_silence_after_a_long_loss() -> None:
    frames = packets("PCMU", tone(8000, 440, 0.6), 8000)
    sound, _ = mended("PCMU", frames, set(range(10, 16)))
    assert np.abs(sound[15 * 160 : 16 * 160 - 32]).max() == 0
    assert clicks(sound[800:]) < 4000


def test_opus_knows_a_lost_packet_from_the_next_one() -> None:
    """In-band FEC: what comes out is nearer to what was said than any guess."""
    voice = Voice(8000)
    frames = packets("OPUS", voice.next(8000 * 4), 8000)
    whole, _ = mended("OPUS", frames, set())
    gone = [number for number in range(12, 190, 6) if loud(whole, number)]
    assert len(gone) > 10
    known, guessed = [], []
    for number in gone:
        original = whole[number * 160 : (number + 1) * 160].astype(float)
        for errors, following in ((known, frames[number + 1].data), (guessed, b"")):
            decoder = OpusDecoder(8000)
            for frame in frames[:number]:
                decoder.decode(frame.data)
            errors.append(np.mean((decoder.conceal(160, following) - original) ** 2) / np.mean(original**2))
    assert np.median(known) < 0.5 * np.median(guessed)


def loud(sound: Samples, number: int) -> bool:
    return bool(np.sqrt(np.mean(sound[number * 160 : (number + 1) * 160].astype(float) ** 2)) > 1500)


def test_rates_that_opus_does_not_have_are_refused() -> None:
    with pytest.raises(CodecFailed, match="11025"):
        OpusDecoder(11_025)
    with pytest.raises(CodecFailed, match="not decodable"):
        OpusDecoder(8000).decode(b"\xff\xff\xff")
    with pytest.raises(CodecFailed, match="PCMU gives 8000 Hz, not 16000"):
        Mend("PCMU", 16_000)
