"""Key presses in RTP (RFC 4733): many packets, one press."""

from __future__ import annotations

from collections.abc import Callable

_DIGITS = "0123456789*#ABCD!"  # events 0 to 16; ! is a hook flash (RFC 4733 section 3.2)
_LOST_END_S = 0.3  # six packets of silence: the three packets that end the press were lost
_LONGEST_TICKS = 0xFFFF  # a press that is longer goes on under another timestamp (RFC 4733 section 2.5.1.3)
_NEARLY_LONGEST_TICKS = 0xF000  # the last packet of a part may be lost


class KeyReader:
    """Reports each press once: when its end comes, when the next press begins, or when it falls silent.

    All packets of a press have the same RTP timestamp; its end is sent three times. A press of more than eight seconds
    has several parts.
    """

    __slots__ = ("_clock_hz", "_digit", "_duration", "_heard_s", "_open", "_parts", "_past", "_press", "_timestamp")

    def __init__(self, clock_hz: int, press: Callable[[str, int], None]) -> None:
        """press(digit, duration_ms)"""
        self._clock_hz = clock_hz
        self._press = press
        self._timestamp = -1
        self._past = -1  # timestamp of the press before: its end may come late, and is no press of its own
        self._open = False
        self._digit = ""
        self._duration = 0  # of the present part
        self._parts = 0  # ticks of the parts before
        self._heard_s = 0.0

    def packet(self, timestamp: int, payload: bytes, now_s: float) -> None:
        """Too short payloads and events that are no key are passed over."""
        if len(payload) < 4 or payload[0] >= len(_DIGITS) or timestamp == self._past:
            return
        if timestamp != self._timestamp:
            self._begin(timestamp, _DIGITS[payload[0]])
        if self._open:
            self._heard_s = now_s
            self._duration = max(self._duration, payload[2] << 8 | payload[3])
            if payload[1] & 0x80:
                self._finish()

    def tick(self, now_s: float) -> None:
        if self._open and now_s - self._heard_s >= _LOST_END_S:
            self._finish()

    def _begin(self, timestamp: int, digit: str) -> None:
        """A press, or the next part of a long one."""
        passed = (timestamp - self._timestamp) & 0xFFFFFFFF
        longest = self._duration >= _NEARLY_LONGEST_TICKS and passed <= 2 * _LONGEST_TICKS
        if self._open and digit == self._digit and longest:
            self._parts += _LONGEST_TICKS
        else:
            self._finish()
            self._parts = 0
        self._past = self._timestamp
        self._timestamp = timestamp
        self._digit = digit
        self._duration = 0
        self._open = True

    def _finish(self) -> None:
        if self._open:
            self._open = False
            self._press(self._digit, 1000 * (self._parts + self._duration) // self._clock_hz)
