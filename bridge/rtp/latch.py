"""Symmetric RTP: send to where the packets really come from, and believe only one source.

A station behind NAT writes an address into its SDP that nobody can reach; its packets show the right one. But a port
that listens to everyone lets a stranger take the call over, so the source is chosen once, within the first packets:

    nobody yet              the first packet's source is taken
    taken, not the SDP's    for ten packets more the SDP's own address may still claim the line; and so may anyone
                            when the one taken fell silent (it was a late packet of the call before)
    ten packets later       strays are discarded, whatever they are
    a NAT forgot it         the same stream from elsewhere is followed once its old source fell silent

New SDP with another address begins anew. The old source still sends until our answer is there, so it may keep the line
for now: the SDP's address takes it at any time, and for a hundred packets anyone, once the old source is silent.
A station that comes back from a hold has as long to be found: its NAT may have forgotten it, its stream be a new one.
"""

from __future__ import annotations

import ipaddress

from bridge.rtp.udp import Address

_TENTATIVE_PACKETS = 10
_LEAVING_PACKETS = 100  # two seconds of sound: an answer and its ACK through several proxies
_SILENT_S = 0.5


def reachable(host: str, port: int) -> Address | None:
    """Where a description says to send, or None when that is nowhere (hold, a name instead of an address)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a name would block the loop in the resolver; the latch finds the station without it
        return None
    return None if address.is_unspecified or not port else (str(address), port)  # as the socket module writes it


class Latch:
    """`announced`: what SDP said. `source`: whose packets are ours (None: nobody yet). `target`: where to send."""

    __slots__ = ("_follow_after_s", "_leaving", "_taken_at_packets", "announced", "source", "target")

    def __init__(self, follow_after_s: float = 0.0) -> None:
        """follow_after_s: how long a source must be silent before its stream may come from elsewhere; 0: never."""
        self._follow_after_s = follow_after_s
        self.announced: Address | None = None
        self._taken_at_packets = 0
        self._leaving: Address | None = None  # the source before the last move
        self.source: Address | None = None
        self.target: Address | None = None

    def aim(self, announced: Address | None) -> None:
        """A description came. The same address as before changes nothing; nowhere (a hold) keeps the source."""
        if announced is None:
            return
        if announced != self.announced:
            self.announced = announced
            self._leaving = self.source or self._leaving
            self.source = None
            self.target = announced

    def resumed(self, packets: int) -> None:
        """The station sends again after a hold, `packets` having been received before."""
        self._leaving = self.source
        self._taken_at_packets = packets

    def admits(self, source: Address, packets: int, silent_s: float, *, same_stream: bool = False) -> bool:
        """Whether a packet of another source than `self.source` may take the line; if so, it has.

        packets: received on this line so far. silent_s: since the last of them. same_stream: it goes on where the last
        packet of the present source ended, or nobody but the station can have sealed it.
        """
        followed = self.source is not None and same_stream and 0 < self._follow_after_s <= silent_s
        if self.source is not None and not followed and not self._is_tentative(source, packets, silent_s):
            return False
        self.source = self.target = source
        self._taken_at_packets = packets - _TENTATIVE_PACKETS if followed else packets  # followed: settled at once
        return True

    def _is_tentative(self, source: Address, packets: int, silent_s: float) -> bool:
        """Whether the present source holds the line so loosely that this one may have it."""
        since_packets = packets - self._taken_at_packets
        leaving = self.source == self._leaving
        if source[:2] == self.announced:
            return since_packets < _TENTATIVE_PACKETS or leaving
        settled = not leaving and self.source is not None and self.source[:2] == self.announced
        most = _LEAVING_PACKETS if leaving else _TENTATIVE_PACKETS
        return not settled and since_packets < most and silent_s >= _SILENT_S
