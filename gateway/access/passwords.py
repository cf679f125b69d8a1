"""Passwords: made into hashes, and compared. Slow on purpose; nothing of it runs on the event loop.

argon2id as for PINs (RFC 9106's second recommendation: 64 MiB, 3 passes, 4 lanes). What is asked of a password follows
NIST SP 800-63B 5.1.1.2: length, nothing about kinds of characters, NFKC before it is hashed. A guess at a name that
nobody has takes as long as one at a name that somebody has.
"""

from __future__ import annotations

import unicodedata

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.errors import AccessError

SHORTEST, LONGEST = 12, 200
_KIB_A_MIB = 1024


class PasswordHashes:
    """Making it costs one hash: the one that guesses at nobody are compared with."""

    def __init__(self, memory_mib: int = 64) -> None:
        self._hasher = PasswordHasher(time_cost=3, memory_cost=memory_mib * _KIB_A_MIB, parallelism=4, type=Type.ID)
        self._nobody = self._hasher.hash("nobody's")

    def hash(self, name: str, password: str) -> str:
        """PHC text. Raises AccessError for a password that is guessed early; the message never holds it."""
        password = _normal(password)
        if not SHORTEST <= len(password) <= LONGEST:
            raise AccessError(f"a password has {SHORTEST} to {LONGEST} characters; a few words in a row are good")
        if name.casefold() in password.casefold() or len(set(password)) < SHORTEST // 2:
            raise AccessError("that password is guessed early: leave the name out, and repeat less")
        return self._hasher.hash(password)

    def fits(self, password_hash: str, password: str) -> bool:
        """password_hash "": there is none, which takes as long to find out."""
        try:
            fits = self._hasher.verify(password_hash or self._nobody, _normal(password))
        except (VerificationError, InvalidHashError):
            return False
        return fits and bool(password_hash)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
