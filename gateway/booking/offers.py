"""Which slots somebody may book: pure. A slot is one in which decide() would allow the visit, for all of its length.

So hours, days without visits, units, standings and media are asked of the same rules as the visit itself will be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.booking.slots import Hours, Slot, slots_between
from gateway.booking.states import BookingRules
from gateway.errors import BookingError
from gateway.policy.decide import decide
from gateway.policy.decision import Allowed, Terms, VisitRequest
from gateway.policy.levels import levels_of
from gateway.policy.limits import Limits
from gateway.policy.numbers import spellings
from gateway.policy.people import People
from gateway.policy.plan import Contact, Dialplan, Facility, Identify, Station
from gateway.store import Booking


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose visit. resident: "" where residents are not known."""

    facility: str
    contact: str
    resident: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """A slot, and the stations on which it could be, with the terms on each."""

    slot: Slot
    terms: dict[str, Terms]

    @property
    def stations(self) -> tuple[str, ...]:
        return tuple(self.terms)


def offers(plan: Dialplan, people: People, rules: BookingRules, wanted: Wanted, span: Slot) -> tuple[Offer, ...]:
    """Slots that begin within the span, in order. Raises BookingError when there can be none at all."""
    facility, contact = facility_of(plan, wanted.facility), contact_of(plan, people, wanted.contact)
    resident = people.residents.get((facility.id, wanted.resident))
    rule = plan.first_rule(facility.id, spellings(contact.number, facility.region))
    found: dict[Slot, dict[str, Terms]] = defaultdict(dict)
    for station in _stations(plan, facility, wanted):
        hours = Hours.of(facility.zone, levels_of(facility, station, resident), rule.schedule if rule else None)
        for slot in slots_between(hours, rules.slot, span.starts_at, span.ends_at):
            request = VisitRequest(
                trunk=facility.trunks[0],
                station=station.id,
                dialled=contact.number,
                medium=rules.medium,
                at=slot.starts_at,
                resident=wanted.resident,
                asked=True,
            )
            decision = decide(plan, request, people)
            if isinstance(decision, Allowed) and decision.terms.max_seconds >= rules.slot.total_seconds():
                found[slot][station.id] = decision.terms
    return tuple(Offer(slot, found[slot]) for slot in sorted(found))


def still_free(offered: Iterable[Offer], held: Iterable[Booking], wanted: Wanted) -> tuple[Offer, ...]:
    """Without stations that are taken, and without slots at which one of the two has another visit."""
    taken = [(Slot(each.starts_at, each.ends_at), each) for each in held]
    found = []
    for offer in offered:
        beside = [each for slot, each in taken if slot.meets(offer.slot)]
        if any(
            each.contact == wanted.contact or (each.resident and each.resident == wanted.resident) for each in beside
        ):
            continue
        stations = {each.station for each in beside}
        terms = {station: terms for station, terms in offer.terms.items() if station not in stations}
        if terms:
            found.append(Offer(offer.slot, terms))
    return tuple(found)


def facility_of(plan: Dialplan, facility_id: str) -> Facility:
    found = next((each for each in plan.facilities.values() if each.id == facility_id), None)
    if found is None:
        raise BookingError(f"the dialplan has no facility {facility_id!r} with a trunk")
    return found


def contact_of(plan: Dialplan, people: People, contact_id: str) -> Contact:
    found = people.contacts.get(contact_id) or next((c for c in plan.numbers.values() if c.id == contact_id), None)
    if found is None:
        raise BookingError("there is no contact with this id, neither in the dialplan nor among the people")
    return found


class BothLimits(NamedTuple):
    """of_caller: of the resident; of_contact: of all visits with the contact in the facility."""

    of_caller: Limits
    of_contact: Limits


def both_limits(plan: Dialplan, people: People, wanted: Wanted) -> BothLimits:
    limits = facility_of(plan, wanted.facility).limits
    resident = people.residents.get((wanted.facility, wanted.resident))
    if resident is not None:
        limits = limits.with_own(resident.visits_per_day, resident.visits_per_week)
    contact = contact_of(plan, people, wanted.contact)
    return BothLimits(limits, Limits(contact.visits_per_day, contact.visits_per_week))


def _stations(plan: Dialplan, facility: Facility, wanted: Wanted) -> tuple[Station, ...]:
    """A resident who has a station is visited there."""
    known = plan.stations.get(facility.id, {})
    if not known:
        raise BookingError(
            f"facility {facility.id!r} lists no stations in the dialplan: nothing says how many there are"
        )
    if facility.identify is Identify.STATION:
        return tuple(each for each in known.values() if each.resident == wanted.resident)
    return tuple(known[name] for name in sorted(known))
