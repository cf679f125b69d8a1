"""A request as the library has it in its memory, before it does anything with it: where from, and its text.

pjsua2 shows a request only after the library has chosen what to do with it, and many it never shows. The module that
sip.capi registers gets the address of a `pjsip_rx_data`; this is the layout of its beginning in pjsip 2.15.1. What does
not look like it is not believed: then `read` says None, and the gate lets the library decide as it always did.
"""

from __future__ import annotations

import ctypes
import ipaddress
from dataclasses import dataclass

VERSION = "2.15.1"
_PACKET_BYTES = 4000  # PJSIP_MAX_PKT_LEN
_OPERATION_WORDS = 35  # pjsip_rx_data_op_key: pj_ioqueue_op_key_t and a pointer back
_NAME_BYTES = 46  # PJ_INET6_ADDRSTRLEN
_CONNECTED = (b"tcp", b"tls")


class _RxData(ctypes.Structure):
    """The beginning of `pjsip_rx_data`: tp_info, pkt_info, and the first of msg_info."""

    _fields_ = (
        ("pool", ctypes.c_void_p),
        ("transport", ctypes.c_void_p),
        ("transport_data", ctypes.c_void_p),
        ("operation", ctypes.c_void_p * _OPERATION_WORDS),
        ("seconds", ctypes.c_long),
        ("milliseconds", ctypes.c_long),
        ("packet", ctypes.c_char * _PACKET_BYTES),
        ("zero", ctypes.c_uint32),
        ("packet_length", ctypes.c_ssize_t),
        ("address", ctypes.c_char * 28),
        ("address_length", ctypes.c_int),
        ("source", ctypes.c_char * _NAME_BYTES),
        ("source_port", ctypes.c_int),
        ("text", ctypes.c_void_p),
        ("text_length", ctypes.c_int),
    )


@dataclass(frozen=True, slots=True)
class RawRequest:
    """host: as the library prints it. transport: address of the `pjsip_transport`; 0 for a datagram."""

    host: str
    text: bytes
    transport: int


def read(rdata: int) -> RawRequest | None:
    """rdata: of the running callback. None when it is laid out otherwise."""
    data = _RxData.from_address(rdata)
    begin = rdata + _RxData.packet.offset
    text, length = data.text or 0, data.text_length
    if not (begin <= text <= begin + _PACKET_BYTES and 0 < length <= begin + _PACKET_BYTES - text):
        return None
    try:
        host = str(ipaddress.ip_address(data.source.decode("ascii").partition("%")[0]))
    except ValueError:
        return None
    return RawRequest(host, ctypes.string_at(text, length), _connection(data.transport))


def _connection(transport: int | None) -> int:
    """The library names its transports: `udp0x...`, `tcps0x...`, `tls...`. A datagram's is the port we listen on."""
    if not transport:
        return 0
    return transport if ctypes.string_at(transport, 3) in _CONNECTED else 0
