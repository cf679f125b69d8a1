"""Sound encoders and decoders as small classes over 16-bit mono samples."""

from __future__ import annotations

from bridge.codecs import g711
from bridge.codecs._av import Samples, SoundDecoder, SoundEncoder
from bridge.codecs._opus import OpusDecoder
from bridge.codecs.table import AUDIO, BLOCK_MS, AudioCodec
from bridge.errors import CodecFailed, CodecMissing
from bridge.links.link import EncodedFrame


def audio_codec(name: str) -> AudioCodec:
    """Raises CodecMissing for a codec that the product does not do."""
    if name not in AUDIO:
        raise CodecMissing(f"there is no audio codec {name}; there are {', '.join(AUDIO)}")
    return AUDIO[name]


class AudioEncoder:
    """Blocks of 20 ms. rate_hz: of the samples it takes; Opus takes 8, 12, 16, 24 and 48 kHz, the others their own."""

    def __init__(self, name: str, rate_hz: int | None = None) -> None:
        """Raises CodecMissing; CodecFailed for a rate that the codec does not take."""
        self.codec = audio_codec(name)
        self.rate_hz = rate_hz or self.codec.rate_hz
        self.block = self.rate_hz * BLOCK_MS // 1000
        if self.rate_hz not in self.codec.encoder_rates_hz:
            raise CodecFailed(f"{name} takes {self.codec.encoder_rates_hz} Hz, not {self.rate_hz}")
        self._encoder = SoundEncoder(self.codec, self.rate_hz) if self.codec.encoder else None

    def encode(self, samples: Samples, timestamp: int) -> list[EncodedFrame]:
        """samples: int16, `block` of them. timestamp: RTP, in the codec's RTP clock. Raises CodecFailed."""
        if self._encoder is None:
            return [EncodedFrame(g711.encode(self.codec.name, samples), timestamp)]
        return [EncodedFrame(each, timestamp) for each in self._encoder.encode(samples)]


class AudioDecoder:
    """rate_hz: of the samples it gives (Opus any rate that it takes, 48 kHz at first; G.722 16 kHz, G.711 8 kHz)."""

    def __init__(self, name: str, rate_hz: int | None = None) -> None:
        """Raises CodecMissing; CodecFailed for a rate that the codec does not give."""
        self.codec = audio_codec(name)
        self.rate_hz = rate_hz or self.codec.rate_hz
        self._opus = OpusDecoder(self.rate_hz) if name == "OPUS" else None
        if self._opus is None and self.rate_hz != self.codec.rate_hz:
            raise CodecFailed(f"{name} gives {self.codec.rate_hz} Hz, not {self.rate_hz}")
        self._library = SoundDecoder(self.codec) if self.codec.decoder and self._opus is None else None

    def decode(self, frame: EncodedFrame) -> Samples:
        """int16 mono samples of the block. Raises CodecFailed."""
        if self._opus is not None:
            return self._opus.decode(frame.data)
        if self._library is not None:
            return self._library.decode(frame.data)
        return g711.decode(self.codec.name, frame.data)

    def conceal(self, count: int, following: EncodedFrame) -> Samples | None:
        """What the codec itself makes of `count` lost samples before `following`; None where it cannot.

        Before `following` is decoded. Raises CodecFailed.
        """
        return None if self._opus is None else self._opus.conceal(count, following.data)
