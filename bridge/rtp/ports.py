"""UDP ports for media out of a configured range.

A port that was just given back is the last to be used again: late packets of the visit before must not reach the next
one. Binding is the reservation; nothing is kept in books that could disagree with the system's.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from bridge.errors import PortsExhausted

_RECEIVE_BUFFER_BYTES = 1 << 20  # a keyframe comes as a burst of some hundred packets
_RANDOM_ATTEMPTS = 100
_MOST_WAITING = 4096  # packets; the buffer has room for fewer


@dataclass(frozen=True, slots=True)
class SocketPair:
    """RTP on an even port and RTCP on the next one (RFC 3550 section 11). Both are bound and non-blocking."""

    rtp: socket.socket
    rtcp: socket.socket

    @property
    def port(self) -> int:
        port: int = self.rtp.getsockname()[1]
        return port

    def drain(self) -> None:
        """Forgets what has come so far; what comes meanwhile is not waited for."""
        for each in (self.rtp, self.rtcp):
            for _ in range(_MOST_WAITING):
                try:
                    each.recv(1)
                except OSError:  # nothing more, or an ICMP error reported late
                    break

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


class Ports:
    """`low` to `high`, both included, on `host`; (0, 0) lets the system choose."""

    def __init__(self, host: str, low_high: tuple[int, int], name: str = "media.sip_ports") -> None:
        self.host = host
        self._low, self._high = low_high
        self._name = name
        self._next = self._low
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET

    def pair(self) -> SocketPair:
        """Raises PortsExhausted."""
        if self._high == 0:
            return self._pair_from_the_system()
        first = self._low + self._low % 2
        count = max(0, (self._high - first + 1) // 2)
        start = max(0, self._next - first) // 2
        for step in range(count):
            port = first + 2 * ((start + step) % count)
            pair = self._try_pair(port)
            if pair is not None:
                self._next = port + 2
                return pair
        raise self._exhausted("port pair")

    def single(self) -> socket.socket:
        """One bound, non-blocking socket (multiplexed RTP and RTCP, ICE). Raises PortsExhausted."""
        if self._high == 0:
            found = self._bind(0)
            if found is not None:
                return found
            raise self._exhausted("port")
        count = self._high - self._low + 1
        for step in range(count):
            port = self._low + (self._next - self._low + step) % count
            found = self._bind(port)
            if found is not None:
                self._next = port + 1
                return found
        raise self._exhausted("port")

    def _pair_from_the_system(self) -> SocketPair:
        for _ in range(_RANDOM_ATTEMPTS):
            probe = self._bind(0)
            if probe is None:
                break
            port: int = probe.getsockname()[1]
            probe.close()
            pair = self._try_pair(port - port % 2)
            if pair is not None:
                return pair
        raise self._exhausted("port pair")

    def _try_pair(self, port: int) -> SocketPair | None:
        rtp = self._bind(port)
        if rtp is None:
            return None
        rtcp = self._bind(port + 1)
        if rtcp is None:
            rtp.close()
            return None
        return SocketPair(rtp, rtcp)

    def _bind(self, port: int) -> socket.socket | None:
        found = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            found.bind((self.host, port))
        except OSError:
            found.close()
            return None
        found.setblocking(False)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        return found

    def _exhausted(self, what: str) -> PortsExhausted:
        if self._high == 0:
            return PortsExhausted(f"the system gives no {what} on {self.host}; is it an address of this machine?")
        return PortsExhausted(f"no free {what} in {self._low}-{self._high} on {self.host}; widen {self._name}")
