"""A visit for those who watch it: two moving pictures in VP8 and two voices, as a tap would give them."""

from __future__ import annotations

import asyncio
import contextlib

from bridge.codecs import VideoEncoder, g711
from bridge.links.link import EncodedFrame
from bridge.links.tap import Listener
from bridge.links.vp8 import payloads
from bridge.rtp.packet import build
from bridge.types import Codec, Kind, Side
from gateway.demo.family import Pace
from gateway.demo.scene import Mark, Scene, Voice

_FPS, _WIDTH, _HEIGHT = 15, 320, 240
_VP8 = Codec("VP8", 96, 90_000)
_PCMU = Codec("PCMU", 0, 8000)


class Projector:
    """What a bridge is to a gallery. It plays as long as somebody listens."""

    def __init__(self) -> None:
        self._playing: list[_Playing] = []

    def tap(self, listener: Listener) -> _Playing:
        for side in Side:
            listener.line_changed(Kind.VIDEO, side, _VP8)
            listener.line_changed(Kind.AUDIO, side, _PCMU)
        playing = _Playing(listener)
        self._playing.append(playing)
        return playing

    async def close(self) -> None:
        for each in self._playing:
            each.close()
            await each.over()


class _Playing:
    def __init__(self, listener: Listener) -> None:
        self._sinks = {(kind, side): listener.sink(kind, side) for kind in Kind for side in Side}
        self._wanted = dict.fromkeys(Side, True)
        self._tasks = [
            asyncio.create_task(self._pictures(side, mark), name=f"pictures of {side}")
            for side, mark in ((Side.SIP, Mark.TERMINAL), (Side.WEB, Mark.FAMILY))
        ]
        self._tasks.append(asyncio.create_task(self._voices(), name="voices"))

    def want_picture(self, source: Side) -> None:
        self._wanted[source] = True

    def close(self) -> None:
        for each in self._tasks:
            each.cancel()

    async def over(self) -> None:
        for each in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await each

    async def _pictures(self, side: Side, mark: Mark) -> None:
        encoder = VideoEncoder("VP8", _WIDTH, _HEIGHT, _FPS, 300_000)
        scene, pace = Scene(mark, _WIDTH, _HEIGHT), Pace(1 / _FPS)
        sequence = 0
        while True:
            number = await pace.next()
            keyframe, self._wanted[side] = self._wanted[side], False
            for frame in encoder.encode(scene.frame(number), number * 90_000 // _FPS, keyframe):
                sequence = self._packets(side, frame, number, sequence)

    def _packets(self, side: Side, frame: EncodedFrame, number: int, sequence: int) -> int:
        parts = payloads(frame.data, 1200, number & 0x7FFF)
        for index, part in enumerate(parts):
            sequence += 1
            packet = build(
                part,
                payload_type=96,
                sequence=sequence,
                timestamp=frame.rtp_timestamp,
                ssrc=5,
                marker=index == len(parts) - 1,
            )
            self._sinks[Kind.VIDEO, side](packet)
        return sequence

    async def _voices(self) -> None:
        voice, pace = Voice(8000), Pace(0.02)
        while True:
            number = await pace.next()
            sound = g711.encode("PCMU", voice.next(160))
            for side in Side:
                packet = build(sound, payload_type=0, sequence=number, timestamp=160 * number, ssrc=7)
                self._sinks[Kind.AUDIO, side](packet)
