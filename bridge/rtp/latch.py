"""Symmetric RTP: send to where the packets really come from, and believe only one source.

A station behind NAT writes an address into its SDP that nobody can reach; its packets show the right one. But a port
that listens to everyone lets a stranger take the call over, so the source is chosen once, within the first packets:

    nobody yet              the first packet's source is taken
    taken, not the SDP's    for ten packets more the SDP's own address may still claim the line; and so may anyone
                            when the one taken fell silent (it was a late packet of the call before)
    ten packets later       strays are discarded, whatever they are

New SDP with another address begins anew.
"""

from __future__ import annotations

import ipaddress

from bridge.rtp.udp import Address

_TENTATIVE_PACKETS = 10
_SILENT_S = 0.5


def reachable(host: str, port: int) -> Address | None:
    """Where a description says to send, or None when that is nowhere (hold, a name instead of an address)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a name would block the loop in the resolver; the latch finds the station without it
        return None
    return None if address.is_unspecified or not port else (host, port)


class Latch:
    """`announced`: what SDP said. `source`: whose packets are ours (None: nobody yet). `target`: where to send."""

    __slots__ = ("_taken_at_packets", "announced", "source", "target")

    def __init__(self) -> None:
        self.announced: Address | None = None
        self._taken_at_packets = 0
        self.source: Address | None = None
        self.target: Address | None = None

    def aim(self, announced: Address | None) -> None:
        """A description came. The same address as before changes nothing; nowhere (a hold) keeps the source."""
        if announced is None:
            return
        if announced != self.announced:
            self.announced = announced
            self.source = None
            self.target = announced

    def admits(self, source: Address, packets: int, silent_s: float) -> bool:
        """Whether a packet of another source than `self.source` may take the line; if so, it has.

        packets: received on this line so far. silent_s: since the last of them.
        """
        if self.source is not None:
            if packets - self._taken_at_packets >= _TENTATIVE_PACKETS or self.source[:2] == self.announced:
                return False
            if source[:2] != self.announced and silent_s < _SILENT_S:
                return False
        self.source = self.target = source
        self._taken_at_packets = packets
        return True
