"""Whose request is it? Trust is by source address: the SIP stack does not challenge what comes in."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from sip.errors import SipConfigError
from sip.types import Trunk

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Trust:
    """The trunks' source blocks, the narrowest first, so that one host inside a carrier's block can be a trunk."""

    def __init__(self, trunks: Iterable[Trunk]) -> None:
        blocks = [(_network(source, trunk), trunk.name) for trunk in trunks for source in trunk.sources]
        self._blocks = sorted(blocks, key=lambda block: -block[0].prefixlen)

    def trunk_of(self, source: str) -> str:
        """The trunk's name for `host:port` or `[v6]:port`, "" for a stranger."""
        return self.trunk_of_host(source.rpartition(":")[0].strip("[]"))

    def trunk_of_host(self, host: str) -> str:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return ""
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        return next((name for network, name in self._blocks if address in network), "")


def _network(source: str, trunk: Trunk) -> Network:
    try:
        return ipaddress.ip_network(source, strict=False)
    except ValueError:
        raise SipConfigError(
            f"trunk {trunk.name!r}: sources: {source!r} is no address or CIDR block; write 10.1.2.3 or 10.1.2.0/24"
        ) from None
