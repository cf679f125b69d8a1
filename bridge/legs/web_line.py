"""One kind of media with the browser: what comes, what goes, and the RTCP about both."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from bridge.legs.leg import Feedback, LineCounters, SenderReport
from bridge.legs.repair import Absence, Resender
from bridge.legs.web_sdp import LinePlan
from bridge.rtp import rtcp
from bridge.rtp.bandwidth import LossLimit, ReceiveEstimate, Shedding
from bridge.rtp.history import RtxWrapper, unwrap_rtx
from bridge.rtp.keyframe import DETECTORS
from bridge.rtp.nack import Gap, NackGenerator
from bridge.rtp.packet import HEADER_BYTES, VERSION_BITS, parse
from bridge.rtp.reception import Reception, RoundTrip
from bridge.types import Flow, Kind, Peer, Side

_PLI_FIRST_S = 0.3  # at most so often; a browser needs a round trip and an encode to obey
_PLI_SLOWEST_S = 3.0  # a camera that is switched off never obeys
_LEAST_BPS = 50_000  # below that there is no picture; a limit of nothing is meant otherwise


class Wire(Protocol):
    """What a line needs of the transport."""

    def send_rtp(self, packet: bytes) -> bool: ...

    def send_rtp_all(self, packets: Sequence[bytes]) -> bool: ...

    def send_rtcp(self, packet: bytes) -> None: ...


class _NoFeedback:
    """Stands where nobody listens yet."""

    def keyframe_wanted(self) -> None: ...

    def report_received(self, report: SenderReport) -> None: ...

    def bitrate_limited(self, bps: int) -> None: ...


class _PictureWish:
    """Asks for a keyframe until one comes, ever more slowly."""

    def __init__(self, codec: str, ask: Callable[[], None]) -> None:
        self._begins = DETECTORS.get(codec)
        self._ask = ask
        self._interval_s = _PLI_FIRST_S
        self._due_s = 0.0
        self._asked_s = 0.0
        self.waiting = False

    def want(self) -> None:
        self.waiting = True
        self._interval_s = _PLI_FIRST_S
        now_s = time.monotonic()
        self._due_s = min(self._due_s, max(now_s, self._asked_s + _PLI_FIRST_S))
        self.tick(now_s)

    def opened(self, now_s: float) -> None:
        """What was asked before the transport was up went nowhere."""
        if self.waiting:
            self._due_s, self._interval_s = now_s, _PLI_FIRST_S
            self.tick(now_s)

    def tick(self, now_s: float) -> None:
        if now_s >= self._due_s:
            self._ask()
            self._asked_s = now_s
            self._due_s = now_s + self._interval_s
            self._interval_s = min(2 * self._interval_s, _PLI_SLOWEST_S)

    def saw(self, packet: bytes) -> None:
        start, end = HEADER_BYTES, len(packet)
        if end and packet[0] != VERSION_BITS:
            header = parse(packet)
            start, end = (header.payload_start, header.payload_end) if header else (0, 0)
        if start < end and (self._begins is None or self._begins(packet, start, end)):
            self.waiting = False


class WebLine:
    """A `MediaLine`. keyframe_requests and nacks count ours to the browser, retransmitted what it asked of us.

    Before a pipeline is attached, and on a line that does not receive, what comes is counted as discarded.
    """

    side = Side.WEB
    peer = Peer.BROWSER

    def __init__(self, plan: LinePlan, wire: Wire, cname: str, video_max_bps: int) -> None:
        self.kind: Kind = plan.kind
        self.codec = plan.codec
        self.flow = plan.flow
        self.send_payload_type = plan.codec.payload_type
        self.send_ssrc = plan.send_ssrc
        self.rtx_payload_type = plan.rtx_payload_type
        self.counters = LineCounters()
        self._wire = wire
        self._cname = cname
        self._feedback = plan.codec.feedback
        self._most_bps = video_max_bps if "goog-remb" in self._feedback else 0
        self._far_bps = self._most_bps  # what the far side of the bridge takes
        self._estimate = ReceiveEstimate(video_max_bps)
        self._looked_s = 0.0
        self._looked_bytes = 0
        self._remote_ssrc = plan.remote_ssrc
        self._sink: Callable[[bytes], None] | None = None
        self._source_feedback: Feedback = _NoFeedback()
        self._listener: Feedback = _NoFeedback()
        self._agreed_to_send = self._sends = plan.flow in (Flow.SENDRECV, Flow.SENDONLY)
        self._receives = plan.flow in (Flow.SENDRECV, Flow.RECVONLY)
        self._reception = Reception(plan.codec.clock_hz)
        self._lost_before = 0
        self._repaired = 0
        self._nack = self._asking()
        self._resender = Resender(wire.send_rtp, _rtx(plan)) if "nack" in self._feedback else None
        self._store = self._resender.store if self._resender else None
        self._absence = Absence()
        self._ticked_s = 0.0  # arrival of the newest packet at the last tick
        self._sending = LossLimit(video_max_bps, self._may_send) if self.kind is Kind.VIDEO else None
        self._sending_bps = 0
        self._shedding = Shedding()
        self._sent_before, self._shed_s = 0, 0.0
        self._round_trip = RoundTrip()
        self._picture = _PictureWish(plan.codec.name, self._ask_for_picture)

    # -- the contract of a MediaLine

    def attach(self, sink: Callable[[bytes], None], feedback_of_sink: Feedback) -> None:
        self._sink = sink if self._receives else None
        self._source_feedback = feedback_of_sink

    def listen(self, feedback: Feedback) -> None:
        self._listener = feedback
        if self._sending_bps:
            feedback.bitrate_limited(self._sending_bps)

    def send(self, packet: bytes) -> None:
        if not self._sends or not self._wire.send_rtp(packet):
            return
        if self._store is not None:
            self._store(packet)
        counters = self.counters
        counters.sent_packets += 1
        counters.sent_bytes += len(packet) - HEADER_BYTES

    def send_all(self, packets: Sequence[bytes]) -> None:
        """As `send`, for what goes together anyway: each step then stays in the processor's cache for all of them."""
        if not self._sends or not self._wire.send_rtp_all(packets):
            return
        if self._resender is not None:
            self._resender.store_all(packets)
        counters = self.counters
        counters.sent_packets += len(packets)
        counters.sent_bytes += sum(map(len, packets)) - HEADER_BYTES * len(packets)

    def send_report(self, report: SenderReport) -> None:
        counters = self.counters
        if not self._sends or not counters.sent_packets:
            return  # there is no stream yet that the report could be about
        info = rtcp.SenderInfo(self.send_ssrc, report.ntp, report.rtp, counters.sent_packets, counters.sent_bytes)
        self._round_trip.sent(report.ntp, time.monotonic())
        self._wire.send_rtcp(rtcp.sender_report(info) + rtcp.source_description(self.send_ssrc, self._cname))

    def request_keyframe(self) -> None:
        """Asks at once, unless it asked a moment ago, and again until a keyframe comes."""
        if self.kind is Kind.VIDEO and self._receives:
            self._picture.want()

    def limit_bitrate(self, bps: int) -> None:
        """The far side of the bridge can take no more than this; the browser hears it at once, by REMB."""
        wanted = min(self._most_bps, max(bps, _LEAST_BPS))
        if wanted != self._far_bps:
            self._far_bps = wanted
            self._send_limit()

    def _send_limit(self) -> None:
        if self._receives and self._most_bps and self._remote_ssrc is not None:
            self._wire.send_rtcp(self._limit(self._remote_ssrc))

    def _limit(self, ssrc: int) -> bytes:
        """What both the far side and the path take."""
        return rtcp.remb(self.send_ssrc, min(self._far_bps, self._estimate.bps), [ssrc])

    def _may_send(self, bps: int) -> None:
        self._sending_bps = bps
        self._listener.bitrate_limited(bps)

    # -- from the leg

    def opened(self, now_s: float) -> None:
        """The transport is up: say how much the browser may send before it starts slowly by itself."""
        self._send_limit()
        self._picture.opened(now_s)

    def source_changed(self, ssrc: int) -> None:
        """The browser sends under another SSRC than it did, or than it said."""
        if ssrc == self._remote_ssrc:
            return
        self._lost_before += self._reception.lost
        self._remote_ssrc = ssrc
        self._reception = Reception(self.codec.clock_hz)
        self._nack = self._asking()

    def media_arrived(self, packet: bytes, second: int, sequence: int, timestamp: int, now_s: float) -> None:
        """`second` to `timestamp` are the fields of the packet's header, which the leg has read already."""
        if second & 0x7F != self.send_payload_type:
            self._other_type_arrived(packet, second, sequence, timestamp, now_s)
            return
        counters = self.counters
        if self._nack is not None:
            gap = self._nack.arrived(sequence, now_s, now_s - counters.last_received_s)
            if gap is not None:
                self._mend(gap)
        counters.received_packets += 1
        counters.received_bytes += len(packet) - HEADER_BYTES
        counters.last_received_s = now_s
        self._reception.arrived(sequence, timestamp, now_s)
        if packet[0] & 0x20 and self._only_padding(packet):
            return
        self._pass_on(packet)

    def _other_type_arrived(self, packet: bytes, second: int, sequence: int, timestamp: int, now_s: float) -> None:
        """Retransmissions may come under the stream's own SSRC; anything else was not agreed on."""
        if second & 0x7F == self.rtx_payload_type:
            self.retransmission_arrived(packet, second, sequence, timestamp, now_s)
        else:
            self.counters.discarded_packets += 1

    def retransmission_arrived(
        self, packet: bytes, _second: int, _sequence: int, _timestamp: int, now_s: float
    ) -> None:
        header = parse(packet)
        if header is None or self._remote_ssrc is None:
            self.counters.discarded_packets += 1
            return
        again = unwrap_rtx(packet, header.payload_start, header.payload_end, self.send_payload_type, self._remote_ssrc)
        if again is None:
            return  # a probe of the browser's bandwidth estimate: nothing but padding
        if self._nack is None or not self._nack.repaired(again[2] << 8 | again[3]):
            return  # probes also repeat old packets
        self.counters.received_packets += 1
        self.counters.received_bytes += len(again) - HEADER_BYTES
        self.counters.last_received_s = now_s
        self._repaired += 1
        self._pass_on(again)

    def _pass_on(self, packet: bytes) -> None:
        if self._picture.waiting:
            self._picture.saw(packet)
        if self._sink is None:
            self.counters.discarded_packets += 1
        else:
            self._sink(packet)

    def _only_padding(self, packet: bytes) -> bool:
        header = parse(packet)
        if header is None:
            self.counters.discarded_packets += 1
            return True
        return header.payload_end <= header.payload_start

    def heard(self, message: rtcp.Message, now_s: float) -> None:
        """One RTCP message of the browser; every line hears all of them and takes its own."""
        if isinstance(message, rtcp.SenderInfo):
            if message.ssrc == self._remote_ssrc:
                self._reception.sender_reported(message.ntp, now_s)
                self._source_feedback.report_received(SenderReport(message.ntp, message.rtp))
            self._heard_blocks(message.reports, now_s)
        elif isinstance(message, rtcp.ReceiverInfo):
            self._heard_blocks(message.reports, now_s)
        elif isinstance(message, rtcp.Nack):
            if message.media_ssrc == self.send_ssrc and self._resender is not None:
                self.counters.retransmitted += self._resender.answer(message.sequences, now_s)
        elif isinstance(message, rtcp.KeyframeRequest):
            if message.media_ssrc == self.send_ssrc:
                self._listener.keyframe_wanted()
        elif isinstance(message, rtcp.BitrateLimit) and self._sending and self.send_ssrc in message.ssrcs:
            self._sending.limited(message.bps)

    def _heard_blocks(self, blocks: tuple[rtcp.ReportBlock, ...], now_s: float) -> None:
        for block in blocks:
            if block.ssrc == self.send_ssrc:
                self.counters.far_lost_packets = max(0, block.packets_lost)
                rtt_ms = self._round_trip.heard(block, now_s)
                if rtt_ms is not None:
                    self.counters.rtt_ms = rtt_ms
                    if self._nack is not None:
                        self._nack.round_trip(rtt_ms / 1000)
                if self._sending is not None:
                    self._sending.reported(block.fraction_lost / 256)

    def _asking(self) -> NackGenerator | None:
        return NackGenerator(apart=self.rtx_payload_type is not None) if "nack" in self._feedback else None

    def tick(self, now_s: float) -> None:
        if self._nack:
            gap = self._nack.due(now_s)
            if gap is not None:
                self._mend(gap)
        if self._picture.waiting:
            self._picture.tick(now_s)
        if self.kind is Kind.VIDEO:
            last_s = self.counters.last_received_s
            if self._absence.over(last_s, now_s):
                self._listener.keyframe_wanted()
            if last_s != self._ticked_s:
                self._ticked_s = last_s
                self._estimate.travelled(self._reception.transit_s)

    def _mend(self, gap: Gap) -> None:
        if gap.sequences and self._remote_ssrc is not None:
            self.counters.nacks += len(gap.sequences)
            self._wire.send_rtcp(rtcp.nack(self.send_ssrc, self._remote_ssrc, gap.sequences))
        if gap.lost_hope:
            self.request_keyframe()

    def _ask_for_picture(self) -> None:
        if self._remote_ssrc is None:
            return
        self.counters.keyframe_requests += 1
        if "nack pli" in self._feedback or "ccm fir" not in self._feedback:
            self._wire.send_rtcp(rtcp.picture_loss(self.send_ssrc, self._remote_ssrc))
        else:
            number = self.counters.keyframe_requests
            self._wire.send_rtcp(rtcp.full_intra_request(self.send_ssrc, self._remote_ssrc, number))

    def report(self, now_s: float) -> None:
        """Once a second: what we received (RFC 3550 section 6.4.2), and how much more we want (REMB)."""
        if self._sending is not None and self._agreed_to_send:
            self._shed(self._sending.far_bps, now_s)
        if self._remote_ssrc is None:
            return
        counters = self.counters
        counters.lost_packets = max(0, self._lost_before + self._reception.lost - self._repaired)
        counters.jitter_ms = self._reception.jitter_ms
        block = self._reception.report(self._remote_ssrc, now_s)
        parts = [
            rtcp.receiver_report(rtcp.ReceiverInfo(self.send_ssrc, () if block is None else (block,))),
            rtcp.source_description(self.send_ssrc, self._cname),
        ]
        if self._receives and self._most_bps:
            self._look(0.0 if block is None else block.fraction_lost / 256, now_s)
            parts.append(self._limit(self._remote_ssrc))
        self._wire.send_rtcp(b"".join(parts))

    def _shed(self, far_bps: int, now_s: float) -> None:
        """Pictures that the browser cannot take, and nobody makes smaller, must not cost it the sound as well."""
        sent, passed_s = self.counters.sent_bytes, max(0.1, now_s - self._shed_s)
        sends = self._shedding.look(8 * (sent - self._sent_before) / passed_s, far_bps, now_s)
        self._sent_before, self._shed_s = sent, now_s
        if sends and not self._sends:
            self._listener.keyframe_wanted()
        self._sends = sends

    def _look(self, lost_share: float, now_s: float) -> None:
        """How much came through since the last look."""
        received = self.counters.received_bytes
        passed_s, self._looked_s = now_s - self._looked_s, now_s
        got, self._looked_bytes = received - self._looked_bytes, received
        self._estimate.look(8 * got / max(0.1, passed_s), lost_share)


def _rtx(plan: LinePlan) -> RtxWrapper | None:
    if plan.rtx_payload_type is None:
        return None
    return RtxWrapper(plan.rtx_payload_type, plan.send_rtx_ssrc, secrets.randbits(15))
