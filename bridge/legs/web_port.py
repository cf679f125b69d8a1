"""One UDP port for all browsers, as the firewalls of facilities and hospitals like it.

    datagram --first byte--> 0-3     STUN  a request: by our half of its user name; an answer: by its transaction
                             20-63   DTLS  by source address
                             128-191 SRTP  by source address (RFC 7983)

A source address is a browser's only after a STUN check from there whose MESSAGE-INTEGRITY was right (RFC 8445 section
7.3), so nobody can have a visit's packets, or give it some, by writing its address on them. What belongs to no browser
costs a look into a dictionary and is counted in `strangers`.
"""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from typing import Any

from bridge.errors import BridgeClosed
from bridge.legs.ice_socket import DataSide, StunSide
from bridge.rtp.batch import Key, Outbox, datagrams
from bridge.rtp.ports import Ports
from bridge.rtp.turns import Turns

_STUN_REQUEST = b"\x00\x01"  # a binding request (RFC 8489 section 5)
_STUN_HEADER_BYTES = 20
_USERNAME = 6  # RFC 8489 section 14
_BUFFER_BYTES = 1 << 22  # of a hundred visits each way; the system gives less where net.core.rmem_max says so
_MOST_ADDRESSES = 32  # of one browser; a laptop that roams for an hour has ten
_MOST_QUESTIONS = 128  # of ours that one browser has not answered yet


def local_ufrag(request: bytes) -> bytes:
    """Our half of a STUN request's user name (RFC 8445 section 7.2.2); empty when there is none."""
    at, size = _STUN_HEADER_BYTES, len(request)
    while at + 4 <= size:
        length = request[at + 2] << 8 | request[at + 3]
        if request[at] << 8 | request[at + 1] == _USERNAME:
            name: bytes = request[at + 4 : at + 4 + length]
            return name.partition(b":")[0]
        at += 4 + (length + 3 & ~3)
    return b""


class Seat:
    """One browser at the shared port, in the shape of the asyncio transport that aioice's protocol expects."""

    __slots__ = (
        "_closed",
        "_port",
        "addresses",
        "connection",
        "media_arrived",
        "open",
        "protocol",
        "questions",
        "take",
        "ufrag",
    )

    def __init__(self, port: WebPort, ufrag: bytes, protocol: StunSide, connection: DataSide) -> None:
        self._port = port
        self._closed = False
        self.ufrag = ufrag
        self.protocol = protocol
        self.connection = connection
        self.media_arrived = connection.media_arrived
        self.open = connection.opener.rtp
        self.take = connection.rtp_arrived
        self.addresses: OrderedDict[Key, None] = OrderedDict()
        self.questions: OrderedDict[bytes, None] = OrderedDict()
        protocol.connection_made(self)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._port.address if name == "sockname" and not self._closed else default

    def is_closing(self) -> bool:
        return self._closed

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        """STUN and DTLS, which repeat what was lost."""
        if self._closed:
            return
        if data[:2] == _STUN_REQUEST:
            self._port.will_ask(self, data[8:20])
        self._port.send_now(data, address)

    def path_to(self, address: tuple[str, int]) -> tuple[Outbox, Key]:
        """Where media for the browser is put, and the name of that address there."""
        return self._port.outbox, self._port.key_of(address)

    def learn(self, address: tuple[str, int]) -> None:
        """A check from there was the browser's own: from now on its packets are."""
        if not self._closed:
            self._port.learn(self, address)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._port.leave(self)
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close


class WebPort:
    """The socket that all web legs of a process share.

    strangers: datagrams of nobody who sits here.
    """

    def __init__(self, ports: Ports, *, batches: bool = True) -> None:
        """Takes the first free port of `ports`, and begins to read with the first seat. Raises PortsExhausted.

        batches: many packets for a system call, where the system can.
        """
        self._udp = ports.single()
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        self.host = ports.host
        self.address: tuple[Any, ...] = self._udp.getsockname()
        self.strangers = 0
        self._inbox, self.outbox = datagrams(self._udp, self._gathering, batches=batches)
        self.key_of = self._inbox.key_of
        self._seats: dict[bytes, Seat] = {}
        self._by_address: dict[Key, Seat] = {}
        self._asked: dict[bytes, Seat] = {}
        self._turns: Turns | None = None

    def close(self) -> None:
        """Idempotent. Browsers that still sit here hear nothing more."""
        if self._udp.fileno() < 0:
            return
        self._rest()
        self._udp.close()

    @property
    def unsent_packets(self) -> int:
        """The socket's buffer was full, or there was no way there."""
        return self.outbox.unsent_packets

    def __len__(self) -> int:
        """How many browsers sit here."""
        return len(self._seats)

    # -- for the seats

    def seat(self, ufrag: str, protocol: StunSide, connection: DataSide) -> Seat:
        """A place for one more browser, known by our ICE user name fragment for it."""
        if self._udp.fileno() < 0:
            raise BridgeClosed("the port for browsers is closed")
        if self._turns is None:
            self._turns = Turns.of_running_loop()
            self._turns.watch(self._udp.fileno(), self._readable)
        made = Seat(self, ufrag.encode(), protocol, connection)
        self._seats[made.ufrag] = made
        return made

    def leave(self, seat: Seat) -> None:
        self._seats.pop(seat.ufrag, None)
        for table, keys in ((self._by_address, seat.addresses), (self._asked, seat.questions)):
            for key in keys:
                if table.get(key) is seat:  # another browser may speak from there by now
                    del table[key]
        if not self._seats:
            self._rest()

    def learn(self, seat: Seat, address: tuple[str, int]) -> None:
        key = self.key_of(address)
        if self._by_address.get(key) is not seat:
            self._by_address[key] = seat
        _remember(seat.addresses, key, _MOST_ADDRESSES, self._by_address, seat)

    def will_ask(self, seat: Seat, transaction: bytes) -> None:
        """An answer with this transaction is for this seat, wherever it comes from."""
        self._asked[transaction] = seat
        _remember(seat.questions, transaction, _MOST_QUESTIONS, self._asked, seat)

    def send_now(self, data: bytes, address: tuple[Any, ...]) -> None:
        try:
            self._udp.sendto(data, address)
        except OSError:  # full, or no way there: as lost on the way
            self.outbox.unsent_packets += 1

    def _gathering(self) -> None:
        if self._turns is None:
            self.outbox.flush()
        else:
            self._turns.at_end(self.outbox.flush)

    def _rest(self) -> None:
        """Nobody sits here: what comes is not even looked at."""
        turns, self._turns = self._turns, None
        if turns is not None:
            self.outbox.flush()
            turns.unwatch(self._udp.fileno())

    # -- what comes in

    def _readable(self) -> None:
        """First all are opened, then all are handed on: each half finds its own code in the processor's cache."""
        by_address, opened = self._by_address, []
        for slot, size, source in self._inbox.receive():
            view = slot.view
            if not 127 < view[0] < 192:
                if size:
                    self._other_arrived(bytes(view[0:size]), source)
                continue
            seat = by_address.get(source)
            if seat is None:
                self.strangers += 1
            elif 192 <= view[1] <= 223:  # RTCP (RFC 5761 section 4)
                seat.media_arrived(slot, size)
            else:
                packet = seat.open(size, slot)
                if packet is None:
                    seat.connection.rejected_packets += 1
                else:
                    opened.append((seat, packet))
        for seat, packet in opened:
            try:
                seat.take(packet)
            except Exception:  # noqa: BLE001 - whatever one packet does in a pipeline, the next one must be read
                seat.connection.packet_failed()

    def _other_arrived(self, data: bytes, source: Key) -> None:
        """STUN and DTLS."""
        first, seat = data[0], None
        if 19 < first < 64:
            seat = self._by_address.get(source)
        elif first < 4 and len(data) >= _STUN_HEADER_BYTES:
            seat = self._seats.get(local_ufrag(data)) if data[:2] == _STUN_REQUEST else self._asked.get(data[8:20])
        if seat is None:
            self.strangers += 1
            return
        try:
            if first > 19:
                seat.connection.data_received(data, 1)
            else:
                seat.protocol.datagram_received(data, self._inbox.address_of(source))
        except Exception:  # noqa: BLE001 - a forged STUN message may raise anything; the next packet must be read
            seat.connection.packet_failed()


def _remember(mine: OrderedDict[Any, None], key: Any, most: int, table: dict[Any, Seat], seat: Seat) -> None:
    """Newest last; the oldest are forgotten, here and in the table of all."""
    mine[key] = None
    mine.move_to_end(key)
    while len(mine) > most:
        oldest, _ = mine.popitem(last=False)
        if table.get(oldest) is seat:
            del table[oldest]
