"""RTP packets in order become whole compressed pictures; what a loss spoilt is left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bridge.errors import CodecMissing
from bridge.links import h263, h264, vp8
from bridge.links.counters import PipelineCounters
from bridge.links.link import EncodedFrame
from bridge.links.parameter_sets import described_sets
from bridge.rtp.packet import RtpHeader, parse
from bridge.rtp.sequence import timestamp_distance
from bridge.types import Codec

_PATIENCE_TICKS = 90_000  # after a second without a keyframe a spoilt picture is better than none


class Assembler(Protocol):
    """One payload format. `add` says False for a payload that cannot be."""

    def add(self, payload: bytes) -> bool: ...

    def take(self) -> tuple[bytes, bool] | None: ...

    def clear(self) -> None: ...

    def begins(self, payload: bytes) -> bool: ...

    def continues(self, payload: bytes, /) -> bool: ...


def assembler(codec: Codec) -> Assembler:
    """Raises CodecMissing."""
    if codec.name == "H264":
        return h264.Assembler(described_sets(codec))
    if codec.name == "VP8":
        return vp8.Assembler()
    if codec.name in h263.FORMATS:
        return h263.AssemblerOf1996() if codec.name == "H263" else h263.Assembler()
    raise CodecMissing(
        f"there is no payload format for {codec.name}; there are H264, VP8 and {', '.join(h263.FORMATS)}"
    )


class Depacketize:
    """push(packet) -> onward(EncodedFrame). A gap spoils the picture at hand, asks for a keyframe and waits for it.

    It waits a second at most: some stations cannot be asked, and would show nothing until their next keyframe.
    Packets must come in order (`Reorder` stands before); a late one counts as a gap.
    """

    def __init__(
        self,
        codec: Codec,
        onward: Callable[[EncodedFrame], None],
        keyframe_missing: Callable[[], None],
        counters: PipelineCounters,
    ) -> None:
        self._codec = codec
        self._onward = onward
        self._keyframe_missing = keyframe_missing
        self._counters = counters
        self._assembler = assembler(codec)
        self._ssrc = -1
        self._sequence = 0
        self._timestamp = 0
        self._spoilt = False  # the picture of the present timestamp
        self._waits_since: int | None = None  # timestamp; None: every picture is welcome

    def push(self, packet: bytes) -> None:
        header = parse(packet)
        if header is None:
            self._counters.malformed_packets += 1
            return
        if header.payload_type != self._codec.payload_type:
            self._counters.foreign_packets += 1
            return
        payload = packet[header.payload_start : header.payload_end]
        self._follow(header, payload)
        if not payload:
            self._counters.empty_packets += 1
        elif not self._spoilt and not self._assembler.add(payload):
            self._counters.malformed_packets += 1
            self._spoil()
        if header.marker:
            self._finish()

    def wait_for_keyframe(self) -> None:
        """The decoder lost its footing: pictures that need others are of no use until the next keyframe."""
        if self._waits_since is None:
            self._waits_since = self._timestamp
        self._keyframe_missing()

    def close(self) -> None:
        self._assembler.clear()

    def __str__(self) -> str:
        return f"Depay({self._codec.name})"

    def _follow(self, header: RtpHeader, payload: bytes) -> None:
        """Compares a packet's numbers with the last one's."""
        if header.ssrc != self._ssrc:
            changed = self._ssrc >= 0
            self._assembler.clear()
            self._ssrc, self._timestamp, self._spoilt = header.ssrc, header.timestamp, False
            self._waits_since = header.timestamp
            if changed:  # the first source was asked when the pipeline was laid
                self._keyframe_missing()
        elif header.sequence != (self._sequence + 1) & 0xFFFF:
            self._bridge_gap(header, payload)
        elif header.timestamp != self._timestamp:
            self._finish()  # a sender that sets no marker
        self._sequence, self._timestamp = header.sequence, header.timestamp

    def _bridge_gap(self, header: RtpHeader, payload: bytes) -> None:
        if self._assembler.continues(payload):
            return
        self._spoil()
        if timestamp_distance(header.timestamp, self._timestamp) > _PATIENCE_TICKS // 2:
            self._waits_since = header.timestamp  # an outage: patience begins when it is over
        if header.timestamp != self._timestamp:
            self._spoilt = not self._assembler.begins(payload)

    def _spoil(self) -> None:
        self._assembler.clear()
        self._spoilt = True
        self._counters.frames_dropped += 1
        self.wait_for_keyframe()

    def _finish(self) -> None:
        """The picture of the present timestamp is over."""
        spoilt, self._spoilt = self._spoilt, False
        found = self._assembler.take()
        if spoilt or found is None:
            return
        data, keyframe = found
        if self._waits_since is not None:
            waited = timestamp_distance(self._timestamp, self._waits_since)
            if not keyframe and abs(waited) < _PATIENCE_TICKS:
                self._counters.frames_dropped += 1
                return
            self._waits_since = None
        self._onward(EncodedFrame(data, self._timestamp, keyframe))


class Unwrap:
    """Sound: each packet is a block of its own. push(packet) -> onward(EncodedFrame)."""

    def __init__(self, codec: Codec, onward: Callable[[EncodedFrame], None], counters: PipelineCounters) -> None:
        self._codec = codec
        self._onward = onward
        self._counters = counters

    def push(self, packet: bytes) -> None:
        header = parse(packet)
        if header is None:
            self._counters.malformed_packets += 1
        elif header.payload_type != self._codec.payload_type:
            self._counters.foreign_packets += 1
        elif header.payload_start == header.payload_end:
            self._counters.empty_packets += 1
        else:
            payload = packet[header.payload_start : header.payload_end]
            self._onward(EncodedFrame(payload, header.timestamp))

    def close(self) -> None:
        """Nothing is held."""

    def __str__(self) -> str:
        return f"Depay({self._codec.name})"
