"""The steps of a picture in a codec worker: decode, thin out, scale, encode.

They return values instead of pushing them on: a `Chain` brings what the last one made back to the loop. What the loop
says to them (a keyframe, a bitrate, a pace) is an order, read before the next picture.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.codecs._av import Picture
from bridge.codecs.limits import limits_of
from bridge.codecs.table import VIDEO_CLOCK_HZ
from bridge.codecs.video import VideoDecoder, VideoEncoder, encoder_options, video_codec
from bridge.errors import CodecFailed
from bridge.links.link import EncodedFrame
from bridge.links.packetize import MOST_BYTES
from bridge.links.scale import scale
from bridge.rtp.sequence import timestamp_distance
from bridge.types import Codec

_KEYFRAME_GAP_TICKS = VIDEO_CLOCK_HZ * 3 // 10  # a far side asks again until it sees one
_FPS_AT_FIRST = 30.0
_START_BPS, _LEAST_BPS = 800_000, 60_000
MOST_BPS = 1_500_000
_TOLERATED = (0.9, 1.25)  # browsers change their limit by some percent every second: no new encoder for that
_RAISE_AFTER_TICKS = 5 * VIDEO_CLOCK_HZ


@dataclass(frozen=True, slots=True)
class KeyframeWanted:
    """An order: the next picture may need no other."""


@dataclass(frozen=True, slots=True)
class LimitBitrate:
    """An order: what the far side takes."""

    bps: int


@dataclass(frozen=True, slots=True)
class LimitPace:
    """An order: encode no more than so many pictures a second. None: as many as come."""

    fps: float | None


@dataclass(frozen=True, slots=True)
class Turn:
    """What one incoming frame became. thinned: pictures that were decoded, and left out on purpose."""

    decoded: int
    frames: tuple[EncodedFrame, ...]
    thinned: int = 0

    def __reduce__(self) -> tuple[type[Turn], tuple[int, tuple[EncodedFrame, ...], int]]:
        """As of EncodedFrame."""
        return Turn, (self.decoded, self.frames, self.thinned)


@dataclass(frozen=True, slots=True)
class PictureRecipe:
    """Decode -> [Thin] -> Scale -> Encode for one line. most_bps: whatever the far side would take."""

    source: Codec
    target: Codec
    most_bps: int = MOST_BPS

    def __post_init__(self) -> None:
        """Raises CodecMissing: on the loop, where a route is chosen, not later in a worker."""
        video_codec(self.source.name)
        video_codec(self.target.name)

    def make(self) -> PictureMachine:
        return PictureMachine(self)

    def links(self, fps: float | None = None) -> list[str]:
        """Its steps as text, at a limited pace or not."""
        thin = [] if fps is None else [f"Thin({fps:g}/s)"]
        return ["Decode", *thin, str(scale(self.source, self.target)), f"Encode({self.target.name})"]


class PictureMachine:
    """The whole way of a frame, in one job: only compressed pictures travel between processes."""

    def __init__(self, recipe: PictureRecipe) -> None:
        """Raises CodecMissing."""
        self._limits = limits_of(recipe.target)
        self._decode = Decode(recipe.source)
        self._thin = Thin()
        self._scale = scale(recipe.source, recipe.target)
        self._encode = Encode(recipe.target, recipe.most_bps)
        self._pace: float | None = None

    def turn(self, frame: EncodedFrame) -> Turn:
        """Raises CodecFailed."""
        pictures = self._decode.turn(frame)
        frames: list[EncodedFrame] = []
        thinned = 0
        for picture in pictures:
            if self._thin.passes(picture.rtp_timestamp, self._fps(picture)) or self._encode.must_be_key(picture):
                frames += self._encode.turn(self._scale.turn(picture))
            else:
                thinned += 1
        return Turn(len(pictures), tuple(frames), thinned)

    def obey(self, order: object) -> None:
        match order:
            case KeyframeWanted():
                self._encode.keyframe_wanted = True
            case LimitBitrate(bps):
                self._encode.limit(bps)
            case LimitPace(fps):
                self._pace = fps

    def _fps(self, picture: Picture) -> float:
        can = self._limits.fps_at(*self._scale.size(picture.width, picture.height))
        return can if self._pace is None else min(can, self._pace)


class Decode:
    def __init__(self, codec: Codec) -> None:
        """Raises CodecMissing."""
        self._decoder = VideoDecoder(codec.name)

    def turn(self, frame: EncodedFrame) -> list[Picture]:
        """Raises CodecFailed."""
        return self._decoder.decode(frame)

    def __str__(self) -> str:
        return "Decode"


class Thin:
    """Leaves pictures out, evenly: of 30 a second every second one at 15, two of three at 20.

    By timestamps: a picture passes when it is due. It was decoded before, as the next ones need it.
    """

    _EARLY = 0.25  # of an interval: cameras are no clocks

    def __init__(self) -> None:
        self._due: int | None = None

    def passes(self, timestamp: int, fps: float) -> bool:
        if fps >= 60:
            self._due = None
            return True
        interval = round(VIDEO_CLOCK_HZ / max(0.5, fps))
        if self._due is None or not -4 * interval < timestamp_distance(timestamp, self._due) < 4 * interval:
            self._due = (timestamp + interval) & 0xFFFFFFFF  # the first, or another source
            return True
        if timestamp_distance(timestamp, self._due) < -self._EARLY * interval:
            return False
        late = max(0, timestamp_distance(timestamp, self._due) - interval)
        self._due = (self._due + interval + late) & 0xFFFFFFFF
        return True


class Encode:
    """Opens its encoder with the first picture, and again when size or bitrate change."""

    def __init__(self, target: Codec, most_bps: int = MOST_BPS) -> None:
        self._name = target.name
        self._extra = encoder_options(target, MOST_BYTES)
        self._most_bps = max(_LEAST_BPS, min(most_bps, limits_of(target).most_bps))
        self._encoder: VideoEncoder | None = None
        self._pace = _Pace()
        self._keyframe_at: int | None = None
        self._opened_at = 0
        self.keyframe_wanted = False
        self.bps = min(_START_BPS, self._most_bps)

    def limit(self, bps: int) -> None:
        """The far side's limit."""
        self.bps = min(max(bps, _LEAST_BPS), self._most_bps)

    def must_be_key(self, picture: Picture) -> bool:
        """Whether someone waits for a picture that needs no other, and this may be it."""
        return self.keyframe_wanted and self._may_be_key(picture.rtp_timestamp)

    def turn(self, picture: Picture) -> list[EncodedFrame]:
        """Raises CodecFailed; the next picture then gets a new encoder."""
        self._pace.saw(picture.rtp_timestamp)
        keyframe = self.must_be_key(picture)
        encoder = self._fitting(picture, keyframe)
        try:
            frames = encoder.encode_picture(picture, keyframe=keyframe)
        except CodecFailed:
            self._encoder = None
            raise
        if any(each.keyframe for each in frames):
            self._keyframe_at = picture.rtp_timestamp
            self.keyframe_wanted = False
        return frames

    def __str__(self) -> str:
        return f"Encode({self._name})"

    def _may_be_key(self, timestamp: int) -> bool:
        at = self._keyframe_at
        return at is None or abs(timestamp_distance(timestamp, at)) >= _KEYFRAME_GAP_TICKS

    def _fitting(self, picture: Picture, keyframe: bool) -> VideoEncoder:
        encoder, fps = self._encoder, self._pace.fps
        if encoder is not None and (encoder.width, encoder.height) == (picture.width, picture.height):
            # a pace that differs is taken up with a keyframe that is due anyway: a new encoder begins with one
            steady = not keyframe or 0.8 < encoder.fps / fps < 1.25
            if steady and self._rate_suits(encoder, picture.rtp_timestamp, keyframe):
                return encoder
        self._encoder = VideoEncoder(self._name, picture.width, picture.height, fps, self.bps, extra=self._extra)
        self._opened_at = picture.rtp_timestamp
        return self._encoder

    def _rate_suits(self, encoder: VideoEncoder, timestamp: int, keyframe: bool) -> bool:
        """Down at once, up seldom: a new encoder costs a keyframe, which is what a narrow path can bear least."""
        bps, (lower, upper) = self.bps, _TOLERATED
        if encoder.change_bitrate(bps) or encoder.bps * lower <= bps <= encoder.bps * upper:
            return True
        if bps < encoder.bps:
            return False
        return not keyframe and abs(timestamp_distance(timestamp, self._opened_at)) < _RAISE_AFTER_TICKS


class _Pace:
    """Pictures a second, from timestamps, smoothed."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._ticks = VIDEO_CLOCK_HZ / _FPS_AT_FIRST

    def saw(self, timestamp: int) -> None:
        if self._last is not None:
            step = timestamp_distance(timestamp, self._last)
            if 0 < step < VIDEO_CLOCK_HZ:
                self._ticks += (step - self._ticks) / 8
        self._last = timestamp

    @property
    def fps(self) -> float:
        return min(60.0, max(5.0, VIDEO_CLOCK_HZ / self._ticks))
