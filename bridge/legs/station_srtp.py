"""SRTP of one line of a station, with keys that stood in the descriptions (SDES, RFC 4568).

    socket -> Vault.open_rtp -> line            line -> Vault.seal_rtp -> socket

A new description may bring new keys, and the station's packets under the old ones are still on their way then. So the
keys before are tried, after the present ones failed, until the station has used the present ones for a while.
"""

from __future__ import annotations

from bridge.rtp.srtp import MAX_PACKET_BYTES, Opener, Profile, Sealer
from bridge.sdes import Sdes

_SETTLED_PACKETS = 50  # a second of sound: nothing overtakes that much


class Vault:
    """What cannot be opened or sealed is None. Raises NegotiationError for keys that do not fit their profile."""

    def __init__(self, keys: Sdes) -> None:
        self._keys = keys
        self._sealer = Sealer.with_key(Profile[keys.profile], keys.send_key)
        self._opener = Opener.with_key(Profile[keys.profile], keys.receive_key)
        self._opener_before: Opener | None = None
        self._opened = 0  # by the present opener, while there is one before it

    def rekey(self, keys: Sdes) -> None:
        """What is the same as before goes on, rollover counter and all; what is new begins with counter 0."""
        before, self._keys = self._keys, keys
        if (keys.profile, keys.send_key) != (before.profile, before.send_key):
            self._sealer = Sealer.with_key(Profile[keys.profile], keys.send_key)
        if (keys.profile, keys.receive_key) != (before.profile, before.receive_key):
            self._opener_before, self._opened = self._opener, 0
            self._opener = Opener.with_key(Profile[keys.profile], keys.receive_key)

    def seal_rtp(self, packet: bytes) -> memoryview | None:
        """The view is good until the next call."""
        return self._sealer.rtp(packet)

    def seal_rtcp(self, packet: bytes) -> memoryview | None:
        return self._sealer.rtcp(packet)

    def open_rtp(self, packet: bytes) -> bytes | None:
        size = len(packet)
        if size > MAX_PACKET_BYTES:
            return None
        opener = self._opener
        opener.view[0:size] = packet
        clear = opener.rtp(size)
        if self._opener_before is not None:
            clear = self._in_between(packet, clear)
        return clear

    def open_rtcp(self, packet: bytes) -> bytes | None:
        size = len(packet)
        if size > MAX_PACKET_BYTES:
            return None
        for opener in (self._opener, self._opener_before):
            if opener is not None:
                opener.view[0:size] = packet
                clear = opener.rtcp(size)
                if clear is not None:
                    return clear
        return None

    def _in_between(self, packet: bytes, clear: bytes | None) -> bytes | None:
        """Keys have just changed. `clear`: what the present opener made of the packet."""
        before = self._opener_before
        if clear is not None or before is None:
            self._opened += 1
            if self._opened >= _SETTLED_PACKETS:
                self._opener_before = None
            return clear
        before.view[0 : len(packet)] = packet
        return before.rtp(len(packet))
