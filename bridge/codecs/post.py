"""What the gateway and a codec worker say to each other, framed on a socket pair.

    gateway -> worker   lists of MAKE, TURN, OBEY, DROP
    worker -> gateway   Hello first, then one Report for a few turns

A frame is four bytes of length (big endian) and a pickle. Both ends are one program; what came from the network only
travels inside the values. Tuples with a small number in front, not classes: pickling these costs a third.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Iterator
from typing import Any

SOUND, PICTURES = b"s", b"p"  # to the nursery, with the socket of the worker that it is to fork

MAKE = 0  # (MAKE, chain, recipe)
TURN = 1  # (TURN, chain, item, monotonic time of submission)
OBEY = 2  # (OBEY, chain, order)
DROP = 3  # (DROP, chain)
Order = tuple[Any, ...]

WON = 0  # (WON, chain, value, wait_s)
LOST = 1  # (LOST, chain, CodecFailed or CodecMissing, wait_s)
BROKE = 2  # (BROKE, chain, traceback as text, wait_s)
Outcome = tuple[int, int, Any, float]

HELLO = "hello"  # (HELLO, process id)
REPORT = "report"  # (REPORT, outcomes, CPU seconds of the worker since its start)

_HEADER = struct.Struct("!I")


def frame(value: object) -> bytes:
    data = pickle.dumps(value, 5)
    return _HEADER.pack(len(data)) + data


class Reader:
    """Bytes in any pieces; whole values out."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        held = self._held
        held += data
        while len(held) >= _HEADER.size:
            (size,) = _HEADER.unpack_from(held)
            end = _HEADER.size + size
            if len(held) < end:
                return
            value = pickle.loads(memoryview(held)[_HEADER.size : end].tobytes())  # noqa: S301 - of our own process
            del held[:end]
            yield value
