"""A station at packet level: one m= line's RTP and RTCP sockets, and what arrived on them.

station = RtpStation("PCMU", 0)
station.aim(port_of_the_gateway)
station.say(b"sound")
packet = await station.heard()
"""

from __future__ import annotations

import asyncio
import socket
from typing import Self

from bridge.rtp import packet as rtp
from bridge.rtp.ports import Ports


class RtpStation:
    def __init__(self, payload_type: int = 0, *, ssrc: int = 0x5EED, host: str = "127.0.0.1", step: int = 160) -> None:
        self.sockets = Ports(host, (0, 0)).pair()
        self.payload_type = payload_type
        self.ssrc = ssrc
        self.sequence = 1000
        self.timestamp = 5000
        self._host = host
        self._step = step
        self._port = 0

    @property
    def port(self) -> int:
        return self.sockets.port

    @property
    def aimed(self) -> bool:
        return self._port != 0

    def aim(self, port: int) -> Self:
        """0: nowhere."""
        self._port = port
        return self

    def say(self, payload: bytes = b"\x00" * 160, *, marker: bool = False, same_time: bool = False) -> bytes:
        """The next packet of the stream."""
        packet = rtp.build(
            payload,
            payload_type=self.payload_type,
            sequence=self.sequence,
            timestamp=self.timestamp,
            ssrc=self.ssrc,
            marker=marker,
        )
        self.sequence += 1
        self.timestamp += 0 if same_time else self._step
        self.throw(packet)
        return packet

    def press(self, digit: str, payload_type: int = 101) -> None:
        """One key by RFC 4733: begun, and ended three times."""
        event = "0123456789*#".index(digit)
        for ended in (0, 0x80, 0x80, 0x80):
            payload = bytes([event, ended | 10, 3, 32])
            self.throw(
                rtp.build(
                    payload,
                    payload_type=payload_type,
                    sequence=self.sequence,
                    timestamp=self.timestamp,
                    ssrc=self.ssrc,
                )
            )
            self.sequence += 1
        self.timestamp += 800

    def throw(self, packet: bytes) -> None:
        """Whatever these bytes are, from the RTP port."""
        self.sockets.rtp.sendto(packet, (self._host, self._port))

    def report(self, packet: bytes) -> None:
        self.sockets.rtcp.sendto(packet, (self._host, self._port + 1))

    async def heard(self, timeout_s: float = 5.0) -> bytes:
        """The next RTP packet."""
        return await self._next(self.sockets.rtp, timeout_s)

    async def told(self, timeout_s: float = 5.0) -> bytes:
        """The next RTCP packet."""
        return await self._next(self.sockets.rtcp, timeout_s)

    async def _next(self, sock: socket.socket, timeout_s: float) -> bytes:
        async with asyncio.timeout(timeout_s):
            return await asyncio.get_running_loop().sock_recv(sock, 8192)

    def is_silent(self) -> bool:
        """Nothing has arrived on the RTP port."""
        try:
            self.sockets.rtp.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self.sockets.close()
