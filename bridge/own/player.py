"""Sends payloads that are there already on one line, in that line's numbering, at the pace of the shared timer.

Numbers and timestamps go on where the pipeline before left off, and the next one goes on from here: neither end hears
a gap, a jump or an overlap when they take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from bridge.codecs.table import BLOCK_MS, VIDEO_CLOCK_HZ
from bridge.legs.leg import MediaLine, SenderReport
from bridge.links.packetize import payloader
from bridge.links.rewrite import Numbering
from bridge.own.studio import SLATE_FPS, Pictures, Sound
from bridge.rtp.packet import build
from bridge.rtp.timer import Timer

_BLOCK_S = BLOCK_MS / 1000
_LATE_S = 0.2  # a loop that stood still so long does not say in one burst what it missed
_KEYFRAME_GAP_S = 0.4  # a far side asks again until it sees one
_AGAIN_AFTER_BLOCKS = 500
_FRAME_S = 1 / SLATE_FPS


class Refrain:
    """A prompt, then quiet, and the prompt once more each ten seconds: as long as somebody waits."""

    def __init__(self, sound: Sound, quiet: Sound) -> None:
        self._sound = sound
        self._quiet = quiet
        self._at = 0
        self._round = len(sound) + _AGAIN_AFTER_BLOCKS
        self._again = True

    def fall_quiet(self) -> None:
        """What is being said is said to its end, and then no more."""
        self._again = False

    def __iter__(self) -> Refrain:
        return self

    def __next__(self) -> bytes:
        at, self._at = self._at, self._at + 1
        if self._again and self._at == self._round:
            self._at = 0
        return self._sound[at] if at < len(self._sound) else self._quiet[at % len(self._quiet)]


class SoundPlayer:
    """Blocks of 20 ms, until they end or it is closed. ended() is called once, when the last block is over."""

    def __init__(
        self,
        target: MediaLine,
        blocks: Iterator[bytes],
        numbering: Numbering,
        timer: Timer,
        *,
        ended: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.numbering = numbering
        self._target = target
        self._blocks = blocks
        self._ended = ended
        self._clock = clock
        self._ticks = target.codec.clock_hz * BLOCK_MS // 1000
        now_s = clock()
        if numbering.at_s is None:
            self._due_s, self._timestamp, self._marker = now_s, numbering.timestamp, True
        else:
            self._due_s = max(now_s, numbering.at_s + _BLOCK_S)
            passed = round((self._due_s - numbering.at_s) * target.codec.clock_hz)
            self._timestamp = numbering.timestamp + max(self._ticks, passed)
            self._marker = passed > 2 * self._ticks
        self._handle = timer.every(0.0, self._tick)
        self._tick()

    def close(self) -> None:
        """What follows begins where the last block ends."""
        self._handle.cancel()

    def _tick(self) -> None:
        now_s = self._clock()
        late_s = now_s - self._due_s
        if late_s > _LATE_S:
            self._due_s += late_s
            self._timestamp += round(late_s * self._target.codec.clock_hz)
        while self._due_s <= now_s:
            block = next(self._blocks, None)
            if block is None:
                self._handle.cancel()
                self._ended()
                return
            self._send(block)

    def _send(self, block: bytes) -> None:
        numbering, target = self.numbering, self._target
        numbering.sequence = (numbering.sequence + 1) & 0xFFFF
        target.send(
            build(
                block,
                payload_type=target.send_payload_type,
                sequence=numbering.sequence,
                timestamp=self._timestamp & 0xFFFFFFFF,
                ssrc=target.send_ssrc,
                marker=self._marker,
            )
        )
        self._marker = False
        self._due_s += _BLOCK_S
        self._timestamp += self._ticks
        # a millisecond before its end: whoever goes on counts at least that much
        numbering.at_s = self._due_s - 0.001
        numbering.timestamp = (self._timestamp - target.codec.clock_hz // 1000) & 0xFFFFFFFF


class PicturePlayer:
    """A slate: its keyframe at once, then the same picture again, in a circle. It answers wishes for a keyframe."""

    def __init__(
        self,
        target: MediaLine,
        pictures: Pictures,
        numbering: Numbering,
        timer: Timer,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.numbering = numbering
        self._target = target
        self._pictures = pictures
        self._payloads = payloader(target.codec)
        self._clock = clock
        self._next = 0
        self._keyframe_at_s = 0.0
        self._handle = timer.every(_FRAME_S, self._tick)
        target.listen(self)
        self._tick()

    def close(self) -> None:
        self._handle.cancel()

    def keyframe_wanted(self) -> None:
        if self._clock() - self._keyframe_at_s >= _KEYFRAME_GAP_S:
            self._next = 0

    def begin_anew(self) -> None:
        self._next = 0

    def report_received(self, report: SenderReport) -> None:
        """Nobody films this."""

    def bitrate_limited(self, bps: int) -> None:
        """It is next to nothing."""

    def _tick(self) -> None:
        frame = self._pictures[self._next]
        now_s = self._clock()
        if not self._next:
            self._keyframe_at_s = now_s
        self._next = (self._next + 1) % len(self._pictures)
        numbering, target = self.numbering, self._target
        passed_s = 0.0 if numbering.at_s is None else now_s - numbering.at_s
        numbering.timestamp = (numbering.timestamp + max(1, round(passed_s * VIDEO_CLOCK_HZ))) & 0xFFFFFFFF
        numbering.at_s = now_s
        payloads = self._payloads(frame.data)
        for payload in payloads:
            numbering.sequence = (numbering.sequence + 1) & 0xFFFF
            target.send(
                build(
                    payload,
                    payload_type=target.send_payload_type,
                    sequence=numbering.sequence,
                    timestamp=numbering.timestamp,
                    ssrc=target.send_ssrc,
                    marker=payload is payloads[-1],
                )
            )
