"""The SIP addresses we write: whom we call, and who we say we are."""

from __future__ import annotations

from urllib.parse import quote

from sip.types import SipSettings, Transport, Trunk

_USER_SAFE = "-_.!~*'()&=+$,;?/"
"""What a user part may hold unescaped (RFC 3261 section 25.1: unreserved and user-unreserved)."""


def target_uri(trunk: Trunk, target: str) -> str:
    """`target` if it is a URI; else that user at the trunk's server; with target "" the server itself."""
    if target.lower().startswith(("sip:", "sips:", "tel:")):
        uri = target
    else:
        user = f"{quote(target, safe=_USER_SAFE)}@" if target else ""
        uri = f"sip:{user}{trunk.server}"
    if trunk.transport is not Transport.UDP and ";transport=" not in uri.lower():
        uri += f";transport={trunk.transport}"
    return uri


def identity(settings: SipSettings, trunk: Trunk | None, user: str) -> str:
    """Our From: at the trunk's domain when it knows us as a user there, else at our own address."""
    host = settings.public_host or settings.host
    if trunk and trunk.username and trunk.server:
        host = _host(trunk.server)
    elif ":" in host:
        host = f"[{host}]"
    return f"<sip:{quote(user, safe=_USER_SAFE)}@{host}>" if user else f"<sip:{host}>"


def contact_of_ipv6(settings: SipSettings, port: int) -> str:
    """Our Contact where we listen on IPv6; "" on IPv4, where the SIP stack writes a better one: that of each transport.

    This build of it listens and speaks on IPv6, but refuses (500) to write a Contact for it.
    """
    host = settings.public_host or settings.host
    if ":" not in settings.host:
        return ""
    first = next(each for each in (Transport.UDP, Transport.TCP, Transport.TLS) if each in settings.transports)
    parameter = "" if first is Transport.UDP else f";transport={first}"
    return f"<sip:{f'[{host}]' if ':' in host else host}:{port + (first is Transport.TLS)}{parameter}>"


def _host(server: str) -> str:
    """Without the port; `[v6]:port` keeps its brackets."""
    head, _, tail = server.rpartition(":")
    return head if head and tail.isdigit() and not head.endswith(":") else server
