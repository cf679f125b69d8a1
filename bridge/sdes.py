"""SRTP keys in the description (SDES, RFC 4568): reading `a=crypto`, choosing one, making our own. Pure but for chance.

    a=crypto:<tag> <suite> inline:<base64 of key and salt>[|<lifetime>][|<MKI>:<length>] [session parameters]

A line that we cannot do (another suite, an MKI, a key derivation rate, packets left in the clear) is passed over, as
section 5.1.2 allows; the writer named them in its order of preference, and the first that is left is taken.
"""

from __future__ import annotations

import binascii
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge.types import Kind

# as written: (as `bridge.rtp.srtp.Profile` names it, bytes of master key and salt)
_SUITES = {
    "AES_CM_128_HMAC_SHA1_80": ("AES_CM_128_HMAC_SHA1_80", 30),
    "AES_CM_128_HMAC_SHA1_32": ("AES_CM_128_HMAC_SHA1_32", 30),
    "AES_256_CM_HMAC_SHA1_80": ("AES_256_CM_HMAC_SHA1_80", 46),  # RFC 6188 section 4
    "AES_CM_256_HMAC_SHA1_80": ("AES_256_CM_HMAC_SHA1_80", 46),  # its draft, which phones and PJSIP still write
    "AEAD_AES_128_GCM": ("AEAD_AES_128_GCM", 28),  # RFC 7714 section 14.2
    "AEAD_AES_256_GCM": ("AEAD_AES_256_GCM", 44),
}
_HARMLESS = ("WSH=", "KDR=0")  # a hint about windows, and the default said aloud


@dataclass(frozen=True, slots=True)
class Crypto:
    """One a=crypto line that we can do. written: the suite as its writer spells it; profile: as ours names it."""

    tag: int
    written: str
    profile: str
    key: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"{self.tag} {self.written} inline:{b64encode(self.key).decode()}"


@dataclass(frozen=True, slots=True)
class Sdes:
    """The keys of one line. profile: a name of `bridge.rtp.srtp.Profile`; keys: master key and salt together.

    The same value means the same keys: what was sealed with them so far must be gone on with, never begun anew.
    """

    profile: str
    receive_key: bytes = field(repr=False)  # the station seals with it
    send_key: bytes = field(repr=False)  # we do


class OwnKeys:
    """The keys that we seal with, one for each kind and profile, as long as that profile is in use."""

    def __init__(self) -> None:
        self._keys: dict[tuple[Kind, str], bytes] = {}

    def key(self, kind: Kind, profile: str) -> bytes:
        """The same one until another profile of this kind was settled on."""
        if (kind, profile) not in self._keys:
            length = next(length for name, length in _SUITES.values() if name == profile)
            self._keys[kind, profile] = secrets.token_bytes(length)
        return self._keys[kind, profile]

    def renew(self, kind: Kind) -> None:
        """The next description gets a new key: a station that begins anew does not know our rollover counter."""
        self._keys = {each: found for each, found in self._keys.items() if each[0] is not kind}

    def settle(self, kind: Kind, profile: str) -> bytes:
        """The key of the profile that is used now; others of this kind are forgotten, and would be made anew."""
        key = self.key(kind, profile)
        self._keys = {each: found for each, found in self._keys.items() if each[0] is not kind or each[1] == profile}
        return key


def read(value: str) -> Crypto | None:
    """None for a line that we cannot do."""
    words = value.split()
    if len(words) < 3 or not (words[0].isascii() and words[0].isdecimal() and len(words[0]) <= 9):
        return None
    known = _SUITES.get(words[1].upper())
    method, _, parameters = words[2].partition(":")
    if known is None or method.lower() != "inline" or not all(each.startswith(_HARMLESS) for each in words[3:]):
        return None
    profile, length = known
    text, *more = parameters.split("|")
    if ";" in parameters or any(":" in each for each in more):
        return None  # several keys, or a key with an MKI
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)  # some leave the padding out
    except (binascii.Error, ValueError):
        return None
    return Crypto(int(words[0]), words[1], profile, key) if len(key) == length else None


def usable(values: Iterable[str]) -> Crypto | None:
    """The writer's favourite of those that we can do."""
    return next((each for each in map(read, values) if each is not None), None)
