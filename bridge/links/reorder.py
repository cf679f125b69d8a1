"""Packets in their order again: what loss repair brings late waits for its turn, within bounds."""

from __future__ import annotations

import time
from collections.abc import Callable

from bridge.links.counters import PipelineCounters
from bridge.rtp.packet import HEADER_BYTES

_LEAP = 3000  # a larger step is a restart of the source, as in Rewrite
_MOST_HELD = 256  # a second of video at 2 Mb/s


class Reorder:
    """Holds packets behind a gap until it is filled, `wait_ms` have passed or too many are held.

    No timer: packets are due only when others come, and a source that stopped has nothing to be late for.
    """

    def __init__(
        self,
        onward: Callable[[bytes], None],
        *,
        wait_ms: int,
        counters: PipelineCounters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._onward = onward
        self._wait_ms = wait_ms
        self._counters = counters
        self._clock = clock
        self._next = -1
        self._ssrc = b""
        self._held: dict[int, bytes] = {}
        self._gap_since_s = 0.0

    def push(self, packet: bytes) -> None:
        if len(packet) < HEADER_BYTES:
            self._counters.malformed_packets += 1
            return
        sequence = packet[2] << 8 | packet[3]
        if sequence == self._next and not self._held:
            self._next = (sequence + 1) & 0xFFFF
            self._onward(packet)
        else:
            self._out_of_order(packet, sequence)

    def close(self) -> None:
        self._held.clear()

    def __str__(self) -> str:
        return f"Reorder({self._wait_ms} ms)"

    def _out_of_order(self, packet: bytes, sequence: int) -> None:
        step = (sequence - self._next) & 0xFFFF
        if packet[8:12] != self._ssrc or _LEAP <= step <= 0x10000 - _LEAP or self._next < 0:
            self._begin(packet, sequence)
            return
        if step >= _LEAP:
            self._counters.late_packets += 1
            return
        if sequence in self._held:
            self._counters.duplicate_packets += 1
            return
        now_s = self._clock()
        new_gap = not self._held
        self._held[sequence] = packet
        if self._release() or new_gap:
            self._gap_since_s = now_s
        waited_ms = (now_s - self._gap_since_s) * 1000
        if self._held and (waited_ms >= self._wait_ms or len(self._held) > _MOST_HELD):
            self._give_up()
            self._gap_since_s = now_s

    def _begin(self, packet: bytes, sequence: int) -> None:
        """Another source: what waits of the old one goes out as it is."""
        while self._held:
            self._give_up()
        self._ssrc = packet[8:12]
        self._next = (sequence + 1) & 0xFFFF
        self._onward(packet)

    def _give_up(self) -> None:
        """The packets of the gap are lost: go on with the oldest that is here."""
        nearest = min((each - self._next) & 0xFFFF for each in self._held)
        self._counters.missing_packets += nearest
        self._next = (self._next + nearest) & 0xFFFF
        self._release()

    def _release(self) -> bool:
        """Passes on what has its turn; whether there was any."""
        before = self._next
        while (packet := self._held.pop(self._next, None)) is not None:
            self._next = (self._next + 1) & 0xFFFF
            self._onward(packet)
        return self._next != before
