"""What surrounds every request: security headers, a limit for bodies, and an access line without addresses.

The line names the route (`/family/{token}`), never the path that was asked for: paths and queries hold tokens.
"""

from __future__ import annotations

import logging
import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.problems import Problem, reply

_log = logging.getLogger(__name__)
BODY_LIMIT = 256 * 1024
_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]{1,255}")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=()",
}


def content_security_policy(host: str) -> str:
    """Own files only, nothing inline, nobody frames us. Older Safaris do not count WebSockets as self."""
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
        f"manifest-src 'self'; connect-src 'self'{sockets}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class Surroundings:
    """Pure ASGI, so that WebSockets and streams pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = time.perf_counter()
        answer = _Dressed(send, content_security_policy(Headers(scope=scope).get("host", "")))
        try:
            if _too_large(scope):
                await _TOO_LARGE(scope, receive, answer.send)
            else:
                await self._app(scope, _bounded(receive), answer.send)
        finally:
            took_ms = (time.perf_counter() - started_s) * 1000
            _log.info("%s %s %d in %.0f ms", scope["method"], route_of(scope), answer.status, took_ms)


class _Dressed:
    """Adds the headers to the answer, and remembers its status."""

    def __init__(self, send: Send, policy: str) -> None:
        self.status = 500
        self._send = send
        self._policy = policy

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = self._policy
            for name, value in HEADERS.items():
                headers[name] = value
        await self._send(message)


def route_of(scope: Scope) -> str:
    """The pattern that matched, or a closed word."""
    path = getattr(scope.get("route"), "path", None)
    return str(path) if path else "(no route)"


def _too_large(scope: Scope) -> bool:
    length = Headers(scope=scope).get("content-length", "0")
    return not length.isdigit() or int(length) > BODY_LIMIT


def _bounded(receive: Receive) -> Receive:
    """A body without a length ends at the limit: what is cut off is no JSON and is refused as such."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > BODY_LIMIT:
            return {"type": "http.request", "body": b"", "more_body": False}
        return message

    return bounded


_TOO_LARGE = reply(
    Problem(
        type="urn:kinbridge:problem:too-large",
        title="The request is too large",
        status=413,
        remedy=f"No request needs more than {BODY_LIMIT // 1024} KiB.",
    )
)
