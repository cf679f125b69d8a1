"""Packets in their order again: what loss repair brings late waits for its turn, within bounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bridge.links.counters import PipelineCounters
from bridge.rtp.packet import HEADER_BYTES, parse

_LEAP = 3000  # a larger step is a restart of the source, as in Rewrite
_HOPELESS = 64  # a gap as long as that is an outage, which nothing fills
_MOST_HELD = 256  # a second of video at 2 Mb/s
_REMEMBERED = 256  # packets that were given up
_JUMP_AFTER_S = 0.06  # within that a network may have swapped two pictures
_MARGIN = 1.25
_MARGIN_MS = 5.0
_EASE, _EASE_MS = 0.9, 0.5  # after each gap that nothing filled


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a packet that is missing may hold up those behind it; between the two, as long as late ones have taken.

    Where packets are lost and none comes late, waiting is of no use, and it goes down to least_ms.
    """

    least_ms: float
    first_ms: float
    most_ms: float


class Reorder:
    """Holds packets behind a gap until it is filled, the patience is over or too many are held.

    A packet in order passes at the price of a comparison. No timer: packets are due only when others come, and a source
    that stopped has nothing to be late for.
    """

    def __init__(
        self,
        onward: Callable[[bytes], None],
        patience: Patience,
        *,
        counters: PipelineCounters,
        gave_up: Callable[[], None] | None = None,
        begins: Callable[[bytes, int, int], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """gave_up: is called when something is missing for good. begins: the start of what needs nothing before it."""
        self._onward = onward
        self._gave_up = gave_up
        self._begins = begins
        self._patience = patience
        self.wait_ms = patience.first_ms  # at present
        self._counters = counters
        self._clock = clock
        self._next = -1
        self._ssrc = b""
        self._held: dict[int, tuple[bytes, float]] = {}  # with the time of arrival
        self._given_up: dict[int, float] = {}  # when the gap was seen

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
        return f"Reorder({self._patience.most_ms:g} ms)"

    def _out_of_order(self, packet: bytes, sequence: int) -> None:
        step = (sequence - self._next) & 0xFFFF
        if packet[8:12] != self._ssrc or _LEAP <= step <= 0x10000 - _LEAP or self._next < 0:
            self._begin(packet, sequence)
            return
        now_s = self._clock()
        if step >= _LEAP:
            self._behind(sequence, now_s)
            return
        if sequence in self._held:
            self._counters.duplicate_packets += 1
            return
        if step == 0:
            self._learn(now_s - self._gap_seen_s())
        self._held[sequence] = (packet, now_s)
        self._release()
        if self._held and self._begins is not None:
            self._jump(packet, sequence, now_s)
        hopeless = step > _HOPELESS or len(self._held) > _MOST_HELD
        while self._held and (hopeless or (now_s - self._gap_seen_s()) * 1000 >= self.wait_ms):
            self._give_up()
            hopeless = len(self._held) > _MOST_HELD

    def _jump(self, packet: bytes, sequence: int, now_s: float) -> None:
        """A whole picture is here, for which nobody needs what is missed before it."""
        header = parse(packet)
        if header is None or self._begins is None or now_s - self._gap_seen_s() < _JUMP_AFTER_S:
            return
        if self._begins(packet, header.payload_start, header.payload_end):
            while sequence in self._held:
                self._give_up()

    def _begin(self, packet: bytes, sequence: int) -> None:
        """Another source: what waits of the old one goes out as it is."""
        while self._held:
            self._give_up()
        self._given_up.clear()
        self._ssrc = packet[8:12]
        self._next = (sequence + 1) & 0xFFFF
        self._onward(packet)

    def _behind(self, sequence: int, now_s: float) -> None:
        """Its turn is over: given up too early, or it came twice."""
        seen_s = self._given_up.pop(sequence, None)
        if seen_s is None:
            self._counters.duplicate_packets += 1
            return
        self._counters.late_packets += 1
        self._learn(now_s - seen_s)

    def _learn(self, late_s: float) -> None:
        """A missing packet came so long after the gap was seen."""
        enough_ms = late_s * 1000 * _MARGIN + _MARGIN_MS
        if enough_ms > self.wait_ms:
            self.wait_ms = min(enough_ms, self._patience.most_ms)
        else:
            self.wait_ms += (enough_ms - self.wait_ms) / 64
        self.wait_ms = max(self.wait_ms, self._patience.least_ms)

    def _gap_seen_s(self) -> float:
        """When the first packet from behind the gap came; something is held."""
        return min(at_s for _, at_s in self._held.values())

    def _give_up(self) -> None:
        """The packets of the gap are lost: go on with the oldest that is here."""
        nearest = min((each - self._next) & 0xFFFF for each in self._held)
        self._counters.missing_packets += nearest
        self._remember(nearest)
        self.wait_ms = max(self._patience.least_ms, self.wait_ms * _EASE - _EASE_MS)
        self._next = (self._next + nearest) & 0xFFFF
        if self._gave_up is not None:
            self._gave_up()
        self._release()

    def _remember(self, count: int) -> None:
        if len(self._given_up) + count > _REMEMBERED:
            self._given_up.clear()
        seen_s = self._gap_seen_s()
        for step in range(min(count, _REMEMBERED)):
            self._given_up[(self._next + step) & 0xFFFF] = seen_s

    def _release(self) -> None:
        """Passes on what has its turn."""
        while (held := self._held.pop(self._next, None)) is not None:
            self._next = (self._next + 1) & 0xFFFF
            self._onward(held[0])
