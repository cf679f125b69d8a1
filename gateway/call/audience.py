"""Who is rung for a visit, and what rings at each: one contact, or several of whom the first to accept has it. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace

from gateway.call.notices import Ring
from gateway.call.summary import HoldGranted
from gateway.policy.decision import Medium, Terms


def rung(terms: Terms | None, declined: AbstractSet[str]) -> tuple[str, ...]:
    """The contact who was dialled, then the others; without those who will not come.

    Empty before policy allowed it, and where the family has a telephone: it rings on no page.
    """
    if terms is None or terms.telephone:
        return ()
    everybody = (terms.contact, *(each.contact for each in terms.also))
    return tuple(each for each in everybody if each not in declined)


def accepted_by(contact: str, terms: Terms) -> Terms:
    """The terms of a visit that is this contact's now."""
    name = next((each.name for each in terms.also if each.contact == contact), terms.contact_name)
    return replace(terms, contact=contact, contact_name=name, also=())


def ring_at(contact: str, visit_id: str, terms: Terms, grant: HoldGranted) -> Ring:
    return Ring(
        visit_id=visit_id,
        contact=contact,
        caller_name=terms.caller_name,
        facility_name=terms.facility_name,
        video=terms.medium is Medium.VIDEO,
        rate_per_minute=grant.rate_per_minute,
        seconds=grant.reach_s,
        at_most=grant.reach,
        balance_ok=True,
        privileged=terms.privileged,
        monitored=terms.monitored,
        recorded=terms.recorded,
        facility=terms.facility,
    )
