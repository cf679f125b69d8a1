"""A wiring that can be listened to. A privileged visit's wiring is `bridge.wiring.Wiring`, which knows no tap."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from bridge.codecs import Workers
from bridge.legs.leg import MediaLine
from bridge.links.tap import Listener, Tapping, TapPoint, point
from bridge.pipelines import Pipeline
from bridge.types import Kind, Route, Side
from bridge.wiring import Wiring


class TappableWiring(Wiring):
    """Each pipeline's source is a `TapPoint`; whoever listens hears every pipeline, present and to come."""

    def __init__(
        self,
        workers: Workers,
        passed: Callable[[Kind, Side], None],
        **limits: int,
    ) -> None:
        super().__init__(workers, passed, **limits)
        self._points: dict[tuple[Kind, Side], TapPoint] = {}
        self._listeners: tuple[Listener, ...] = ()

    def tap(self, listener: Listener) -> Tapping:
        """From now until the tapping is closed, or the wiring."""
        self._hear((*self._listeners, listener))
        return _Tapping(self, listener)

    def untap(self, listener: Listener) -> None:
        self._hear(tuple(each for each in self._listeners if each is not listener))

    def want_fresh_picture(self, source: Side) -> None:
        """From the source itself, whatever the pipeline does with it."""
        found = self._points.get((Kind.VIDEO, source))
        if found is not None:
            found.line.request_keyframe()

    def describe(self) -> str:
        texts = (self._points[key].describe(str(laid.pipeline)) for key, laid in self._laid.items())
        return "\n".join(sorted(texts))

    def close(self) -> None:
        super().close()
        self._listeners = ()

    def _hear(self, listeners: tuple[Listener, ...]) -> None:
        self._listeners = listeners
        for each in tuple(self._points.values()):
            each.hear(listeners)

    def _make(self, route: Route, source: MediaLine, target: MediaLine) -> Pipeline:
        codec, before = route.source_codec or source.codec, self._points.get((route.kind, route.source))
        if before is not None and before.line is source and before.codec_heard == codec:
            return super()._make(route, cast(MediaLine, before), target)  # only what comes after the point changes
        made, line = point(source, codec)
        pipeline = super()._make(route, line, target)
        self._points[route.kind, route.source] = made
        made.hear(self._listeners)
        return pipeline

    def _lift(self, key: tuple[Kind, Side]) -> None:
        super()._lift(key)
        gone = self._points.pop(key, None)
        if gone is not None:
            gone.close()


class _Tapping:
    """One listener's hold on the wiring."""

    def __init__(self, wiring: TappableWiring, listener: Listener) -> None:
        self._wiring = wiring
        self._listener = listener

    def want_picture(self, source: Side) -> None:
        self._wiring.want_fresh_picture(source)

    def close(self) -> None:
        self._wiring.untap(self._listener)
