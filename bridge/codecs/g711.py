"""G.711 by tables: a block of sound is one look-up, and one law to the other is one `bytes.translate`."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop  # from Python 3.13 on the same module comes from audioop-lts

Samples = NDArray[np.int16]

_BIAS = 0x84
_ALAW_MASK = 0x55


def _mu_law_values() -> Samples:
    """ITU-T G.711 table 2a: what each byte sounds like."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent = (code >> 4 & 7).astype(np.int32)
    magnitude = ((code & 0x0F).astype(np.int32) << 3) + _BIAS << exponent
    magnitude -= _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _a_law_values() -> Samples:
    """ITU-T G.711 table 1a."""
    code = np.arange(256, dtype=np.uint8) ^ _ALAW_MASK
    exponent = (code >> 4 & 7).astype(np.int32)
    step = ((code & 0x0F).astype(np.int32) << 4) + 8
    magnitude = np.where(exponent == 0, step, (step + 0x100) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _nearest(values: Samples) -> NDArray[np.uint8]:
    """The byte whose value is nearest, for each of the 65,536 samples; index: the sample as uint16."""
    order = np.argsort(values, kind="stable")
    ranked = values[order].astype(np.int32)
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    borders = (ranked[:-1] + ranked[1:] + 1) // 2
    return order[np.searchsorted(borders, samples, side="right")].astype(np.uint8)


VALUES = {"PCMU": _mu_law_values(), "PCMA": _a_law_values()}
_CODES = {name: _nearest(values) for name, values in VALUES.items()}


def decode(name: str, data: bytes) -> Samples:
    """16-bit samples, 8 kHz mono, as many as bytes."""
    return VALUES[name][np.frombuffer(data, np.uint8)]


def encode(name: str, samples: Samples) -> bytes:
    return _CODES[name][np.ascontiguousarray(samples, np.int16).view(np.uint16)].tobytes()


def translation(source: str, target: str) -> bytes:
    """The 256-byte table for `bytes.translate` from one law to the other."""
    return encode(target, VALUES[source])


class Sum:
    """Of two voices that speak at once, in the target's law. Each is the name of a law."""

    def __init__(self, one: str, other: str, target: str) -> None:
        self._one, self._other, self._target = _LINEAR[one], _LINEAR[other], _LAW[target]

    def of(self, one: bytes, other: bytes) -> bytes:
        """As many codes as each has; what would be too loud is cut off."""
        return self._target(audioop.add(self._one(one, 2), self._other(other, 2), 2), 2)


_LINEAR = {"PCMU": audioop.ulaw2lin, "PCMA": audioop.alaw2lin}
_LAW = {"PCMU": audioop.lin2ulaw, "PCMA": audioop.lin2alaw}
