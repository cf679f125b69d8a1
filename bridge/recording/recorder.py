"""A visit's recorder: a tap on the media loop, everything else on the writer's thread.

    the loop                  the writer's thread
    packet() -> inbox (bounded)  ->  Reorder -> frames -> LineClock -> Film
    want_part(n) <-  the next file is needed: the first, or one for codecs that the head of the last does not name
    give(part)   ->  here it is

Until the file is there, and until each line has said what its head must (parameter sets, the size of a picture), frames
wait in memory: for _PATIENCE_S, then those that know go ahead, and a line that comes later begins a new part.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bridge.errors import CodecMissing
from bridge.legs.leg import SenderReport
from bridge.links.counters import PipelineCounters
from bridge.links.reorder import Patience, Reorder
from bridge.recording.clock import LineClock, SideClock
from bridge.recording.film import Film, Part, Written
from bridge.recording.frames import Description, Frames, frames_of
from bridge.recording.matroska import Track
from bridge.types import Codec, Kind, Side

_log = logging.getLogger(__name__)

MOST_WAITING = 8_000
"""Packets in memory: half a minute of a visit, so that a disk may stall, and not one byte more than about 10 MB."""

MOST_PARTS = 20
"""Files of one visit: a station that changes its codec without end shall not fill the folder."""

_PATIENCE_S = 3.0
_LAST_PART_S = 2.0  # for a file that was asked for at the very end
_REPAIR = Patience(20.0, 100.0, 150.0)
_WHO = {Side.SIP: "station", Side.WEB: "family"}

_Key = tuple[Kind, Side]
_Frame = tuple["_Line", bytes, float, bool]


class _Line:
    """One kind of one side while it has one codec. track: its number in the present film, 0: it has none."""

    def __init__(self, key: _Key, codec: Codec, side: SideClock, onward: Callable[[_Frame], None]) -> None:
        self.key = key
        self.codec = codec
        self.track = 0
        self.film: Film | None = None  # set with track: where its frames go at once
        self._onward = onward
        self.clock = LineClock(codec.clock_hz, side)
        self.frames: Frames = frames_of(codec, key[0], self._frame)
        self.reorder = Reorder(self.frames.push, _REPAIR, counters=PipelineCounters(), clock=lambda: self.frames.at_s)
        self.push = self.reorder.push
        self.described: Description | None = None

    def continues(self, codec: Codec) -> bool:
        """Whether the head of the film says the same of it."""
        return (codec.name, codec.channels) == (self.codec.name, self.codec.channels)

    def _frame(self, data: bytes, timestamp: int, ssrc: int, at_s: float, keyframe: bool) -> None:
        film = self.film
        if film is not None:
            film.frame(self.track, data, self.clock.at(timestamp, ssrc, at_s), keyframe)
            return
        if self.described is None:
            self.described = self.frames.description()
            if self.described is None:
                return  # nobody could decode it
        self._onward((self, data, self.clock.at(timestamp, ssrc, at_s), keyframe))

    def head(self, number: int) -> Track:
        said = self.described or Description()
        name = f"{_WHO[self.key[1]]} {self.key[0]}"
        return Track(number, name, self.codec.name, self.codec.channels, said.width, said.height, said.private)


class Recorder:
    """A `Listener`. want_part(number), failed(word) and ended(parts) are called on the writer's thread.

    failed: the recording ends here, the visit does not; `ended` still comes when it is told to finish.
    """

    def __init__(
        self,
        *,
        want_part: Callable[[int], None],
        failed: Callable[[str], None],
        ended: Callable[[tuple[Written, ...]], None],
        wake: Callable[[], object] = bool,
    ) -> None:
        """wake(): the writer's thread need not wait for its next turn."""
        self._want_part = want_part
        self._failed = failed
        self._ended = ended
        self._wake = wake
        self._inbox: deque[tuple[Kind, Side, object, float]] = deque()
        self.dropped = 0
        # of the writer's thread:
        self._lines: dict[_Key, _Line] = {}
        self._sides = {side: SideClock() for side in Side}
        self._film: Film | None = None
        self._waiting: list[_Frame] = []
        self._waits_since_s: float | None = None
        self._asked = 0  # parts that were asked for
        self._written: list[Written] = []
        self._dropped_before = 0
        self._now_s = 0.0
        self._dead = False
        self._ends_by_s: float | None = None  # set when it is to finish

    def __str__(self) -> str:
        return "recording"

    # -- on the loop

    def line_changed(self, kind: Kind, source: Side, codec: Codec | None) -> None:
        self._inbox.append((kind, source, codec, 0.0))

    def sink(self, kind: Kind, source: Side) -> Callable[[bytes], None]:
        take, clock = self.packet, time.monotonic
        return lambda packet: take(kind, source, packet, clock())

    def packet(self, kind: Kind, source: Side, packet: bytes, at_s: float) -> None:
        """at_s: when it came, monotonic."""
        inbox = self._inbox
        if len(inbox) < MOST_WAITING:
            inbox.append((kind, source, packet, at_s))
        else:
            self.dropped += 1

    def report(self, kind: Kind, source: Side, report: SenderReport) -> None:
        if len(self._inbox) < MOST_WAITING:
            self._inbox.append((kind, source, report, 0.0))

    def give(self, part: Part | None) -> None:
        """What `want_part` asked for. None: there is none to be had, and the recording has failed."""
        self._inbox.append((Kind.AUDIO, Side.SIP, part or _Nothing(), 0.0))
        self._wake()

    def finish(self) -> None:
        """`ended` comes when everything is written."""
        self._inbox.append((Kind.AUDIO, Side.SIP, _Finish(), 0.0))
        self._wake()

    # -- on the writer's thread

    def work(self, now_s: float) -> bool:
        """Writes what there is. False: it is over."""
        self._now_s = now_s
        self._guarded(self._take)
        self._guarded(self._look)
        if self._ends_by_s is None or (self._waiting and not self._dead and now_s < self._ends_by_s):
            return True
        self._finish()
        return False

    def _take(self) -> None:
        """What came since the last turn. After an error the rest waits for the next one, which throws it away."""
        inbox, lines = self._inbox, self._lines
        for _ in range(len(inbox)):
            kind, source, what, at_s = inbox.popleft()
            if type(what) is bytes:
                line = lines.get((kind, source))
                if line is not None:
                    line.frames.at_s = at_s
                    line.push(what)
            else:
                self._told((kind, source), what)

    def abandon(self, error: Exception) -> None:
        """A bug: this recording ends, the others go on."""
        _log.error("a recording failed", exc_info=error)
        self._fail("bug")

    def _told(self, key: _Key, what: object) -> None:
        if isinstance(what, SenderReport):
            line = self._lines.get(key)
            if line is not None:
                line.clock.reported(what)
        elif isinstance(what, _Finish):
            self._close_lines()
        elif isinstance(what, Part):
            self._guarded(lambda: self._open(what))
        elif isinstance(what, _Nothing):
            self._fail("refused")
        elif what is None or isinstance(what, Codec):
            self._change(key, what)

    def _change(self, key: _Key, codec: Codec | None) -> None:
        before = self._lines.get(key)
        if before is not None:
            before.frames.flush()
        if codec is None or (before is not None and before.codec == codec) or self._dead:
            return  # it may come back as it was
        try:
            line = _Line(key, codec, self._sides[key[1]], self._wait)
        except CodecMissing as error:
            _log.warning("a line is not recorded: %s", error)
            self._lines.pop(key, None)
            return
        if before is not None and before.continues(codec):
            line.track, line.film, line.described = before.track, before.film, before.described
        self._lines[key] = line

    def _wait(self, frame: _Frame) -> None:
        """Of a line that no film has a track for."""
        if self._dead:
            return
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return
        if self._waits_since_s is None:
            self._waits_since_s = self._now_s
        self._waiting.append(frame)

    def _look(self) -> None:
        """Whether a part is to be asked for, or a cluster has lasted long enough."""
        if self._dead:
            return
        if self._film is not None:
            if not self._waiting:
                self._film.tick(self._now_s)
                return
            if len(self._written) + 1 >= MOST_PARTS:
                self.dropped += len(self._waiting)
                self._waiting.clear()
                return
            self._end_part()  # a line that its head does not name
        if self._waits_since_s is not None and self._asked == len(self._written) and self._heads_known():
            self._asked += 1
            self._want_part(self._asked)

    def _heads_known(self) -> bool:
        if self._ends_by_s is not None:
            return True
        waited_s = self._now_s - (self._waits_since_s or self._now_s)
        return waited_s >= _PATIENCE_S or all(each.described for each in self._lines.values())

    def _open(self, part: Part) -> None:
        if self._dead or not self._waiting:
            return
        waiting, self._waiting, self._waits_since_s = self._waiting, [], None
        known = [each for key in sorted(self._lines) if (each := self._lines[key]).described]
        began_s = min(each[2] for each in waiting)
        ago = timedelta(seconds=time.monotonic() - began_s)
        heads = [line.head(number) for number, line in enumerate(known, 1)]
        film = self._film = Film(part, heads, began_s, datetime.now(UTC) - ago)
        for number, line in enumerate(known, 1):
            line.track, line.film = number, film
        for line, data, at_s, keyframe in waiting:
            if line.track:
                film.frame(line.track, data, at_s, keyframe)

    def _end_part(self) -> None:
        film, self._film = self._film, None
        self._forget_film()
        if film is None:
            return
        try:
            written = film.close()
        except BaseException:
            self._keep(film.cut())  # no room for the end: what lies there is still told of
            raise
        self._keep(written)

    def _close_lines(self) -> None:
        """Nothing more comes; what waits for a file may wait a little longer."""
        for line in self._lines.values():
            line.reorder.close()
            line.frames.flush()
        self._ends_by_s = self._ends_by_s or self._now_s + _LAST_PART_S

    def _finish(self) -> None:
        self._guarded(self._end_part)
        self._dead = True
        self._ended(tuple(self._written))

    def _forget_film(self) -> None:
        for line in self._lines.values():
            line.track, line.film = 0, None

    def _keep(self, written: Written) -> None:
        dropped, self._dropped_before = self.dropped - self._dropped_before, self.dropped
        self._written.append(replace(written, dropped=dropped))

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except OSError as error:
            self._fail_on_disk(error)

    def _fail_on_disk(self, error: OSError) -> None:
        _log.error("a recording cannot be written: %s", error.strerror or type(error).__name__)
        self._fail("disk")

    def _fail(self, word: str) -> None:
        if self._dead:
            return
        self._dead = True
        film, self._film = self._film, None
        self._forget_film()
        self._waiting.clear()
        if film is not None:
            self._keep(film.cut())
        self._failed(word)


class _Finish:
    """The last thing in the inbox."""


class _Nothing:
    """There is no part."""
