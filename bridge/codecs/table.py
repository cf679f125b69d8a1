"""What is particular to each codec: names in the media library, rates, settings.

Video encoders: one thread, no look-ahead, no B-pictures; a picture that goes in comes out. H.264 is constrained
baseline with its parameter sets before each IDR picture, which every terminal and browser decodes. `ultrafast` costs a
fifth of `medium`. VP8 takes a negative cpu-used: positive values let libvpx adapt, and cost as much as 4.
H.263 is the first version of it, without annexes, which decoders of every payload format read; `ps` begins a new group
of blocks about so often, where packets can be cut.
Sound is mono everywhere; Opus is encoded at the rate of the other side, without a resampler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

BLOCK_MS = 20  # the block of every sound encoder
VIDEO_CLOCK_HZ = 90_000


@dataclass(frozen=True, slots=True)
class VideoCodec:
    """encoder, decoder: names in FFmpeg. changes_bitrate: without a new encoder.

    counts_pictures: its rate control and its picture numbers know pictures, not times.
    """

    name: str
    encoder: str
    decoder: str
    options: Mapping[str, str]
    changes_bitrate: bool
    counts_pictures: bool = False


@dataclass(frozen=True, slots=True)
class AudioCodec:
    """rate_hz: what the codec samples at when nobody asks otherwise; clock_hz: its RTP clock.

    encoder_rates_hz: what its encoder takes. An empty library name: done by tables of our own.
    """

    name: str
    encoder: str
    decoder: str
    rate_hz: int
    clock_hz: int
    encoder_rates_hz: tuple[int, ...]
    bps: int
    options: Mapping[str, str] = field(default_factory=dict)


VIDEO: Mapping[str, VideoCodec] = MappingProxyType(
    {
        "H264": VideoCodec(
            "H264",
            "libx264",
            "h264",
            {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "forced-idr": "1"},
            changes_bitrate=True,
        ),
        "VP8": VideoCodec(
            "VP8",
            "libvpx",
            "vp8",
            {
                "deadline": "realtime",
                "cpu-used": "-8",
                "lag-in-frames": "0",
                "auto-alt-ref": "0",
                "max-intra-rate": "600",
                "static-thresh": "1",
                "qmin": "4",
                "qmax": "63",
            },
            changes_bitrate=False,
        ),
        **{
            name: VideoCodec(name, "h263", "h263", {"ps": "400"}, changes_bitrate=False, counts_pictures=True)
            for name in ("H263-1998", "H263-2000", "H263")
        },
    }
)

AUDIO: Mapping[str, AudioCodec] = MappingProxyType(
    {
        "PCMU": AudioCodec("PCMU", "", "", 8000, 8000, (8000,), 64_000),
        "PCMA": AudioCodec("PCMA", "", "", 8000, 8000, (8000,), 64_000),
        "G722": AudioCodec("G722", "g722", "g722", 16_000, 8000, (16_000,), 64_000),
        "OPUS": AudioCodec(
            "OPUS",
            "libopus",
            "libopus",
            48_000,
            48_000,
            (8000, 12_000, 16_000, 24_000, 48_000),
            24_000,
            {"application": "voip", "frame_duration": "20", "vbr": "on", "fec": "1", "packet_loss": "10"},
        ),
    }
)
