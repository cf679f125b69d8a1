"""The SIP endpoint: many agents behind one asyncio facade."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Protocol, Self

from sip.dialog import Dialog
from sip.events import EndpointEvent
from sip.types import Invite, Transport


class Endpoint(Protocol):
    """What the real endpoint (`SipEndpoint`) and the fake one (`FakeSipEndpoint`) both are.

    async with SipEndpoint(settings) as endpoint:
        async for invite, dialog in endpoint.invites():
            ...
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def invites(self) -> AsyncIterator[tuple[Invite, Dialog]]:
        """Incoming calls from trusted sources, already answered with 100 Trying."""
        ...

    def events(self) -> AsyncIterator[EndpointEvent]:
        """What happens to the endpoint itself."""
        ...

    async def invite(self, target: str, sdp: str | None, *, trunk: str, from_user: str = "") -> Dialog:
        """Call `target` (a SIP URI, or a user part completed by the trunk's server).

        Raises SipBusy when every agent is full and SipConfigError when the trunk is unknown.
        """
        ...

    def addresses(self) -> tuple[tuple[Transport, str, int], ...]:
        """Where the agents listen: transport, host, port, one row per agent and transport."""
        ...

    def free_calls(self) -> int:
        """How many more calls the agents have room for."""
        ...
