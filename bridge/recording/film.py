"""One recording on the disk: tracks, clusters about a second long, each sealed and flushed as soon as it is whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from bridge.recording.matroska import MOST_BLOCK_OFFSET_MS, Track, block_header, cluster_head, head
from bridge.recording.sealing import SealedWriter

CLUSTER_S = 1.0
_MOST_CLUSTER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """Where the next recording goes, and the key that seals it."""

    recording_id: str
    path: Path
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a part. whole: it has its end. dropped: packets that did not fit into the memory.

    size, sha256: of the file as it lies on the disk.
    """

    recording_id: str
    began_at: datetime
    ended_at: datetime
    size: int
    sha256: str
    whole: bool
    dropped: int = 0


class Film:
    """One thread at a time. Raises OSError; what was flushed before stays, and is what `cut` tells of."""

    def __init__(self, part: Part, tracks: Sequence[Track], began_s: float, began_at: datetime) -> None:
        """began_s, began_at: time 0, on the clock of the frames and on the wall."""
        self._recording_id = part.recording_id
        self._began_s, self._began_at = began_s, began_at
        self._file: BinaryIO = _new_file(part.path)
        self._last_ms = [0] * (len(tracks) + 1)
        self._blocks: list[bytes] = []
        self._bytes = 0
        self._cluster_ms = 0
        self._cluster_since_s: float | None = None
        try:
            self._sealed = SealedWriter(self._file, part.key, part.recording_id)
            self._sealed.write(head(tracks, began_at=began_at, writer="kinbridge"))
            self._sealed.flush()
        except BaseException:
            self._file.close()
            raise

    def frame(self, track: int, data: bytes, at_s: float, keyframe: bool) -> None:
        """at_s: when it happened. A track's time never goes back: a player would drop what does."""
        time_ms = int((at_s - self._began_s) * 1000)
        if time_ms <= self._last_ms[track]:
            time_ms = self._last_ms[track] + 1
        self._last_ms[track] = time_ms
        offset_ms = time_ms - self._cluster_ms
        if not self._bytes or not -MOST_BLOCK_OFFSET_MS < offset_ms < MOST_BLOCK_OFFSET_MS:
            self._close_cluster()
            self._cluster_ms, offset_ms = time_ms, 0
        size = len(data)
        self._blocks.append(block_header(track, offset_ms, size, keyframe))
        self._blocks.append(data)
        self._bytes += size
        if self._bytes > _MOST_CLUSTER_BYTES:
            self._close_cluster()

    def tick(self, now_s: float) -> None:
        """Once a turn: a cluster that has been open for long enough goes to the disk."""
        if self._cluster_since_s is None:
            self._cluster_since_s = now_s if self._bytes else None
        elif now_s - self._cluster_since_s >= CLUSTER_S:
            self._close_cluster()

    def close(self) -> Written:
        self._close_cluster()
        self._sealed.close()
        return self._come_to(whole=True)

    def cut(self) -> Written:
        """After an error."""
        return self._come_to(whole=False)

    def _come_to(self, *, whole: bool) -> Written:
        with contextlib.suppress(OSError):  # what can be said of the file has been
            self._file.close()
        ended_at = self._began_at + timedelta(milliseconds=max(self._last_ms))
        return Written(self._recording_id, self._began_at, ended_at, self._sealed.size, self._sealed.sha256, whole)

    def _close_cluster(self) -> None:
        self._cluster_since_s = None
        if not self._blocks:
            return
        blocks, self._blocks, self._bytes = self._blocks, [], 0
        blocks.insert(0, cluster_head(self._cluster_ms, sum(map(len, blocks))))
        self._sealed.write(b"".join(blocks))
        self._sealed.flush()


def _new_file(path: Path) -> BinaryIO:
    """Its owner's alone, and never one that is there already."""
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb", buffering=0)
