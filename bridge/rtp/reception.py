"""What a receiver knows of one stream: loss, jitter, and the report block that says so (RFC 3550 appendix A)."""

from __future__ import annotations

from bridge.rtp.rtcp import ReportBlock

_FRESH_START = 3000  # a jump of more sequence numbers than this, either way, is a new start of the sender


class Reception:
    """Fed with every packet of a stream, in the order of arrival. `arrival_s` is of the monotonic clock."""

    __slots__ = ("_base", "_carried", "_clock_hz", "_cycles", "_expected_before", "_highest", "_jitter", "_lsr",
                 "_lsr_at_s", "_received", "_received_before", "_transit")  # fmt: skip

    def __init__(self, clock_hz: int) -> None:
        self._clock_hz = clock_hz
        self._highest = -1
        self._base = 0
        self._carried = 0
        self._cycles = 0
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._jitter = 0.0
        self._transit = 0.0
        self._lsr = 0
        self._lsr_at_s = 0.0

    def arrived(self, sequence: int, timestamp: int, arrival_s: float) -> None:
        highest = self._highest
        if highest < 0:
            self._start(sequence, timestamp, arrival_s)
            return
        step = (sequence - highest) & 0xFFFF
        if _FRESH_START < step < 0x10000 - _FRESH_START:
            self._start(sequence, timestamp, arrival_s)
            return
        if step < 0x8000:
            if sequence < highest:
                self._cycles += 0x10000
            self._highest = sequence
        self._received += 1
        # RFC 3550 appendix A.8, in units of the RTP clock
        transit = arrival_s * self._clock_hz - timestamp
        change = abs(transit - self._transit)
        self._transit = transit
        if change < 0x7FFFFFFF:  # else the timestamp wrapped between the two
            self._jitter += (change - self._jitter) / 16

    def on_time(self, arrival_s: float) -> int:
        """The timestamp with which a packet that arrives now shows no jitter: for those whose own means another."""
        return round(arrival_s * self._clock_hz - self._transit)

    def continues(self, sequence: int) -> bool:
        """Whether this may be the packet after the newest one, or one a little later."""
        return self._highest >= 0 and 0 < (sequence - self._highest) & 0xFFFF <= _FRESH_START

    def _start(self, sequence: int, timestamp: int, arrival_s: float) -> None:
        self._carried = self.lost
        self._highest = self._base = sequence
        self._cycles = 0
        self._received = 1
        self._expected_before = self._received_before = 0
        self._transit = arrival_s * self._clock_hz - timestamp

    def sender_reported(self, ntp: int, arrival_s: float) -> None:
        """Remember the sender report whose echo in our next report gives the sender its round-trip time."""
        self._lsr = ntp >> 16 & 0xFFFFFFFF
        self._lsr_at_s = arrival_s

    @property
    def lost(self) -> int:
        """Packets that never came since the stream began; retransmissions that came count as received."""
        if self._highest < 0:
            return 0
        return self._carried + max(0, self._cycles + self._highest - self._base + 1 - self._received)

    @property
    def transit_s(self) -> float:
        """Arrival less timestamp of the latest packet, from some zero: what grows in it is a queue."""
        return self._transit / self._clock_hz

    @property
    def jitter_ms(self) -> float:
        return 1000 * self._jitter / self._clock_hz

    def report(self, ssrc: int, now_s: float) -> ReportBlock | None:
        """The block about `ssrc` since the last call; None before the first packet."""
        if self._highest < 0:
            return None
        highest = self._cycles + self._highest
        expected = highest - self._base + 1
        expected_now = expected - self._expected_before
        lost_now = expected_now - (self._received - self._received_before)
        self._expected_before, self._received_before = expected, self._received
        fraction = min(255, (lost_now << 8) // expected_now) if expected_now > 0 and lost_now > 0 else 0
        lost = max(-0x800000, min(0x7FFFFF, expected - self._received))
        delay = round((now_s - self._lsr_at_s) * 65536) & 0xFFFFFFFF if self._lsr else 0
        return ReportBlock(ssrc, fraction, lost, highest & 0xFFFFFFFF, round(self._jitter), self._lsr, delay)


class RoundTrip:
    """Round-trip time from the echoes of our own sender reports (RFC 3550 section 6.4.1)."""

    __slots__ = ("_sent",)

    _KEPT = 8

    def __init__(self) -> None:
        self._sent: list[tuple[int, float]] = []

    def sent(self, ntp: int, now_s: float) -> None:
        """We sent a report with this 64-bit NTP time. It may be another machine's clock: only the echo matters."""
        self._sent.append((ntp >> 16 & 0xFFFFFFFF, now_s))
        del self._sent[: -self._KEPT]

    def heard(self, block: ReportBlock, now_s: float) -> float | None:
        """The round-trip time in ms, or None when the block echoes no report of ours."""
        for last_sr, sent_s in self._sent:
            if block.last_sr == last_sr:
                return max(0.0, 1000 * (now_s - sent_s - block.delay_since_last_sr / 65536))
        return None
