"""What stands where no pipeline is attached: a sink and a feedback that do nothing."""

from __future__ import annotations

from bridge.legs.leg import Feedback, SenderReport


class _Silent:
    def keyframe_wanted(self) -> None: ...

    def report_received(self, report: SenderReport) -> None: ...

    def bitrate_limited(self, bps: int) -> None: ...


SILENT: Feedback = _Silent()


def nowhere(packet: bytes) -> None:
    """The sink of a line that no pipeline is attached to."""
