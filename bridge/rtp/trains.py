"""Packets of one size for one target, which the system takes as one and cuts apart behind (UDP_SEGMENT, udp(7)).

A picture of a camera is a handful of packets of the same size and a shorter last one; so is what a watcher gets.
As a train they pass the system's code once, which is most of what sending costs.

    waiting slots   a a a a' b c c        (a' shorter: the end of its train)
    heads           [a a a a'] [b] [c c]  a head points at the slots where they lie
"""

from __future__ import annotations

import socket
import struct
from typing import Any

MOST_BYTES = 60_000  # of one train; the system's own bound is that of a UDP datagram
_UDP_SEGMENT = 103
_CONTROL = struct.Struct("=QiiH6x")  # cmsghdr of 64 bits: its length, level and type; then the size of a packet
_CONTROL_BYTES = 18  # CMSG_LEN(2)
_HEAD_WORDS, _VECTORS, _CONTROL_AT, _CONTROL_LEN = 8, 3, 4, 5  # words of struct mmsghdr


def able(udp: socket.socket) -> bool:
    """Linux from 4.18 on."""
    try:
        udp.getsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT)
    except OSError:
        return False
    return True


class Trains:
    """Couples what lies in a room's slots. `headers` are the room's own, a packet each, and stay as they are."""

    def __init__(self, ffi: Any, headers: Any, most: int) -> None:
        self.heads: Any = ffi.new("struct mmsghdr[]", most)
        self._words = memoryview(ffi.buffer(self.heads)).cast("Q")
        self._alone = memoryview(bytes(ffi.buffer(headers))).cast("Q")
        self._controls: Any = ffi.new("char[]", most * _CONTROL.size)
        self._control_bytes = ffi.buffer(self._controls)
        self._controls_at = int(ffi.cast("uintptr_t", self._controls))

    @staticmethod
    def fits(ffi: Any) -> bool:
        """Whether the structures lie as this code takes them to: they do wherever a word has 64 bits."""
        return bool(ffi.sizeof("struct mmsghdr") == _HEAD_WORDS * 8 and ffi.sizeof("size_t") == 8)

    def couple(self, lengths: list[int], sizes: memoryview) -> None:
        """lengths: packets of each train, in the order of the slots; sizes: bytes of the packet in each slot."""
        words, alone, slot = self._words, self._alone, 0
        for number, length in enumerate(lengths):
            at = number * _HEAD_WORDS
            words[at : at + _HEAD_WORDS] = alone[slot * _HEAD_WORDS : (slot + 1) * _HEAD_WORDS]
            if length > 1:
                control = number * _CONTROL.size
                _CONTROL.pack_into(
                    self._control_bytes, control, _CONTROL_BYTES, socket.IPPROTO_UDP, _UDP_SEGMENT, sizes[slot]
                )
                words[at + _VECTORS] = length
                words[at + _CONTROL_AT] = self._controls_at + control
                words[at + _CONTROL_LEN] = _CONTROL.size
            slot += length
