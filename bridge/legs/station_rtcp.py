"""The RTCP of one line of a station: its reports and wishes to the pipelines, ours to it.

Compound packets always (RFC 3550 section 6.1): a report, the SDES item, then what there is to say. Times are seconds of
the monotonic clock.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from bridge.legs.leg import Feedback, LineCounters, SenderReport
from bridge.legs.repair import Absence, PictureRepair, Resender
from bridge.legs.silent import SILENT
from bridge.rtp import rtcp
from bridge.rtp.keyframe import DETECTORS
from bridge.rtp.nack import Gap
from bridge.rtp.packet import HEADER, parse
from bridge.rtp.reception import Reception, RoundTrip
from bridge.rtp.rtcp import ReceiverInfo, ReportBlock, SenderInfo

_FIRST_REPORT_S = 1.0
_REPORT_S = 5.0
_SR_OVERDUE_S = 10.0  # the far side gives no sender reports: make our own from what we send
_KEYFRAME_GAP_S = (0.5, 3.0)  # between two requests, at first and at last: some encoders never make a whole keyframe
_INFO_GAP_S = (1.0, 10.0)  # a SIP INFO costs the station more than an RTCP packet
_INFO_AFTER_REQUESTS = 3  # so many went unanswered by a station that said it understands them
_LIMIT_GAP_S = 1.0
_LIMIT_REPEATS = 5  # for a station that never says that it has heard
_NO_CLOCK_AFTER_S = 8.0  # a station that reports at all has done so by then (RFC 3550 section 6.2: about every 5 s)
_NO_CLOCK_REPORT_S = 2.0
_NTP_EPOCH_S = 2_208_988_800  # 1900 to 1970


class StationClock:
    """What all lines of one station share: its name in reports, and its clock as its sender reports show it.

    Some stations send no sender reports for one line, or for none. For those lines reports are made from when packets
    arrive, in the station's own clock where one line shows it, else in ours: so sound and lips stay together.
    """

    def __init__(self, now_s: float) -> None:
        self.cname = f"{random.getrandbits(64):016x}"  # a label that must differ, no secret
        self._offset = 0
        self.heard(_ntp_now(), now_s)

    def heard(self, ntp: int, now_s: float) -> None:
        self._offset = ntp - int(now_s * 2**32)

    def ntp(self, now_s: float) -> int:
        """The 64-bit NTP time of this moment."""
        return (int(now_s * 2**32) + self._offset) & 0xFFFFFFFFFFFFFFFF


class StationRtcp:
    """`write` sends one compound packet. `by_info` asks for a picture outside of RTCP."""

    def __init__(
        self,
        *,
        ssrc: int,
        clock: StationClock,
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
        self._clock = clock
        self._round_trip = RoundTrip()
        self._next_report_s = now_s + _FIRST_REPORT_S
        self._last_sr_s = now_s
        self._newest = b""  # the packet that was the last sent at the latest tick that saw another
        self._newest_s = now_s
        self.wants_picture = False
        self._picture_gap_s = 0.0
        self._picture_asked_s = now_s - _INFO_GAP_S[1]
        self._pictures_asked = 0  # since the last one came
        self._fir_sequence = 0
        self._limit_bps = 0
        self._limited_s = now_s - _LIMIT_GAP_S
        self._limit_repeats = 0
        self._clock_heard_s = now_s
        self._lost_before = 0
        self.reception = Reception(clock_hz)
        self.remote_ssrc = 0
        self._wishes: Feedback = SILENT  # hears about what we send
        self._described_bps = 0  # 0: no limit
        self._asked_bps = 0
        self.reports: Feedback = SILENT  # hears about what the station sends
        self.feedback: tuple[str, ...] = ()
        self.repair: PictureRepair | None = None  # of pictures alone
        self._resender: Resender | None = None
        self._absence = Absence()

    def agree_repair(self, send_again: Callable[[bytes], bool]) -> Callable[[bytes], None] | None:
        """By what `feedback` says now. What is sent from now on is to be told to what this returns."""
        can_ask = "nack" in self.feedback
        if self.repair is None or can_ask != (self._resender is not None):
            self.repair = PictureRepair(can_ask=can_ask, ask=self._mend)
            self._resender = Resender(send_again) if can_ask else None
        return None if self._resender is None else self._resender.store

    @property
    def lost(self) -> int:
        """Of all streams so far."""
        return self._lost_before + self.reception.lost

    def listen(self, wishes: Feedback) -> None:
        """`wishes` hears what the station wants of what we send; what limits us already at once."""
        self._wishes = wishes
        self._tell_limit()

    def described_limit(self, bps: int) -> None:
        """The most that the station's description lets us send; 0: it says nothing."""
        if bps != self._described_bps:
            self._described_bps = bps
            self._tell_limit()

    def _tell_limit(self) -> None:
        limits = [each for each in (self._described_bps, self._asked_bps) if each]
        if limits:
            self._wishes.bitrate_limited(min(limits))

    def begin_stream(self, ssrc: int) -> None:
        """The station changed its SSRC (a transfer inside its PBX, music on hold): count anew, keep the sum."""
        self._lost_before += self.reception.lost
        self.reception = Reception(self._clock_hz)
        self.remote_ssrc = ssrc
        if self.repair is not None:
            self.repair.begin()

    def farewell(self) -> None:
        """We leave (RFC 3550 section 6.6); who was sent nothing is told nothing."""
        if self._counters.sent_packets:
            self._compound((), [rtcp.bye(self._ssrc)])

    def take(self, packet: bytes, now_s: float) -> None:
        for message in rtcp.parse(packet):
            self._counters.last_heard_s = now_s
            if isinstance(message, rtcp.SenderInfo):
                self._hear(message.reports, now_s)
                if self.remote_ssrc in (0, message.ssrc):  # else the clock is that of another stream, mostly a past one
                    self.reception.sender_reported(message.ntp, now_s)
                    self._clock.heard(message.ntp, now_s)
                    self._clock_heard_s = now_s
                    self.reports.report_received(SenderReport(message.ntp, message.rtp))
            elif isinstance(message, rtcp.ReceiverInfo):
                self._hear(message.reports, now_s)
            elif isinstance(message, rtcp.KeyframeRequest):
                self._wishes.keyframe_wanted()
            elif isinstance(message, rtcp.Nack) and self._resender is not None:
                self._counters.retransmitted += self._resender.answer(message.sequences, now_s)
            elif isinstance(message, rtcp.BitrateLimit):
                self._asked_bps = message.bps
                self._tell_limit()
                self._compound((), [rtcp.limit_accepted(self._ssrc, message.sender_ssrc, message.bps)])
            elif isinstance(message, rtcp.LimitAccepted) and self._ssrc in message.owner_ssrcs:
                self._limit_repeats = 0
            elif isinstance(message, rtcp.Bye) and self.remote_ssrc in message.ssrcs:
                self.begin_stream(0)  # whatever comes next is another stream, also under the same number

    def send_report(self, report: SenderReport, now_s: float) -> None:
        """A sender report whose clock pair the pipeline knows: the capture time of the far side, not ours."""
        self._last_sr_s = now_s
        self._round_trip.sent(report.ntp, now_s)
        sent = self._counters.sent_packets
        octets = self._counters.sent_bytes
        info = SenderInfo(self._ssrc, report.ntp, report.rtp, sent, octets, self._blocks(now_s))
        self._write(rtcp.sender_report(info) + rtcp.source_description(self._ssrc, self._clock.cname))
        self._schedule(now_s)

    def request_keyframe(self, now_s: float) -> None:
        """At once, or when the last request is long enough ago; again, ever more slowly, until a keyframe comes."""
        self.wants_picture = True
        self._picture_gap_s = 0.0
        self._ask_for_picture(now_s)

    def limit_bitrate(self, bps: int, now_s: float) -> None:
        """By TMMBR where negotiated, when it says something new; browsers repeat their limit every second."""
        if "ccm tmmbr" not in self.feedback or not self.remote_ssrc:
            return
        if abs(bps - self._limit_bps) * 10 < self._limit_bps or now_s - self._limited_s < _LIMIT_GAP_S:
            return
        self._limit_bps, self._limit_repeats = bps, _LIMIT_REPEATS
        self._send_limit(now_s)

    def _send_limit(self, now_s: float) -> None:
        self._limited_s = now_s
        self._compound((), [rtcp.limit_request(self._ssrc, self.remote_ssrc, self._limit_bps)])

    def saw(self, codec: str, packet: bytes) -> None:
        """A video packet came while a picture was wanted."""
        header = parse(packet)
        begins = DETECTORS.get(codec)
        if header and (begins is None or begins(packet, header.payload_start, header.payload_end)):
            self.wants_picture = False
            self._pictures_asked = 0

    def tick(self, now_s: float, last_sent: bytes) -> None:
        """`last_sent`: the RTP packet that left last, empty when none did."""
        if self.wants_picture:
            self._ask_for_picture(now_s)
        if self.repair is not None:
            self.repair.tick(now_s)
            if self._absence.over(self._counters.last_received_s, now_s):
                self._wishes.keyframe_wanted()
        if last_sent is not self._newest:
            self._newest, self._newest_s = last_sent, now_s
        if self._limit_repeats and now_s - self._limited_s >= _LIMIT_GAP_S:
            self._limit_repeats -= 1
            self._send_limit(now_s)
        if now_s - self._clock_heard_s >= _NO_CLOCK_AFTER_S:
            self._clock_heard_s += _NO_CLOCK_REPORT_S
            self._report_for_the_station(now_s)
        if now_s < self._next_report_s:
            return
        if last_sent and now_s - self._last_sr_s >= _SR_OVERDUE_S:
            self.send_report(SenderReport(_ntp_now(), self._timestamp_now(now_s)), now_s)
            return
        self._compound(self._blocks(now_s), [])
        self._schedule(now_s)

    def _report_for_the_station(self, now_s: float) -> None:
        """It sends no sender reports: when its packets arrive is what there is to know about its clock."""
        if now_s - self._counters.last_received_s < _NO_CLOCK_REPORT_S and self.remote_ssrc:
            rtp = self.reception.on_time(now_s) & 0xFFFFFFFF
            self.reports.report_received(SenderReport(self._clock.ntp(now_s), rtp))

    def _timestamp_now(self, now_s: float) -> int:
        """Of the stream at this moment: it goes on while nothing is sent (a hold), as the far side's clock does."""
        passed = round((now_s - self._newest_s) * self._clock_hz)
        return (int(HEADER.unpack_from(self._newest)[3]) + passed) & 0xFFFFFFFF

    def _schedule(self, now_s: float) -> None:
        self._next_report_s = now_s + _REPORT_S * random.uniform(0.8, 1.2)  # noqa: S311 - keeps reports apart

    def _blocks(self, now_s: float) -> tuple[ReportBlock, ...]:
        block = self.reception.report(self.remote_ssrc, now_s)
        return () if block is None else (block,)

    def _hear(self, blocks: tuple[ReportBlock, ...], now_s: float) -> None:
        for block in blocks:
            if block.ssrc == self._ssrc:
                self._counters.far_lost_packets = max(0, block.packets_lost)
                round_trip_ms = self._round_trip.heard(block, now_s)
                if round_trip_ms is not None:
                    self._counters.rtt_ms = round_trip_ms
                    if self.repair is not None:
                        self.repair.round_trip(round_trip_ms / 1000)

    def _mend(self, gap: Gap, now_s: float) -> None:
        if gap.sequences:
            self._counters.nacks += len(gap.sequences)
            self._compound((), [rtcp.nack(self._ssrc, self.remote_ssrc, gap.sequences)])
        if gap.lost_hope:
            self.request_keyframe(now_s)

    def _ask_for_picture(self, now_s: float) -> None:
        by_rtcp = "nack pli" in self.feedback or "ccm fir" in self.feedback
        least_s, most_s = _KEYFRAME_GAP_S if by_rtcp else _INFO_GAP_S
        if now_s - self._picture_asked_s < max(least_s, self._picture_gap_s):
            return
        if not by_rtcp:
            self._by_info()
        elif not self.remote_ssrc:
            return  # nobody to ask yet
        else:
            self._compound((), [self._picture_request()])
            if self._pictures_asked >= _INFO_AFTER_REQUESTS:
                self._by_info()
        self._pictures_asked += 1
        self._picture_asked_s = now_s
        self._picture_gap_s = min(most_s, 2 * max(least_s, self._picture_gap_s))
        self._counters.keyframe_requests += 1

    def _picture_request(self) -> bytes:
        """PLI; every other time FIR where both were negotiated, for stations that obey one of the two only."""
        both = "ccm fir" in self.feedback and self._pictures_asked % 2
        if "nack pli" in self.feedback and not both:
            return rtcp.picture_loss(self._ssrc, self.remote_ssrc)
        self._fir_sequence = (self._fir_sequence + 1) & 0xFF
        return rtcp.full_intra_request(self._ssrc, self.remote_ssrc, self._fir_sequence)

    def _compound(self, blocks: tuple[ReportBlock, ...], rest: list[bytes]) -> None:
        head = rtcp.receiver_report(ReceiverInfo(self._ssrc, blocks))
        self._write(b"".join([head, rtcp.source_description(self._ssrc, self._clock.cname), *rest]))


def _ntp_now() -> int:
    """64-bit NTP time; only the far side's arithmetic between two of them matters."""
    return int((time.time() + _NTP_EPOCH_S) * 2**32) & 0xFFFFFFFFFFFFFFFF
