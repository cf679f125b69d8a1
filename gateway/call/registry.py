"""The live visits of a node: takes calls in, and is where people's wishes find their visit.

visits = Visits(endpoint=..., media=plane.bridge, accounting=..., decide=Admission(plan, ...), ...)
task = asyncio.create_task(visits.run())
...
await visits.drain(30)          # no new visits; those that talk may finish; then all are ended and recorded
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from bridge import Media
from gateway.call import events as e
from gateway.call import sip_codes
from gateway.call.facts import Fact, FactKind
from gateway.call.meter import ONLY_BOTH_WAYS, Metering
from gateway.call.notices import Ring
from gateway.call.ports import Accounting, Decide, Doorbell, Facts, MakeMedia, PinDesk, Recordings
from gateway.call.scheduled import Booked, CalledStation, Came, came, invite_of, tools_for
from gateway.call.session import Session
from gateway.call.tools import Tools
from gateway.call.trunk_caps import TrunkCaps
from gateway.call.view import VisitView
from gateway.call.visit import Timeouts
from gateway.clock import Clock
from gateway.config import LimitsConfig
from gateway.errors import StoreError, VisitGone
from gateway.policy.decision import Refusal
from sip import (
    AgentRestarted,
    Dialog,
    Endpoint,
    EndpointEvent,
    Invite,
    RegistrationChanged,
    RequestsRefused,
    SipBusy,
    SipError,
    Trunk,
)

log = logging.getLogger(__name__)

UNRECORDED_BEYOND = 4
"""So many times max_visits may be in hand, refused ones and those whose record waits for the database included. Beyond
it a call is turned away without a record: a flood while the database is away must not fill the memory."""

LAST_WORDS_S = 10.0
"""How long after the end of a drain the records may take. What is not written then, the next start recovers."""


class Visits:
    """new_id: makes visit ids, unique for ever. counters: what happened to the endpoint, for metrics.

    bearing: whether the node has power to spare for one visit more.
    """

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        media: MakeMedia,
        accounting: Accounting,
        decide: Decide,
        facts: Facts,
        doorbell: Doorbell,
        clock: Clock,
        node: str,
        limits: LimitsConfig,
        new_id: Callable[[], str],
        recordings: Recordings | None = None,
        bearing: Callable[[], bool] = lambda: True,
        metering: Metering = ONLY_BOTH_WAYS,
        check_pin: PinDesk | None = None,
        three_way: tuple[str, ...] = ("!",),
        trunks: Sequence[Trunk] = (),
    ) -> None:
        timeouts = Timeouts(
            ring_s=limits.ring_timeout_s,
            connect_s=limits.connect_timeout_s,
            reconnect_s=limits.reconnect_s,
            warning_s=limits.warning_s,
        )
        self._tools = Tools(
            node,
            media,
            accounting,
            decide,
            facts,
            doorbell,
            clock,
            timeouts,
            recordings,
            metering,
            check_pin,
            three_way,
            self._place,
            codecs={each.name: each.codecs for each in trunks},
        )
        self._caps = TrunkCaps(trunks, clock, self._calls_of)
        self._endpoint = endpoint
        self._limits = limits
        self._new_id = new_id
        self._bearing = bearing
        self._sessions: dict[str, Session] = {}
        self._draining = False
        self._running: asyncio.TaskGroup | None = None
        self._emptied = asyncio.Event()
        self._emptied.set()
        self.counters: Counter[str] = Counter()
        self.refused_requests: Counter[tuple[str, str, str]] = Counter()  # by reason, method and trunk

    # ---- taking calls ----

    async def run(self) -> None:
        """Until the endpoint gives no more calls; then until the last visit is recorded."""
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch_endpoint(), name="endpoint events")
            proving = tasks.create_task(self._prove_life(), name="proof of life")
            self._running = tasks
            async for invite, dialog in self._endpoint.invites():
                await self._admit(invite, dialog, tasks)
            self._running = None
            await self._emptied.wait()
            watching.cancel()
            proving.cancel()

    async def place(self, booked: Booked, joined: Callable[[], Awaitable[None]]) -> Came:
        """Begins a visit that was booked, and waits for its end. Whoever waits may go: the visit goes on.

        joined: awaited when the station has answered. Raises VisitGone while no calls are taken in.
        """
        if self._running is None:
            raise VisitGone("no visit can begin now")
        called = CalledStation(booked, self._endpoint.invite, joined)
        tools = tools_for(booked, self._tools)
        session = Session(booked.visit_id, invite_of(booked), called, tools, self._refusal(booked.trunk))
        self._sessions[booked.visit_id] = session
        self._emptied.clear()
        living = self._running.create_task(self._live(session), name=f"visit {booked.visit_id}")
        await asyncio.shield(living)
        return came(session.termination, called, accepted=session.was_accepted)

    async def _admit(self, invite: Invite, dialog: Dialog, tasks: asyncio.TaskGroup) -> None:
        if len(self._sessions) >= UNRECORDED_BEYOND * self._limits.max_visits:
            self.counters["unrecorded"] += 1
            log.error("too many visits wait for their record: a call was turned away without one")
            with contextlib.suppress(SipError):
                await dialog.reject(sip_codes.UNAVAILABLE, retry_after_s=sip_codes.RETRY_AFTER_S)
            return
        visit_id = self._new_id()
        session = Session(visit_id, invite, dialog, self._tools, self._refusal(invite.trunk))
        self._sessions[visit_id] = session
        self._emptied.clear()
        tasks.create_task(self._live(session), name=f"visit {visit_id}")

    def _refusal(self, trunk: str) -> Refusal | None:
        if self._draining:
            return Refusal.DRAINING
        live = sum(not each.is_over for each in self._sessions.values())
        if live >= self._limits.max_visits:
            return Refusal.OVERLOAD
        # one that is alone is taken whatever was measured: nobody suffers, and what is slow may not be visits at all
        if live and not self._bearing():
            self.counters["refused_for_load"] += 1
            return Refusal.OVERLOAD
        if not self._caps.take(trunk):
            self.counters["trunk_busy"] += 1
            return Refusal.TRUNK_BUSY
        return None

    def _calls_of(self, trunk: str) -> int:
        return sum(each.trunks.count(trunk) for each in self._sessions.values())

    async def _place(self, target: str, sdp: str | None, *, trunk: str, from_user: str = "") -> Dialog:
        if not self._caps.take(trunk, counted=True):
            self.counters["trunk_busy"] += 1
            raise SipBusy(f"the trunk {trunk!r} has as many calls as it may have")
        return await self._endpoint.invite(target, sdp, trunk=trunk, from_user=from_user)

    async def _live(self, session: Session) -> None:
        try:
            await session.run()
        finally:
            del self._sessions[session.visit_id]
            if not self._sessions:
                self._emptied.set()

    async def _watch_endpoint(self) -> None:
        async for event in self._endpoint.events():
            self._note(event)

    def _note(self, event: EndpointEvent) -> None:
        """The dialogs of a dead agent say themselves that they ended; here it is only told and counted."""
        match event:
            case AgentRestarted(agent, exit_code, lost_dialogs):
                self.counters["agent_restarts"] += 1
                log.error("agent %d died (exit code %d) with %d dialogs; it runs again", agent, exit_code, lost_dialogs)
            case RegistrationChanged(registration):
                self.counters["registration_changes"] += 1
                word = "registered" if registration.registered else "not registered"
                log.info("trunk %s is %s (%d)", registration.trunk, word, registration.code)
            case RequestsRefused(why, method, trunk, number):
                self._tell_refused(why, method, trunk, number)

    def _tell_refused(self, why: str, method: str, trunk: str, number: int) -> None:
        self.refused_requests[why, method, trunk] += number
        log.info("%d %s requests were not let through (%s)", number, method, why)
        detail: dict[str, str | int | bool] = {"why": why, "method": method, "trunk": trunk, "number": number}
        tools = self._tools
        tools.facts.publish(Fact(FactKind.SIP_REFUSED, tools.node, "", "", "", tools.clock.now(), detail=detail))

    async def _prove_life(self) -> None:
        """What each visit is sure of, all in one transaction. A database that is away costs a proof, not a visit."""
        while True:
            await self._tools.clock.sleep(self._limits.proof_of_life_s)
            proofs = tuple(proof for each in self._sessions.values() if (proof := each.proof()))
            if not proofs:
                continue
            try:
                await self._tools.accounting.alive(proofs)
            except StoreError as error:
                self.counters["proofs_lost"] += 1
                log.warning("%d proofs of life were not written (%s)", len(proofs), type(error).__name__)

    # ---- what others may see ----

    def live(self) -> tuple[VisitView, ...]:
        """Every visit whose record is not written yet, oldest first."""
        return tuple(each.view() for each in self._sessions.values())

    def ids(self) -> frozenset[str]:
        """Of every visit in hand, those included that are over and wait for their record."""
        return frozenset(self._sessions)

    def view(self, visit_id: str) -> VisitView:
        """Raises VisitGone."""
        return self._session(visit_id).view()

    def rings_for(self, contact: str) -> tuple[Ring, ...]:
        """What rings at the contact at this moment: for a page that is opened while it rings."""
        rings = (each.ring(contact) for each in self._sessions.values())
        return tuple(each for each in rings if each)

    # ---- what people want: each raises VisitGone when there is no such visit, or it is too late ----

    async def accept(self, visit_id: str, contact: str, web_offer: str) -> str:
        """The answer for the browser. Raises what the media plane raises for a bad offer (bridge.errors)."""
        return await self._session(visit_id, contact).wish(e.FamilyAccepted(web_offer, contact))

    async def rejoin(self, visit_id: str, contact: str, web_offer: str) -> str:
        """The page is back with a new PeerConnection; the visit goes on. Returns and raises as `accept` does."""
        return await self._session(visit_id, contact).wish(e.FamilyRejoined(web_offer))

    async def decline(self, visit_id: str, contact: str) -> None:
        await self._session(visit_id, contact).decline(contact)

    async def leave(self, visit_id: str, contact: str) -> None:
        await self._session(visit_id, contact).wish(e.FamilyLeft())

    async def end(self, visit_id: str) -> None:
        """By an officer."""
        await self._session(visit_id).wish(e.OfficerEnded())

    async def message(self, visit_id: str, text: str) -> str:
        """An officer's words for the family's page, at once; the contact whom they reach."""
        session = self._session(visit_id)
        await session.message(text)
        return session.contact

    def watchable(self, visit_id: str) -> Media:
        """The media of a visit that an officer may watch. Raises WatchingForbidden, NothingToWatch too."""
        return self._session(visit_id).watchable()

    async def drain(self, seconds: float) -> None:
        """Refuses what rings and what comes, lets the others finish for `seconds`, then ends and records them."""
        self._draining = True
        self._tell_all(e.DrainBegan())
        if await self._empty_within(seconds):
            return
        self._tell_all(e.DrainEnded())
        if not await self._empty_within(LAST_WORDS_S):
            log.error("%d visits are not recorded yet; the next start will do it", len(self._sessions))

    def _tell_all(self, event: e.Event) -> None:
        for session in tuple(self._sessions.values()):
            session.tell(event)

    async def _empty_within(self, seconds: float) -> bool:
        waits = (
            asyncio.ensure_future(self._emptied.wait()),
            asyncio.ensure_future(self._tools.clock.sleep(seconds)),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        return not self._sessions

    def _session(self, visit_id: str, contact: str | None = None) -> Session:
        session = self._sessions.get(visit_id)
        if session is None or (contact is not None and contact not in session.contacts):
            raise VisitGone(f"there is no visit {visit_id}")
        return session
