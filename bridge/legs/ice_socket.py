"""One UDP socket under the ICE agent: media leaves by the shortest way, the rest goes to the library.

The asyncio datagram transport would copy each packet and queue it for a task; here the socket is read into the buffer
in which it is decrypted, and the wake-up ends at the far side's socket.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Protocol

from bridge.rtp.batch import PlainOutbox
from bridge.rtp.srtp import Opener, Slot
from bridge.rtp.turns import Turns


class StunSide(Protocol):
    """What the library's protocol object is asked for."""

    def connection_made(self, transport: Any) -> None: ...

    def connection_lost(self, error: Exception | None) -> None: ...

    def datagram_received(self, data: bytes, address: tuple[Any, ...]) -> None: ...

    def error_received(self, error: Exception) -> None: ...


class DataSide(Protocol):
    """Who takes media and DTLS. rtp_arrived takes packets in the clear; the others do not raise."""

    opener: Opener
    rejected_packets: int
    rtp_arrived: Callable[[bytes], None]

    def media_arrived(self, slot: Slot, size: int) -> None: ...

    def data_received(self, data: bytes, component: int) -> None: ...

    def packet_failed(self) -> None: ...


class IceSocket:
    """One UDP socket, in the shape of the asyncio transport that aioice's protocol expects."""

    def __init__(self, udp: socket.socket, protocol: StunSide, connection: DataSide) -> None:
        self._udp = udp
        self._protocol = protocol
        self._connection = connection
        self._slot = connection.opener.slot
        self._turns = Turns.of_running_loop()
        self._closed = False
        self._receive = udp.recvfrom_into
        self.outbox = PlainOutbox(udp)
        protocol.connection_made(self)
        self._turns.watch(udp.fileno(), self._readable)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if self._closed:
            return default
        return {"sockname": self._udp.getsockname(), "socket": self._udp}.get(name, default)

    def is_closing(self) -> bool:
        return self._closed

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        if self._closed:
            return
        try:
            self._udp.sendto(data, address)
        except (BlockingIOError, InterruptedError):
            pass  # as lost on the way: STUN and DTLS repeat
        except OSError as error:
            self._protocol.error_received(error)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._turns.unwatch(self._udp.fileno())
        self._udp.close()
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    abort = close

    def _readable(self) -> None:
        """One packet: to look whether there is another costs more than to be told (`bridge/rtp/turns.py`)."""
        view = self._slot.view
        try:
            size, address = self._receive(view)
        except OSError as error:  # an ICMP message of an earlier send, or woken for nothing
            if not isinstance(error, BlockingIOError):
                self._protocol.error_received(error)
            return
        if not size:
            return
        if 127 < view[0] < 192:
            self._connection.media_arrived(self._slot, size)
        else:
            self._other_arrived(bytes(view[0:size]), address)

    def _other_arrived(self, data: bytes, address: tuple[Any, ...]) -> None:
        try:
            if 19 < data[0] < 64:
                self._connection.data_received(data, 1)
            else:
                self._protocol.datagram_received(data, address)
        except Exception:  # noqa: BLE001 - a forged STUN message may raise anything; the next packet must be read
            self._connection.packet_failed()
