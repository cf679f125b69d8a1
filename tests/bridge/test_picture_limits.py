"""What a receiver can decode is kept when pictures are transcoded for it: size, rate, bitrate."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from bridge.codecs import VideoDecoder, VideoEncoder
from bridge.codecs.limits import limits_of
from bridge.links.link import EncodedFrame
from bridge.links.picture import Encode, KeyframeWanted, LimitBitrate, PictureMachine, PictureRecipe
from bridge.links.scale import Scale
from bridge.types import Codec
from tests.support.lines import H264, VP8
from tests.support.moving import bars


def of_level(identity: str, **more: str) -> Codec:
    fmtp = (
        ("packetization-mode", "1"),
        ("profile-level-id", identity),
        *((k.replace("_", "-"), v) for k, v in more.items()),
    )
    return replace(H264, fmtp=fmtp)


@pytest.mark.parametrize(
    ("target", "size", "fps"),
    [
        (of_level("42e01f"), (640, 480), 60),
        (of_level("42e01e"), (640, 480), 33.75),  # level 3: 40,500 macroblocks a second
        (of_level("42e016"), (640, 480), 16.875),  # level 2.2: 20,250
        (of_level("42e015"), (352, 264), 50),  # level 2.1: 792 macroblocks, 19,800 a second
        (of_level("42e00d"), (352, 264), 31.76),  # level 1.3: 396, 11,880
        (of_level("42e00c"), (352, 264), 16.04),  # level 1.2
        (of_level("42e00a"), (176, 132), 15),  # level 1: 99, 1,485
        (of_level("42f00b"), (176, 132), 15),  # level 1b is 1.1 with constraint_set3
        (of_level("42e00d", max_fs="1200", max_mbps="36000"), (640, 480), 30),
        (of_level("nonsense"), (640, 480), 60),
        (replace(VP8, fmtp=(("max-fs", "396"), ("max-fr", "15"))), (352, 264), 15),
        (VP8, (640, 480), 60),
    ],
    ids=lambda value: str(dict(value.fmtp)) if isinstance(value, Codec) else "",
)
def test_size_and_rate_of_a_receiver(target: Codec, size: tuple[int, int], fps: float) -> None:
    scale, limits = Scale(target), limits_of(target)
    assert scale.size(640, 480) == size
    assert scale.size(480, 640) == size[::-1], "upright too"
    assert limits.takes(*size)
    assert min(60, limits.fps_at(*size)) == pytest.approx(fps, rel=0.07)


@pytest.mark.parametrize(
    ("target", "most_bps", "wanted", "given"),
    [
        (H264, 1_500_000, 5_000_000, 1_500_000),
        (H264, 400_000, 5_000_000, 400_000),
        (H264, 400_000, 300_000, 300_000),
        (of_level("42e00b"), 1_500_000, 5_000_000, 192_000),
        (of_level("42e00b", max_br="300"), 1_500_000, 5_000_000, 300_000),
        (H264, 400_000, 1, 60_000),
    ],
)
def test_the_narrowest_limit_is_the_encoders(target: Codec, most_bps: int, wanted: int, given: int) -> None:
    encode = Encode(target, most_bps)
    assert encode.bps <= most_bps
    encode.limit(wanted)
    assert encode.bps == given


class Filmed:
    """A machine and a camera for it."""

    def __init__(self, target: Codec, fps: int = 30) -> None:
        self.machine = PictureMachine(PictureRecipe(VP8, target))
        self.step = 90_000 // fps
        self.timestamp = 0
        self.encoders: dict[tuple[int, int], VideoEncoder] = {}

    def shoot(self, width: int, height: int, pictures: int) -> list[EncodedFrame]:
        encoder = self.encoders.setdefault((width, height), VideoEncoder("VP8", width, height, 30, 600_000))
        found: list[EncodedFrame] = []
        for number in range(pictures):
            for frame in encoder.encode(bars(width, height, number), self.timestamp, number == 0):
                found += self.machine.turn(frame).frames
            self.timestamp += self.step
        return found


def test_a_receiver_of_a_low_level_gets_half_of_the_pictures() -> None:
    frames = Filmed(of_level("42e00c")).shoot(640, 480, 30)
    assert 15 <= len(frames) <= 17
    steps = {b.rtp_timestamp - a.rtp_timestamp for a, b in itertools.pairwise(frames)}
    assert steps <= {3000, 6000}


def test_a_camera_that_is_turned_goes_on_at_once() -> None:
    filmed = Filmed(H264)
    decoder, shapes, keys = VideoDecoder("H264"), [], []
    for size in ((640, 480), (480, 640), (640, 480)):
        for frame in filmed.shoot(*size, 3):
            keys.append(frame.keyframe)
            shapes += [(each.width, each.height) for each in decoder.decode(frame)]
    assert shapes == [(640, 480)] * 3 + [(480, 640)] * 3 + [(640, 480)] * 3
    assert keys == [True, False, False] * 3


def test_a_keyframe_comes_with_the_very_next_picture() -> None:
    filmed = Filmed(H264)
    filmed.shoot(320, 240, 12)
    filmed.machine.obey(KeyframeWanted())
    assert [each.keyframe for each in filmed.shoot(320, 240, 2)] == [True, False]


def test_orders_it_does_not_know_harm_no_machine() -> None:
    filmed = Filmed(H264)
    filmed.machine.obey("dance")
    filmed.machine.obey(LimitBitrate(0))
    assert len(filmed.shoot(320, 240, 2)) == 2
