"""Where somebody listens to what one side sends: between a source line and the first link of its pipeline.

    nobody listens      MediaLine -> first link
    somebody does       MediaLine -> Tap -> first link, then each listener

A `TapPoint` stands for the line where the pipeline is made. It hands the pipeline's sink to the line itself while
nobody listens, so a tap that is not there costs nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol, cast

from bridge.legs.leg import Feedback, MediaLine, SenderReport
from bridge.legs.silent import SILENT, nowhere
from bridge.types import Codec, Kind, Side

_log = logging.getLogger(__name__)


class Listener(Protocol):
    """Who listens. It is called on the media loop and must return at once. What it raises ends its listening."""

    def line_changed(self, kind: Kind, source: Side, codec: Codec | None) -> None:
        """At tapping, and whenever the source's codec changes. None: it is no longer carried."""
        ...

    def sink(self, kind: Kind, source: Side) -> Callable[[bytes], None]:
        """Takes this source's packets from now on: each a whole RTP packet as the far side sent it, in the clear."""
        ...

    def report(self, kind: Kind, source: Side, report: SenderReport) -> None: ...

    def __str__(self) -> str:
        """What an auditor reads in the pipeline's text: `recording`, `watching`."""
        ...


class Tapping(Protocol):
    """Somebody's listening, as `Bridge.tap()` gives it."""

    def want_picture(self, source: Side) -> None:
        """Asks that source for a keyframe."""
        ...

    def close(self) -> None:
        """Again is harmless. The listener hears nothing more."""
        ...


class TapPoint:
    """A `MediaLine` for the pipeline that it is the source of. `point()` makes one.

    Whatever is not about the way of the media is the line's own.
    """

    def __init__(self, line: MediaLine, codec: Codec) -> None:
        self.line = line
        self.codec_heard = codec
        self._sink: Callable[[bytes], None] = nowhere
        self._feedback: Feedback = SILENT
        self._listeners: tuple[Listener, ...] = ()
        self._sinks: tuple[Callable[[bytes], None], ...] = ()  # of the listeners, in their order

    def __getattr__(self, name: str) -> Any:
        return getattr(self.line, name)

    def attach(self, sink: Callable[[bytes], None], feedback_of_sink: Feedback) -> None:
        self._sink, self._feedback = sink, feedback_of_sink
        if self._listeners:
            sink, feedback_of_sink = self._push, self
        self.line.attach(sink, feedback_of_sink)

    def hear(self, listeners: tuple[Listener, ...]) -> None:
        """From now on these and no others."""
        before, self._listeners = self._listeners, listeners
        self._sinks = tuple(each.sink(self.line.kind, self.line.side) for each in listeners)
        if bool(before) != bool(listeners):
            self.attach(self._sink, self._feedback)
        for each in listeners:
            if each not in before:
                self._tell(each, lambda each=each: each.line_changed(self.line.kind, self.line.side, self.codec_heard))  # type: ignore[misc]  # bound now, on purpose

    def close(self) -> None:
        """The pipeline went; the line is attached to another or to none by whoever took it away."""
        for each in self._listeners:
            self._tell(each, lambda each=each: each.line_changed(self.line.kind, self.line.side, None))  # type: ignore[misc]  # bound now, on purpose
        self._listeners = self._sinks = ()

    def describe(self, pipeline: str) -> str:
        """The pipeline's text with the tap where it stands: after the source's codec, before the first link."""
        if not self._listeners:
            return pipeline
        way, _, links = pipeline.partition(": ")
        tap = f"Tap({', '.join(map(str, self._listeners))}) -> "
        head = f"{self.codec_heard.name} -> "
        if links.startswith(head):
            return f"{way}: {head}{tap}{links.removeprefix(head)}"
        return f"{way}: {tap}{links}"

    # -- as the sink and the feedback of the line

    def _push(self, packet: bytes) -> None:
        """The visit first: whoever listens comes after it."""
        self._sink(packet)
        for sink in self._sinks:
            try:
                sink(packet)
            except Exception as error:  # noqa: BLE001 - no listener's bug may end the visit's sound
                self._lose(self._listeners[self._sinks.index(sink)], error)

    def report_received(self, report: SenderReport) -> None:
        self._feedback.report_received(report)
        for each in self._listeners:
            self._tell(each, lambda each=each: each.report(self.line.kind, self.line.side, report))  # type: ignore[misc]  # bound now, on purpose

    def keyframe_wanted(self) -> None:
        self._feedback.keyframe_wanted()

    def bitrate_limited(self, bps: int) -> None:
        self._feedback.bitrate_limited(bps)

    def _tell(self, listener: Listener, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - no listener's bug may end the visit's sound
            self._lose(listener, error)

    def _lose(self, listener: Listener, error: Exception) -> None:
        _log.error("the tap %s failed and is taken away", listener, exc_info=error)
        self.hear(tuple(each for each in self._listeners if each is not listener))


class _LimitingTapPoint(TapPoint):
    """Of a line whose far side can be told to send less: pipelines look for this method (`LimitsBitrate`)."""

    def limit_bitrate(self, bps: int) -> None:
        self.line.limit_bitrate(bps)  # type: ignore[attr-defined]  # point() has looked


def point(line: MediaLine, codec: Codec) -> tuple[TapPoint, MediaLine]:
    """The point, and the same as the line that the pipeline is given."""
    made = (_LimitingTapPoint if hasattr(line, "limit_bitrate") else TapPoint)(line, codec)
    return made, cast(MediaLine, made)
