"""The steps of a picture on a worker thread: decode, scale, encode.

They return values instead of pushing them on: a `Chain` takes what the last one made back to the loop. What the loop
says to them (a keyframe, a bitrate) is one assignment each, and is read before the next picture.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.codecs._av import Picture, Resizer
from bridge.codecs.table import VIDEO_CLOCK_HZ
from bridge.codecs.video import VideoDecoder, VideoEncoder, h264_level, h264_options
from bridge.errors import CodecFailed
from bridge.links.link import EncodedFrame
from bridge.links.packetize import MOST_BYTES
from bridge.rtp.sequence import timestamp_distance
from bridge.types import Codec

_WIDE, _HIGH = 640, 480  # what terminals show, and what one core can encode several times
_CIF_LEVEL = 22  # below: 396 macroblocks a picture, which is 352x288 (H.264 table A-1)
_KEYFRAME_GAP_TICKS = VIDEO_CLOCK_HZ * 3 // 10  # a far side asks again until it sees one
_FPS_AT_FIRST = 30.0
_START_BPS, _LEAST_BPS, _MOST_BPS = 800_000, 60_000, 1_500_000
_TOLERATED = (0.9, 1.25)  # browsers change their limit by some percent every second: no new encoder for that
_RAISE_AFTER_TICKS = 5 * VIDEO_CLOCK_HZ


@dataclass(frozen=True, slots=True)
class Turn:
    """What one incoming frame became."""

    decoded: int
    frames: tuple[EncodedFrame, ...]


class Decode:
    def __init__(self, codec: Codec) -> None:
        """Raises CodecMissing."""
        self._decoder = VideoDecoder(codec.name)

    def turn(self, frame: EncodedFrame) -> list[Picture]:
        """Raises CodecFailed."""
        return self._decoder.decode(frame)

    def __str__(self) -> str:
        return "Decode"


class Scale:
    """Pictures larger than the limit are made to fit, with their proportions, upright ones too."""

    def __init__(self, target: Codec) -> None:
        low = 0 < h264_level(target.parameter("profile-level-id")) < _CIF_LEVEL if target.name == "H264" else False
        self._wide, self._high = (352, 288) if low else (_WIDE, _HIGH)
        self._resizer = Resizer()

    def turn(self, picture: Picture) -> Picture:
        """Raises CodecFailed."""
        width, height = self.size(picture.width, picture.height)
        if picture.plain and (width, height) == (picture.width, picture.height):
            return picture
        return self._resizer.resize(picture, width, height)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Even, and within the limit."""
        most = (self._wide, self._high) if width >= height else (self._high, self._wide)
        factor = min(1.0, most[0] / width, most[1] / height)
        return max(2, round(width * factor) // 2 * 2), max(2, round(height * factor) // 2 * 2)

    def __str__(self) -> str:
        return f"Scale({self._wide}x{self._high})"


class Encode:
    """Opens its encoder with the first picture, and again when size or bitrate change."""

    def __init__(self, target: Codec) -> None:
        self._name = target.name
        self._extra = {}
        if target.name == "H264":
            mode = 0 if target.parameter("packetization-mode", "0") == "0" else 1
            self._extra = h264_options(target.parameter("profile-level-id"), mode, MOST_BYTES)
        self._encoder: VideoEncoder | None = None
        self._pace = _Pace()
        self._keyframe_at: int | None = None
        self._opened_at = 0
        self.keyframe_wanted = False
        self.bps = _START_BPS

    def limit(self, bps: int) -> None:
        """The far side's limit, from the loop's thread."""
        self.bps = min(max(bps, _LEAST_BPS), _MOST_BPS)

    def turn(self, picture: Picture) -> list[EncodedFrame]:
        """Raises CodecFailed; the next picture then gets a new encoder."""
        self._pace.saw(picture.rtp_timestamp)
        keyframe = self.keyframe_wanted and self._may_be_key(picture.rtp_timestamp)
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
