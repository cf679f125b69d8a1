"""The one importer of PyAV: opens its codecs, and turns its errors into CodecMissing and CodecFailed.

An object here belongs to one thread at a time. Threads inside FFmpeg stay at one: the workers are the parallelism, and
`reformat` with more deadlocked when two threads met in one frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.resampler import AudioResampler
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from bridge.codecs.table import AUDIO, BLOCK_MS, VIDEO, VIDEO_CLOCK_HZ, AudioCodec, VideoCodec
from bridge.errors import CodecFailed, CodecMissing
from bridge.links.link import EncodedFrame
from bridge.rtp.sequence import timestamp_distance

Yuv = NDArray[np.uint8]
Samples = NDArray[np.int16]

_FORMAT = "yuv420p"
_LOW_DELAY = 0x80000  # AV_CODEC_FLAG_LOW_DELAY
_VIDEO_BASE = Fraction(1, VIDEO_CLOCK_HZ)
_KEYFRAME_EVERY_S = 10  # for stations that cannot ask
_MOST_PIXELS = 4096 * 2304  # a forged header of 16383x16383 would take 400 MB for one picture
_LONGEST_STEP = 5 * VIDEO_CLOCK_HZ  # rate controls take a jump of hours for a budget of hours
_FOREIGN = (FFmpegError, ValueError, TypeError, MemoryError, OverflowError)  # what PyAV raises for bad media


def available() -> dict[str, str]:
    """What the installed library lacks of each codec: empty, or words such as `encoder libvpx`."""
    codecs: list[VideoCodec | AudioCodec] = [*VIDEO.values(), *AUDIO.values()]
    return {each.name: ", ".join(_lacks(each)) for each in codecs}


def _lacks(codec: VideoCodec | AudioCodec) -> list[str]:
    wanted = (("encoder", codec.encoder, "w"), ("decoder", codec.decoder, "r"))
    return [f"{way} {name}" for way, name, mode in wanted if name and not _has(name, mode)]


def _has(library_name: str, mode: str) -> bool:
    try:
        av.Codec(library_name, "w" if mode == "w" else "r")
    except (FFmpegError, ValueError):  # UnknownCodecError is a ValueError
        return False
    return True


def _context(library_name: str, mode: str, name: str) -> av.CodecContext:
    try:
        return av.CodecContext.create(library_name, "w" if mode == "w" else "r")
    except (FFmpegError, ValueError) as error:
        raise CodecMissing(
            f"{name} needs {library_name}, which the installed PyAV {av.__version__} lacks; "
            "install the wheel of PyPI (pip install --force-reinstall av)"
        ) from error


class Picture:
    """A decoded picture. It may be read by any thread, but by one at a time."""

    __slots__ = ("frame", "rtp_timestamp")

    def __init__(self, frame: av.VideoFrame, rtp_timestamp: int) -> None:
        self.frame = frame
        self.rtp_timestamp = rtp_timestamp

    @classmethod
    def of(cls, yuv: Yuv, rtp_timestamp: int) -> Picture:
        """From planar 4:2:0 of shape (height * 3 / 2, width); both sides even."""
        try:
            return cls(av.VideoFrame.from_ndarray(yuv, format=_FORMAT), rtp_timestamp)
        except _FOREIGN as error:
            raise CodecFailed(f"no picture of shape {yuv.shape}: wanted (height * 3 / 2, width), both even") from error

    @property
    def width(self) -> int:
        return self.frame.width

    @property
    def height(self) -> int:
        return self.frame.height

    @property
    def plain(self) -> bool:
        """Whether it is 4:2:0 of 8 bits in limited range, which encoders take as it is."""
        return self.frame.format.name == _FORMAT

    @property
    def yuv(self) -> Yuv:
        """A copy as planar 4:2:0, shape (height * 3 / 2, width)."""
        try:
            frame = self.frame if self.plain else VideoReformatter().reformat(self.frame, format=_FORMAT, threads=1)
            return cast(Yuv, frame.to_ndarray())
        except _FOREIGN as error:
            raise CodecFailed("the picture cannot be read as planar 4:2:0") from error


class Resizer:
    """One reformatter, kept: making it anew for each picture costs as much as the scaling."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def resize(self, picture: Picture, width: int, height: int) -> Picture:
        try:
            frame = self._reformatter.reformat(picture.frame, width, height, _FORMAT, threads=1)
        except _FOREIGN as error:
            raise CodecFailed(f"no scaling from {picture.width}x{picture.height} to {width}x{height}") from error
        return Picture(frame, picture.rtp_timestamp)


class PictureDecoder:
    def __init__(self, codec: VideoCodec) -> None:
        context = cast(VideoCodecContext, _context(codec.decoder, "r", codec.name))
        context.thread_count = 1
        context.flags |= _LOW_DELAY
        context.options = {"max_pixels": str(_MOST_PIXELS)}
        self._context = context
        self._name = codec.name

    def decode(self, frame: EncodedFrame) -> list[Picture]:
        """Usually one picture; none while the decoder lacks a keyframe. Raises CodecFailed."""
        if not frame.data:
            return []  # to FFmpeg this means the end
        packet = av.Packet(frame.data)
        packet.pts = packet.dts = frame.rtp_timestamp
        try:
            return [Picture(each, frame.rtp_timestamp) for each in self._context.decode(packet)]
        except _FOREIGN as error:
            raise CodecFailed(f"{self._name}: not decodable") from error


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """fps: what the rate control reckons with. extra: options of one line, such as level and slice size."""

    width: int
    height: int
    fps: float
    bps: int
    extra: Mapping[str, str]


class PictureEncoder:
    """A picture in, its packets out, timestamps as they came."""

    def __init__(self, codec: VideoCodec, wanted: PictureFormat) -> None:
        context = cast(VideoCodecContext, _context(codec.encoder, "w", codec.name))
        context.width, context.height, context.pix_fmt = wanted.width, wanted.height, _FORMAT
        self._counts = codec.counts_pictures
        pace = Fraction(wanted.fps).limit_denominator(1001)
        self._base = 1 / pace if self._counts else _VIDEO_BASE
        context.time_base, context.framerate = self._base, pace
        context.bit_rate = wanted.bps
        context.gop_size = max(1, round(_KEYFRAME_EVERY_S * wanted.fps))
        context.thread_count = 1
        rates = {"maxrate": str(wanted.bps * 5 // 4), "bufsize": str(wanted.bps // 2)}
        context.options = {**codec.options, **rates, **wanted.extra}
        try:
            context.open()
        except _FOREIGN as error:
            raise CodecFailed(f"{codec.name}: no encoder for {wanted.width}x{wanted.height}") from error
        self._context = context
        self._name = codec.name
        self._pts = 0
        self._last_timestamp: int | None = None

    def encode(self, picture: Picture, *, keyframe: bool) -> list[EncodedFrame]:
        """Raises CodecFailed, after which the encoder is good for nothing."""
        frame = picture.frame
        frame.pts, frame.time_base = self._unwrapped(picture.rtp_timestamp), self._base
        # a decoded frame carries the type it had: the encoder would repeat each keyframe of the source
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        try:
            packets = self._context.encode(frame)
        except _FOREIGN as error:
            raise CodecFailed(f"{self._name}: not encodable") from error
        return [EncodedFrame(bytes(each), picture.rtp_timestamp, each.is_keyframe) for each in packets]

    def change_bitrate(self, bps: int) -> None:
        """For x264 only: it looks at the context before each picture."""
        self._context.bit_rate = bps

    def _unwrapped(self, timestamp: int) -> int:
        """Encoders refuse times that do not grow, so a repeated one counts as a tick later."""
        if self._counts:
            self._pts += 1
        elif self._last_timestamp is not None:
            self._pts += min(max(1, timestamp_distance(timestamp, self._last_timestamp)), _LONGEST_STEP)
        self._last_timestamp = timestamp
        return self._pts


class SoundDecoder:
    """Blocks in, 16-bit mono samples at `rate_hz` out."""

    def __init__(self, codec: AudioCodec) -> None:
        context = cast(AudioCodecContext, _context(codec.decoder, "r", codec.name))
        context.sample_rate = codec.rate_hz
        context.layout = "mono"
        context.thread_count = 1
        self._context = context
        self._name = codec.name

    def decode(self, data: bytes) -> Samples:
        """Raises CodecFailed."""
        if not data:
            return np.zeros(0, np.int16)
        try:
            frames = self._context.decode(av.Packet(data))
            blocks = [_samples(each) for each in frames]
        except _FOREIGN as error:
            raise CodecFailed(f"{self._name}: not decodable") from error
        return blocks[0] if len(blocks) == 1 else np.concatenate([np.zeros(0, np.int16), *blocks])


def _samples(frame: av.AudioFrame) -> Samples:
    if frame.format.name == "s16":  # a view of the decoder's own buffer
        return np.frombuffer(memoryview(frame.planes[0]), np.int16, frame.samples)
    return frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)


class SoundEncoder:
    """Blocks of exactly 20 ms in, a packet each out."""

    def __init__(self, codec: AudioCodec, rate_hz: int) -> None:
        context = cast(AudioCodecContext, _context(codec.encoder, "w", codec.name))
        context.sample_rate = rate_hz
        context.layout, context.format = "mono", "s16"
        context.bit_rate = codec.bps
        context.time_base = Fraction(1, rate_hz)
        context.thread_count = 1
        context.options = dict(codec.options)
        try:
            context.open()
        except _FOREIGN as error:
            raise CodecFailed(f"{codec.name}: no encoder at {rate_hz} Hz") from error
        self._context = context
        self._name = codec.name
        self._size = rate_hz * BLOCK_MS // 1000
        self._pts = 0
        # one frame for all blocks: making it anew costs more than some encoders do
        self._frame = av.AudioFrame(format="s16", layout="mono", samples=self._size)
        self._frame.sample_rate = rate_hz
        self._frame.time_base = Fraction(1, rate_hz)

    def encode(self, block: Samples) -> list[bytes]:
        """Raises CodecFailed."""
        if len(block) != self._size:
            raise CodecFailed(f"{self._name}: a block of {len(block)} samples is not {BLOCK_MS} ms")
        frame = self._frame
        try:
            frame.planes[0].update(block.tobytes())
            frame.pts = self._pts
            self._pts += self._size
            return [bytes(each) for each in self._context.encode(frame)]
        except _FOREIGN as error:
            raise CodecFailed(f"{self._name}: not encodable") from error


def read_sound(path: str, rate_hz: int) -> Samples:
    """The whole sound of a file, whatever FFmpeg reads, as 16-bit mono. Raises CodecFailed."""
    try:
        with av.open(path) as container:
            resampler = AudioResampler(format="s16", layout="mono", rate=rate_hz)
            frames = [each for frame in container.decode(audio=0) for each in resampler.resample(frame)]
            frames += resampler.resample(None)
            blocks = [_samples(each) for each in frames]
    except (*_FOREIGN, IndexError) as error:
        raise CodecFailed(f"{path} is no sound that FFmpeg reads") from error
    return np.concatenate([np.zeros(0, np.int16), *blocks])
