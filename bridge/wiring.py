"""The pipelines between two legs: laid when negotiation chose, lifted when it chose otherwise or a leg went."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from bridge.apart import FAR, Apart
from bridge.codecs import Workers
from bridge.legs.leg import MediaLine
from bridge.legs.silent import SILENT, nowhere
from bridge.links.parked import Parked
from bridge.links.picture import MOST_BPS
from bridge.own.program import Way
from bridge.pipelines import LimitsBitrate, Pipeline, relay, transcode
from bridge.quality import Moment
from bridge.types import FlowStats, Kind, Path, Peer, Route, Side


@dataclass(frozen=True, slots=True)
class _Laid:
    route: Route
    source: MediaLine
    target: MediaLine
    pipeline: Pipeline


class Wiring(Apart):
    """`passed(kind, source)` is called after the first sound or keyframe that passes between two lines."""

    def __init__(self, workers: Workers, passed: Callable[[Kind, Side], None], *, most_bps: int = MOST_BPS) -> None:
        super().__init__()
        self._workers = workers
        self._most_bps = most_bps
        self._passed = passed
        self._laid: dict[tuple[Kind, Side], _Laid] = {}
        self._told: dict[tuple[Kind, Side], tuple[MediaLine, MediaLine]] = {}  # between which lines media has passed

    def lay(self, routes: tuple[Route, ...], lines: Iterable[MediaLine]) -> None:
        """Pipelines for these routes between these lines. What has not changed goes on undisturbed."""
        found = self._lines = {(each.kind, each.side): each for each in lines}
        self.routes = routes
        wanted = {(each.kind, each.source): each for each in routes}
        for key in self._laid.keys() - wanted.keys():
            self._lift(key)
        for key, route in wanted.items():
            source, target = found.get(key), found.get((route.kind, FAR[route.source]))
            laid = self._laid.get(key)
            if laid and (laid.route, laid.source, laid.target) == (route, source, target):
                continue
            self._lift(key)
            carried = target is not None and route.path is not Path.NONE
            if key == (Kind.VIDEO, Side.WEB) and source is not None and source.peer is Peer.BROWSER:
                self._spare(source, carried)
            if source is not None and target is not None and carried:
                self._laid[key] = _Laid(route, source, target, self._make(route, source, target))

    def _spare(self, browser: object, carried: bool) -> None:
        """A picture that nobody sees costs the family's line, so it is made small."""
        if isinstance(browser, LimitsBitrate):
            browser.limit_bitrate(self._most_bps if carried else 0)

    def lift_side(self, side: Side) -> None:
        """The leg of this side goes: nothing may be pushed into it any more."""
        for key, laid in list(self._laid.items()):
            if side in (laid.source.side, laid.target.side):
                self._lift(key)
        super().lift_side(side)

    def want_pictures(self) -> None:
        """Someone joined: fresh pictures both ways, from the encoder where there is one and from the source."""
        for laid in self._laid.values():
            if laid.route.kind is Kind.VIDEO:
                laid.pipeline.keyframe_wanted()
                laid.source.request_keyframe()

    def want_picture(self, of: Side) -> None:
        """The side that looks wants a fresh picture of the side `of`."""
        laid = self._laid.get((Kind.VIDEO, of))
        if laid is not None:
            laid.pipeline.keyframe_wanted()

    def stats(self, lines: Iterable[MediaLine]) -> tuple[FlowStats, ...]:
        present = tuple(lines)
        found = []
        for route in self.routes:
            laid = self._laid.get((route.kind, route.source))
            found.append(self._tally.flow(route, present, laid.pipeline.counters if laid else None))
        return tuple(found)

    def moments(self, due: bool) -> tuple[Moment, ...]:
        """What each flow has sent by now, for `Patience`."""
        return tuple(
            Moment(*key, laid.target.counters.sent_packets, due and not isinstance(laid.pipeline, Parked))
            for key, laid in self._laid.items()
        )

    # -- what our own sound and pictures need (`bridge.own.program.Floor`)

    def target(self, kind: Kind, side: Side) -> MediaLine | None:
        """None too where the sides have not this kind in common: the page shows a phone in its own way.

        A telephone has no page: a picture's line that only one side has is sent what is ours.
        """
        common = any(each.kind is kind and (each.path is not Path.NONE or each.is_ours(side)) for each in self.routes)
        return self._lines.get((kind, side)) if common else None

    def turn(self, kind: Kind, to: Side, way: Way, came: Callable[[], None] | None = None) -> None:
        key = (kind, FAR[to])
        before, _ = self._ways.get(key, (Way.LIVE, None))
        self._ways[key] = (way, came)
        laid = self._laid.get(key)
        if laid is not None and way is not before:
            self._silence(laid)
            self._laid[key] = replace(laid, pipeline=self._make(laid.route, laid.source, laid.target))

    def describe(self) -> str:
        return "\n".join(sorted(str(each.pipeline) for each in self._laid.values()))

    def close(self) -> None:
        for key in list(self._laid):
            self._lift(key)
        self._fed.clear()

    def _make(self, route: Route, source: MediaLine, target: MediaLine) -> Pipeline:
        key = (route.kind, route.source)
        way, came = self._ways.get(key, (Way.LIVE, None))
        numbering = self.numbering(target)
        if way is not Way.LIVE:
            awaited = partial(self._came, key, came) if way is Way.AWAITED else None
            return Parked(route.kind, source, route.source_codec or source.codec, numbering, awaited=awaited)

        def first_media() -> None:
            if self._told.get(key) != (source, target):
                self._told[key] = (source, target)
                self._passed(*key)

        if route.path is Path.RELAY:
            return relay(source, target, route, numbering=numbering, first_media=first_media)
        return transcode(
            source, target, route, self._workers, numbering=numbering, first_media=first_media, most_bps=self._most_bps
        )

    def _came(self, key: tuple[Kind, Side], came: Callable[[], None] | None, packet: bytes) -> None:
        """What was awaited: whoever plays stops, and the pipeline begins with this packet."""
        if came is not None:
            came()
        self.turn(key[0], FAR[key[1]], Way.LIVE)
        laid = self._laid.get(key)
        if laid is not None:
            laid.pipeline.push(packet)

    def _lift(self, key: tuple[Kind, Side]) -> None:
        laid = self._laid.pop(key, None)
        if laid is not None:
            self._silence(laid)

    def _silence(self, laid: _Laid) -> None:
        laid.source.attach(nowhere, SILENT)
        if not isinstance(laid.pipeline, Parked):  # who plays in its place hears the target's wishes
            laid.target.listen(SILENT)
        laid.pipeline.close()
        self._tally.retire_pipeline(laid.route, laid.pipeline.counters)
