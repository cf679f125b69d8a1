"""From where a request comes, as far as throttles care."""

from __future__ import annotations

import ipaddress

from fastapi import Request


def source_of(request: Request) -> str:
    """Who has one IPv6 address has its /64."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6 and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
