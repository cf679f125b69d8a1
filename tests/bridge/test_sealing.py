"""Sealed files: what was written comes back, what was changed is found, what was cut is told."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.recording.sealing import (
    CHUNK_BYTES,
    HEADER_BYTES,
    ChunkBroken,
    NotSealed,
    Opened,
    SealedReader,
    SealedWriter,
    whole_bytes,
)

KEY = bytes(range(32))


def sealed(path: Path, pieces: list[bytes], *, end: bool = True) -> bytes:
    with path.open("wb", buffering=0) as file:
        writer = SealedWriter(file, KEY, "r-1")
        for piece in pieces:
            writer.write(piece)
            writer.flush()
        if end:
            writer.close()
        assert writer.size == path.stat().st_size
        assert writer.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    return path.read_bytes()


def chunks(file: bytes, key: bytes = KEY) -> list[Opened | ChunkBroken]:
    return list(SealedReader(io.BytesIO(file), key).chunks())


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(0, 40_000), max_size=6))
def test_what_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    pieces = [os.urandom(size) for size in sizes]
    file = sealed(tmp_path_factory.mktemp("sealed") / "f", pieces)
    reader = SealedReader(io.BytesIO(file), KEY)
    assert b"".join(reader.data()) == b"".join(pieces)
    assert reader.recording_id == "r-1"
    assert (len(file) - HEADER_BYTES) % CHUNK_BYTES == 0


def test_one_flipped_byte_anywhere_breaks_its_own_chunk_and_no_other(tmp_path: Path) -> None:
    file = sealed(tmp_path / "f", [os.urandom(20_000), os.urandom(500)])
    assert len(chunks(file)) == 4
    for at in (HEADER_BYTES, HEADER_BYTES + CHUNK_BYTES - 1, HEADER_BYTES + CHUNK_BYTES, len(file) - 1):
        changed = bytearray(file)
        changed[at] ^= 1
        broken = [each.number for each in chunks(bytes(changed)) if isinstance(each, ChunkBroken)]
        assert broken == [(at - HEADER_BYTES) // CHUNK_BYTES]


@pytest.mark.parametrize("at", [12, 18, 20, 22, 63])
def test_a_changed_header_opens_nothing(tmp_path: Path, at: int) -> None:
    changed = bytearray(sealed(tmp_path / "f", [b"media"]))
    changed[at] ^= 1
    assert all(isinstance(each, ChunkBroken) for each in chunks(bytes(changed)))


@pytest.mark.parametrize("at", [0, 7, 8, 11])
def test_what_is_no_recording_is_refused_or_opens_nothing(tmp_path: Path, at: int) -> None:
    changed = bytearray(sealed(tmp_path / "f", [b"media"]))
    changed[at] ^= 0x40
    try:
        found = chunks(bytes(changed))
    except NotSealed:
        return
    assert not any(isinstance(each, Opened) for each in found)


def test_chunks_that_change_places_or_files_do_not_open(tmp_path: Path) -> None:
    file = sealed(tmp_path / "f", [os.urandom(30_000)])
    first, second = (file[HEADER_BYTES + n * CHUNK_BYTES :][:CHUNK_BYTES] for n in (0, 1))
    swapped = file[:HEADER_BYTES] + second + first + file[HEADER_BYTES + 2 * CHUNK_BYTES :]
    assert [type(each) for each in chunks(swapped)] == [ChunkBroken, ChunkBroken, Opened]
    other = sealed(tmp_path / "g", [os.urandom(30_000)])
    assert [type(each) for each in chunks(other[: HEADER_BYTES + CHUNK_BYTES] + second)] == [Opened, ChunkBroken]


def test_a_file_that_was_cut_has_no_last_chunk(tmp_path: Path) -> None:
    file = sealed(tmp_path / "f", [os.urandom(30_000)])
    assert [each.last for each in chunks(file) if isinstance(each, Opened)] == [False, False, True]
    cut = file[:-CHUNK_BYTES]
    assert not any(each.last for each in chunks(cut) if isinstance(each, Opened))


def test_what_a_crash_left_opens_as_far_as_it_was_flushed(tmp_path: Path) -> None:
    pieces = [os.urandom(9_000) for _ in range(5)]
    file = sealed(tmp_path / "f", pieces, end=False) + os.urandom(700)
    assert b"".join(SealedReader(io.BytesIO(file), KEY).data()) == b"".join(pieces)
    assert whole_bytes(len(file)) == len(file) - 700
    assert whole_bytes(HEADER_BYTES - 1) == 0


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    file = sealed(tmp_path / "f", [b"media"])
    assert all(isinstance(each, ChunkBroken) for each in chunks(file, bytes(32)))


def test_the_format_is_as_the_manual_says(tmp_path: Path) -> None:
    """Opened with nothing but the description in docs/recording.md."""
    file = sealed(tmp_path / "f", [b"first", b"second"])
    header, prefix = file[:64], file[12:19]
    assert header[:8] == b"KINBREC1"
    assert int.from_bytes(header[8:12], "big") == 16_384
    assert header[20:64].rstrip(b"\0") == b"r-1"
    found = []
    for number, last in ((0, 0), (1, 0), (2, 1)):
        nonce = prefix + number.to_bytes(4, "big") + bytes((last,))
        plain = AESGCM(KEY).decrypt(nonce, file[64 + number * 16_384 :][:16_384], header)
        found.append(plain[2 : 2 + int.from_bytes(plain[:2], "big")])
    assert found == [b"first", b"second", b""]


def test_a_disk_that_takes_half_a_chunk_leaves_none_of_it(tmp_path: Path) -> None:
    class Short(io.FileIO):
        takes = 1 << 30

        def write(self, data: object) -> int:
            assert isinstance(data, bytes)
            return super().write(data[: self.takes])

    with Short(tmp_path / "f", "wb") as file:
        writer = SealedWriter(file, KEY, "r-1")  # type: ignore[arg-type]
        writer.write(b"media")
        writer.flush()
        size, digest = writer.size, writer.sha256
        file.takes = 100
        writer.write(b"more")
        with pytest.raises(OSError, match="space"):
            writer.flush()
        assert (tmp_path / "f").stat().st_size == size
    assert hashlib.sha256((tmp_path / "f").read_bytes()).hexdigest() == digest
