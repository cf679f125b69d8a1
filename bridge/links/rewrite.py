"""The relay's one step: a packet in the source's numbering becomes a packet in the target's."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.links.counters import PipelineCounters
from bridge.rtp.packet import HEADER, HEADER_BYTES, MARKER_BIT, VERSION_BITS, parse
from bridge.types import Codec

_unpack = HEADER.unpack_from
_pack = HEADER.pack

_LEAP = 3000  # RFC 3550 appendix A.1: a larger step in the sequence is a restart of the source
_LATE = 512  # so far behind the newest packet still counts as reordered
_MISSED_FOR_S = 5.0  # what has not come by then comes no more; long before the numbers come round


@dataclass(slots=True)
class Numbering:
    """Where a line's outgoing sequence numbers and timestamps stand.

    A line keeps its SSRC when a pipeline is swapped (hold, re-INVITE, another codec), so its numbers must go on:
    SRTP refuses numbers that were used before, and players take a jump for a loss. The next pipeline takes this over.
    The sequence starts below 2**15, so that a loss at the beginning cannot hide a wrap from SRTP (RFC 3711 3.3.1).
    """

    sequence: int = field(default_factory=lambda: secrets.randbits(15))
    timestamp: int = field(default_factory=lambda: secrets.randbits(32))
    at_s: float | None = None  # when the newest packet went out; None: nothing went out yet


class Rewrite:
    """Writes payload type, SSRC, sequence and timestamp of the target, strips extension, CSRCs and padding.

        source   61001 61002 | 17 18 19 (another SSRC)
        target     501   502 |503 504 505

    Gaps stay gaps, so that the far side sees a loss as one; over empty packets the numbers close up. Behind the newest
    packet only numbers that are missing pass, each once: a source that uses a number twice with other content must not
    make us seal two packets under one (RFC 3711 section 9.1). When the source changes its SSRC or starts anew, sequence
    and timestamp go on from the newest packet, the latter by the time that has passed.
    """

    def __init__(
        self,
        source: Codec,
        send: Callable[[bytes], None],
        *,
        payload_type: int,
        ssrc: int,
        numbering: Numbering,
        counters: PipelineCounters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source_type = source.payload_type
        self._clock_hz = source.clock_hz
        self._send = send
        self._payload_type = payload_type
        self._target_ssrc = ssrc
        self._numbering = numbering
        self._counters = counters
        self._clock = clock
        self._source_ssrc = -1  # no SSRC: the first packet is a new source
        self._last_sequence = 0
        self._last_timestamp = 0
        self._shift = 0
        self._time_shift = 0
        self._before = (0, 0)  # packets older than this sequence take that shift
        self._floor = 0  # packets older than this have no number any more
        self._missing: dict[int, float] = {}  # numbers of the source that were left out, and when

    def push(self, packet: bytes) -> None:
        if len(packet) < HEADER_BYTES:
            self._counters.malformed_packets += 1
            return
        first, second, sequence, timestamp, ssrc = _unpack(packet)
        if second & 0x7F != self._source_type:
            self._counters.foreign_packets += 1
            return
        payload = packet[HEADER_BYTES:] if first == VERSION_BITS else _payload(packet)
        if not payload:
            self._empty(packet, sequence, ssrc)
            return
        if ssrc == self._source_ssrc and (sequence - self._last_sequence) & 0xFFFF == 1:
            self._last_sequence = sequence
            self._last_timestamp = timestamp
            self._numbering.at_s = self._clock()
            shift = self._shift
        else:
            found = self._unusual(sequence, timestamp, ssrc)
            if found is None:
                return
            shift = found
        self._send(
            _pack(
                VERSION_BITS,
                second & MARKER_BIT | self._payload_type,
                (sequence + shift) & 0xFFFF,
                (timestamp + self._time_shift) & 0xFFFFFFFF,
                self._target_ssrc,
            )
            + payload
        )

    def insert(self, payload: bytes, ahead_of: bytes) -> None:
        """Sends a packet of our own just before one of the source, whose numbers then move up by one."""
        _, second, sequence, timestamp, ssrc = _unpack(ahead_of)
        if ssrc == self._source_ssrc and (self._last_sequence - sequence) & 0xFFFF < _LATE:
            return  # it comes late; what is to be inserted goes with the next picture
        self.push(_pack(VERSION_BITS, second & 0x7F, sequence, timestamp, ssrc) + payload)
        if sequence != self._last_sequence or ssrc != self._source_ssrc:
            return
        if self._before[0] != sequence:
            self._bound(sequence)
        self._shift += 1
        self._last_sequence = (sequence - 1) & 0xFFFF

    def translate(self, timestamp: int) -> int | None:
        """A timestamp of the source in the target's time base; None before the first packet."""
        if self._source_ssrc < 0:
            return None
        return (timestamp + self._time_shift) & 0xFFFFFFFF

    def close(self) -> None:
        self._send = _nowhere
        if self._source_ssrc >= 0:
            self._settle()

    def __str__(self) -> str:
        return f"Rewrite(PT {self._payload_type}, SSRC)"

    def _empty(self, packet: bytes, sequence: int, ssrc: int) -> None:
        """Padding without media (bandwidth probes), or no RTP at all: the numbers close up over it."""
        if parse(packet) is None:
            self._counters.malformed_packets += 1
            return
        self._counters.empty_packets += 1
        if ssrc == self._source_ssrc and 0 < (sequence - self._last_sequence) & 0xFFFF < _LEAP:
            self._miss_up_to(sequence)
            self._bound(sequence)
            self._shift -= 1
            self._last_sequence = sequence

    def _unusual(self, sequence: int, timestamp: int, ssrc: int) -> int | None:
        """The shift for a packet that does not follow the newest one; None: drop it."""
        behind = (self._last_sequence - sequence) & 0xFFFF
        if ssrc == self._source_ssrc and behind < _LATE:
            return self._late(sequence, behind)
        if ssrc == self._source_ssrc and 0x10000 - behind < _LEAP:
            self._miss_up_to(sequence)
            self._last_sequence, self._last_timestamp = sequence, timestamp
            self._numbering.at_s = self._clock()
        else:
            self._adopt(sequence, timestamp, ssrc)
        return self._shift

    def _late(self, sequence: int, behind: int) -> int | None:
        missed_s = self._missing.pop(sequence, None)
        if missed_s is None or self._clock() - missed_s > _MISSED_FOR_S:
            self._counters.duplicate_packets += 1
            return None
        if 0 < (self._floor - sequence) & 0xFFFF <= behind:
            self._counters.late_packets += 1
            return None
        boundary, shift = self._before
        return shift if 0 < (boundary - sequence) & 0xFFFF <= behind else self._shift

    def _miss_up_to(self, sequence: int) -> None:
        """The numbers between the newest packet and this one may still come; of the older ones, what is not too old."""
        now_s = self._clock()
        step = (sequence - self._last_sequence) & 0xFFFF
        if self._missing:
            self._missing = {
                each: at_s
                for each, at_s in self._missing.items()
                if now_s - at_s <= _MISSED_FOR_S and (sequence - each) & 0xFFFF < _LATE
            }
        for back in range(1, min(step, _LATE)):
            self._missing[(sequence - back) & 0xFFFF] = now_s

    def _adopt(self, sequence: int, timestamp: int, ssrc: int) -> None:
        if self._source_ssrc >= 0:
            self._settle()
        numbering = self._numbering
        now_s = self._clock()
        passed_s = 0.0 if numbering.at_s is None else max(0.001, now_s - numbering.at_s)
        self._shift = numbering.sequence + 1 - sequence
        self._time_shift = numbering.timestamp + max(1, round(passed_s * self._clock_hz)) - timestamp
        self._before = (sequence, self._shift)
        # below the first packet of all every number is free; below a later source's they are the last one's
        first_of_all = numbering.at_s is None
        self._floor = (sequence - _LATE if first_of_all else sequence) & 0xFFFF
        self._missing = {(sequence - back) & 0xFFFF: now_s for back in range(1, _LATE)} if first_of_all else {}
        self._source_ssrc = ssrc
        self._last_sequence = sequence
        self._last_timestamp = timestamp
        numbering.at_s = now_s

    def _bound(self, sequence: int) -> None:
        """From here on another shift. Only one boundary is kept: what is older than the last one is dropped, since
        its number may be another packet's by now, and SRTP must never seal two packets under one (RFC 3711 9.1).
        """
        self._floor = self._before[0]
        self._before = (sequence, self._shift)

    def _settle(self) -> None:
        """Writes down how far this source came."""
        self._numbering.sequence = (self._last_sequence + self._shift) & 0xFFFF
        self._numbering.timestamp = (self._last_timestamp + self._time_shift) & 0xFFFFFFFF


def _payload(packet: bytes) -> bytes:
    header = parse(packet)
    return b"" if header is None else packet[header.payload_start : header.payload_end]


def _nowhere(packet: bytes) -> None:
    """Where a closed pipeline sends."""
