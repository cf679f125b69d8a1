"""SRTP (RFC 3711, RFC 7714) straight on libsrtp, in buffers that live as long as the leg.

pylibsrtp's own `Session.protect` refuses packets over 1,356 bytes and allocates for each; terminals send up to 1,472.
Here a packet of up to 3,952 bytes passes, and nothing is allocated but the result:

    socket --recv_into--> Opener.view --unprotect in place--> bytes for the line
    bytes of the line --copy--> Sealer buffer --protect in place--> view for sendto
"""

from __future__ import annotations

import enum
import struct
from typing import Any

from pylibsrtp import Error, Policy, Session
from pylibsrtp._binding import ffi, lib

from bridge.errors import NegotiationError

BUFFER_BYTES = 4096
_TRAILER_BYTES = 144  # SRTP_MAX_TRAILER_LEN of libsrtp, authentication tag and MKI together
MAX_PACKET_BYTES = BUFFER_BYTES - _TRAILER_BYTES
_WINDOW_PACKETS = 1024


class Profile(enum.Enum):
    """A protection profile, named as SDES names it (RFC 4568 section 6.2, RFC 6188 section 4, RFC 7714 section 14.2).

    The first of each pair is libsrtp's own number for it; 0 where it has none.
    """

    AES_CM_128_HMAC_SHA1_80 = (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30)
    AES_CM_128_HMAC_SHA1_32 = (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30)
    AES_256_CM_HMAC_SHA1_80 = (0, 46)
    AEAD_AES_128_GCM = (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28)
    AEAD_AES_256_GCM = (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44)

    @property
    def key_bytes(self) -> int:
        """Master key and master salt together, as `a=crypto` carries them."""
        return self.value[1]


_CRYPTO_POLICY = struct.Struct("6i")
"""libsrtp's srtp_crypto_policy_t: cipher, key and salt bytes, authentication, its key and tag bytes, services."""
_AES_256_CM_HMAC_SHA1_80 = _CRYPTO_POLICY.pack(5, 46, 3, 20, 10, 3)  # RFC 6188; the binding has no profile for it


def _policy(profile: Profile, key: bytes, ssrc_type: int) -> Policy:
    known, length = profile.value
    if known:
        return Policy(key=key, ssrc_type=ssrc_type, srtp_profile=known)
    if len(key) < length:
        raise ValueError("key is too short")
    policy = Policy(key=key, ssrc_type=ssrc_type)
    for part in ("rtp", "rtcp"):
        field = ffi.addressof(policy._policy, part)
        ffi.buffer(field, _CRYPTO_POLICY.size)[:] = _AES_256_CM_HMAC_SHA1_80
    return policy


def _session(profile: Profile, key: bytes, ssrc_type: int) -> Session:
    try:
        policy = _policy(profile, key, ssrc_type)
        policy.allow_repeat_tx = True  # a retransmission without RTX is the same packet again
        policy.window_size = _WINDOW_PACKETS
        return Session(policy)
    except (Error, ValueError) as refused:
        wanted = f"{profile.name} wants a key and salt of {profile.key_bytes} bytes"
        raise NegotiationError(f"SRTP key refused: {wanted}, not {len(key)}") from refused


class Slot:
    """Room for one packet, where libsrtp and the socket both reach it; it lives as long as its owner."""

    __slots__ = ("buffer", "data", "view")

    def __init__(self, data: Any = None) -> None:
        """`data`: `BUFFER_BYTES` at a multiple of four of memory that outlives the slot; None: its own."""
        self.data = ffi.new("char[]", BUFFER_BYTES) if data is None else data
        self.buffer = ffi.buffer(self.data, BUFFER_BYTES)
        self.view = memoryview(self.buffer)  # the socket reads into it


class Opener:
    """Decrypts what was received into a slot: into its own, whose `view` the socket reads into, unless told another."""

    __slots__ = ("_context", "_length", "_session", "slot", "view")

    def __init__(self) -> None:
        self.slot = Slot()
        self.view = self.slot.view
        self._length = ffi.new("int *")
        self._session: Session | None = None
        self._context = ffi.NULL

    @classmethod
    def with_key(cls, profile: Profile, key: bytes) -> Opener:
        """`key`: master key and salt. Raises NegotiationError when it does not fit the profile."""
        opener = cls()
        opener.use(_session(profile, key, Policy.SSRC_ANY_INBOUND))
        return opener

    def use(self, session: Session) -> None:
        """Take the keys of a session that DTLS made; kept referenced, since libsrtp's context dies with it."""
        self._session = session
        self._context = session._srtp[0]

    @property
    def ready(self) -> bool:
        return self._session is not None

    def rtp(self, size: int, slot: Slot | None = None) -> bytes | None:
        """The packet of `size` bytes that stands in the slot, in the clear; None: forged, a replay, or no key yet."""
        if slot is None:
            slot = self.slot
        length = self._length
        length[0] = size
        if self._session is None or lib.srtp_unprotect(self._context, slot.data, length):
            return None
        clear: bytes = slot.buffer[0 : length[0]]
        return clear

    def rtcp(self, size: int, slot: Slot | None = None) -> bytes | None:
        if slot is None:
            slot = self.slot
        length = self._length
        length[0] = size
        if self._session is None or lib.srtp_unprotect_rtcp(self._context, slot.data, length):
            return None
        clear: bytes = slot.buffer[0 : length[0]]
        return clear


class Sealer:
    """Encrypts into a slot: into its own, unless told another. A view it returns is good until the next call."""

    __slots__ = ("_context", "_length", "_session", "slot")

    def __init__(self, session: Session) -> None:
        self.slot = Slot()
        self._length = ffi.new("int *")
        self._session = session
        self._context = session._srtp[0]

    @classmethod
    def with_key(cls, profile: Profile, key: bytes) -> Sealer:
        """`key`: master key and salt. Raises NegotiationError when it does not fit the profile."""
        return cls(_session(profile, key, Policy.SSRC_ANY_OUTBOUND))

    def rtp_into(self, slot: Slot, packet: bytes) -> int:
        """How many bytes stand in the slot now; 0 when the packet is too long or libsrtp refuses it (an index used up,
        a broken header)."""
        size = len(packet)
        if size > MAX_PACKET_BYTES:
            return 0
        slot.buffer[0:size] = packet
        length = self._length
        length[0] = size
        if lib.srtp_protect(self._context, slot.data, length):
            return 0
        sealed: int = length[0]
        return sealed

    def rtcp_into(self, slot: Slot, packet: bytes) -> int:
        size = len(packet)
        if size > MAX_PACKET_BYTES:
            return 0
        slot.buffer[0:size] = packet
        length = self._length
        length[0] = size
        if lib.srtp_protect_rtcp(self._context, slot.data, length):
            return 0
        sealed: int = length[0]
        return sealed

    def rtp(self, packet: bytes) -> memoryview | None:
        """None when `rtp_into` gives 0."""
        size = self.rtp_into(self.slot, packet)
        return self.slot.view[0:size] if size else None

    def rtcp(self, packet: bytes) -> memoryview | None:
        size = self.rtcp_into(self.slot, packet)
        return self.slot.view[0:size] if size else None
