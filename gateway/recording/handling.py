"""What people do with recordings: list, export, verify, purge. Each is written down with who did it and why.

The line of the trail is there before anything is handed out: a file that nobody signed for never leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from bridge import BridgeError
from bridge.recording import ChunkBroken, NotSealed, SealedReader, last_time_ms, whole_bytes, with_duration
from gateway.clock import Clock
from gateway.errors import RecordingError
from gateway.recording.keys import KeyRing, WrappedKey
from gateway.store import Access, Recording, RecordingState, Store, Work

log = logging.getLogger(__name__)

MOST_FOUND = 500
"""How many a list names: it says so when there may be more."""

_CLUSTER = b"\x1f\x43\xb6\x75"
_TAIL_BYTES = 4 << 20  # more than any cluster has


@dataclass(frozen=True, slots=True)
class Person:
    """Who does it, and why."""

    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """faults: what is wrong, in sentences; empty when the file is what was written. chunks: how many there are."""

    recording_id: str
    chunks: int
    faults: tuple[str, ...]


class Handling:
    """Over the store, the keys and the folder. Raises RecordingError, StoreError."""

    def __init__(self, store: Store, keys: KeyRing, folder: Path, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._folder = folder
        self._clock = clock

    async def found(
        self, who: Person, facility: str = "", since: datetime | None = None, until: datetime | None = None
    ) -> tuple[Recording, ...]:
        """Those that began in [since, until): the first MOST_FOUND."""

        def look(work: Work) -> tuple[Recording, ...]:
            self._sign(work, who, "recording.list", facility or "all")
            return work.recordings.find(facility, since, until, MOST_FOUND)

        return await self._store.write(look)

    async def export(self, who: Person, recording_id: str, target: Path) -> Recording:
        """The recording as plain Matroska, whole or not at all, its owner's alone. A cut one ends where it was cut."""
        recording = await self._signed(who, "recording.export", recording_id)
        key = self._key(recording)
        source = self._folder / recording.file_name
        await asyncio.to_thread(_whole, target, lambda part: _decrypt(source, key, recording, part))
        return recording

    async def export_mp4(self, who: Person, name: str, target: Path) -> tuple[Recording, ...]:
        """A visit, or one recording, as one MP4: both pictures side by side, both voices."""
        parts = await self._store.read(lambda work: work.recordings.of_visit(name)) or (await self.required(name),)
        if not parts[0].bytes:
            raise RecordingError(f"{name}: nothing was written")
        await self._store.write(lambda work: self._sign(work, who, "recording.export", name, "mp4"))
        keys = [(each, self._key(each)) for each in parts if each.bytes]
        await asyncio.to_thread(_whole, target, partial(_film, self._folder, keys))
        return parts

    async def verify(self, who: Person, recording_id: str) -> Verdict:
        """Against the SHA-256 of the database and of the visit's CDR, and every chunk against its own tag."""
        recording = await self._signed(who, "recording.verify", recording_id)
        key = self._key(recording)
        signed = await self._store.read(partial(_signed_sha256, recording=recording))
        verdict = await asyncio.to_thread(_examine, self._folder / recording.file_name, key, recording)
        if signed not in ("", recording.sha256):
            verdict = replace(verdict, faults=(*verdict.faults, "its SHA-256 in the database is not that of the CDR"))
        word = "sound" if not verdict.faults else "; ".join(verdict.faults)
        await self._store.write(lambda work: self._sign(work, who, "recording.verified", recording_id, word))
        return verdict

    async def due(self) -> tuple[Recording, ...]:
        """Those whose time is over."""
        now = self._clock.now()
        return await self._store.read(lambda work: work.recordings.due(now))

    async def purge(self, who: Person, recording: Recording) -> None:
        """The key first: from then on no copy of the file can be opened, wherever it lies."""
        recording_id, now = recording.recording_id, self._clock.now()

        def forget(work: Work) -> None:
            work.recordings.purge(recording_id, now)
            self._sign(work, who, "recording.purge", recording_id, f"kept until {recording.retain_until:%Y-%m-%d}")

        if recording.state is RecordingState.OPEN:
            raise RecordingError(f"{recording_id} is being written; it can be purged when its visit is over")
        await self._store.write(forget)
        try:
            await asyncio.to_thread((self._folder / recording.file_name).unlink, missing_ok=True)
        except OSError as error:
            raise RecordingError(f"{recording_id} cannot be opened any more, but its file stays: {error}") from None

    async def rewrap(self, who: Person) -> int:
        """Every key under the newest of its facility; how many were not before. Old lines of the file may go then."""
        changed = 0
        for each in await self._store.read(lambda work: work.recordings.find(limit=1_000_000)):
            if each.wrapped_key and each.key_id != self._keys.newest(each.facility):
                wrapped = self._keys.wrap(self._key(each), each.facility)
                await self._store.write(partial(self._rewrap, who, each, wrapped))
                changed += 1
        return changed

    async def required(self, recording_id: str) -> Recording:
        found = await self._store.read(lambda work: work.recordings.get(recording_id))
        if found is None:
            raise RecordingError(f"there is no recording {recording_id}; see: kinbridge recording list")
        return found

    def _rewrap(self, who: Person, recording: Recording, wrapped: WrappedKey, work: Work) -> None:
        work.recordings.rewrap(recording.recording_id, wrapped.key_id, wrapped.text)
        self._sign(work, who, "recording.rewrap", recording.recording_id, f"{recording.key_id} to {wrapped.key_id}")

    async def _signed(self, who: Person, act: str, recording_id: str) -> Recording:
        recording = await self.required(recording_id)
        await self._store.write(lambda work: self._sign(work, who, act, recording_id))
        return recording

    def _sign(self, work: Work, who: Person, act: str, subject: str, detail: str = "") -> None:
        work.accesses.write(Access(self._clock.now(), who.name, act, subject, who.reason, detail))

    def _key(self, recording: Recording) -> bytes:
        if recording.purged_at is not None:
            raise RecordingError(f"{recording.recording_id} was purged on {recording.purged_at:%Y-%m-%d}")
        return self._keys.unwrap(WrappedKey(recording.key_id, recording.wrapped_key))


@contextlib.contextmanager
def _sealed(path: Path, key: bytes, recording_id: str) -> Iterator[SealedReader]:
    try:
        with path.open("rb") as file:
            reader = SealedReader(file, key)
            if reader.recording_id != recording_id:
                raise RecordingError(f"{path} is the file of another recording ({reader.recording_id})")
            yield reader
    except NotSealed as error:
        raise RecordingError(f"{path}: {error}") from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be read ({error.strerror})") from None


def _whole(target: Path, write: Callable[[Path], None]) -> None:
    """`target` gets its name when everything stands in it."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # never one that somebody laid there
        write(part)
        part.replace(target)
    except OSError as error:
        raise RecordingError(f"{target} cannot be written ({error.strerror})") from None
    finally:
        part.unlink(missing_ok=True)


def _decrypt(source: Path, key: bytes, recording: Recording, target: Path) -> None:
    """Raises RecordingError at the first chunk that does not open: `verify` names them all.

    Also for a whole recording whose end somebody took away: nobody shall be shown half a visit as the whole.
    """
    recording_id = recording.recording_id
    latest_ms = 0
    beginning = b""
    with _sealed(source, key, recording_id) as reader, target.open("r+b") as file:
        try:
            for data in reader.data():
                beginning = beginning or data
                file.write(data)
        except ChunkBroken as error:
            raise RecordingError(f"{recording_id}: {error}") from None
        if recording.state is RecordingState.COMPLETE and not reader.ended:
            raise RecordingError(f"{recording_id}: its last chunk is missing: the file was cut")
        file.flush()
        latest_ms = _latest_ms(target)
        file.seek(0)
        file.write(with_duration(beginning, float(latest_ms)))


def _film(folder: Path, keys: list[tuple[Recording, bytes]], target: Path) -> None:
    from bridge.codecs.film import side_by_side  # noqa: PLC0415 - PyAV takes most of a second to load

    with tempfile.TemporaryDirectory(prefix=".kinbridge-", dir=target.parent) as plain:  # mode 700, where there is room
        parts = []
        for number, (recording, key) in enumerate(keys):
            path = Path(plain) / f"{number}.mkv"
            path.touch(0o600)
            _decrypt(folder / recording.file_name, key, recording, path)
            parts.append((path, (recording.started_at - keys[0][0].started_at).total_seconds()))
        try:
            side_by_side(parts, target)
        except BridgeError as error:
            raise RecordingError(str(error)) from None


def _latest_ms(path: Path) -> int:
    """Of the plain recording: when its last block begins."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, _TAIL_BYTES), os.SEEK_END)
        data = file.read()
    at = data.rfind(_CLUSTER)
    while at >= 0:
        latest_ms = last_time_ms(data[at:])
        if latest_ms:
            return latest_ms
        at = data.rfind(_CLUSTER, 0, at)  # those four bytes may stand in a picture
    return 0


def _signed_sha256(work: Work, recording: Recording) -> str:
    """As it stands in the visit's chained record; empty when it is not there, or was not finished yet."""
    for row in work.records.of_visit(recording.visit_id):
        for each in json.loads(row.document).get("recordings", ()):
            if each["recording_id"] == recording.recording_id:
                return str(each["sha256"])
    return ""


def _examine(path: Path, key: bytes, recording: Recording) -> Verdict:
    faults: list[str] = []
    size = path.stat().st_size if path.exists() else 0
    if whole_bytes(size) != size or not size:
        faults.append(f"the file has {size} bytes, which is no whole number of chunks")
    if recording.sha256:
        with contextlib.suppress(OSError), path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != recording.sha256:
                faults.append("its SHA-256 is not the one of the database")
    chunks, last = 0, False
    with _sealed(path, key, recording.recording_id) as reader:
        for chunk in reader.chunks():
            chunks += 1
            if isinstance(chunk, ChunkBroken):
                faults.append(f"chunk {chunk.number} was changed")
            elif last:
                faults.append(f"chunk {chunk.number} comes after the last one")
            else:
                last = chunk.last
    if not last and recording.state is RecordingState.COMPLETE:
        faults.append("its last chunk is missing: the file was cut")
    return Verdict(recording.recording_id, chunks, tuple(faults))
