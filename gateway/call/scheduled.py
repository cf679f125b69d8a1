"""A visit that the house begins: the family is rung first, and the station is called when somebody is there for it.

To the session it looks like a station whose INVITE left the offer to us (RFC 3261 section 13.2.1): `answer` with our
offer is the INVITE to the station, and its 200 is what the ACK would have brought. So everything between the two sides,
and each end of a visit, is what it is for every other visit.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.call.ports import Decide, PlaceCall
from gateway.call.termination import Reason, Termination
from gateway.call.tools import Tools
from gateway.policy.decision import Allowed, Decision, VisitRequest
from sip import Dialog, SipError
from sip.events import Answered, DialogEvent, Ended
from sip.types import EndedBy, Invite, Transport

LONGEST_WAIT_S = 600.0
"""So long the family may take to come, while its page rings. No station is held for it meanwhile."""
_FAMILY_MISSING = (Reason.NO_ANSWER, Reason.REJECTED, Reason.BUSY, Reason.UNREACHABLE, Reason.NOT_ACCEPTED)


@dataclass(frozen=True, slots=True)
class Booked:
    """Who is to visit whom, now. dialled: as the station would dial it. until: the end, however late it begins."""

    visit_id: str
    trunk: str
    station: str
    dialled: str
    resident: str = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class Came:
    """Who came. Where the family did not, the station was never called: it counts as there."""

    station: bool
    family: bool


class CalledStation:
    """Implements sip.Dialog, as of a station that calls us. joined: awaited when the station answers."""

    def __init__(self, booked: Booked, place: PlaceCall, joined: Callable[[], Awaitable[None]]) -> None:
        self._booked = booked
        self._place = place
        self._joined = joined
        self._dialog: Dialog | None = None
        self._decided = asyncio.Event()  # called, or never to be called
        self.answered = False

    @property
    def handle(self) -> str:
        return self._dialog.handle if self._dialog else f"booked.{self._booked.visit_id}"

    @property
    def sip_call_id(self) -> str:
        return self._dialog.sip_call_id if self._dialog else ""

    async def events(self) -> AsyncIterator[DialogEvent]:
        await self._decided.wait()
        if self._dialog is None:
            yield Ended(EndedBy.LOCAL, 0, "the station was not called")
            return
        async for event in self._dialog.events():
            if isinstance(event, Answered) and not self.answered:
                self.answered = True
                await self._joined()
            yield event

    async def ring(self, code: int = 180, sdp: str | None = None) -> None:
        """There is nobody yet who could hear that."""

    async def answer(self, sdp: str) -> None:
        """Calls the station with our offer."""
        try:
            self._dialog = await self._place(
                self._booked.station, sdp, trunk=self._booked.trunk, from_user=self._booked.dialled
            )
        finally:
            self._decided.set()

    async def reject(self, code: int, reason: str = "", *, retry_after_s: int = 0) -> None:  # noqa: ARG002 - of the protocol; nobody is there to be told
        await self.hang_up(code, reason)

    async def answer_offer(self, sdp: str) -> None:
        await self._there().answer_offer(sdp)

    async def refuse_offer(self, code: int = 488) -> None:
        await self._there().refuse_offer(code)

    async def offer(self, sdp: str) -> None:
        await self._there().offer(sdp)

    async def send_info(self, content_type: str, body: str) -> None:
        await self._there().send_info(content_type, body)

    async def hang_up(self, code: int = 0, reason: str = "") -> None:
        self._decided.set()
        if self._dialog is not None:
            await self._dialog.hang_up(code, reason)

    def _there(self) -> Dialog:
        if self._dialog is None:
            raise SipError("the station was not called yet")
        return self._dialog


def invite_of(booked: Booked) -> Invite:
    """As if the station had called."""
    return Invite(
        handle=f"booked.{booked.visit_id}",
        sip_call_id="",
        trunk=booked.trunk,
        from_user=booked.station,
        from_display="",
        to_user=booked.dialled,
        request_uri="",
        asserted_identity="",
        source="",
        transport=Transport.UDP,
        sdp=None,
    )


def tools_for(booked: Booked, tools: Tools) -> Tools:
    """With the resident known, a longer ring, and no end after the booking's."""
    left_s = max(1.0, (booked.until - tools.clock.now()).total_seconds())
    timeouts = replace(tools.timeouts, ring_s=min(left_s, LONGEST_WAIT_S))
    return replace(tools, decide=_decide(booked, tools.decide), timeouts=timeouts)


def came(termination: Termination | None, called: CalledStation, *, accepted: bool) -> Came:
    if not accepted and termination is not None and termination.reason in _FAMILY_MISSING:
        return Came(station=True, family=False)
    return Came(station=called.answered, family=accepted)


def _decide(booked: Booked, decide: Decide) -> Decide:
    async def decided(request: VisitRequest, visit_id: str) -> Decision:
        decision = await decide(replace(request, resident=booked.resident, asked=True), visit_id)
        if not isinstance(decision, Allowed):
            return decision
        ends = [each for each in (decision.terms.closes_at, booked.until) if each is not None]
        return replace(decision, terms=replace(decision.terms, closes_at=min(ends)))

    return decided
