"""The SIP endpoint: many agents behind one asyncio facade.

agent process 0  port      --+
agent process 1  port + 2  --+-- SipEndpoint -- invites(), events(), invite()
...                        --+
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from sip import description, wire
from sip.agents import Agent, Listener
from sip.dialog import Dialog
from sip.errors import SipBusy, SipConfigError, SipPortTaken
from sip.events import EndpointEvent
from sip.trust import Trust
from sip.types import Invite, SipSettings, Transport

_log = logging.getLogger(__name__)

_WAITING_CALLS = 64
_WAITING_EVENTS = 256


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


class SipEndpoint:
    """The real endpoint. Entering it raises SipPortTaken or SipConfigError, each with the remedy in its text."""

    def __init__(self, settings: SipSettings) -> None:
        check(settings)
        self._settings = settings
        self._invites: asyncio.Queue[tuple[Invite, Dialog]] = asyncio.Queue(_WAITING_CALLS)
        self._events: asyncio.Queue[EndpointEvent] = asyncio.Queue(_WAITING_EVENTS)
        self._agents: list[Agent] = []
        self._turn = 0
        self.dropped_events = 0

    async def __aenter__(self) -> Self:
        try:
            for index in range(self._settings.agents):
                await self._start(index)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def invites(self) -> AsyncIterator[tuple[Invite, Dialog]]:
        while True:
            yield await self._invites.get()

    async def events(self) -> AsyncIterator[EndpointEvent]:
        while True:
            yield await self._events.get()

    async def invite(self, target: str, sdp: str | None, *, trunk: str, from_user: str = "") -> Dialog:
        chosen = next((each for each in self._settings.trunks if each.name == trunk), None)
        if chosen is None:
            raise SipConfigError(f"there is no trunk named {trunk!r}")
        if ":" not in target and not chosen.server:
            raise SipConfigError(f"trunk {trunk!r} has no server to call {trunk!r} at; name one, or call a SIP URI")
        checked = None if sdp is None else description.ours(sdp)
        for agent in self._agents_with_room():
            try:
                return await agent.place(target, checked, trunk, from_user)
            except SipBusy:  # by the library, which keeps a place for a call that was given up before any response
                continue
        raise SipBusy("every agent has its calls")

    def addresses(self) -> tuple[tuple[Transport, str, int], ...]:
        return tuple(address for agent in self._agents for address in agent.addresses)

    def free_calls(self) -> int:
        return sum(agent.free_calls for agent in self._agents)

    def agent_processes(self) -> tuple[int, ...]:
        """The process id of each agent, 0 for one that is being restarted."""
        return tuple(agent.process_id for agent in self._agents)

    def _agents_with_room(self) -> Iterator[Agent]:
        """Round robin."""
        first = self._turn
        for step in range(len(self._agents)):
            agent = self._agents[(first + step) % len(self._agents)]
            if agent.free_calls > 0:
                self._turn = agent.index + 1
                yield agent

    async def _start(self, index: int) -> None:
        settings = self._settings
        tries = 1 if settings.port else 5  # a port that the system chose may be gone before the agent binds it
        for left in reversed(range(tries)):
            port = settings.port + 2 * index if settings.port else free_port(settings.host)
            agent = Agent(wire.Start(settings, index, 0, port), Listener(self._invited, self._noticed))
            try:
                await agent.start()
            except SipPortTaken:
                if not left:
                    raise
            else:
                self._agents.append(agent)
                return

    async def _stop(self) -> None:
        await asyncio.gather(*(agent.stop() for agent in self._agents))

    def _invited(self, invite: Invite, dialog: Dialog) -> bool:
        try:
            self._invites.put_nowait((invite, dialog))
        except asyncio.QueueFull:
            _log.error("nobody takes calls: dialog %s refused", invite.handle)
            return False
        return True

    def _noticed(self, event: EndpointEvent) -> None:
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            self.dropped_events += 1


def check(settings: SipSettings) -> None:
    """Raise SipConfigError for what can be seen to be wrong before a process is started."""
    Trust(settings.trunks)
    if not settings.transports:
        raise SipConfigError("sip.transports is empty; name udp, tcp or tls")
    for trunk in settings.trunks:
        if trunk.register and not trunk.server:
            raise SipConfigError(f"trunk {trunk.name!r}: register needs a server")
        if trunk.server and trunk.transport not in settings.transports:
            raise SipConfigError(
                f"trunk {trunk.name!r}: transport {trunk.transport} is not among sip.transports; add it there"
            )
    if Transport.TLS in settings.transports:
        _check_tls(settings)


def _check_tls(settings: SipSettings) -> None:
    files = settings.tls
    if files is None:
        raise SipConfigError("sip.transports has tls, but sip.tls names no certificate and private_key")
    for field, path in (("certificate", files.certificate), ("private_key", files.private_key), ("ca", files.ca)):
        if (path or field != "ca") and not Path(path).is_file():
            raise SipConfigError(f"sip.tls.{field}: there is no file {path!r}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(files.certificate, files.private_key)
    except (ssl.SSLError, OSError) as error:
        raise SipConfigError(
            f"sip.tls: {files.certificate!r} and {files.private_key!r} are no matching pair of PEM files ({error})"
        ) from None
    try:
        if files.ca:
            context.load_verify_locations(files.ca)
    except (ssl.SSLError, OSError):
        raise SipConfigError(f"sip.tls.ca: {files.ca!r} holds no PEM certificate") from None


def free_port(host: str) -> int:
    """A port that is free for UDP and TCP, with the next one free for TLS. Raises SipConfigError for a bad host."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with (
            socket.socket(family, socket.SOCK_DGRAM) as udp,
            socket.socket(family, socket.SOCK_STREAM) as tcp,
            socket.socket(family, socket.SOCK_STREAM) as tls,
        ):
            try:
                udp.bind((host, 0))
            except OSError:
                raise SipConfigError(f"sip.host: {host!r} is no address of this machine") from None
            port: int = udp.getsockname()[1]
            try:
                tcp.bind((host, port))
                tls.bind((host, port + 1))
            except (OSError, OverflowError):
                continue
            return port
