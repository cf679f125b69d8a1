"""The keys that wrap the keys of recordings: a file of the facility, never in the database.

    # facility   key id     256 bits, base64
    north        north-1    3q2+7w...
    *            house-2    9mK1cA...

The last line of a facility wraps what is recorded from now on; those above it still open what they wrapped. `*` stands
for every facility without a line of its own. Keys are wrapped as RFC 3394 says (AES key wrap).
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from bridge.recording import KEY_BYTES
from gateway.errors import RecordingError

ANY = "*"
_FACILITY = re.compile(r"[^\s#]+")
_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """key_id: what wrapped it. text: hexadecimal."""

    key_id: str
    text: str


class KeyRing:
    """The facilities' keys. Raises RecordingError for what is not there or does not fit."""

    def __init__(self, newest: dict[str, str], keys: dict[str, bytes]) -> None:
        self._newest = newest
        self._keys = keys

    @classmethod
    def load(cls, path: Path) -> KeyRing:
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise RecordingError(f"recording.keys: {path} cannot be read ({reason})") from None
        newest: dict[str, str] = {}
        keys: dict[str, bytes] = {}
        for number, line in enumerate(text.splitlines(), 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            facility, key_id, key = _read_line(words, f"{path}:{number}")
            if key_id in keys:
                raise RecordingError(f"{path}:{number}: the key id {key_id} stands above already")
            newest[facility], keys[key_id] = key_id, key
        if not keys:
            raise RecordingError(f"{path} has no key in it; make one: kinbridge recording new-key")
        return cls(newest, keys)

    def wrap(self, key: bytes, facility: str) -> WrappedKey:
        key_id = self.newest(facility)
        return WrappedKey(key_id, aes_key_wrap(self._keys[key_id], key).hex())

    def newest(self, facility: str) -> str:
        """The id of the key that wraps for it."""
        key_id = self._newest.get(facility) or self._newest.get(ANY)
        if key_id is None:
            raise RecordingError(f"there is no key for the facility {facility}, and none for all ({ANY})")
        return key_id

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        key = self._keys.get(wrapped.key_id)
        if key is None:
            raise RecordingError(f"the key {wrapped.key_id} is not in the file of keys; put its line back")
        try:
            return aes_key_unwrap(key, bytes.fromhex(wrapped.text))
        except (InvalidUnwrap, ValueError):
            raise RecordingError(f"the key {wrapped.key_id} is not the one that wrapped this recording's") from None

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._keys


def new_line(path: Path, facility: str, key_id: str) -> None:
    """Appends a key to the file, which is made if it is not there. Raises RecordingError."""
    if not _KEY_ID.fullmatch(key_id):
        raise RecordingError(f"{key_id!r} is no key id; use letters, digits, dots and dashes")
    if not _FACILITY.fullmatch(facility):
        raise RecordingError(f"{facility!r} is no facility's id; use the one of the dialplan, or `{ANY}` for all")
    before = path.read_text("utf-8") if path.exists() else ""
    if before.strip() and key_id in KeyRing.load(path):
        raise RecordingError(f"the key id {key_id} is in {path} already; give the new key another")
    own_line = "\n" if before and not before.endswith("\n") else ""  # an editor may have left the last one open
    line = f"{own_line}{facility} {key_id} {base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise RecordingError(f"{path} cannot be written ({error.strerror})") from None
    with os.fdopen(handle, "a") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def complaint(path: Path) -> str:
    """What is wrong with the rights of the file; empty when nothing is."""
    try:
        found = path.stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    if found.st_uid not in (os.getuid(), 0):
        return f"{path} belongs to another user"
    if stat.S_IMODE(found.st_mode) & 0o077:
        return f"{path} can be read by others"
    return ""


def _read_line(words: list[str], place: str) -> tuple[str, str, bytes]:
    if len(words) != 3:
        raise RecordingError(f"{place}: a line is `facility key-id key`, the facility `{ANY}` for all")
    facility, key_id, text = words
    if not _KEY_ID.fullmatch(key_id):
        raise RecordingError(f"{place}: {key_id!r} is no key id; use letters, digits, dots and dashes")
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise RecordingError(f"{place}: a key is {KEY_BYTES} bytes in base64; make one: kinbridge recording new-key")
    return facility, key_id, key
