"""Two senders of one side whose picture flashes when its sound beeps, as RTP packets with times of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bridge.codecs import AudioEncoder, VideoEncoder
from bridge.codecs.table import AUDIO
from bridge.legs.leg import SenderReport
from bridge.links.packetize import payloader
from bridge.rtp.packet import HEADER, HEADER_BYTES, build
from bridge.types import Codec, Kind, Side
from tests.support.lines import G722, H264, OPUS, PCMA, PCMU, VP8

SOUND = {each.name: each for each in (PCMU, PCMA, G722, OPUS)}
PICTURES = {each.name: each for each in (H264, VP8)} | {"H263-1998": Codec("H263-1998", 99, 90000)}
WIDTH, HEIGHT, FPS = 176, 144, 25
EVERY_S = 1.0
_NTP_AT_ZERO = 3_900_000_000 << 32


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet or a sender report, and when it arrives."""

    kind: Kind
    side: Side
    what: bytes | SenderReport
    at_s: float


def _ntp(capture_s: float) -> int:
    return _NTP_AT_ZERO + int(capture_s * (1 << 32))


def sound(
    name: str, side: Side, seconds: float, *, begins_s: float = 0.0, delay_s: float = 0.0, reports: bool = True
) -> Iterator[Sent]:
    """A beep of 40 ms at each whole second of capture time. delay_s: of capture to arrival."""
    codec = SOUND[name]
    encoder = AudioEncoder(name)
    base, ssrc = 7_000_000, 0xA0 + list(Side).index(side)
    block_ticks = codec.clock_hz // 50
    for number in range(int(seconds * 50)):
        capture_s = begins_s + number * 0.02
        t = np.arange(encoder.block) / AUDIO[name].rate_hz
        beeps = number % 50 < 2
        samples = (20_000 * np.sin(2 * np.pi * 1000 * t) * beeps).astype(np.int16)
        timestamp = (base + number * block_ticks) & 0xFFFFFFFF
        if reports and number % 50 == 10:
            yield Sent(Kind.AUDIO, side, SenderReport(_ntp(capture_s), timestamp), capture_s + delay_s)
        for frame in encoder.encode(samples, timestamp):
            packet = build(frame.data, payload_type=codec.payload_type, sequence=number, timestamp=timestamp, ssrc=ssrc)
            yield Sent(Kind.AUDIO, side, packet, capture_s + delay_s)


def pictures(
    name: str,
    side: Side,
    seconds: float,
    *,
    begins_s: float = 0.0,
    delay_s: float = 0.0,
    reports: bool = True,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> Iterator[Sent]:
    """A white picture at each whole second of capture time, dark grey between. A keyframe every two seconds."""
    codec = PICTURES[name]
    encoder = VideoEncoder("H263" if name.startswith("H263") else name, *size, FPS, 300_000)
    cut = payloader(codec, 900)
    base, ssrc, sequence = 4_294_000_000, 0xB0 + list(Side).index(side), 65_400
    for number in range(int(seconds * FPS)):
        capture_s = begins_s + number / FPS
        luma = 235 if number % FPS == 0 else 40
        noise = np.random.default_rng(number).integers(0, 12, (size[1] * 3 // 2, size[0]), dtype=np.uint8)
        yuv = noise + np.uint8(122)
        yuv[: size[1]] = noise[: size[1]] + luma
        timestamp = (base + number * 90_000 // FPS) & 0xFFFFFFFF
        if reports and number % FPS == 5:
            yield Sent(Kind.VIDEO, side, SenderReport(_ntp(capture_s), timestamp), capture_s + delay_s)
        for frame in encoder.encode(np.clip(yuv, 0, 255).astype(np.uint8), timestamp, number % (2 * FPS) == 0):
            parts = cut(frame.data)
            for index, payload in enumerate(parts):
                sequence = (sequence + 1) & 0xFFFF
                packet = build(
                    payload,
                    payload_type=codec.payload_type,
                    sequence=sequence,
                    timestamp=timestamp,
                    ssrc=ssrc,
                    marker=index == len(parts) - 1,
                )
                yield Sent(Kind.VIDEO, side, packet, capture_s + delay_s)


def mixed(*streams: Iterator[Sent]) -> list[Sent]:
    """All of them in the order of arrival."""
    return sorted((each for stream in streams for each in stream), key=lambda each: each.at_s)


def later(sent: list[Sent], by_s: float, *, lasted_s: float | None = None) -> list[Sent]:
    """The same again. lasted_s: what was sent before; sequences and timestamps go on from there, whenever that is."""
    return [replace(each, what=_moved(each, by_s, lasted_s or by_s), at_s=each.at_s + by_s) for each in sent]


def _moved(sent: Sent, by_s: float, lasted_s: float) -> bytes | SenderReport:
    hertz = 90_000 if sent.kind is Kind.VIDEO else 8_000
    if isinstance(sent.what, SenderReport):
        ticks = sent.what.rtp + int(lasted_s * hertz)
        return SenderReport(sent.what.ntp + int(by_s * (1 << 32)), ticks & 0xFFFFFFFF)
    if len(sent.what) < HEADER_BYTES:
        return sent.what
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(sent.what)
    if sent.kind is Kind.AUDIO and second & 0x7F == OPUS.payload_type:
        hertz = OPUS.clock_hz
    moved = (sequence + 4000 & 0xFFFF, timestamp + int(lasted_s * hertz) & 0xFFFFFFFF)
    return HEADER.pack(first, second, *moved, ssrc) + sent.what[HEADER_BYTES:]
