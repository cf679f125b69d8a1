"""Recorders for the measured process: one for each bridge, with keys and files of their own."""

from __future__ import annotations

import asyncio
import itertools
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from bridge import Media, Tapping
from bridge.recording import Part, Recorder, Writer, Written
from bridge.types import Codec, Kind, Side

_SETS = "Z0LgHtsCgPRA,aM48gA=="  # 640x480: the load's pictures carry no parameter sets of their own


class Tape:
    """All bridges are recorded from `start` to `stop`."""

    def __init__(self) -> None:
        self._writer = Writer()
        self._writer.start()
        self._running: list[tuple[Tapping, Recorder, asyncio.Future[int]]] = []
        self._names = itertools.count()

    def start(self, bridges: list[Media], folder: Path) -> None:
        loop = asyncio.get_running_loop()
        for bridge in bridges:
            size: asyncio.Future[int] = loop.create_future()
            recorder = self._writer.recorder(
                want_part=partial(self._give, len(self._running), folder),
                failed=lambda word: os.abort(),
                ended=partial(loop.call_soon_threadsafe, _add_up, size),
            )
            tapping = bridge.tap(recorder)
            for side in Side:
                codec = Codec("H264", 102, 90_000, fmtp=(("packetization-mode", "1"),))
                recorder.line_changed(
                    Kind.VIDEO, side, replace(codec, fmtp=(*codec.fmtp, ("sprop-parameter-sets", _SETS)))
                )
            self._running.append((tapping, recorder, size))

    async def stop(self) -> int:
        """Bytes that were written."""
        total = 0
        for tapping, recorder, _ in self._running:
            tapping.close()
            recorder.finish()
        for _, _, size in self._running:
            total += await size
        self._running.clear()
        return total

    def _give(self, index: int, folder: Path, _number: int) -> None:
        name = f"r-{next(self._names)}"
        self._running[index][1].give(Part(name, folder / name, os.urandom(32)))


def _add_up(size: asyncio.Future[int], written: tuple[Written, ...]) -> None:
    size.set_result(sum(each.size for each in written))
