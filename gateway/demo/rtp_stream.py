"""One RTP stream of the simulated terminal: numbering, counting, sockets and RTCP reports."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Callable

from bridge.rtp import packet, rtcp
from bridge.rtp.ports import SocketPair
from bridge.sdp import Media

_NTP_1970_S = 2_208_988_800


class Stream:
    """marks_ends: the last packet of a picture carries the marker bit (RFC 6184 section 5.1)."""

    def __init__(self, sockets: SocketPair, payload_type: int, *, marks_ends: bool) -> None:
        self.payload_type = payload_type
        self.their_ssrc = 0
        self._sockets = sockets
        self._marks_ends = marks_ends
        self._ssrc = random.getrandbits(32)
        self._sequence = random.getrandbits(15)
        self._offset = random.getrandbits(31)
        self._packets = self._octets = 0
        self._last = (0.0, 0)
        self._rtp_to: tuple[str, int] | None = None
        self._rtcp_to: tuple[str, int] | None = None

    @property
    def port(self) -> int:
        return self._sockets.port

    def listen(self, rtp: Callable[[bytes], None], rtcp_packet: Callable[[bytes], None]) -> None:
        """Both are called with each datagram, until close()."""
        loop = asyncio.get_running_loop()
        for sock, heard in ((self._sockets.rtp, rtp), (self._sockets.rtcp, rtcp_packet)):
            loop.add_reader(sock, _drain, sock, heard)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._sockets.rtp)
        loop.remove_reader(self._sockets.rtcp)
        self._sockets.close()

    def send_to(self, media: Media, address: str) -> None:
        host = media.address or address
        self._rtp_to = (host, media.port)
        self._rtcp_to = (media.rtcp_address or host, media.rtcp_port or media.port + 1)

    def send(self, payloads: list[bytes], timestamp: int) -> None:
        """The packets of one picture, or of one block of sound."""
        for index, payload in enumerate(payloads):
            marker = self._marks_ends and index == len(payloads) - 1
            data = packet.build(
                payload,
                payload_type=self.payload_type,
                sequence=self._sequence,
                timestamp=self._offset + timestamp,
                ssrc=self._ssrc,
                marker=marker,
            )
            self._sequence += 1
            self._packets += 1
            self._octets += len(payload)
            self._put(self._sockets.rtp.sendto, data, self._rtp_to)
        self._last = (time.time(), self._offset + timestamp)

    def report(self, *, wants_keyframe: bool) -> None:
        """A sender report, with a PLI when a picture is still missing."""
        at, rtp = self._last
        ntp = int((at + _NTP_1970_S) * (1 << 32))
        words = [
            rtcp.sender_report(rtcp.SenderInfo(self._ssrc, ntp, rtp, self._packets, self._octets)),
            rtcp.source_description(self._ssrc, "terminal"),
        ]
        if wants_keyframe:
            words.append(rtcp.picture_loss(self._ssrc, self.their_ssrc))
        self._put(self._sockets.rtcp.sendto, b"".join(words), self._rtcp_to)

    @staticmethod
    def _put(send: Callable[[bytes, tuple[str, int]], int], data: bytes, to: tuple[str, int] | None) -> None:
        if to is not None:
            with contextlib.suppress(OSError):  # the far side's socket is not there yet, or no more
                send(data, to)


def _drain(sock: socket.socket, heard: Callable[[bytes], None]) -> None:
    """All that waits: one wake-up for many packets."""
    with contextlib.suppress(OSError):  # nothing more, or the far side's socket is gone
        while True:
            heard(sock.recv(2048))
