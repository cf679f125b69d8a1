"""A cable between two media lines of one codec: the least that a pipeline must do, for tests of the legs alone."""

from __future__ import annotations

from collections.abc import Callable

from bridge.legs.leg import MediaLine, SenderReport
from bridge.rtp.packet import HEADER, parse


class Cable:
    """Carries packets from `source` to `target` under the target's numbers, and wishes the other way.

    `cut(sequence)` true drops the packet with this outgoing sequence number in the cable, for tests of repair.
    """

    def __init__(self, source: MediaLine, target: MediaLine, cut: Callable[[int], bool] | None = None) -> None:
        self._source = source
        self._target = target
        self._cut = cut
        self.packets: list[bytes] = []
        self.keep = False
        self.count = 0
        self.bitrate_limits: list[int] = []
        self.keyframes_wanted = 0
        self.reports = 0
        source.attach(self.push, self)
        target.listen(self)

    def push(self, packet: bytes) -> None:
        header = parse(packet)
        if header is None:
            return
        self.count += 1
        if self.keep:
            self.packets.append(packet)
        if self._cut is not None and self._cut(header.sequence):
            return
        target = self._target
        second = (0x80 if header.marker else 0) | target.send_payload_type
        head = HEADER.pack(0x80, second, header.sequence, header.timestamp, target.send_ssrc)
        target.send(head + packet[header.payload_start : header.payload_end])

    def keyframe_wanted(self) -> None:
        self.keyframes_wanted += 1
        self._source.request_keyframe()

    def report_received(self, report: SenderReport) -> None:
        self.reports += 1
        self._target.send_report(report)

    def bitrate_limited(self, bps: int) -> None:
        self.bitrate_limits.append(bps)
