"""libopus itself, for what FFmpeg's decoder cannot: forward error correction and concealment of lost packets.

PyAV brings the library along; FFmpeg only ever calls it with packets that came. An object belongs to one thread.
"""

from __future__ import annotations

import ctypes.util
import functools
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from cffi import FFI
from numpy.typing import NDArray

from bridge.errors import CodecFailed, CodecMissing

Samples = NDArray[np.int16]

_MOST_MS = 120  # one packet or one loss; RFC 6716 section 2.1.4
_STEP_MS = 2.5

_ffi = FFI()
_ffi.cdef(
    """
    typedef struct OpusDecoder OpusDecoder;
    OpusDecoder *opus_decoder_create(int32_t rate_hz, int channels, int *error);
    void opus_decoder_destroy(OpusDecoder *decoder);
    int opus_decode(OpusDecoder *decoder, const unsigned char *data, int32_t size, int16_t *pcm, int samples, int fec);
    """
)


@functools.cache
def _library() -> Any:
    """Raises CodecMissing."""
    for place in _places():
        try:
            return _ffi.dlopen(place)
        except OSError:
            continue
    raise CodecMissing(
        "OPUS needs libopus: the wheel of PyAV brings it (pip install --force-reinstall av), or apt install libopus0"
    )


def _places() -> list[str]:
    found = [] if (name := ctypes.util.find_library("opus")) is None else [name]
    spec = importlib.util.find_spec("av")
    if spec is not None and spec.origin is not None:
        beside = Path(spec.origin).parent.parent / "av.libs"
        found = [*map(str, sorted(beside.glob("libopus-*.so*"))), *found]  # the very one that encodes
    return found


class OpusDecoder:
    """Mono at `rate_hz` (8, 12, 16, 24 or 48 kHz), whatever the packets were made at."""

    def __init__(self, rate_hz: int) -> None:
        """Raises CodecMissing; CodecFailed for another rate."""
        library = _library()
        error = _ffi.new("int *")
        state = library.opus_decoder_create(rate_hz, 1, error)
        if error[0] != 0:
            raise CodecFailed(f"OPUS cannot be decoded at {rate_hz} Hz")
        self._state = _ffi.gc(state, library.opus_decoder_destroy)
        self._decode = library.opus_decode
        self._step = int(rate_hz * _STEP_MS / 1000)
        self._most = rate_hz * _MOST_MS // 1000
        self._pcm = np.zeros(self._most, np.int16)
        self._out = _ffi.cast("int16_t *", self._pcm.ctypes.data)

    def decode(self, data: bytes) -> Samples:
        """A packet that came; none at all is no sound. Raises CodecFailed."""
        if not data:
            return np.zeros(0, np.int16)
        return self._turn(data, self._most, fec=0)

    def conceal(self, count: int, next_packet: bytes = b"") -> Samples:
        """`count` samples that did not come, of 120 ms at most: from what the next packet knows of them, else guessed.

        To be called before `next_packet` itself is decoded.
        """
        wanted = min(self._most, max(self._step, round(count / self._step) * self._step))
        return self._turn(next_packet or None, wanted, fec=1)[:count]

    def _turn(self, data: bytes | None, samples: int, *, fec: int) -> Samples:
        size = len(data) if data else 0
        found = self._decode(self._state, data or _ffi.NULL, size, self._out, samples, fec)
        if found < 0:
            raise CodecFailed("OPUS: not decodable")
        return self._pcm[:found].copy()
