"""What the gateway and a codec worker say to each other, framed on a socket pair.

    gateway -> worker   lists of MAKE, TURN, OBEY, DROP
    worker -> gateway   Hello first, then one Report for a few turns

A frame is four bytes of length (big endian) and a pickle. Both ends are one program; what came from the network only
travels inside the values. Tuples with a small number in front, not classes: pickling these costs a third.
"""

from __future__ import annotations

import pickle
import socket
import struct
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
_READ_BYTES = 1 << 16


def frame(value: object) -> bytes:
    data = pickle.dumps(value, 5)
    return _HEADER.pack(len(data)) + data


class Reader:
    """Whole values from a socket. The buffer is kept: one made for each read costs more than the read."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._held = bytearray()  # the beginning of a value whose rest is on its way

    def read(self, connection: socket.socket, flags: int = 0) -> list[Any] | None:
        """What came; None at the end. Raises BlockingIOError when there is nothing, OSError for a broken socket."""
        count = connection.recv_into(self._buffer, 0, flags)
        if not count:
            return None
        if not self._held:
            values, taken = _values(self._buffer[:count])
            self._held += self._buffer[taken:count]
            return values
        self._held += self._buffer[:count]
        with memoryview(self._held) as held:
            values, taken = _values(held)
        del self._held[:taken]
        return values


def _values(data: memoryview) -> tuple[list[Any], int]:
    """Whole values, and how many bytes they took."""
    values, start = [], 0
    while len(data) - start >= _HEADER.size:
        (size,) = _HEADER.unpack_from(data, start)
        end = start + _HEADER.size + size
        if end > len(data):
            break
        with data[start + _HEADER.size : end] as part:
            values.append(pickle.loads(part))  # noqa: S301 - of our own process
        start = end
    return values, start
