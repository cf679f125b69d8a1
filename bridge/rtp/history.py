"""What was sent lately, to be sent again when the far side asks (RFC 4585 section 6.2.1)."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.rtp.packet import HEADER, HEADER_BYTES

_PACKETS = 1024  # about four seconds of video: a browser gives up asking long before
_MASK = _PACKETS - 1


class SendHistory:
    """The last 1,024 packets by sequence number."""

    __slots__ = ("_packets",)

    def __init__(self) -> None:
        self._packets: list[bytes] = [b""] * _PACKETS

    def store(self, packet: bytes) -> None:
        self._packets[(packet[2] << 8 | packet[3]) & _MASK] = packet

    def store_all(self, packets: Sequence[bytes]) -> None:
        held = self._packets
        for packet in packets:
            held[(packet[2] << 8 | packet[3]) & _MASK] = packet

    def find(self, sequence: int) -> bytes | None:
        packet = self._packets[sequence & _MASK]
        if packet and packet[2] << 8 | packet[3] == sequence:
            return packet
        return None


class RtxWrapper:
    """Packs a lost packet for the retransmission stream (RFC 4588 section 4): the old sequence number goes in front."""

    __slots__ = ("_payload_type", "_sequence", "_ssrc")

    def __init__(self, payload_type: int, ssrc: int, first_sequence: int) -> None:
        self._payload_type = payload_type
        self._ssrc = ssrc
        self._sequence = first_sequence

    def wrap(self, packet: bytes) -> bytes:
        """`packet` has the plain 12-byte header, as everything that a pipeline sends."""
        sequence, self._sequence = self._sequence, (self._sequence + 1) & 0xFFFF
        first, second, _, timestamp, _ = HEADER.unpack_from(packet, 0)
        header = HEADER.pack(first, second & 0x80 | self._payload_type, sequence, timestamp, self._ssrc)
        return b"".join((header, packet[2:4], packet[HEADER_BYTES:]))


def unwrap_rtx(packet: bytes, start: int, end: int, payload_type: int, ssrc: int) -> bytes | None:
    """The lost packet out of a retransmission whose payload is `start` to `end`; None for an empty one (a probe)."""
    if end - start <= 2:
        return None
    _, second, _, timestamp, _ = HEADER.unpack_from(packet, 0)
    original = packet[start] << 8 | packet[start + 1]
    return HEADER.pack(0x80, second & 0x80 | payload_type, original, timestamp, ssrc) + packet[start + 2 : end]
