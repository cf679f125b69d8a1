"""The recordings of a node: begun and ended by visits, written down in the database, found again after a crash.

    begin     tap -> Recorder -> a part is wanted -> row with the wrapped key -> the file
    finish    the last cluster is on the disk -> what it came to -> the visit's closing transaction
    recover   rows that nobody finished -> what lies on the disk -> finished as `cut`, before the visits are recovered

The row is there before the file: a file that nobody can name never lies around.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import secrets
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bridge import BridgeError, Media, Side, Tapping
from bridge.recording import KEY_BYTES, Part, Recorder, Writer, Written, whole_bytes
from gateway.call.ports import Recording as RecordingPort
from gateway.call.summary import RecordingSummary
from gateway.clock import Clock
from gateway.errors import RecordingError, StoreError
from gateway.policy.decision import Terms
from gateway.recording.handling import Handling
from gateway.recording.keys import KeyRing
from gateway.recording.purging import Purging
from gateway.store import Recording, RecordingState, Store, Work

log = logging.getLogger(__name__)

FINISH_WITHIN_S = 5.0
"""How long a visit's record waits for the disk. What is late finishes its own row, and the record says `open`."""

_SUFFIX = ".kbr"


class Archive:
    """Over a running store. `start` before the first visit, `close` after the last. counters: for metrics."""

    def __init__(
        self, store: Store, keys: KeyRing, folder: Path, *, node: str, clock: Clock, purges: bool = False
    ) -> None:
        """purges: by itself, what is past its time."""
        self.store = store
        self.keys = keys
        self.folder = folder
        self.node = node
        self.clock = clock
        self.counters: Counter[str] = Counter()
        handling = Handling(store, keys, folder, clock)
        self._purging = Purging(handling, clock, node=node) if purges else None
        self._purges: asyncio.Task[None] | None = None
        self._writer = Writer()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises RecordingError when the folder cannot be used."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise RecordingError(f"recording.folder: {self.folder} cannot be made ({error.strerror})") from None
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise RecordingError(f"recording.folder: {self.folder} cannot be written")
        self._writer.start()
        if self._purging is not None:
            self._purges = asyncio.create_task(self._purging.run(), name="recordings purged")

    async def close(self) -> None:
        if self._purges is not None:
            self._purges.cancel()
            await asyncio.wait([self._purges])
        await asyncio.to_thread(self._writer.close)
        await asyncio.sleep(0)  # what the writer's thread said last
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FINISH_WITHIN_S)

    async def recover(self) -> int:
        """Finishes what a crash of this node left open; how many. Before the visits are recovered."""
        await self.store.claim(self.node)
        left = await self.store.read(lambda work: work.recordings.left_open(self.node))
        for each in left:
            found = await asyncio.to_thread(_lying, self.folder / each.file_name, each.started_at)
            await self.store.write(partial(_finish, found))
        return len(left)

    def begin(self, visit_id: str, terms: Terms, media: Media, failed: Callable[[str], None]) -> RecordingPort | None:
        """Taps the visit. failed(word): it ends early, which harms nobody but the recording. None: it cannot begin."""
        running = _Running(self, visit_id, terms, failed)
        try:
            running.listen(media)
        except BridgeError as error:
            log.warning("visit %s is not recorded: %s", visit_id, type(error).__name__)
            return None
        self.counters["begun"] += 1
        return running

    # -- for the recordings under way

    def recorder(self, running: _Running) -> Recorder:
        loop = asyncio.get_running_loop()
        return self._writer.recorder(
            want_part=partial(_call, loop, running.part_wanted),
            failed=partial(_call, loop, running.failed),
            ended=partial(_call, loop, running.ended),
        )

    def own(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Running:
    """One visit's recording. Its methods run on the loop."""

    def __init__(self, archive: Archive, visit_id: str, terms: Terms, failed: Callable[[str], None]) -> None:
        self._archive = archive
        self._visit_id = visit_id
        self._terms = terms
        self._tell_failed = failed
        self._recorder = archive.recorder(self)
        self._tapping: Tapping | None = None
        self._rows: list[str] = []
        self._ended: asyncio.Future[tuple[RecordingSummary, ...]] = asyncio.get_running_loop().create_future()

    def listen(self, media: Media) -> None:
        try:
            self._tapping = media.tap(self._recorder)
        except BridgeError:
            self._recorder.finish()
            raise
        for side in Side:
            self._tapping.want_picture(side)

    def stop(self) -> None:
        """Nothing more is heard; what was, is being written."""
        if self._tapping is not None:
            self._tapping.close()
            self._tapping = None
            self._recorder.finish()

    async def finished(self) -> tuple[RecordingSummary, ...]:
        self.stop()
        try:
            async with asyncio.timeout(FINISH_WITHIN_S):
                return await asyncio.shield(self._ended)
        except TimeoutError:
            self._archive.counters["late"] += 1
            log.warning("visit %s: the disk is behind, its record does not wait for the recording", self._visit_id)
            self._archive.own(asyncio.create_task(self._finish_late(), name=f"recording {self._visit_id}"))
            return ()

    async def _finish_late(self) -> None:
        for each in await self._ended:
            await self._archive.store.write(partial(_finish, each))

    # -- what the writer's thread says

    def part_wanted(self, number: int) -> None:
        self._archive.own(asyncio.create_task(self._give(number), name=f"recording {self._visit_id} part {number}"))

    def failed(self, word: str) -> None:
        self._archive.counters[f"failed_{word}"] += 1
        log.error("visit %s: its recording ended early (%s); the visit goes on", self._visit_id, word)
        if self._tapping is not None:
            self._tapping.close()
        self._tell_failed(word)

    def ended(self, written: tuple[Written, ...]) -> None:
        found = {each.recording_id: _summary(each) for each in written}
        now = self._archive.clock.now()
        summaries = tuple(found.get(each) or _failed(each, now) for each in self._rows)
        if not self._ended.done():
            self._ended.set_result(summaries)

    async def _give(self, number: int) -> None:
        archive, terms = self._archive, self._terms
        key, recording_id = secrets.token_bytes(KEY_BYTES), f"r-{secrets.token_hex(8)}"
        try:
            wrapped = archive.keys.wrap(key, terms.facility)
            row = Recording(
                recording_id=recording_id,
                node=archive.node,
                facility=terms.facility,
                visit_id=self._visit_id,
                part=number,
                file_name=recording_id + _SUFFIX,
                key_id=wrapped.key_id,
                wrapped_key=wrapped.text,
                retention_days=terms.retention_days,
                started_at=archive.clock.now(),
            )
            await archive.store.write(lambda work: work.recordings.add(row))
        except (StoreError, RecordingError) as error:
            log.warning("visit %s: no recording can begin: %s", self._visit_id, type(error).__name__)
            self._recorder.give(None)
            return
        self._rows.append(recording_id)
        self._recorder.give(Part(recording_id, archive.folder / row.file_name, key))
        if number > 1 and self._tapping is not None:  # else both were asked when the tap was made
            for side in Side:
                self._tapping.want_picture(side)


def _call(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *values: object) -> None:
    """On the loop; nowhere when that has ended."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, *values)


def _summary(written: Written) -> RecordingSummary:
    state = RecordingState.COMPLETE if written.whole else RecordingState.CUT
    return RecordingSummary(
        recording_id=written.recording_id,
        state=str(state),
        started_at=written.began_at,
        ended_at=written.ended_at,
        bytes=written.size,
        sha256=written.sha256,
        dropped=written.dropped,
    )


def _failed(recording_id: str, at: datetime) -> RecordingSummary:
    return RecordingSummary(recording_id, str(RecordingState.FAILED), at, at, 0, "", 0)


def _finish(found: RecordingSummary, work: Work) -> None:
    work.recordings.finish(
        found.recording_id,
        started_at=found.started_at,
        ended_at=found.ended_at,
        size=found.bytes,
        sha256=found.sha256,
        state=RecordingState(found.state),
        dropped=found.dropped,
    )


def _lying(path: Path, started_at: datetime) -> RecordingSummary:
    """What a crash left of a file; half a chunk at its end is cut off, so that its hash stays what it is."""
    name = path.name.removesuffix(_SUFFIX)
    try:
        size = whole_bytes(path.stat().st_size)
        if not size:
            return _failed(name, started_at)
        ended_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        with path.open("r+b") as file:
            file.truncate(size)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return _failed(name, started_at)
    return RecordingSummary(name, str(RecordingState.CUT), started_at, max(started_at, ended_at), size, digest, 0)
