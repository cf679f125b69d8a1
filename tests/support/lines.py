"""A media line in memory: what a pipeline sends, asks and reports is kept, what it should hear is said."""

from __future__ import annotations

from collections.abc import Callable

from bridge.legs.leg import Feedback, LineCounters, SenderReport
from bridge.rtp.packet import RtpHeader, build, parse
from bridge.types import Codec, Flow, Kind, Path, Peer, Route, Side

PCMU = Codec("PCMU", 0, 8000)
PCMA = Codec("PCMA", 8, 8000)
G722 = Codec("G722", 9, 8000)
OPUS = Codec("OPUS", 111, 48000, 2, (("minptime", "10"), ("useinbandfec", "1")))
H264 = Codec("H264", 97, 90000, fmtp=(("packetization-mode", "1"), ("profile-level-id", "42e01f")))
H264_MODE_0 = Codec("H264", 98, 90000, fmtp=(("profile-level-id", "42e01f"),))
VP8 = Codec("VP8", 96, 90000, feedback=("nack", "nack pli"))


class MemoryLine:
    """A `MediaLine` whose far side is the test. `received(packet)` is what came from the far side."""

    def __init__(self, codec: Codec, side: Side, *, send_ssrc: int = 0x5151) -> None:
        self.kind = Kind.VIDEO if codec.clock_hz == 90000 else Kind.AUDIO
        self.side = side
        self.peer = Peer.STATION if side is Side.SIP else Peer.BROWSER
        self.codec = codec
        self.flow = Flow.SENDRECV
        self.send_payload_type = codec.payload_type
        self.send_ssrc = send_ssrc
        self.counters = LineCounters()
        self.sent: list[bytes] = []
        self.reports: list[SenderReport] = []
        self.keyframe_requests = 0
        self.sink: Callable[[bytes], None] | None = None
        self.hears_reports: Feedback | None = None
        self.hears_wishes: Feedback | None = None

    def attach(self, sink: Callable[[bytes], None], feedback_of_sink: Feedback) -> None:
        self.sink = sink
        self.hears_reports = feedback_of_sink

    def listen(self, feedback: Feedback) -> None:
        self.hears_wishes = feedback

    def send(self, packet: bytes) -> None:
        self.counters.sent_packets += 1
        self.sent.append(packet)

    def send_report(self, report: SenderReport) -> None:
        self.reports.append(report)

    def request_keyframe(self) -> None:
        self.keyframe_requests += 1

    def received(self, packet: bytes) -> None:
        assert self.sink is not None
        self.sink(packet)

    def headers(self) -> list[RtpHeader]:
        found = [parse(each) for each in self.sent]
        return [each for each in found if each is not None]

    def payloads(self) -> list[bytes]:
        return [each[12:] for each in self.sent]


class FarSource:
    """Counts like a sender: a packet a call, `step` ticks apart."""

    def __init__(self, line: MemoryLine, *, ssrc: int = 0xA1, sequence: int = 100, timestamp: int = 5000) -> None:
        self.line = line
        self.ssrc = ssrc
        self.sequence = sequence
        self.timestamp = timestamp

    def packet(self, payload: bytes, *, marker: bool = False) -> bytes:
        made = build(
            payload,
            payload_type=self.line.codec.payload_type,
            sequence=self.sequence,
            timestamp=self.timestamp,
            ssrc=self.ssrc,
            marker=marker,
        )
        self.sequence = (self.sequence + 1) & 0xFFFF
        return made

    def sends(self, payload: bytes, *, marker: bool = False, step: int = 0) -> None:
        self.line.received(self.packet(payload, marker=marker))
        self.timestamp = (self.timestamp + step) & 0xFFFFFFFF


def route(source: MemoryLine, target: MemoryLine, path: Path = Path.RELAY) -> Route:
    return Route(source.kind, source.side, path, source.codec, target.codec)


def pair(source_codec: Codec, target_codec: Codec, source: Side = Side.SIP) -> tuple[MemoryLine, MemoryLine]:
    """A source line and a target line on the other side."""
    other = Side.WEB if source is Side.SIP else Side.SIP
    return MemoryLine(source_codec, source, send_ssrc=0x1111), MemoryLine(target_codec, other, send_ssrc=0x2222)
