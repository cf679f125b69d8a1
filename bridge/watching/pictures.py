"""The picture of one side, on its way to those who watch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from bridge.codecs import Workers
from bridge.legs.leg import SenderReport
from bridge.legs.web_line import WebLine
from bridge.links.counters import PipelineCounters
from bridge.links.parameter_sets import ParameterSets, described_sets
from bridge.links.rewrite import Numbering, Rewrite
from bridge.pipelines import Pipeline, transcode
from bridge.types import Codec, Kind, Path, Route, Side
from bridge.watching.plan import relayable
from bridge.watching.tapped import Spread, TappedLine

WATCHED_BPS = 800_000  # of a picture that is encoded for officers
_ASK_EVERY_S = 0.5  # however many officers miss a picture: each keyframe is paid for by the visit's own network


class Pictures:
    """Of one side. `show` gives it to a line as it is, where the browser has the codec, else encoded, once for all.

    push_all: takes the side's packets, some at a time. ask: gets a keyframe from the source, at most twice a second.
    """

    def __init__(
        self, side: Side, workers: Workers, ask: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._side = side
        self._workers = workers
        self._ask = ask
        self._clock = clock
        self._asked_s = -_ASK_EVERY_S
        self._owed = False
        self._begun: set[WebLine] = set()
        self._codec: Codec | None = None
        self._numbers: dict[WebLine, Numbering] = {}
        self._relays: dict[WebLine, Handed] = {}
        self._encoded: dict[tuple[str, tuple[tuple[str, str], ...]], _Encoded] = {}
        self._sinks: tuple[Callable[[Sequence[bytes]], None], ...] = ()

    def describe(self) -> list[str]:
        texts = [f"video {self._side}: {each}" for each in self._relays.values()]
        return texts + [f"{each.pipeline} x {len(each.spread)}" for each in self._encoded.values()]

    def changed(self, codec: Codec | None) -> None:
        """None: nothing comes for now; what was laid stands, since it mostly comes back as it was."""
        if codec is None or codec == self._codec:
            return
        self._codec = codec
        lines = tuple(self._numbers)
        for line in lines:
            self._lift(line)
        for line in lines:
            self._lay(line)

    def show(self, line: WebLine) -> None:
        """Raises CodecMissing."""
        self._numbers[line] = Numbering()
        self._lay(line)

    def begin(self, line: WebLine) -> None:
        """The line's browser is there: it needs a whole picture to begin with."""
        self._begun.add(line)
        relay = self._relays.get(line)
        if relay is not None:
            relay.keyframe_wanted()
        for each in self._encoded.values():
            if line in each.spread:
                each.pipeline.keyframe_wanted()

    def hide(self, line: WebLine) -> None:
        self._lift(line)
        self._numbers.pop(line, None)
        self._begun.discard(line)

    def push_all(self, packets: Sequence[bytes]) -> None:
        for sink in self._sinks:
            sink(packets)

    def tick(self) -> None:
        if self._owed:
            self._want()

    def close(self) -> None:
        for line in tuple(self._numbers):
            self.hide(line)
        self._owed = False

    def _lay(self, line: WebLine) -> None:
        if self._codec is None:
            return
        if relayable(self._codec, line.codec):
            self._relays[line] = Handed(self._codec, line, self._numbers[line], lambda: self._want_for(line))
        else:
            key = (line.codec.name, line.codec.fmtp)
            if key not in self._encoded:
                source = TappedLine(Kind.VIDEO, self._side, self._codec, self._want)
                self._encoded[key] = _Encoded(source, line.codec, self._workers)
            self._encoded[key].add(line, self._numbers[line])
        self._listen()

    def _lift(self, line: WebLine) -> None:
        relay = self._relays.pop(line, None)
        if relay is not None:
            relay.close()
        for key, each in tuple(self._encoded.items()):
            each.spread.remove(line)
            if not len(each.spread):
                each.pipeline.close()
                del self._encoded[key]
        self._listen()

    def _listen(self) -> None:
        """A pipeline attaches itself to its tapped line when it is made, and stays what it is."""
        relays, encoded = self._relays.values(), self._encoded.values()
        self._sinks = (*(each.push_all for each in relays), *(each.source.push_all for each in encoded))

    def _want_for(self, line: WebLine) -> None:
        """A picture that comes before the browser does is of no use."""
        if line in self._begun:
            self._want()

    def _want(self) -> None:
        now_s = self._clock()
        self._owed = now_s - self._asked_s < _ASK_EVERY_S
        if not self._owed:
            self._asked_s = now_s
            self._ask()


class Handed:
    """A picture as it was sent, in a line's own numbering. What comes late or is missing the browser puts right itself:
    it has to wait for its own network anyway.
    """

    def __init__(self, codec: Codec, line: WebLine, numbering: Numbering, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._send_all = line.send_all
        self._written: list[bytes] = []
        self._rewrite = Rewrite(
            codec,
            self._written.append,
            payload_type=line.send_payload_type,
            ssrc=line.send_ssrc,
            numbering=numbering,
            counters=PipelineCounters(),
        )
        self._sets = None
        self._push = self._rewrite.push
        if codec.name == "H264" and (described := described_sets(codec)):
            self._sets = ParameterSets(described, self._rewrite)
            self._push = self._sets.push
        self._text = " -> ".join(
            [codec.name, *([str(self._sets)] if self._sets else []), f"{self._rewrite} -> WatchLeg"]
        )
        line.listen(self)

    def push_all(self, packets: Sequence[bytes]) -> None:
        push, written = self._push, self._written
        for packet in packets:
            push(packet)
        self._send_all(written)
        written.clear()

    def close(self) -> None:
        self._ask = _nobody
        self._rewrite.close()

    def __str__(self) -> str:
        return self._text

    # -- as the feedback of the line

    def keyframe_wanted(self) -> None:
        self._ask()

    def report_received(self, report: SenderReport) -> None:
        """Watchers send nothing that a report could be about."""

    def bitrate_limited(self, bps: int) -> None:
        """What an officer's network can take is no reason to show those who visit each other less."""


class _Encoded:
    """One decoder and one encoder, for all lines of a codec."""

    def __init__(self, source: TappedLine, codec: Codec, workers: Workers) -> None:
        self.source = source
        self.spread = Spread(Kind.VIDEO, codec)
        route = Route(Kind.VIDEO, source.side, Path.TRANSCODE, source.codec, codec)
        self.pipeline = transcode(source, self.spread, route, workers, most_bps=WATCHED_BPS)

    def add(self, line: WebLine, numbering: Numbering) -> None:
        self.spread.add(line, numbering)
        line.listen(_Wishes(self.pipeline))
        self.pipeline.keyframe_wanted()


class _Wishes:
    """A watcher may want a keyframe; how much it can take is its own affair, and no reason to show others less."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def keyframe_wanted(self) -> None:
        self._pipeline.keyframe_wanted()

    def report_received(self, report: SenderReport) -> None:
        """Watchers send nothing that a report could be about."""

    def bitrate_limited(self, bps: int) -> None:
        """See above."""


def _nobody() -> None:
    """Nobody wants to know."""
