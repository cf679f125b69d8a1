"""What the API needs of the house, as protocols and callables: gateway/app.py hands it in, tests stand actors here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.api.family import Doorbell
from gateway.api.links import Links
from gateway.call.facts import Fact
from gateway.call.notices import Ring
from gateway.call.view import VisitView


class LiveVisits(Protocol):
    """gateway.call.registry.Visits. Each method raises VisitGone when there is no such visit (for this contact)."""

    def live(self) -> tuple[VisitView, ...]: ...

    def view(self, visit_id: str) -> VisitView: ...

    def rings_for(self, contact: str) -> tuple[Ring, ...]: ...

    async def accept(self, visit_id: str, contact: str, web_offer: str) -> str:
        """The web answer. Raises SdpError, AudioMissing, NegotiationError, PortsExhausted too."""
        ...

    async def rejoin(self, visit_id: str, contact: str, web_offer: str) -> str: ...

    async def decline(self, visit_id: str, contact: str) -> None: ...

    async def leave(self, visit_id: str, contact: str) -> None: ...

    async def end(self, visit_id: str) -> None:
        """An officer ends the visit."""
        ...


class FactStream(Protocol):
    """gateway.events.bus.Subscription. overflowed: it was closed because its reader is too slow."""

    @property
    def overflowed(self) -> bool: ...

    def __aiter__(self) -> AsyncIterator[Fact]: ...


class Cdrs(Protocol):
    """Call-detail records as JSON values, by cursor: those with a sequence above `since`, in order."""

    async def page(self, since: int, limit: int) -> Sequence[Mapping[str, Any]]: ...

    def csv(self, since: int) -> AsyncIterator[str]: ...


class Demo(Protocol):
    """The demonstration's simulated terminal."""

    async def ring(self) -> str:
        """Makes it call; returns the contact that will ring. Raises DemoBusy when it is in a visit."""
        ...


class DemoBusy(Exception):
    """The simulated terminal is in a visit."""


Check = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Services:
    """staff_token "": staff access is off. public_url "": the address that the browser used is the right one.

    checks: what has to be true for /readyz, by a closed word (`database`, `accepting`). A check that raises is false.
    contact_name: a contact's name; None when there is no such contact any more, its links then open nothing.
    facts: a new subscription, closed when its block is left. demo: None outside of the demonstration.
    """

    node: str
    version: str
    visits: LiveVisits
    doorbell: Doorbell
    links: Links
    facts: Callable[[], AbstractContextManager[FactStream]]
    cdrs: Cdrs
    contact_name: Callable[[str], str | None]
    checks: Mapping[str, Check]
    staff_token: str = field(default="", repr=False)
    public_url: str = ""
    ice_servers: tuple[str, ...] = ()
    demo: Demo | None = None
