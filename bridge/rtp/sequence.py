"""Arithmetic of 16-bit sequence numbers and 32-bit timestamps that wrap (RFC 3550 appendix A.1)."""

from __future__ import annotations


def distance(newer: int, older: int) -> int:
    """Signed steps from `older` to `newer`, -32768 to 32767."""
    return ((newer - older + 0x8000) & 0xFFFF) - 0x8000


def timestamp_distance(newer: int, older: int) -> int:
    """Signed ticks from `older` to `newer`, modulo 2**32."""
    return ((newer - older + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class Unwrapper:
    """Turns wrapping sequence numbers into ever-growing integers.

    >>> u = Unwrapper(); [u.unwrap(n) for n in (65534, 65535, 0, 65533)]
    [65534, 65535, 65536, 65533]
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def unwrap(self, sequence: int) -> int:
        if self._last is None:
            self._last = sequence
            return sequence
        extended = self._last + distance(sequence, self._last & 0xFFFF)
        self._last = max(self._last, extended)
        return extended
