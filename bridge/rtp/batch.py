"""Many datagrams for one system call: recvmmsg(2) and sendmmsg(2), called through cffi without a compiler.

    Inbox.receive()               -> (slot, size, source), ...   each packet in a slot of its own, opened where it lies
    Outbox.push(seal, packet, target), ... flush()               all are sealed into slots, and go together

Where the system has no such calls, or forbids them, `datagrams` gives the same two objects made of recvfrom and sendto.
Sources and targets are keys: the system's own socket address as bytes, or what Python makes of it; `key_of` and
`address_of` of the inbox translate. All buffers are made once.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from cffi import FFI

from bridge.rtp import trains
from bridge.rtp.srtp import BUFFER_BYTES, Slot
from bridge.rtp.trains import Trains

MOST = (
    64  # packets of one system call: at 100 visits a turn has 22 of them, and a keyframe comes as a burst of some more
)
_MOST_WAITING = 1024
_STRIDE_BYTES = BUFFER_BYTES + 192  # heads of packets a page apart would all fall into one set of the processor's cache
_NAME_BYTES = 32  # room for a sockaddr_in6 of 28
_FULL = (errno.EAGAIN, errno.ENOBUFS)
_DONTWAIT = int(socket.MSG_DONTWAIT)
_IPV4 = struct.Struct("=H2s4s8x")  # sockaddr_in; the port is in network order
_IPV6 = struct.Struct("=H2sI16sI")  # sockaddr_in6: family, port, flow, address, scope

_CALLS = """
typedef unsigned int socklen_t;
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr {
    void *msg_name; socklen_t msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
    void *msg_control; size_t msg_controllen; int msg_flags;
};
struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
int recvmmsg(int, struct mmsghdr *, unsigned int, int, void *);
int sendmmsg(int, struct mmsghdr *, unsigned int, int);
"""

Key = Any
Arrival = tuple[Slot, int, Key]
Seal = Callable[[Slot, bytes], int]  # writes a packet into a slot as it goes over the wire; 0: that one can not go


class Inbox(Protocol):
    def receive(self) -> Sequence[Arrival]:
        """What waits, up to a bound; empty when nothing does. The slots are good until the next call. Never raises."""
        ...

    def key_of(self, address: tuple[Any, ...]) -> Key: ...

    def address_of(self, key: Key) -> tuple[str, int]: ...


class Outbox(Protocol):
    """unsent_packets: not to be sealed, the socket's buffer was full, or there is no way to that target."""

    unsent_packets: int

    def push(self, seal: Seal, packet: bytes, target: Key) -> None:
        """The packet goes to `target`, now or with the next flush, in the order of the calls. Never raises."""
        ...

    def push_all(self, seal: Seal, packets: Sequence[bytes], target: Key) -> None: ...

    def flush(self) -> None: ...


class PlainInbox:
    """One packet for each system call."""

    def __init__(self, udp: socket.socket) -> None:
        self._receive = udp.recvfrom_into
        self._slot = Slot()

    def receive(self) -> Sequence[Arrival]:
        try:
            size, source = self._receive(self._slot.view)
        except OSError:  # nothing waits
            return ()
        return ((self._slot, size, source[:2]),)

    def key_of(self, address: tuple[Any, ...]) -> Key:
        return address[:2]

    def address_of(self, key: Key) -> tuple[str, int]:
        host, port = key
        return host, port


class PlainOutbox:
    """Each packet goes when it is pushed."""

    def __init__(self, udp: socket.socket) -> None:
        self.unsent_packets = 0
        self._slot = Slot()
        self._send = udp.sendto

    def push(self, seal: Seal, packet: bytes, target: Key) -> None:
        size = seal(self._slot, packet)
        try:
            if size:
                self._send(self._slot.view[0:size], target)
                return
        except OSError:
            pass
        self.unsent_packets += 1

    def push_all(self, seal: Seal, packets: Sequence[bytes], target: Key) -> None:
        for packet in packets:
            self.push(seal, packet, target)

    def flush(self) -> None:
        """Nothing waits."""


class _Calls:
    """The two system calls, and room for their arguments."""

    def __init__(self) -> None:
        """Raises OSError or AttributeError when the C library or the system lacks them."""
        self.ffi = FFI()
        self.ffi.cdef(_CALLS)
        self._library = library = cast(Any, self.ffi.dlopen(None))
        self.receive, self.send = library.recvmmsg, library.sendmmsg

    def room(self, udp: socket.socket) -> _Room:
        return _Room(self.ffi, udp)


class _Room:
    """`MOST` packets: headers, addresses and slots, which point at one another for good."""

    def __init__(self, ffi: FFI, udp: socket.socket) -> None:
        name_bytes = _IPV6.size if udp.family == socket.AF_INET6 else _IPV4.size
        self.headers: Any = ffi.new("struct mmsghdr[]", MOST)
        self.vectors: Any = ffi.new("struct iovec[]", MOST)
        self._names: Any = ffi.new("char[]", MOST * _NAME_BYTES)
        self._packets: Any = ffi.new("char[]", MOST * _STRIDE_BYTES)
        self.slots = [Slot(self._packets + each * _STRIDE_BYTES) for each in range(MOST)]
        for each in range(MOST):
            self.vectors[each].iov_base = self.slots[each].data
            self.vectors[each].iov_len = BUFFER_BYTES
            header = self.headers[each].msg_hdr
            header.msg_name, header.msg_namelen = self._names + each * _NAME_BYTES, name_bytes
            header.msg_iov, header.msg_iovlen = self.vectors + each, 1
        self.names = ffi.buffer(self._names)
        self.spans = [slice(each * _NAME_BYTES, each * _NAME_BYTES + name_bytes) for each in range(MOST)]
        self.lengths = memoryview(ffi.buffer(self.headers)).cast("I")[
            ffi.offsetof("struct mmsghdr", "msg_len") // 4 :: ffi.sizeof("struct mmsghdr") // 4
        ]
        self.sizes = memoryview(ffi.buffer(self.vectors)).cast("L")[1::2]


class BatchInbox:
    def __init__(self, calls: _Calls, udp: socket.socket) -> None:
        self._room = room = calls.room(udp)
        self._call, self._null = calls.receive, calls.ffi.NULL
        self._udp = udp
        self._headers, self._names, self._lengths = room.headers, room.names, room.lengths
        self._places = list(zip(range(MOST), room.slots, room.spans, strict=True))
        self._ipv6 = udp.family == socket.AF_INET6

    def receive(self) -> Sequence[Arrival]:
        count = self._call(self._udp.fileno(), self._headers, MOST, _DONTWAIT, self._null)
        if count <= 0:
            return ()
        lengths, names = self._lengths, self._names
        return [(slot, lengths[each], names[span]) for each, slot, span in self._places[:count]]

    def key_of(self, address: tuple[Any, ...]) -> Key:
        host, port = address[0], address[1].to_bytes(2, "big")
        if not self._ipv6:
            return _IPV4.pack(socket.AF_INET, port, socket.inet_pton(socket.AF_INET, host))
        host, _, zone = host.partition("%")
        scope = socket.if_nametoindex(zone) if zone else 0
        return _IPV6.pack(socket.AF_INET6, port, 0, socket.inet_pton(socket.AF_INET6, host), scope)

    def address_of(self, key: Key) -> tuple[str, int]:
        if not self._ipv6:
            _, port, host = _IPV4.unpack(key)
            return socket.inet_ntop(socket.AF_INET, host), int.from_bytes(port, "big")
        _, port, _, host, _ = _IPV6.unpack(key)
        return socket.inet_ntop(socket.AF_INET6, host), int.from_bytes(port, "big")


class BatchOutbox:
    """What is pushed waits for flush, or goes when `_MOST_WAITING` are together.

    `gathering` is called with the first packet: it has to see to it that flush is called soon.
    """

    def __init__(self, calls: _Calls, udp: socket.socket, gathering: Callable[[], None]) -> None:
        self.unsent_packets = 0
        self._room = room = calls.room(udp)
        self._call, self._errors = calls.send, calls.ffi
        self._udp = udp
        self._gathering = gathering
        self._waiting: list[tuple[Seal, bytes, Key]] = []
        self._places = list(zip(room.slots, room.spans, strict=True))
        able = Trains.fits(calls.ffi) and trains.able(udp)
        self._trains = Trains(calls.ffi, room.headers, MOST) if able else None

    def push(self, seal: Seal, packet: bytes, target: Key) -> None:
        waiting = self._waiting
        waiting.append((seal, packet, target))
        if len(waiting) == 1:
            self._gathering()
        elif len(waiting) >= _MOST_WAITING:
            self.flush()

    def push_all(self, seal: Seal, packets: Sequence[bytes], target: Key) -> None:
        waiting = self._waiting
        first = not waiting
        waiting.extend([(seal, packet, target) for packet in packets])
        if len(waiting) >= _MOST_WAITING:
            self.flush()
        elif first and waiting:
            self._gathering()

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        names, sizes, places = self._room.names, self._room.sizes, self._places
        count, lengths = 0, [0]  # packets in slots; those of each train, behind a 0
        coupled, whole, room = None, 0, 0  # the last train: its target, bytes of a packet, bytes that it may still take
        for seal, packet, target in waiting:
            slot, span = places[count]
            size = seal(slot, packet)
            if not size:
                self.unsent_packets += 1
                continue
            sizes[count] = size
            names[span] = target
            count += 1
            if target == coupled and size <= whole and size <= room:
                lengths[-1] += 1
                room -= size
                if size < whole:
                    coupled = None
            else:
                lengths.append(1)
                coupled, whole, room = target, size, trains.MOST_BYTES - size
            if count == MOST:
                self._send(count, lengths)
                count, coupled, lengths = 0, None, [0]
        if count:
            self._send(count, lengths)

    def _send(self, count: int, lengths: list[int]) -> None:
        """lengths: of the trains of these packets, behind a 0."""
        del lengths[0]
        coupling = self._trains
        if coupling is None or len(lengths) == count:
            self._send_singly(0, count)
        else:
            coupling.couple(lengths, self._room.sizes)
            self._send_trains(coupling, lengths)

    def _send_trains(self, coupling: Trains, lengths: list[int]) -> None:
        """A train that the system does not take goes packet by packet: one may be larger than the way is wide."""
        at, slot, descriptor = 0, 0, self._udp.fileno()
        while at < len(lengths):
            sent = self._call(descriptor, coupling.heads + at, len(lengths) - at, _DONTWAIT)
            if sent > 0:
                slot += sum(lengths[at : at + sent])
                at += sent
            elif self._errors.errno in _FULL:
                self.unsent_packets += sum(lengths[at:])
                return
            else:
                if self._errors.errno == errno.EIO:  # the network card can not
                    self._trains = None
                self._send_singly(slot, slot + lengths[at])
                slot += lengths[at]
                at += 1

    def _send_singly(self, at: int, end: int) -> None:
        """A packet that can not go is left out and counted; a full buffer is the end for the rest."""
        descriptor, headers = self._udp.fileno(), self._room.headers
        while at < end:
            sent = self._call(descriptor, headers + at, end - at, _DONTWAIT)
            if sent > 0:
                at += sent
            elif self._errors.errno in _FULL:
                self.unsent_packets += end - at
                return
            else:
                self.unsent_packets += 1
                at += 1


def datagrams(udp: socket.socket, gathering: Callable[[], None], *, batches: bool = True) -> tuple[Inbox, Outbox]:
    """The two ends of one socket: in batches where the system can, else one by one. To be chosen once, at the start."""
    if batches and sys.platform == "linux":
        try:
            calls = _Calls()
            room = calls.room(udp)
            able = calls.receive(udp.fileno(), room.headers, 0, _DONTWAIT, calls.ffi.NULL) == 0
            able = able and calls.send(udp.fileno(), room.headers, 0, _DONTWAIT) == 0
        except (OSError, AttributeError):
            able = False
        if able:  # else a filter of system calls forbids them
            return BatchInbox(calls, udp), BatchOutbox(calls, udp, gathering)
    return PlainInbox(udp), PlainOutbox(udp)
