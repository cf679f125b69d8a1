"""When what a packet carries happened, on the recording's one timeline.

    sender reports of both lines of a side    RTP time -> the side's own clock -> our clock (least delay seen)
    none yet, or none that can be true        RTP time -> our clock (least delay seen), each line for itself

The first keeps lips and voice together however long an encoder takes. The least delay is what arrival would be without
jitter; it gives way slowly, so that clocks may drift. What disagrees with arrival by a second was no jitter: a hold, a
new source or a clock that was set; the line begins anew at its arrival, and the pause shows as a pause.
"""

from __future__ import annotations

from bridge.legs.leg import SenderReport
from bridge.rtp.sequence import timestamp_distance

_WHOLE, _HALF = 1 << 32, 1 << 31  # of an RTP timestamp
_NTP_S = 1 << 32  # an NTP timestamp's unit is 2**-32 s
_BELIEVED_S = 1.0
_GIVE = 2e-4  # seconds a second: twice what two bad quartzes part by
_FRESH_S = 0.2  # for so long a line's clock is taken to run evenly
_EVEN_S = 0.5


class LeastDelay:
    """Instants of another clock on ours: by the shortest way that any took."""

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._at_s = 0.0

    def place(self, other_s: float, at_s: float) -> float:
        """`other_s` on our clock, where it arrived at `at_s`."""
        offset_s, sample_s = self._offset_s, at_s - other_s
        if offset_s is None or sample_s <= offset_s or sample_s - offset_s > _BELIEVED_S:
            self._offset_s = sample_s
            self._at_s = at_s
            return at_s
        elapsed_s = at_s - self._at_s
        if elapsed_s > 0.0:
            offset_s = min(sample_s, offset_s + _GIVE * elapsed_s)
            self._offset_s, self._at_s = offset_s, at_s
        return other_s + offset_s


class SideClock(LeastDelay):
    """The wall clock of one side, which its two lines share."""


class LineClock:
    """One line of a side. hertz: its RTP clock."""

    def __init__(self, hertz: int, side: SideClock) -> None:
        self._hertz = hertz
        self._side = side
        self._own = LeastDelay()
        self._ssrc: int | None = None
        self._timestamp = 0
        self._ticks = 0
        self._report: tuple[float, int] | None = None  # (seconds of the side's clock, RTP timestamp)
        self._fresh_until_s = 0.0
        self._found_s = 0.0  # when self._timestamp happened

    def reported(self, report: SenderReport) -> None:
        """One without a time says nothing (RFC 3550 section 6.4.1 allows it)."""
        if report.ntp:
            self._fresh_until_s = 0.0
            self._report = (report.ntp / _NTP_S, report.rtp)

    def at(self, timestamp: int, ssrc: int, at_s: float) -> float:
        """When it happened, in seconds of our clock. Worked out anew a few times a second, counted on between."""
        if at_s < self._fresh_until_s and ssrc == self._ssrc:
            found_s = self._found_s + ((timestamp - self._timestamp + _HALF) % _WHOLE - _HALF) / self._hertz
            if -_EVEN_S < found_s - at_s < _EVEN_S:
                return found_s
        self._found_s = self._look(timestamp, ssrc, at_s)
        self._fresh_until_s = at_s + _FRESH_S
        return self._found_s

    def _look(self, timestamp: int, ssrc: int, at_s: float) -> float:
        if ssrc != self._ssrc:
            if self._ssrc is not None:
                self._report = None  # of the stream before
            self._ssrc, self._own, self._timestamp = ssrc, LeastDelay(), timestamp
        self._ticks += timestamp_distance(timestamp, self._timestamp)
        self._timestamp = timestamp
        own_s = self._own.place(self._ticks / self._hertz, at_s)
        if self._report is None:
            return own_s
        said_s, reported = self._report
        there_s = said_s + timestamp_distance(timestamp, reported) / self._hertz
        told_s = self._side.place(there_s, at_s)
        return told_s if abs(told_s - at_s) < _BELIEVED_S else own_s
