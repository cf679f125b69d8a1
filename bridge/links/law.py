"""G.711 from one law to the other, without decoding."""

from __future__ import annotations

from collections.abc import Callable

from bridge.rtp.packet import HEADER_BYTES, VERSION_BITS, parse


class Law:
    """push(packet) -> onward(packet) with its payload through a table of 256 bytes; header and length stay."""

    def __init__(self, name: str, table: bytes, onward: Callable[[bytes], None]) -> None:
        self._name = name
        self._table = table
        self._onward = onward

    def push(self, packet: bytes) -> None:
        start = HEADER_BYTES
        if packet and packet[0] != VERSION_BITS:
            header = parse(packet)
            packet = b"" if header is None else packet[: header.payload_end]
            start = 0 if header is None else header.payload_start
            packet = _without_padding(packet)
        self._onward(packet[:start] + packet[start:].translate(self._table))

    def close(self) -> None:
        """Nothing is held."""

    def __str__(self) -> str:
        return f"Law({self._name})"


def _without_padding(packet: bytes) -> bytes:
    """The padding was cut off; its bit goes too."""
    return bytes((packet[0] & ~0x20,)) + packet[1:] if packet else packet
