"""One attempt: a POST to a receiver. The one room of httpcore.

The name is resolved here and the connection goes to an address that was checked, so that no name can lead into our own
network, not even one that changes between the check and the call. Certificates are verified, redirects not followed,
proxies of the environment not used; what the receiver answers is read for its status alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpcore

from gateway.errors import StartError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_MOST_ANSWER_BYTES = 16 * 1024
_DRAIN_S = 1.0
_KEEP_S = 5.0  # a connection that nobody uses
_MOST_RETRY_AFTER_S = 3600.0
_GONE = 410

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Outcome:
    """word: the HTTP status, or `timeout`, `connection`, `certificate`, `address` (refused), `protocol`.

    gone: the receiver wants nothing more (410). retry_after_s: its wish, 0.0 for none.
    """

    word: str
    taken: bool = False
    gone: bool = False
    retry_after_s: float = 0.0


class AddressRefused(Exception):
    """The name leads to where this receiver may not be."""


def is_private(address: IpAddress) -> bool:
    """Whether it is anything but a public host; also behind the ways IPv6 has to spell an IPv4 address."""
    inner: IpAddress | None = None
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is not None:
        return is_private(inner)
    return not address.is_global or address.is_multicast


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to addresses of one kind only: private ones, or public ones."""

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise httpcore.ConnectError("the name is not known") from None
        addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        allowed = [each for each in addresses if is_private(each) == self._private]
        if not allowed:
            raise AddressRefused
        for index, address in enumerate(allowed):
            try:
                return await self._sockets.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if index == len(allowed) - 1:
                    raise
        raise AddressRefused

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Post:
    """async with Post(timeout_s=10) as post: outcome = await post(url, headers, body, private=False)

    timeout_s: for a whole attempt. ca: a PEM file of authorities beside the system's. Raises StartError for a bad one.
    """

    def __init__(self, *, timeout_s: float, ca: str = "") -> None:
        self._timeout_s = timeout_s
        self._pools: dict[bool, httpcore.AsyncConnectionPool] = {}
        self._trusted = ssl.create_default_context()
        if ca:
            try:
                self._trusted.load_verify_locations(ca)
            except (OSError, ssl.SSLError):
                raise StartError(f"webhooks.ca: {ca!r} holds no PEM certificate") from None

    def _pool(self, *, private: bool) -> httpcore.AsyncConnectionPool:
        if private not in self._pools:
            self._pools[private] = httpcore.AsyncConnectionPool(
                ssl_context=self._trusted,
                max_connections=None,  # the courier sends no more than it may to each receiver
                keepalive_expiry=_KEEP_S,
                network_backend=_Checked(private=private),
            )
        return self._pools[private]

    async def __aenter__(self) -> Post:
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in self._pools.values():
            await each.aclose()

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes, *, private: bool) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._send(url, headers, body, private=private)
        except (TimeoutError, httpcore.TimeoutException):
            return Outcome("timeout")
        except AddressRefused:
            return Outcome("address")
        except httpcore.ConnectError as error:
            return Outcome("certificate" if _is_about_certificates(error) else "connection")
        except httpcore.NetworkError:
            return Outcome("connection")
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol):
            return Outcome("protocol")

    async def _send(self, url: str, headers: Mapping[str, str], body: bytes, *, private: bool) -> Outcome:
        fields = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "user-agent": "Kinbridge-Webhooks/1",
            "accept": "*/*",
            **headers,
        }
        async with self._pool(private=private).stream(
            "POST", url, headers=list(fields.items()), content=body
        ) as response:
            status = response.status
            wish = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
            await _drain(response)
        return Outcome(
            str(status),
            taken=200 <= status < 300,
            gone=status == _GONE,
            retry_after_s=min(_MOST_RETRY_AFTER_S, float(wish)) if wish.isdigit() and len(wish) < 9 else 0.0,
        )


async def _drain(response: httpcore.Response) -> None:
    """A short answer is read so that the connection can be used again; whatever happens here changes nothing."""
    read = 0
    with contextlib.suppress(TimeoutError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        async with asyncio.timeout(_DRAIN_S):
            async for part in response.aiter_stream():
                read += len(part)
                if read > _MOST_ANSWER_BYTES:
                    return


def _is_about_certificates(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
