"""Transcoding, judged at the far side: what it sees and hears, and what is asked of whom."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import numpy as np
import pytest

from bridge.codecs import AudioDecoder, AudioEncoder, VideoDecoder, VideoEncoder, Workers
from bridge.legs.leg import SenderReport
from bridge.links.counters import PipelineCounters
from bridge.links.depacketize import Depacketize
from bridge.links.link import EncodedFrame
from bridge.links.packetize import payloader
from bridge.links.scale import Scale
from bridge.pipelines import Pipeline, transcode
from bridge.rtp.packet import build, parse
from bridge.rtp.sequence import timestamp_distance
from bridge.types import Codec, Path, Side
from tests.support.lines import G722, H264, H264_MODE_0, OPUS, PCMA, PCMU, VP8, FarSource, MemoryLine, pair, route
from tests.support.moving import bars, psnr_db, tone, tone_share


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    threads = Workers(2)
    yield threads
    threads.close()


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - counters have no event, and a pipeline needs none
            await asyncio.sleep(0.002)


class Camera:
    """Films `bars` and sends them from the far side of a line."""

    def __init__(self, line: MemoryLine, width: int = 320, height: int = 240, fps: int = 30) -> None:
        self.line = line
        self.width, self.height = width, height
        self.step = 90_000 // fps
        self.encoder = VideoEncoder(line.codec.name, width, height, fps, 800_000)
        self.payloads = payloader(line.codec)
        self.far = FarSource(line)
        self.number = 0
        self.lose = False

    def shoot(self, *, keyframe: bool = False) -> None:
        shown = bars(self.width, self.height, self.number)
        for frame in self.encoder.encode(shown, self.far.timestamp, keyframe):
            pieces = self.payloads(frame.data)
            for piece in pieces:
                packet = self.far.packet(piece, marker=piece is pieces[-1])
                if not self.lose:
                    self.line.received(packet)
        self.far.timestamp = (self.far.timestamp + self.step) & 0xFFFFFFFF
        self.number += 1


class Viewer:
    """Decodes what a line sent to the far side."""

    def __init__(self, line: MemoryLine) -> None:
        self.line = line
        self.decoder = VideoDecoder(line.codec.name)
        self.frames: list[EncodedFrame] = []
        self.seen: list[np.ndarray] = []
        self.depay = Depacketize(line.codec, self.frames.append, lambda: None, PipelineCounters())
        self.taken = 0

    def look(self) -> None:
        for packet in self.line.sent[self.taken :]:
            before = len(self.frames)
            self.depay.push(packet)
            for frame in self.frames[before:]:
                self.seen += [each.yuv for each in self.decoder.decode(frame)]
        self.taken = len(self.line.sent)


def joined(
    workers: Workers, source_codec: Codec, target_codec: Codec, side: Side = Side.SIP
) -> tuple[MemoryLine, MemoryLine, Pipeline]:
    source, target = pair(source_codec, target_codec, side)
    return source, target, transcode(source, target, route(source, target, Path.TRANSCODE), workers)


async def film(camera: Camera, pipeline: Pipeline, pictures: int) -> None:
    for _ in range(pictures):
        encoded = pipeline.counters.frames_encoded
        camera.shoot()
        await until(lambda before=encoded: pipeline.counters.frames_encoded > before)


# -- pictures


@pytest.mark.parametrize(
    ("source_codec", "target_codec", "side"),
    [
        (H264, VP8, Side.SIP),
        (VP8, H264, Side.WEB),
        (VP8, H264_MODE_0, Side.WEB),
        (H264, H264_MODE_0, Side.WEB),
        (H264_MODE_0, VP8, Side.SIP),
    ],
    ids=lambda value: value.name + value.parameter("packetization-mode") if isinstance(value, Codec) else str(value),
)
async def test_the_far_side_sees_what_was_filmed(
    workers: Workers, source_codec: Codec, target_codec: Codec, side: Side
) -> None:
    source, target, pipeline = joined(workers, source_codec, target_codec, side)
    camera, viewer = Camera(source), Viewer(target)
    await film(camera, pipeline, 15)
    viewer.look()
    assert len(viewer.seen) == 15
    for number, seen in enumerate(viewer.seen):
        assert psnr_db(bars(320, 240, number), seen) > 27
        assert psnr_db(bars(320, 240, number + 7), seen) < 20
    assert {each.payload_type for each in target.headers()} == {target_codec.payload_type}
    assert {each.ssrc for each in target.headers()} == {target.send_ssrc}
    assert max(map(len, target.sent)) <= 1212
    stamps = [each.rtp_timestamp for each in viewer.frames]
    assert {timestamp_distance(b, a) for a, b in itertools.pairwise(stamps)} == {3000}
    assert (pipeline.counters.frames_decoded, pipeline.counters.undecodable) == (15, 0)


async def test_a_keyframe_wish_is_served_by_the_encoder(workers: Workers) -> None:
    source, target, pipeline = joined(workers, H264, VP8)
    camera, viewer = Camera(source), Viewer(target)
    await film(camera, pipeline, 12)
    asked = source.keyframe_requests
    target.hears_wishes.keyframe_wanted()
    await film(camera, pipeline, 3)
    target.hears_wishes.keyframe_wanted()
    await film(camera, pipeline, 11)
    viewer.look()
    keys = [index for index, each in enumerate(viewer.frames) if each.keyframe]
    assert keys == [0, 12, 21], "a second wish at once is served 300 ms after the first"
    assert source.keyframe_requests == asked, "the source need not know"


async def test_before_the_first_picture_a_wish_goes_to_the_source_too(workers: Workers) -> None:
    source, _, pipeline = joined(workers, H264, VP8)
    assert source.keyframe_requests == 1
    pipeline.keyframe_wanted()
    assert source.keyframe_requests == 2


async def test_a_lost_picture_asks_the_source_and_shows_nothing_spoilt(workers: Workers) -> None:
    source, target, pipeline = joined(workers, H264, VP8)
    camera, viewer = Camera(source), Viewer(target)
    await film(camera, pipeline, 5)
    asked = source.keyframe_requests
    camera.lose = True
    camera.shoot()
    camera.lose = False
    while source.keyframe_requests == asked:
        camera.shoot()  # a repaired packet may still come: the gap is given up after some pictures
        await asyncio.sleep(0.01)
    wanted = camera.number
    camera.shoot(keyframe=True)
    await until(lambda: pipeline.counters.frames_encoded == 6)
    viewer.look()
    assert psnr_db(bars(320, 240, wanted), viewer.seen[-1]) > 27
    assert pipeline.counters.frames_dropped >= 2


@pytest.mark.parametrize(("source_codec", "target_codec"), [(H264, VP8), (VP8, H264)])
async def test_through_loss_only_true_pictures_are_shown(
    workers: Workers, source_codec: Codec, target_codec: Codec
) -> None:
    source, target, pipeline = joined(workers, source_codec, target_codec)
    camera, viewer = Camera(source, 640, 480), Viewer(target)
    chance = random.Random(7)
    arrive = source.received
    source.received = lambda packet: arrive(packet) if chance.random() > 0.03 else None  # type: ignore[method-assign]
    obeyed = source.keyframe_requests
    for _ in range(80):
        asked, obeyed = source.keyframe_requests > obeyed, source.keyframe_requests
        camera.shoot(keyframe=asked)
        await asyncio.sleep(1 / 30)  # as fast as its clock says: patience counts in both
    counters = pipeline.counters
    assert counters.missing_packets > 0
    await until(lambda: counters.frames_decoded == counters.frames_encoded > 20)
    viewer.look()
    base = viewer.frames[0].rtp_timestamp
    first = _number_of_first(viewer.seen[0])
    for frame, seen in zip(viewer.frames, viewer.seen, strict=True):
        number = first + timestamp_distance(frame.rtp_timestamp, base) // 3000
        assert psnr_db(bars(640, 480, number), seen) > 25, f"picture {number} is spoilt"


def _number_of_first(seen: np.ndarray) -> int:
    """The waves come round every 16 pictures."""
    return max(range(16), key=lambda number: psnr_db(bars(640, 480, number), seen))


@pytest.mark.parametrize(
    ("width", "height", "shown"),
    [(1280, 720, (640, 360)), (480, 640, (480, 640)), (704, 576, (586, 480)), (322, 242, (322, 242))],
)
async def test_large_pictures_are_made_to_fit(
    workers: Workers, width: int, height: int, shown: tuple[int, int]
) -> None:
    source, target, pipeline = joined(workers, VP8, H264, Side.WEB)
    camera, viewer = Camera(source, width, height), Viewer(target)
    await film(camera, pipeline, 2)
    viewer.look()
    tall, wide = viewer.seen[-1].shape
    assert (wide, tall * 2 // 3) == shown


async def test_a_source_that_changes_its_size_goes_on(workers: Workers) -> None:
    source, target, pipeline = joined(workers, H264, VP8)
    small, viewer = Camera(source), Viewer(target)
    await film(small, pipeline, 3)
    large = Camera(source, 640, 480)
    large.far = small.far
    await film(large, pipeline, 3)
    viewer.look()
    assert [each.shape[1] for each in viewer.seen] == [320, 320, 320, 640, 640, 640]
    assert psnr_db(bars(640, 480, 2), viewer.seen[-1]) > 27
    assert viewer.frames[3].keyframe


def test_a_terminal_of_a_low_level_gets_small_pictures() -> None:
    low = replace(H264, fmtp=(("profile-level-id", "42e00d"),))
    assert str(Scale(low)) == "Scale(352x288)"
    assert Scale(low).size(640, 480) == (352, 264)
    assert Scale(VP8).size(720, 1280) == (360, 640)


@pytest.mark.parametrize(("source_codec", "target_codec"), [(H264, VP8), (VP8, H264)])
async def test_a_bitrate_limit_is_obeyed(workers: Workers, source_codec: Codec, target_codec: Codec) -> None:
    source, target, pipeline = joined(workers, source_codec, target_codec)
    camera = Camera(source, 640, 480)
    rng = np.random.default_rng(5)
    grain = rng.integers(0, 60, (720, 640), dtype=np.uint8)

    async def bps_of(pictures: int) -> float:
        before = sum(map(len, target.sent))
        for _ in range(pictures):
            encoded = pipeline.counters.frames_encoded
            shown = bars(640, 480, camera.number) // 2 + np.roll(grain, 17 * camera.number, axis=1)
            (frame,) = camera.encoder.encode(shown, camera.far.timestamp)
            pieces = camera.payloads(frame.data)
            for piece in pieces:
                source.received(camera.far.packet(piece, marker=piece is pieces[-1]))
            camera.far.timestamp += 3000
            camera.number += 1
            await until(lambda before=encoded: pipeline.counters.frames_encoded > before)
        return (sum(map(len, target.sent)) - before) * 8 * 30 / pictures

    free = await bps_of(30)
    target.hears_wishes.bitrate_limited(150_000)
    await bps_of(20)  # settles
    limited = await bps_of(40)
    assert limited < free * 0.6
    assert limited < 260_000


async def test_limits_that_waver_cost_no_keyframes(workers: Workers) -> None:
    source, target, pipeline = joined(workers, H264, VP8)
    camera, viewer = Camera(source), Viewer(target)
    for bps in (700_000, 740_000, 690_000, 760_000, 700_000, 800_000):
        target.hears_wishes.bitrate_limited(bps)
        await film(camera, pipeline, 3)
    viewer.look()
    assert [index for index, each in enumerate(viewer.frames) if each.keyframe] == [0]


async def test_a_limit_that_falls_is_taken_at_once_and_one_that_rises_later(workers: Workers) -> None:
    source, target, pipeline = joined(workers, H264, VP8)
    camera, viewer = Camera(source, fps=10), Viewer(target)
    await film(camera, pipeline, 3)
    target.hears_wishes.bitrate_limited(200_000)
    await film(camera, pipeline, 3)
    target.hears_wishes.bitrate_limited(900_000)
    await film(camera, pipeline, 60)
    viewer.look()
    assert [index for index, each in enumerate(viewer.frames) if each.keyframe] == [0, 3, 53]


async def test_reports_keep_lips_and_voice_together(workers: Workers) -> None:
    source, target, pipeline = joined(workers, H264, VP8)
    camera = Camera(source)
    source.hears_reports.report_received(SenderReport(5, camera.far.timestamp))
    assert target.reports == []
    started = camera.far.timestamp
    await film(camera, pipeline, 3)
    source.hears_reports.report_received(SenderReport(6, started + 4500))
    report = target.reports[0]
    assert report.ntp == 6
    assert timestamp_distance(report.rtp, target.headers()[0].timestamp) == 4500


async def test_overload_drops_pictures_and_asks_for_a_keyframe(workers: Workers) -> None:
    source, _, pipeline = joined(workers, H264, VP8)
    camera = Camera(source)
    await film(camera, pipeline, 1)  # while a worker starts, more may wait for it
    asked = source.keyframe_requests
    for _ in range(12):  # all at once: no result is taken in between
        camera.shoot()
    assert pipeline.counters.frames_dropped > 0
    assert source.keyframe_requests > asked
    await until(lambda: pipeline.counters.frames_encoded > 0)
    encoded = pipeline.counters.frames_encoded
    await until(lambda: pipeline.counters.frames_encoded + pipeline.counters.frames_dropped >= 12)
    camera.shoot(keyframe=True)
    await until(lambda: pipeline.counters.frames_encoded > encoded)


async def test_first_picture_is_told_once(workers: Workers) -> None:
    told: list[str] = []
    source, target = pair(H264, VP8)
    way = route(source, target, Path.TRANSCODE)
    pipeline = transcode(source, target, way, workers, first_media=lambda: told.append("picture"))
    await film(Camera(source), pipeline, 3)
    assert told == ["picture"]


async def test_nonsense_is_counted_and_the_picture_comes_back(workers: Workers) -> None:
    source, target, pipeline = joined(workers, H264, VP8)
    camera, viewer = Camera(source), Viewer(target)
    await film(camera, pipeline, 2)
    camera.far.sends(b"\x65\x88" + bytes(range(1, 200)), marker=True, step=3000)
    camera.far.sends(b"\x41\x9a\x00\x13\x37", marker=True, step=3000)
    camera.far.sends(b"", marker=True, step=3000)
    camera.shoot(keyframe=True)
    camera.shoot()
    await until(lambda: pipeline.counters.frames_decoded + pipeline.counters.undecodable >= 4)
    number = camera.number
    await until(lambda: pipeline.counters.frames_encoded >= 4)
    viewer.look()
    assert psnr_db(bars(320, 240, number - 1), viewer.seen[-1]) > 27


@pytest.mark.parametrize(("source_codec", "target_codec"), [(H264, VP8), (VP8, H264), (PCMU, OPUS), (OPUS, G722)])
async def test_no_bytes_make_a_transcoder_raise(workers: Workers, source_codec: Codec, target_codec: Codec) -> None:
    source, _, pipeline = joined(workers, source_codec, target_codec)
    rng = np.random.default_rng(11)
    for number in range(300):
        junk = rng.bytes(int(rng.integers(0, 90)))
        source.received(junk)
        source.received(
            build(
                rng.choice([b"", b"\x65", b"\x7c\x85", b"\x78", b"\x10\x00", b"\x90\x80"]) + junk,
                payload_type=source_codec.payload_type,
                sequence=number,
                timestamp=number // 3 * 960,
                ssrc=1,
                marker=number % 3 == 0,
            )
        )
        await asyncio.sleep(0)
    pipeline.close()


async def test_after_close_nothing_comes_any_more(workers: Workers) -> None:
    source, target, pipeline = joined(workers, H264, VP8)
    camera = Camera(source)
    camera.shoot()
    pipeline.close()
    pipeline.close()
    camera.shoot()
    other = joined(workers, H264, VP8)
    await film(Camera(other[0]), other[2], 3)
    assert target.sent == []
    assert workers.load.count(1) == 1


# -- sound


def speak(
    line: MemoryLine, sound: np.ndarray, encoder: AudioEncoder, far: FarSource, *, ptime_ms: int = 20
) -> list[bytes]:
    """The packets of a sound; G.711 may come in other lengths than 20 ms."""
    clock_hz = encoder.codec.clock_hz
    size = encoder.rate_hz * ptime_ms // 1000
    packets = []
    for start in range(0, len(sound) - size + 1, size):
        for frame in encoder.encode(sound[start : start + size], 0):
            packets.append(far.packet(frame.data))
            far.timestamp += clock_hz * ptime_ms // 1000
    return packets


async def hear(source: MemoryLine, packets: list[bytes], pipeline: Pipeline) -> None:
    for packet in packets:
        decoded = pipeline.counters.frames_decoded
        source.received(packet)
        await until(lambda before=decoded: pipeline.counters.frames_decoded > before)


def heard(line: MemoryLine) -> tuple[np.ndarray, AudioDecoder]:
    decoder = AudioDecoder(line.codec.name)
    return np.concatenate([decoder.decode(EncodedFrame(each, 0)) for each in line.payloads()]), decoder


SOUNDS = [
    (PCMU, OPUS),
    (PCMA, OPUS),
    (G722, OPUS),
    (OPUS, PCMU),
    (OPUS, PCMA),
    (OPUS, G722),
    (PCMU, PCMU),
    (G722, PCMU),
]


@pytest.mark.parametrize(("source_codec", "target_codec"), SOUNDS, ids=lambda codec: codec.name)
async def test_a_tone_is_heard_on_the_far_side(workers: Workers, source_codec: Codec, target_codec: Codec) -> None:
    source, target, pipeline = joined(workers, source_codec, target_codec)
    encoder = AudioEncoder(source_codec.name)
    packets = speak(source, tone(encoder.rate_hz, 440, 1.0), encoder, FarSource(source))
    await hear(source, packets, pipeline)
    samples, decoder = heard(target)
    clear = samples[decoder.rate_hz // 5 :]
    assert tone_share(clear, decoder.rate_hz, 440) > 0.9
    assert 0.7 < np.sqrt(np.mean(clear.astype(float) ** 2)) / (8000 / np.sqrt(2)) < 1.3
    stamps = [each.timestamp for each in target.headers()]
    tick = 960 if target_codec is OPUS else 160
    assert {timestamp_distance(b, a) for a, b in itertools.pairwise(stamps)} == {tick}
    assert len(target.sent) >= 49


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
async def test_packets_of_any_length_become_twenty_ms(workers: Workers, ptime_ms: int) -> None:
    source, target, pipeline = joined(workers, PCMU, OPUS)
    packets = speak(source, tone(8000, 440, 0.6), AudioEncoder("PCMU"), FarSource(source), ptime_ms=ptime_ms)
    await hear(source, packets, pipeline)
    assert len(target.sent) == 30
    samples, decoder = heard(target)
    assert tone_share(samples[9600:], decoder.rate_hz, 440) > 0.9


async def test_a_lost_packet_of_sound_is_concealed(workers: Workers) -> None:
    source, target, pipeline = joined(workers, PCMU, OPUS)
    packets = speak(source, tone(8000, 440, 0.6), AudioEncoder("PCMU"), FarSource(source))
    del packets[15]
    for packet in packets:
        source.received(packet)
        await asyncio.sleep(0.005)
    await until(lambda: len(target.sent) == 30)
    stamps = [each.timestamp for each in target.headers()]
    assert {timestamp_distance(b, a) for a, b in itertools.pairwise(stamps)} == {960}
    assert pipeline.counters.missing_packets == 1


async def test_silence_is_told_by_timestamps(workers: Workers) -> None:
    """A station with silence suppression: the far side gets no packets for it, but a jump and a marker."""
    source, target, pipeline = joined(workers, PCMU, OPUS)
    far = FarSource(source)
    encoder = AudioEncoder("PCMU")
    await hear(source, speak(source, tone(8000, 440, 0.1), encoder, far), pipeline)
    far.timestamp += 8000
    await hear(source, speak(source, tone(8000, 440, 0.1), encoder, far), pipeline)
    headers = target.headers()
    steps = [timestamp_distance(b.timestamp, a.timestamp) for a, b in itertools.pairwise(headers)]
    assert steps == [960] * 4 + [960 + 48_000] + [960] * 4
    assert [each.marker for each in headers] == [True] + [False] * 4 + [True] + [False] * 4
    assert [each.sequence - headers[0].sequence for each in headers] == list(range(10))


async def test_reports_of_sound_change_the_clock(workers: Workers) -> None:
    source, target, pipeline = joined(workers, PCMU, OPUS)
    far = FarSource(source)
    started = far.timestamp
    await hear(source, speak(source, tone(8000, 440, 0.1), AudioEncoder("PCMU"), far), pipeline)
    source.hears_reports.report_received(SenderReport(9, started + 400))
    assert timestamp_distance(target.reports[0].rtp, target.headers()[0].timestamp) == 2400


async def test_one_law_to_the_other_needs_no_worker(workers: Workers) -> None:
    source, target, _ = joined(workers, PCMU, PCMA)
    sound = tone(8000, 440, 0.4)
    for packet in speak(source, sound, AudioEncoder("PCMU"), FarSource(source)):
        source.received(packet)
    samples, decoder = heard(target)
    assert len(samples) == len(sound)
    assert tone_share(samples, decoder.rate_hz, 440) > 0.95
    assert workers.load == ()


async def test_one_law_to_the_other_strips_what_the_source_added(workers: Workers) -> None:
    source, target, _ = joined(workers, PCMU, PCMA)
    plain = build(b"\xff" * 4, payload_type=0, sequence=1, timestamp=0, ssrc=1)
    source.received(bytes((0xB0,)) + plain[1:12] + b"\xbe\xde\x00\x01\x00\x00\x00\x00" + plain[12:] + b"\x00\x02")
    source.received(bytes((0xB0,)) + plain[1:])
    assert target.payloads() == [b"\xd5" * 4]
    assert parse(target.sent[0]) is not None


async def test_the_next_transcoder_goes_on_in_the_same_numbers(workers: Workers) -> None:
    source, target, first = joined(workers, PCMU, OPUS)
    far = FarSource(source)
    await hear(source, speak(source, tone(8000, 440, 0.1), AudioEncoder("PCMU"), far), first)
    first.close()
    again = MemoryLine(G722, Side.SIP)
    second = transcode(again, target, route(again, target, Path.TRANSCODE), workers, numbering=first.numbering)
    await hear(again, speak(again, tone(16_000, 440, 0.1), AudioEncoder("G722"), FarSource(again)), second)
    headers = target.headers()
    assert [each.sequence - headers[0].sequence for each in headers] == list(range(10))
    assert 0 < timestamp_distance(headers[5].timestamp, headers[4].timestamp) < 48_000


# -- printing


@pytest.mark.parametrize(
    ("source_codec", "target_codec", "side", "way", "steps"),
    [
        (
            H264,
            VP8,
            Side.SIP,
            "video sip->web",
            "Reorder(80 ms) -> Depay(H264) -> Decode -> Scale(640x480) -> Encode(VP8) -> Pay(VP8) -> WebLeg",
        ),
        (
            VP8,
            H264,
            Side.WEB,
            "video web->sip",
            "Reorder(400 ms) -> Depay(VP8) -> Decode -> Scale(640x480) -> Encode(H264) -> Pay(H264) -> SipLeg",
        ),
        (
            PCMU,
            OPUS,
            Side.SIP,
            "audio sip->web",
            "Reorder(80 ms) -> Depay(PCMU) -> Decode -> Blocks(20 ms) -> Encode(OPUS) -> Pay(OPUS) -> WebLeg",
        ),
        (
            OPUS,
            PCMA,
            Side.WEB,
            "audio web->sip",
            ("Reorder(80 ms) -> Depay(OPUS) -> Decode -> Blocks(20 ms) -> Encode(PCMA) -> Pay(PCMA) -> SipLeg"),
        ),
        (
            PCMA,
            PCMU,
            Side.WEB,
            "audio web->sip",
            "PCMA -> Reorder(80 ms) -> Law(PCMU) -> Rewrite(PT 0, SSRC) -> SipLeg",
        ),
    ],
)
async def test_a_transcoder_prints_itself(
    workers: Workers, source_codec: Codec, target_codec: Codec, side: Side, way: str, steps: str
) -> None:
    assert str(joined(workers, source_codec, target_codec, side)[2]) == f"{way}: {steps}"
