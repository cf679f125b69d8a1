"""A file of authenticated chunks: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizar 2015) over AES-256-GCM.

    file    = header, chunk 0, chunk 1, ... chunk n          every chunk is CHUNK_BYTES long on the disk
    header  = "KINBREC1", u32 chunk size, 7 bytes nonce prefix, 1 byte 0, 44 bytes recording id (ASCII, zeros after it)
    chunk i = AES-256-GCM(key, nonce = prefix . u32 i . u8 last, associated data = header, u16 used . data . zeros)

`last` is 1 for the closing chunk and 0 for all others, so a file that was cut is told from one that is whole. What was
flushed before a crash opens chunk by chunk; half a chunk at the end is what the crash cut. Integers are big-endian.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"KINBREC1"
HEADER_BYTES = 64
CHUNK_BYTES = 16_384
KEY_BYTES = 32
_TAG_BYTES = 16
_PREFIX_BYTES = 7
_ID_BYTES = 44
_ROOM = CHUNK_BYTES - _TAG_BYTES - 2
_MOST_CHUNKS = 1 << 32


class NotSealed(ValueError):
    """This is no file of this format."""


class ChunkBroken(ValueError):
    """A chunk whose tag does not fit: one byte of it was changed, or it is another key's. `number` counts from 0."""

    def __init__(self, number: int) -> None:
        super().__init__(f"chunk {number} does not open: it was changed, or the key is another one")
        self.number = number


class SealedWriter:
    """Takes plain bytes, writes sealed chunks. One thread at a time. Raises OSError, and is then at its end.

    size, sha256: of what stands in the file; after an error the file is cut back to it.
    """

    def __init__(self, file: BinaryIO, key: bytes, recording_id: str) -> None:
        """file: empty, unbuffered. Raises ValueError for an id that does not fit."""
        name = recording_id.encode("ascii")
        if not 0 < len(name) <= _ID_BYTES:
            raise ValueError(f"a recording id has 1 to {_ID_BYTES} ASCII characters")
        self._file = file
        self._cipher = AESGCM(key)
        self._prefix = os.urandom(_PREFIX_BYTES)
        self._header = b"".join(
            (MAGIC, CHUNK_BYTES.to_bytes(4, "big"), self._prefix, b"\0", name.ljust(_ID_BYTES, b"\0"))
        )
        self._number = 0
        self._waiting = b""
        self._hash = hashlib.sha256()
        self.size = 0
        self._put(self._header)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        if self._waiting:
            data = b"".join((self._waiting, data))
        full = len(data) - len(data) % _ROOM
        view = memoryview(data)
        self._waiting = bytes(view[full:])
        if full:
            self._put(b"".join([self._sealed(view[at : at + _ROOM]) for at in range(0, full, _ROOM)]))

    def flush(self) -> None:
        """What waits goes into a chunk of its own, padded."""
        waiting, self._waiting = self._waiting, b""
        if waiting:
            self._put(self._sealed(waiting))

    def close(self) -> None:
        """The closing chunk, and everything on the disk. The file itself stays open."""
        waiting, self._waiting = self._waiting, b""
        self._put(self._sealed(waiting, last=True))
        os.fsync(self._file.fileno())

    def _sealed(self, data: bytes | memoryview, *, last: bool = False) -> bytes:
        if self._number >= _MOST_CHUNKS:
            raise OSError("a recording of 64 TB is full")
        nonce = self._prefix + self._number.to_bytes(4, "big") + (b"\1" if last else b"\0")
        self._number += 1
        size = len(data)
        plain = b"".join((size.to_bytes(2, "big"), data, bytes(_ROOM - size)))
        return self._cipher.encrypt(nonce, plain, self._header)

    def _put(self, data: bytes) -> None:
        """All of it, or raises; then whole chunks of it."""
        try:
            written = self._file.write(data)
        except OSError:
            self._cut_back()
            raise
        if written == len(data):
            self._hash.update(data)
            self.size += written
            return
        kept = written - written % CHUNK_BYTES if self.size else 0  # a disk that fills up takes a part of a write
        self._hash.update(data[:kept])
        self.size += kept
        self._cut_back()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _cut_back(self) -> None:
        self._file.truncate(self.size)
        self._file.seek(self.size)


@dataclass(frozen=True, slots=True)
class Opened:
    """A chunk's content. last: it closes the file."""

    number: int
    data: bytes
    last: bool


class SealedReader:
    """The chunks of a file. Raises NotSealed for what never was one of ours.

    recording_id: what the header says; it is proven by every chunk that opens. ended: `data` came to the last chunk.
    """

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        self._file = file
        self._cipher = AESGCM(key)
        header = file.read(HEADER_BYTES)
        if len(header) != HEADER_BYTES or header[:8] != MAGIC:
            raise NotSealed("this file does not begin as a recording does")
        self._size = int.from_bytes(header[8:12], "big")
        if not _TAG_BYTES + 2 < self._size <= 1 << 20:
            raise NotSealed(f"chunks of {self._size} bytes: the header was changed")
        self._header = header
        self._prefix = header[12 : 12 + _PREFIX_BYTES]
        self.ended = False
        self.recording_id = header[20:].rstrip(b"\0").decode("ascii", "replace")

    def chunks(self) -> Iterator[Opened | ChunkBroken]:
        """Every whole chunk in its turn, the broken ones as what is wrong with them. Half a chunk is left out."""
        number = 0
        while len(sealed := self._file.read(self._size)) == self._size:
            yield self._open(number, sealed)
            number += 1

    def data(self) -> Iterator[bytes]:
        """The plain bytes, up to the last chunk or to where it was cut. Raises ChunkBroken."""
        for chunk in self.chunks():
            if isinstance(chunk, ChunkBroken):
                raise chunk
            yield chunk.data
            if chunk.last:
                self.ended = True
                return

    def _open(self, number: int, sealed: bytes) -> Opened | ChunkBroken:
        for last in (b"\0", b"\1"):
            try:
                plain = self._cipher.decrypt(self._prefix + number.to_bytes(4, "big") + last, sealed, self._header)
            except InvalidTag:
                continue
            used = int.from_bytes(plain[:2], "big")
            return Opened(number, plain[2 : 2 + used], last == b"\1")
        return ChunkBroken(number)


def whole_bytes(size: int) -> int:
    """How much of a file of `size` bytes is header and whole chunks; 0 when not even the header is."""
    if size < HEADER_BYTES:
        return 0
    return size - (size - HEADER_BYTES) % CHUNK_BYTES
