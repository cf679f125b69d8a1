"""What a leg is: sockets, encryption, feedback and repair of one side; one `MediaLine` per m-line.

    pipeline (relay or transcode)                     the leg's own business
    ---------------------------------                 ----------------------------------
    MediaLine.send(packet)                  ------->  history, SRTP, socket
    sink(packet)                            <-------  socket, latch, SRTP, loss tracking, NACK
    MediaLine.request_keyframe()            ------->  PLI, FIR or SIP INFO (rate limited)
    feedback.keyframe_wanted()              <-------  PLI or FIR from the far side
    MediaLine.send_report(report)           ------->  RTCP SR with this line's SSRC and counts
    feedback.report_received(report)        <-------  RTCP SR of the far side
    feedback.bitrate_limited(bps)           <-------  REMB or TMMBR of the far side

Packets are whole RTP packets in the clear, as `bytes`. What enters `sink` has the far side's header
(its payload type, SSRC, extensions, padding); what goes into `send` must carry this line's `send_payload_type` and
`send_ssrc`, no extension and no padding. One undecodable packet never raises out of a sink.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bridge.types import Codec, Flow, Kind, Peer, Side


@dataclass(frozen=True, slots=True)
class SenderReport:
    """The clock pair of an RTCP sender report (RFC 3550 section 6.4.1), for lip-sync across the bridge."""

    ntp: int  # 64-bit NTP timestamp
    rtp: int  # RTP timestamp of the same instant, in the sender's own time base


class Feedback(Protocol):
    """What runs against the media: a pipeline takes it from its target line and serves it at its source."""

    def keyframe_wanted(self) -> None: ...

    def report_received(self, report: SenderReport) -> None: ...

    def bitrate_limited(self, bps: int) -> None: ...


@dataclass(slots=True)
class LineCounters:
    """Plain counters, read by statistics at any time on the same thread.

    last_received_s: when media came. last_heard_s: when anything else did that shows life but gives the far side
    nothing to hear or see: reports, packets of a type that was not agreed. far_lost_packets: what the far side says it
    misses of what was sent.
    """

    received_packets: int = 0
    received_bytes: int = 0
    lost_packets: int = 0
    discarded_packets: int = 0
    sent_packets: int = 0
    sent_bytes: int = 0
    jitter_ms: float = 0.0
    rtt_ms: float | None = None
    far_lost_packets: int = 0
    keyframe_requests: int = 0
    nacks: int = 0
    retransmitted: int = 0
    last_received_s: float = 0.0
    last_heard_s: float = 0.0


class MediaLine(Protocol):
    """One kind on one leg."""

    kind: Kind
    side: Side
    peer: Peer
    codec: Codec  # what the far side sends us and we send it
    flow: Flow  # our direction on this line
    send_payload_type: int
    send_ssrc: int
    counters: LineCounters

    def attach(self, sink: Callable[[bytes], None], feedback_of_sink: Feedback) -> None:
        """`sink` takes this line's incoming packets. `feedback_of_sink` hears SRs of this line's far side.

        Called again to swap a pipeline; takes effect with the next packet.
        """
        ...

    def listen(self, feedback: Feedback) -> None:
        """`feedback` hears keyframe and bitrate wishes of the far side about what we SEND on this line."""
        ...

    def send(self, packet: bytes) -> None: ...

    def send_report(self, report: SenderReport) -> None: ...

    def request_keyframe(self) -> None: ...


class Leg(Protocol):
    """One side of a bridge."""

    side: Side

    def line(self, kind: Kind) -> MediaLine | None: ...

    def __str__(self) -> str: ...

    async def close(self) -> None: ...


def codecs_of(leg: Leg) -> dict[Kind, Codec | None]:
    """What each line of the leg carries; None: it has no such line."""
    lines = {kind: leg.line(kind) for kind in Kind}
    return {kind: line.codec if line else None for kind, line in lines.items()}
