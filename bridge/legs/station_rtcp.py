"""The RTCP of one line of a station: its reports and wishes to the pipelines, ours to it.

Compound packets always (RFC 3550 section 6.1): a report, the SDES item, then what there is to say. Times are seconds of
the monotonic clock.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from bridge.legs.leg import Feedback, LineCounters, SenderReport
from bridge.rtp import rtcp
from bridge.rtp.packet import HEADER, HEADER_BYTES
from bridge.rtp.reception import Reception, RoundTrip
from bridge.rtp.rtcp import ReceiverInfo, ReportBlock, SenderInfo

_FIRST_REPORT_S = 1.0
_REPORT_S = 5.0
_SR_OVERDUE_S = 10.0  # the far side gives no sender reports: make our own from what we send
_KEYFRAME_GAP_S = 0.5
_INFO_GAP_S = 1.0  # a SIP INFO costs the station more than an RTCP packet
_NTP_EPOCH_S = 2_208_988_800  # 1900 to 1970


class Silent:
    """Feedback and sink of a line that no pipeline is attached to."""

    def keyframe_wanted(self) -> None: ...

    def report_received(self, report: SenderReport) -> None: ...

    def bitrate_limited(self, bps: int) -> None: ...


SILENT: Feedback = Silent()


class StationRtcp:
    """`write` sends one compound packet. `by_info` asks for a picture outside of RTCP."""

    def __init__(
        self,
        *,
        ssrc: int,
        clock_hz: int,
        counters: LineCounters,
        write: Callable[[bytes], None],
        by_info: Callable[[], None],
        now_s: float,
    ) -> None:
        self._ssrc = ssrc
        self._clock_hz = clock_hz
        self._counters = counters
        self._write = write
        self._by_info = by_info
        self._cname = f"{random.getrandbits(64):016x}"  # a label that must differ, no secret
        self._round_trip = RoundTrip()
        self._next_report_s = now_s + _FIRST_REPORT_S
        self._last_sr_s = now_s
        self._keyframe_due = False
        self._keyframe_asked_s = now_s - _INFO_GAP_S
        self._fir_sequence = 0
        self.reception = Reception(clock_hz)
        self.remote_ssrc = 0
        self.wishes: Feedback = SILENT  # hears about what we send
        self.reports: Feedback = SILENT  # hears about what the station sends
        self.feedback: tuple[str, ...] = ()

    def take(self, packet: bytes, now_s: float) -> None:
        for message in rtcp.parse(packet):
            if isinstance(message, rtcp.SenderInfo):
                self.reception.sender_reported(message.ntp, now_s)
                self._hear(message.reports, now_s)
                self.reports.report_received(SenderReport(message.ntp, message.rtp))
            elif isinstance(message, rtcp.ReceiverInfo):
                self._hear(message.reports, now_s)
            elif isinstance(message, rtcp.KeyframeRequest):
                self.wishes.keyframe_wanted()
            elif isinstance(message, rtcp.BitrateLimit):
                self.wishes.bitrate_limited(message.bps)
                self._compound((), [rtcp.limit_accepted(self._ssrc, message.sender_ssrc, message.bps)])

    def send_report(self, report: SenderReport, now_s: float) -> None:
        """A sender report whose clock pair the pipeline knows: the capture time of the far side, not ours."""
        self._last_sr_s = now_s
        self._round_trip.sent(report.ntp, now_s)
        sent = self._counters.sent_packets
        octets = self._counters.sent_bytes - HEADER_BYTES * sent
        info = SenderInfo(self._ssrc, report.ntp, report.rtp, sent, octets, self._blocks(now_s))
        self._write(rtcp.sender_report(info) + rtcp.source_description(self._ssrc, self._cname))
        self._schedule(now_s)

    def request_keyframe(self, now_s: float) -> None:
        """At once, or when the last request is long enough ago; one of many in between is enough."""
        self._keyframe_due = True
        self._ask_for_keyframe(now_s)

    def tick(self, now_s: float, last_sent: bytes) -> None:
        """`last_sent`: the RTP packet that left last, empty when none did."""
        if self._keyframe_due:
            self._ask_for_keyframe(now_s)
        if now_s < self._next_report_s:
            return
        if last_sent and now_s - self._last_sr_s >= _SR_OVERDUE_S:
            self.send_report(SenderReport(_ntp_now(), HEADER.unpack_from(last_sent)[3]), now_s)
            return
        self._compound(self._blocks(now_s), [])
        self._schedule(now_s)

    def _schedule(self, now_s: float) -> None:
        self._next_report_s = now_s + _REPORT_S * random.uniform(0.8, 1.2)  # noqa: S311 - keeps reports apart

    def _blocks(self, now_s: float) -> tuple[ReportBlock, ...]:
        block = self.reception.report(self.remote_ssrc, now_s)
        return () if block is None else (block,)

    def _hear(self, blocks: tuple[ReportBlock, ...], now_s: float) -> None:
        for block in blocks:
            if block.ssrc == self._ssrc:
                round_trip_ms = self._round_trip.heard(block, now_s)
                if round_trip_ms is not None:
                    self._counters.rtt_ms = round_trip_ms

    def _ask_for_keyframe(self, now_s: float) -> None:
        waited_s = now_s - self._keyframe_asked_s
        if "nack pli" in self.feedback:
            if waited_s < _KEYFRAME_GAP_S or not self.remote_ssrc:
                return
            self._compound((), [rtcp.picture_loss(self._ssrc, self.remote_ssrc)])
        elif "ccm fir" in self.feedback:
            if waited_s < _KEYFRAME_GAP_S or not self.remote_ssrc:
                return
            self._fir_sequence = (self._fir_sequence + 1) & 0xFF
            self._compound((), [rtcp.full_intra_request(self._ssrc, self.remote_ssrc, self._fir_sequence)])
        elif waited_s < _INFO_GAP_S:
            return
        else:
            self._by_info()
        self._keyframe_due = False
        self._keyframe_asked_s = now_s
        self._counters.keyframe_requests += 1

    def _compound(self, blocks: tuple[ReportBlock, ...], rest: list[bytes]) -> None:
        head = rtcp.receiver_report(ReceiverInfo(self._ssrc, blocks))
        self._write(b"".join([head, rtcp.source_description(self._ssrc, self._cname), *rest]))


def _ntp_now() -> int:
    """64-bit NTP time; only the far side's arithmetic between two of them matters."""
    return int((time.time() + _NTP_EPOCH_S) * 2**32) & 0xFFFFFFFFFFFFFFFF
