"""What an allowed visit is bound by. The most restrictive of rule, station, resident and contact wins, always."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.policy.decision import Another, Medium, Payer, Terms, VisitRequest
from gateway.policy.levels import Level, least_minutes
from gateway.policy.payers import WHOLE, shared
from gateway.policy.people import People, Resident, Standing
from gateway.policy.plan import Contact, Dialplan, Facility, Rule, Station


@dataclass(slots=True)
class Agreed:
    """Who and what was found on the way. privileged: this resident's visits with this contact are.

    watched: what was dialled, in any spelling, is on the facility's watch list. levels: of facility, units, station.
    limited: what the caller or the contact has had was asked.
    """

    facility: Facility | None = None
    station: Station | None = None
    resident: Resident | None = None
    rule: Rule | None = None
    contact: Contact | None = None
    medium: Medium = Medium.AUDIO
    privileged: bool = False
    payers: tuple[Payer, ...] = ()
    watched: bool = False
    levels: tuple[Level, ...] = ()
    limited: bool = False

    @property
    def is_privileged(self) -> bool:
        return self.privileged or (self.rule is not None and self.rule.privileged)


def terms_of(agreed: Agreed, request: VisitRequest, dialplan: Dialplan, people: People) -> Terms:
    facility, rule, contact = agreed.facility, agreed.rule, agreed.contact
    if facility is None or rule is None or contact is None:  # all were found before it came to terms
        raise ValueError("terms without a facility, a rule or a contact")
    station, resident, privileged = agreed.station, agreed.resident, agreed.is_privileged
    closes_at = _closes_at(agreed, facility, rule, request.at)
    days = _retention_days(agreed, facility, rule, contact)
    return Terms(
        facility=facility.id,
        facility_name=facility.name,
        timezone=facility.timezone,
        rule=rule.name,
        station=request.station,
        contact=contact.id,
        contact_name=contact.name,
        caller_name=_caller_name(facility, station, resident),
        account=agreed.payers[0].account if agreed.payers else "",
        tariff=rule.tariffs[agreed.medium],
        medium=agreed.medium,
        max_seconds=_max_seconds(agreed, rule, request.at, closes_at),
        privileged=privileged,
        monitored=_monitored(agreed, rule, contact),
        recorded=days > 0,
        retention_days=days,
        closes_at=closes_at,
        payers=agreed.payers if len(agreed.payers) > 1 else (),
        also=() if privileged else _others(dialplan, people, resident, contact),
        resident=resident.id if resident else "",
        watched=agreed.watched,
        telephone=contact.telephone,
        out_trunks=facility.out_trunks if contact.telephone else (),
        language=contact.language or (facility.ivr.languages[0] if facility.ivr else ""),
    )


def _caller_name(facility: Facility, station: Station | None, resident: Resident | None) -> str:
    if resident is not None:
        return resident.name
    return station.name if station else facility.name


def _closes_at(agreed: Agreed, facility: Facility, rule: Rule, at: datetime) -> datetime | None:
    """The first end among those of the rule and of all levels."""
    ends = [rule.schedule.closes_at(at) if rule.schedule else None]
    ends.extend(end for each in agreed.levels for end in each.ends(facility.zone, at))
    return min((each for each in ends if each is not None), default=None)


def _max_seconds(agreed: Agreed, rule: Rule, at: datetime, closes_at: datetime | None) -> int:
    own = [each.max_minutes for each in (agreed.resident, agreed.contact) if each is not None]
    seconds = 60 * least_minutes(agreed.levels, rule.max_minutes, *own)
    if closes_at is None:
        return seconds
    return min(seconds, max(1, int((closes_at - at).total_seconds())))


def payers_of(agreed: Agreed, rule: Rule) -> tuple[Payer, ...]:
    """Each with its part, 100 in all: as the rule says, else as the contact. Where one has no account, it is empty."""
    contact, station, resident = agreed.contact, agreed.station, agreed.resident
    if contact is None:
        return ()
    parts = rule.payers or contact.payers
    if not parts:
        return (Payer(contact.account, WHOLE),) if contact.account else ()
    return shared(
        parts,
        contact=contact.account,
        station=station.account if station else "",
        resident=resident.account if resident else "",
    )


def _others(dialplan: Dialplan, people: People, resident: Resident | None, contact: Contact) -> tuple[Another, ...]:
    """Who rings along: the plan's word is enough for whom it names; others have to be on the resident's list."""
    if not contact.also:
        return ()
    named = {each.id: each for each in dialplan.numbers.values()}
    found = []
    for each in contact.also:
        other = named.get(each) or people.contacts.get(each)
        standing = people.standing(resident, each) if resident else None
        approved = standing is Standing.APPROVED or (each in named and standing is None)
        if other is not None and approved:
            found.append(Another(each, other.name))
    return tuple(found)


def _monitored(agreed: Agreed, rule: Rule, contact: Contact) -> bool:
    """One of them says no, and it is no."""
    resident = agreed.resident
    return (
        rule.monitored
        and not agreed.is_privileged
        and contact.monitored
        and all(each.monitored for each in agreed.levels)
        and (resident is None or resident.monitored)
    )


def _retention_days(agreed: Agreed, facility: Facility, rule: Rule, contact: Contact) -> int:
    """0: it is not recorded. The facility must want it, and nobody be against it."""
    resident = agreed.resident
    allowed = (
        rule.recorded
        and not agreed.is_privileged
        and contact.recorded
        and all(each.recorded for each in agreed.levels)
        and (resident is None or resident.recorded)
    )
    if facility.retention_days is None or not allowed:
        return 0
    return facility.retention_days if rule.retention_days is None else rule.retention_days
