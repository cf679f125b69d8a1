"""Sound and pictures: encoders, decoders, and the processes that run them."""

from bridge.codecs._av import Picture, Samples, Yuv, available, read_sound
from bridge.codecs.audio import AudioDecoder, AudioEncoder
from bridge.codecs.chain import Chain, JobBroke, WorkerDied
from bridge.codecs.machine import Machine, Recipe
from bridge.codecs.video import VideoDecoder, VideoEncoder
from bridge.codecs.workers import Workers

__all__ = [
    "VideoEncoder",
    "VideoDecoder",
    "AudioEncoder",
    "AudioDecoder",
    "Picture",
    "Yuv",
    "Samples",
    "Workers",
    "Chain",
    "Machine",
    "Recipe",
    "WorkerDied",
    "JobBroke",
    "available",
    "read_sound",
]
