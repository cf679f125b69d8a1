"""Asks policy about real calls: the plan in force, the people of the store, and what the caller has used up.

    decision = await admission(request, visit_id)

decide() is pure; here is where its values come from. The store is read only where the answer depends on it: a call
that is refused anyway reads nothing, and a plan that knows neither residents nor limits never does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.clock import Clock
from gateway.policy.decide import decide, explain
from gateway.policy.decision import Allowed, Decision, VisitRequest
from gateway.policy.limits import Limits
from gateway.policy.people import NOBODY, People
from gateway.policy.plan import Dialplan, Facility, Identify
from gateway.policy.usage import UNUSED, PastVisit, Usage, begin_of_week, counted
from gateway.store import Store, Work

_UNWRITTEN = timedelta(seconds=60)
"""An allowed visit is in the store long before that; until it is, it is counted from memory."""

Peoples = Callable[[], Awaitable[People]]


async def nobody() -> People:
    """Of a house that keeps no people."""
    return NOBODY


@dataclass(frozen=True, slots=True)
class _Granted:
    """A visit that was allowed a moment ago."""

    visit: PastVisit
    facility: str
    caller: tuple[str, str]
    contact: str


class _Read(NamedTuple):
    """What the store knows. live, decided: ids."""

    past: tuple[PastVisit, ...]
    with_contact: tuple[PastVisit, ...]
    live: frozenset[str]
    decided: frozenset[str]


class Admission:
    """people: gives the present ones. Calling it raises StoreError when the store is needed and does not answer."""

    def __init__(self, plan: Dialplan, store: Store, clock: Clock, people: Peoples = nobody) -> None:
        self._plan = plan
        self._names = _names_of(plan)
        self._store = store
        self._clock = clock
        self._people = people
        self._granted: dict[str, _Granted] = {}

    @property
    def plan(self) -> Dialplan:
        """The one in force."""
        return self._plan

    def most_contacts(self, facility: str) -> int | None:
        """Of a resident's list there; None: any number."""
        return next((each.most_contacts for each in self._plan.facilities.values() if each.id == facility), None)

    def contact_name(self, contact: str) -> str | None:
        """None: the plan in force names no such contact."""
        return self._names.get(contact)

    def adopt(self, plan: Dialplan) -> None:
        """From now on; visits that run keep the terms that they began with."""
        self._plan, self._names = plan, _names_of(plan)

    async def __call__(self, request: VisitRequest, visit_id: str) -> Decision:
        """The same visit may be asked about again: what it was allowed before does not count against it."""
        self._granted.pop(visit_id, None)
        plan = self._plan
        people = await self._people_of(plan, request)
        decision = decide(plan, request, people)
        facility = plan.facilities.get(request.trunk)
        if not isinstance(decision, Allowed) or facility is None:
            return decision
        if decision.limited:
            limits = _limits_of(facility, people, decision.terms.resident)
            usage = await self._usage(facility, limits, decision, request.at, visit_id)
            decision = decide(plan, request, people, usage)
        if isinstance(decision, Allowed):
            self._remember(visit_id, decision, request.at)
        return decision

    async def explain(self, request: VisitRequest) -> Decision:
        """What would be decided now, with the whole path; nothing is remembered of it."""
        plan = self._plan
        people = await self._people_of(plan, request)
        decision = decide(plan, request, people)
        facility = plan.facilities.get(request.trunk)
        usage = UNUSED
        if isinstance(decision, Allowed) and facility is not None and decision.limited:
            limits = _limits_of(facility, people, decision.terms.resident)
            usage = await self._usage(facility, limits, decision, request.at, "")
        return explain(plan, request, people, usage)

    async def _people_of(self, plan: Dialplan, request: VisitRequest) -> People:
        facility = plan.facilities.get(request.trunk)
        if facility is None or (facility.ivr is not None and not request.asked):
            return NOBODY  # the answer does not depend on them yet
        return await self._people()

    async def _usage(self, facility: Facility, limits: Limits, decision: Allowed, at: datetime, visit_id: str) -> Usage:
        station, resident, contact = decision.terms.station, decision.terms.resident, decision.terms.contact
        velocity_s = limits.velocity.within_s if limits.velocity else 0
        # a visit may end long after it began: a gap is counted from visits of the last day at least
        since = min(begin_of_week(at, facility.zone), at - timedelta(seconds=max(velocity_s, limits.gap_s + 86_400)))

        asked = frozenset(self._granted)

        def read(work: Work) -> _Read:
            return _Read(
                work.visits.before(facility.id, station, resident, since),
                work.visits.with_contact(facility.id, contact, begin_of_week(at, facility.zone)),
                work.visits.live(facility.id) if limits.concurrent is not None else frozenset(),
                work.visits.decided(asked),
            )

        past, with_contact, live, decided = await self._store.read(read)
        # looked at after the wait: whoever was allowed meanwhile counts
        fresh = [
            each for key, each in self._fresh().items() if each.facility == facility.id and key not in decided | live
        ]
        own = _beside(visit_id, past, (each.visit for each in fresh if each.caller == (station, resident)))
        of_contact = _beside(visit_id, with_contact, (each.visit for each in fresh if each.contact == contact))
        live |= {each.visit.visit_id for each in fresh}
        return counted(
            own, at, facility.zone, velocity_s=velocity_s, live=len(live - {visit_id}), of_contact=of_contact
        )

    def _fresh(self) -> dict[str, _Granted]:
        """What was allowed and may not be written yet; older ones are forgotten."""
        before = self._clock.now() - _UNWRITTEN
        for visit_id in [key for key, each in self._granted.items() if each.visit.setup_at < before]:
            del self._granted[visit_id]
        return self._granted

    def _remember(self, visit_id: str, decision: Allowed, at: datetime) -> None:
        terms = decision.terms
        visit = PastVisit(visit_id, at, None, None, allowed=True, recorded=False, privileged=terms.privileged)
        self._granted[visit_id] = _Granted(visit, terms.facility, (terms.station, terms.resident), terms.contact)
        self._fresh()


def _beside(visit_id: str, *of: Iterable[PastVisit]) -> tuple[PastVisit, ...]:
    """All of them once, what comes later in the place of what came before, without that visit."""
    found = {each.visit_id: each for some in of for each in some}
    found.pop(visit_id, None)
    return tuple(found.values())


def _names_of(plan: Dialplan) -> dict[str, str]:
    return {each.id: each.name for each in plan.numbers.values()}


def _limits_of(facility: Facility, people: People, resident: str) -> Limits:
    found = people.residents.get((facility.id, resident)) if facility.identify is not Identify.NONE else None
    if found is None:
        return facility.limits
    return facility.limits.with_own(found.visits_per_day, found.visits_per_week)
