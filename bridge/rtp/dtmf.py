"""Key presses in RTP (RFC 4733): many packets, one press."""

from __future__ import annotations

from collections.abc import Callable

_DIGITS = "0123456789*#ABCD"
_LOST_END_S = 0.3  # six packets of silence: the three packets that end the press were lost


class KeyReader:
    """Reports each press once: when its end comes, when the next press begins, or when it falls silent.

    All packets of a press have the same RTP timestamp; its end is sent three times.
    """

    __slots__ = ("_clock_hz", "_digit", "_duration", "_heard_s", "_open", "_past", "_press", "_timestamp")

    def __init__(self, clock_hz: int, press: Callable[[str, int], None]) -> None:
        """press(digit, duration_ms)"""
        self._clock_hz = clock_hz
        self._press = press
        self._timestamp = -1
        self._past = -1  # timestamp of the press before: its end may come late, and is no press of its own
        self._open = False
        self._digit = ""
        self._duration = 0
        self._heard_s = 0.0

    def packet(self, timestamp: int, payload: bytes, now_s: float) -> int:
        """Returns the duration so far in ticks. Too short payloads and events that are no key are passed over."""
        if len(payload) < 4:
            return 0
        duration = payload[2] << 8 | payload[3]
        if payload[0] >= len(_DIGITS):
            return duration
        if timestamp == self._past:
            return duration
        if timestamp != self._timestamp:
            self._finish()
            self._past = self._timestamp
            self._timestamp = timestamp
            self._digit = _DIGITS[payload[0]]
            self._duration = 0
            self._open = True
        if self._open:
            self._heard_s = now_s
            self._duration = max(self._duration, duration)
            if payload[1] & 0x80:
                self._finish()
        return duration

    def tick(self, now_s: float) -> None:
        if self._open and now_s - self._heard_s >= _LOST_END_S:
            self._finish()

    def _finish(self) -> None:
        if self._open:
            self._open = False
            self._press(self._digit, 1000 * self._duration // self._clock_hz)
