"""Reading a UDP socket as cheaply as the loop allows, and never ending on a bad packet.

The sockets of all stations are read in turns (`bridge/rtp/turns.py`), one packet of each at a time: to look whether
there is another (a system call that mostly says "would block", and its exception) costs more than to be told, and other
sockets have their turn.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

from bridge.rtp.turns import Turns

_log = logging.getLogger(__name__)

Address = tuple[Any, ...]  # (host, port) in IPv4, with flow and scope behind it in IPv6, as the socket module has it

LARGEST_BYTES = 4096  # a frame of Ethernet carries 1,472; tunnels and jumbo frames a little more


class Reader:
    """Hands every datagram of `sock` to `take(packet, source)` until closed; then the socket is closed too.

    The loop must be running. An exception out of `take` is counted in `failures` and the next packet is read.
    """

    __slots__ = ("_arrivals", "_receive", "_sock", "_turns", "failures", "take")

    def __init__(self, sock: socket.socket, take: Callable[[bytes, Address], None]) -> None:
        self._sock = sock
        self._receive = sock.recvfrom  # one bytes object of the right size; into a buffer it would be copied once more
        self.take = take
        self._turns = Turns.of_running_loop()
        self._arrivals = self._turns.arrivals
        self.failures = 0
        self._turns.watch(sock.fileno(), self._readable)

    def hand_to(self, take: Callable[[bytes, Address], None]) -> None:
        """From the next datagram on."""
        self.take = take

    def close(self) -> None:
        if self._sock.fileno() >= 0:
            self._turns.unwatch(self._sock.fileno())
            self._sock.close()
            self.take = _nobody  # what was read in this turn has nowhere to go

    def _readable(self) -> None:
        try:
            packet, source = self._receive(LARGEST_BYTES)
        except OSError:  # woken for nothing, or an ICMP error reported late
            return
        self._arrivals.append((self, packet, source))

    def failed(self) -> None:
        """Within an except clause: `take` raised."""
        self.failures += 1
        if self.failures == 1:
            _log.exception("a packet could not be handled; later ones of this socket are only counted")


def _nobody(packet: bytes, source: Address) -> None:
    """Where a closed socket's packets go."""
