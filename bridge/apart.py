"""Sides that are not joined: each can be sent what is ours, and nothing of one can come to the other.

A station that is greeted, and a telephone that has not said yet that it accepts, are wired like this. There is no place
for a pipeline here, as there is none for a tap in `bridge.wiring.Wiring`: nobody hears the other by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bridge.legs.leg import MediaLine
from bridge.links.rewrite import Numbering
from bridge.own.program import Way
from bridge.quality import Moment
from bridge.tally import Tally
from bridge.types import FlowStats, Kind, Route, Side

FAR = {Side.SIP: Side.WEB, Side.WEB: Side.SIP}


@dataclass(frozen=True, slots=True)
class _Fed:
    """A line that we send on, and where its numbers stand, whoever feeds it."""

    line: MediaLine
    numbering: Numbering


class Apart:
    """The lines, and what plays on them (`bridge.own.program.Floor`)."""

    def __init__(self) -> None:
        self._lines: dict[tuple[Kind, Side], MediaLine] = {}
        self._fed: dict[tuple[Kind, Side], _Fed] = {}  # by target
        self._ways: dict[tuple[Kind, Side], tuple[Way, Callable[[], None] | None]] = {}  # by source
        self._tally = Tally()
        self.routes: tuple[Route, ...] = ()

    def lay(self, routes: tuple[Route, ...], lines: Iterable[MediaLine]) -> None:
        """These lines are there; the routes would be theirs."""
        self._lines = {(each.kind, each.side): each for each in lines}
        self.routes = routes

    def follow(self, before: Apart) -> None:
        """In its place: where lines' numbers stand, and what plays on them, goes on."""
        self._lines, self._fed, self._ways = before._lines, before._fed, before._ways
        self._tally, self.routes = before._tally, before.routes

    def lift_side(self, side: Side) -> None:
        """The leg of this side goes: nothing may be pushed into it any more."""
        self._lines = {key: line for key, line in self._lines.items() if line.side is not side}

    def retire(self, line: MediaLine) -> None:
        """The line goes; what it counted stays."""
        self._tally.retire_line(line)

    def want_pictures(self) -> None:
        """Someone joined: fresh pictures both ways."""

    def want_picture(self, of: Side) -> None:
        """The side that looks wants a fresh picture of the side `of`."""

    def stats(self, lines: Iterable[MediaLine]) -> tuple[FlowStats, ...]:
        present = tuple(lines)
        return tuple(self._tally.flow(each, present, None) for each in self.routes)

    def moments(self, due: bool) -> tuple[Moment, ...]:  # noqa: ARG002 - nothing flows that could be due
        """What each flow has sent by now, for `Patience`."""
        return ()

    def target(self, kind: Kind, side: Side) -> MediaLine | None:
        return self._lines.get((kind, side))

    def numbering(self, target: MediaLine) -> Numbering:
        key = (target.kind, target.side)
        fed = self._fed.get(key)
        if fed is None or fed.line is not target:
            fed = self._fed[key] = _Fed(target, Numbering())
        return fed.numbering

    def turn(self, kind: Kind, to: Side, way: Way, came: Callable[[], None] | None = None) -> None:
        """Kept for the pipelines to come."""
        self._ways[kind, FAR[to]] = (way, came)

    def describe(self) -> str:
        return ""

    def close(self) -> None:
        self._fed.clear()
