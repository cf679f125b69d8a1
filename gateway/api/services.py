"""What the API needs of the house, as protocols and callables: gateway/app.py hands it in, tests stand actors here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bridge import Pressure
from gateway.access import AccessDesk, KeyDesk, Scope, Session
from gateway.api.family import Doorbell
from gateway.api.folk import People
from gateway.api.links import Links
from gateway.api.money import Accounts
from gateway.api.records import Cdrs
from gateway.api.reporting import Reports
from gateway.api.ruling import Rules
from gateway.booking import BookingDesk
from gateway.call.facts import Fact
from gateway.call.notices import Ring
from gateway.call.view import VisitView
from gateway.config import StaffRole
from gateway.family import FamilyDesk


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

    async def message(self, visit_id: str, text: str) -> str:
        """An officer's words for the family's page; the contact whom they reach."""
        ...


class Watching(Protocol):
    """One line of the audit (gateway.store.Watching)."""

    @property
    def watching_id(self) -> str: ...
    @property
    def node(self) -> str: ...
    @property
    def facility(self) -> str: ...
    @property
    def visit_id(self) -> str: ...
    @property
    def officer(self) -> str: ...
    @property
    def since(self) -> datetime: ...
    @property
    def until(self) -> datetime | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def number(self) -> int: ...


class Seat(Protocol):
    """An officer's browser at a visit (gateway.watching.Seat). state: `connecting`, `watching`, `ended`."""

    @property
    def watching(self) -> Watching: ...
    @property
    def state(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def changed(self) -> asyncio.Event: ...


class Monitoring(Protocol):
    """gateway.watching.Monitoring. `seat` and `end` raise VisitGone."""

    async def begin(self, visit_id: str, officer: str, web_offer: str) -> tuple[str, str]:
        """The watching's id and the web answer. Raises VisitGone, WatchingRefused, StoreUnavailable, BridgeError."""
        ...

    def seat(self, visit_id: str, watching_id: str) -> Seat: ...

    def end(self, visit_id: str, watching_id: str, reason: str = ...) -> None: ...

    async def message(self, officer: str, visit_id: str, characters: int) -> None: ...

    async def ended_visit(self, officer: str, visit_id: str) -> None: ...

    def watchers(self, visit_id: str) -> int: ...

    async def page(
        self, since: int = ..., limit: int = ..., *, visit_id: str = ..., officer: str = ...
    ) -> Sequence[Watching]: ...


class Guest(Protocol):
    """Whom a join link lets in (gateway.reaching.Guest). expected: the visit may be still to come."""

    @property
    def contact(self) -> str: ...
    @property
    def visit_id(self) -> str: ...
    @property
    def expected(self) -> bool: ...


class Opened(Protocol):
    """device: the secret for the cookie of the device that opened the link; "" when it has it already."""

    @property
    def guest(self) -> Guest: ...
    @property
    def device(self) -> str: ...


class Joins(Protocol):
    """Join links (gateway.reaching.Reaching). `open` and `guest` raise LinkForged, StoreUnavailable."""

    async def open(self, token: str, device: str) -> Opened: ...

    async def guest(self, token: str, device: str) -> Guest: ...

    def taken(self, visit_id: str) -> None:
        """Somebody has the visit: what was not opened yet opens nothing any more."""
        ...


class FactStream(Protocol):
    """gateway.events.bus.Subscription. overflowed: it was closed because its reader is too slow."""

    @property
    def overflowed(self) -> bool: ...

    def __aiter__(self) -> AsyncIterator[Fact]: ...


class Demo(Protocol):
    """The demonstration's simulated terminal."""

    async def ring(self) -> str:
        """Makes it call; returns the contact that will ring. Raises DemoBusy when it is in a visit."""
        ...


class DemoBusy(Exception):
    """The simulated terminal is in a visit."""


@dataclass(frozen=True, slots=True)
class Staff:
    """Who asks. name: what the audit keeps. token_sha256: hexadecimal; "" for who needs no token any more.

    scopes: of another system's key, which reaches what they say and nothing else; None: this is a person.
    session: of a browser that is signed in.
    """

    name: str
    roles: frozenset[StaffRole]
    token_sha256: str = field(default="", repr=False)
    scopes: frozenset[Scope] | None = None
    session: Session | None = field(default=None, repr=False)


Check = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Services:
    """staff_token "" and no staff: staff access is off. public_url "": the address that the browser used is right.

    checks: what has to be true for /readyz, by a closed word (such as `database`, `bearing`); false when it raises.
    sip_refused: by reason, method and trunk. webhooks: counters, by word.
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
    monitoring: Monitoring
    staff: tuple[Staff, ...] = field(default=(), repr=False)
    staff_token: str = field(default="", repr=False)
    public_url: str = ""
    ice_servers: tuple[str, ...] = ()
    demo: Demo | None = None
    pressure: Callable[[], Pressure | None] = lambda: None
    reports: Reports | None = None
    accounts: Accounts | None = None
    joins: Joins | None = None
    rules: Rules | None = None
    bookings: BookingDesk | None = None
    people: People | None = None
    sip_refused: Callable[[], Mapping[tuple[str, str, str], int]] = dict
    webhooks: Callable[[], Mapping[str, int]] = dict
    access: AccessDesk | None = None
    keys: KeyDesk | None = None
    family: FamilyDesk | None = None
