"""PINs: made into hashes, and compared with what was keyed in. Slow on purpose; nothing of it runs on the event loop.

argon2id with the parameters that RFC 9106 recommends second (64 MiB, 3 passes, 4 lanes). A guess at an id that nobody
has takes as long as one at an id that somebody has.
"""

from __future__ import annotations

from dataclasses import dataclass

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.config_people import PeopleConfig
from gateway.errors import PeopleError

_MIB = 1024


@dataclass(frozen=True, slots=True)
class PinRules:
    """tries: wrong ones, over all calls, that lock the resident out for lockout_s. digits: least and most of a PIN."""

    tries: int = 5
    lockout_s: float = 1800.0
    digits: tuple[int, int] = (4, 8)
    memory_mib: int = 64
    passes: int = 3
    lanes: int = 4

    @classmethod
    def of(cls, config: PeopleConfig) -> PinRules:
        lockout_s = 60 * config.lockout_minutes
        return cls(tries=config.pin_tries, lockout_s=lockout_s, memory_mib=config.pin_memory_mib)


class PinHashes:
    """Making it costs one hash: the one that guesses at nobody are compared with."""

    def __init__(self, rules: PinRules) -> None:
        self._digits = rules.digits
        self._hasher = PasswordHasher(
            time_cost=rules.passes, memory_cost=rules.memory_mib * _MIB, parallelism=rules.lanes, type=Type.ID
        )
        self._nobody = self._hasher.hash("nobody's")

    def hash(self, pin: str) -> str:
        """PHC text. Raises PeopleError for what is no PIN; the text never holds it."""
        least, most = self._digits
        if not pin.isascii() or not pin.isdecimal() or not least <= len(pin) <= most:
            raise PeopleError(f"a PIN has {least} to {most} digits and nothing else")
        if len(set(pin)) == 1 or pin in "0123456789" or pin in "9876543210":
            raise PeopleError("that PIN is guessed first: write one that is neither a digit repeated nor a row")
        return self._hasher.hash(pin)

    def fits(self, pin_hash: str, pin: str) -> bool:
        """pin_hash "": there is none, which takes as long to find out."""
        try:
            fits = self._hasher.verify(pin_hash or self._nobody, pin)
        except (VerificationError, InvalidHashError):
            return False
        return fits and bool(pin_hash)
