"""SRTP of one line of a station, with keys that stood in the descriptions (SDES, RFC 4568).

    socket -> Vault.open_rtp -> line            line -> Vault.seal_rtp -> socket

A new description may bring new keys, and packets under the old ones are still on their way then. It may also name the
old keys, and the station begin anew with them all the same, rollover counter and all (libre makes a new context for
each description). So after each description two contexts are tried, until one of them has opened packets for a while.
"""

from __future__ import annotations

from bridge.rtp.srtp import MAX_PACKET_BYTES, Opener, Profile, Sealer
from bridge.sdes import Sdes

_SETTLED_PACKETS = 50  # a second of sound: nothing overtakes that much
_WORN_PACKETS = 30_000  # less than the 2**15 after which the sequence may have wrapped for the first time


class Vault:
    """What cannot be opened or sealed is None. Raises NegotiationError for keys that do not fit their profile."""

    def __init__(self, keys: Sdes, sent_packets: int) -> None:
        """sent_packets: of the line so far."""
        self._keys = keys
        self._sealed_from = sent_packets
        self._sealer = Sealer.with_key(Profile[keys.profile], keys.send_key)
        self._opener = _opener(keys)
        self._other: Opener | None = None  # the second context that is tried, while it is not settled which is right
        self._opened = [0, 0]  # by the two since then

    def rekey(self, keys: Sdes, sent_packets: int) -> None:
        """What is the same as before goes on, rollover counter and all."""
        before, self._keys = self._keys, keys
        self._opened = [0, 0]
        if (keys.profile, keys.receive_key) == (before.profile, before.receive_key):
            self._other = _opener(keys)
        else:
            self._opener, self._other = _opener(keys), self._opener
        if (keys.profile, keys.send_key) != (before.profile, before.send_key):
            self._sealer = Sealer.with_key(Profile[keys.profile], keys.send_key)
            self._sealed_from = sent_packets

    def is_worn(self, sent_packets: int) -> bool:
        """Whether our key may have seen a rollover, which a station that begins anew has not."""
        return sent_packets - self._sealed_from >= _WORN_PACKETS

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
        if self._other is not None:
            clear = self._unsettled(packet, clear, self._other)
        return clear

    def open_rtcp(self, packet: bytes) -> bytes | None:
        size = len(packet)
        if size > MAX_PACKET_BYTES:
            return None
        for opener in (self._opener, self._other):
            if opener is not None:
                opener.view[0:size] = packet
                clear = opener.rtcp(size)
                if clear is not None:
                    return clear
        return None

    def _unsettled(self, packet: bytes, clear: bytes | None, other: Opener) -> bytes | None:
        """clear: what the first context made of the packet."""
        if clear is None:
            other.view[0 : len(packet)] = packet
            clear = other.rtp(len(packet))
            if clear is None:
                return None
            self._opened[1] += 1
        else:
            self._opened[0] += 1
        if max(self._opened) >= _SETTLED_PACKETS:
            if self._opened[1] >= _SETTLED_PACKETS:
                self._opener = other
            self._other = None
        return clear


def _opener(keys: Sdes) -> Opener:
    return Opener.with_key(Profile[keys.profile], keys.receive_key)
