"""Video encoders and decoders as small classes over numpy pictures."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bridge.codecs._av import Picture, PictureDecoder, PictureEncoder, PictureFormat, Yuv
from bridge.codecs.limits import h264_level
from bridge.codecs.table import VIDEO, VideoCodec
from bridge.errors import CodecMissing
from bridge.links.link import EncodedFrame
from bridge.types import Codec

_NOTHING: Mapping[str, str] = MappingProxyType({})


def video_codec(name: str) -> VideoCodec:
    """Raises CodecMissing for a codec that the product does not do."""
    if name not in VIDEO:
        raise CodecMissing(f"there is no video codec {name}; there are {', '.join(VIDEO)}")
    return VIDEO[name]


class VideoEncoder:
    """One size, one bitrate. H.264 comes as Annex B with parameter sets before each keyframe.

    extra: options for one line (`encoder_options`).
    """

    def __init__(
        self, name: str, width: int, height: int, fps: float, bps: int, *, extra: Mapping[str, str] = _NOTHING
    ) -> None:
        """Raises CodecMissing, and CodecFailed for a size that is odd or too large."""
        self.codec = video_codec(name)
        self.width, self.height, self.fps, self.bps = width, height, fps, bps
        self._encoder = PictureEncoder(self.codec, PictureFormat(width, height, fps, bps, extra))

    def encode(self, yuv: Yuv, timestamp: int, keyframe: bool = False) -> list[EncodedFrame]:
        """yuv: planar 4:2:0, uint8, shape (height * 3 / 2, width). timestamp: RTP, 90 kHz. Raises CodecFailed."""
        return self.encode_picture(Picture.of(yuv, timestamp), keyframe=keyframe)

    def encode_picture(self, picture: Picture, *, keyframe: bool = False) -> list[EncodedFrame]:
        return self._encoder.encode(picture, keyframe=keyframe)

    def change_bitrate(self, bps: int) -> bool:
        """Whether it could be done in place, between half and 1.25 of `bps`; else a new encoder is needed."""
        if not self.codec.changes_bitrate or not self.bps * 0.5 <= bps <= self.bps * 1.25:
            return False
        self._encoder.change_bitrate(bps)
        return True


class VideoDecoder:
    def __init__(self, name: str) -> None:
        """Raises CodecMissing."""
        self._decoder = PictureDecoder(video_codec(name))

    def decode(self, frame: EncodedFrame) -> list[Picture]:
        """One picture as a rule; `Picture.yuv` gives it as an array. Raises CodecFailed."""
        return self._decoder.decode(frame)


def encoder_options(target: Codec, most_bytes: int) -> dict[str, str]:
    """What the encoder of this line is told beside size and rate. most_bytes: of a payload."""
    if target.name != "H264":
        return {}
    mode = 0 if target.parameter("packetization-mode", "0") == "0" else 1
    return h264_options(target.parameter("profile-level-id"), mode, most_bytes)


def h264_options(profile_level_id: str, packetization_mode: int, most_bytes: int) -> dict[str, str]:
    """Encoder options for one negotiated line (RFC 6184 section 8.1).

    The level as agreed, so that a decoder that checks it does not refuse; slices that fit a packet in mode 0, which has
    no fragments.
    """
    options = {}
    level = h264_level(profile_level_id)
    if level:
        options["level"] = f"{level // 10}.{level % 10}"
    if packetization_mode == 0:
        options["slice-max-size"] = str(most_bytes)
    return options
