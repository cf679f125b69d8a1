"""What a tap hears, as the source line of one more pipeline; and a line that hands what it gets to several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bridge.legs.leg import Feedback, LineCounters, MediaLine, SenderReport
from bridge.legs.silent import SILENT, nowhere
from bridge.links.counters import PipelineCounters
from bridge.links.rewrite import Numbering, Rewrite
from bridge.types import Codec, Flow, Kind, Peer, Side


class TappedLine:
    """A `MediaLine` that nothing can be sent into. Its keyframe wishes go to `ask`, its bitrate wishes nowhere."""

    def __init__(self, kind: Kind, side: Side, codec: Codec, ask: Callable[[], None]) -> None:
        self.kind: Kind = kind
        self.side: Side = side
        self.peer = Peer.STATION if side is Side.SIP else Peer.BROWSER
        self.codec = codec
        self.flow: Flow = Flow.RECVONLY
        self.send_payload_type = codec.payload_type
        self.send_ssrc = 0
        self.counters = LineCounters()
        self.push: Callable[[bytes], None] = nowhere
        self.feedback: Feedback = SILENT
        self._ask = ask

    def push_all(self, packets: Sequence[bytes]) -> None:
        push = self.push
        for packet in packets:
            push(packet)

    def attach(self, sink: Callable[[bytes], None], feedback_of_sink: Feedback) -> None:
        self.push, self.feedback = sink, feedback_of_sink

    def listen(self, feedback: Feedback) -> None:
        """The visit's own pipeline hears the far side."""

    def send(self, packet: bytes) -> None:
        """Nothing of an officer goes into a visit."""

    def send_report(self, report: SenderReport) -> None:
        """Nor does a report."""

    def request_keyframe(self) -> None:
        self._ask()

    def close(self) -> None:
        self.push, self.feedback = nowhere, SILENT


class Spread:
    """The target `MediaLine` of a pipeline whose packets go to several lines, each in a numbering of its own."""

    def __init__(self, kind: Kind, codec: Codec) -> None:
        self.kind: Kind = kind
        self.side: Side = Side.WEB
        self.peer: Peer = Peer.BROWSER
        self.codec = codec
        self.flow: Flow = Flow.SENDONLY
        self.send_payload_type = codec.payload_type
        self.send_ssrc = 1
        self.counters = LineCounters()
        self._wishes: Feedback = SILENT
        self._targets: dict[MediaLine, Rewrite] = {}

    def __len__(self) -> int:
        return len(self._targets)

    def __contains__(self, target: MediaLine) -> bool:
        return target in self._targets

    def add(self, target: MediaLine, numbering: Numbering) -> None:
        self._targets[target] = Rewrite(
            self.codec,
            target.send,
            payload_type=target.send_payload_type,
            ssrc=target.send_ssrc,
            numbering=numbering,
            counters=PipelineCounters(),
        )

    def remove(self, target: MediaLine) -> None:
        rewrite = self._targets.pop(target, None)
        if rewrite is not None:
            rewrite.close()

    # -- as a MediaLine

    def attach(self, sink: Callable[[bytes], None], feedback_of_sink: Feedback) -> None:
        """Nothing comes from there."""

    def listen(self, feedback: Feedback) -> None:
        self._wishes = feedback

    def send(self, packet: bytes) -> None:
        for rewrite in self._targets.values():
            rewrite.push(packet)

    def send_report(self, report: SenderReport) -> None:
        """Each watcher's pictures and sound play as they come: there is nothing to be kept in step with."""

    def request_keyframe(self) -> None:
        """Nothing comes from there."""
