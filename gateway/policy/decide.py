"""May this visit happen, with whom, for how long and at what rate? Pure: the same question has the same answer.

    trunk -> facility -> station -> (the caller is asked first) -> resident -> first rule whose pattern matches
          -> blocked? emergency? -> contact -> standing -> blackout -> hours -> medium -> limits -> who pays -> terms

Each condition that was looked at stands in the decision's path as `condition: PASS` or `condition: FAIL`, in order.
The path names rules and conditions, never a number or a person. Rules that do not match are in the path of explain()
only: decide() finds the winner by an index, and there may be thousands before it.
"""

from __future__ import annotations

from gateway.policy.blackout import is_black
from gateway.policy.decision import Allowed, Asks, Decision, Medium, Refusal, VisitRequest
from gateway.policy.levels import levels_of
from gateway.policy.limits import checks, checks_of_contact
from gateway.policy.numbers import is_emergency, is_short, may_be_called, spellings
from gateway.policy.people import NOBODY, People, Standing
from gateway.policy.plan import Contact, Dialplan, Facility, Identify, Rule, Station
from gateway.policy.terms import Agreed, payers_of, terms_of
from gateway.policy.trail import Trail
from gateway.policy.usage import UNUSED, Usage


def decide(dialplan: Dialplan, request: VisitRequest, people: People = NOBODY, usage: Usage = UNUSED) -> Decision:
    """Total: every request has a decision. request.at is aware; the facility's zone is applied here.

    usage: of the caller; what is not known of it counts as nothing.
    """
    return _Deciding(dialplan, request, people, usage, Trail()).decision()


def explain(dialplan: Dialplan, request: VisitRequest, people: People = NOBODY, usage: Usage = UNUSED) -> Decision:
    """What decide() decides, its path with each rule that was passed over."""
    return _Deciding(dialplan, request, people, usage, Trail(every_rule=True)).decision()


class _Deciding:
    """One question, on its way through the conditions. Each step gives the refusal, or None to go on."""

    __slots__ = ("_agreed", "_dialplan", "_people", "_request", "_spellings", "_trail", "_usage")

    def __init__(self, dialplan: Dialplan, request: VisitRequest, people: People, usage: Usage, trail: Trail) -> None:
        self._dialplan = dialplan
        self._request = request
        self._people = people
        self._usage = usage
        self._trail = trail
        self._agreed = Agreed()
        self._spellings: tuple[str, ...] = (request.dialled,)

    def decision(self) -> Decision:
        facility = self._dialplan.facilities.get(self._request.trunk)
        if not self._trail.passed("trunk", facility is not None) or facility is None:
            return self._trail.refused(Refusal.UNKNOWN_STATION)
        self._trail.facility = facility
        known = self._dialplan.stations.get(facility.id, {})
        station = known.get(self._request.station)
        if not self._trail.passed("station", station is not None or not known):
            return self._trail.refused(Refusal.UNKNOWN_STATION)
        resident = self._request.resident or (station.resident if station else "")
        if facility.ivr is not None and not self._request.asked:
            return Asks(facility.ivr, facility.id, facility.timezone, tuple(self._trail.path), resident)
        self._agreed.facility, self._agreed.station = facility, station
        self._spellings = spellings(self._request.dialled, facility.region)
        refusal = self._caller(facility, resident) or self._rule(facility, station)
        if refusal is not None:
            return self._trail.refused(refusal)
        terms = terms_of(self._agreed, self._request, self._dialplan, self._people)
        return Allowed(terms, tuple(self._trail.path), self._agreed.limited)

    def _caller(self, facility: Facility, resident: str) -> Refusal | None:
        if facility.identify is Identify.NONE:
            return None
        found = self._people.residents.get((facility.id, resident))
        if not self._trail.passed("resident", found is not None) or found is None:
            return Refusal.UNKNOWN_RESIDENT
        self._trail.resident = found.id
        if not self._trail.passed("active", found.active):
            return Refusal.INACTIVE
        self._agreed.resident = found
        return None

    def _rule(self, facility: Facility, station: Station | None) -> Refusal | None:
        rule = self._winner(facility)
        if rule is None:
            return Refusal.UNKNOWN_NUMBER
        self._trail.rule = self._agreed.rule = rule
        if not self._trail.passed("not blocked", not rule.blocked):
            return Refusal.BLOCKED
        if facility.region:
            emergency = is_emergency(self._request.dialled, facility.region)
            if not self._trail.passed("no emergency number", not emergency):
                return Refusal.BLOCKED
        if self._people.barriers and not self._trail.passed("number not blocked", not self._barrier(facility, False)):
            return Refusal.NUMBER_BLOCKED
        self._agreed.watched = self._barrier(facility, True)
        return (
            self._contact(facility, rule)
            or self._time(facility, rule)
            or self._medium(rule, station)
            or self._limits(facility)
            or self._payers(rule)
        )

    def _barrier(self, facility: Facility, watched: bool) -> bool:
        return any(self._people.barrier(facility.id, each, watched=watched) for each in self._spellings)

    def _winner(self, facility: Facility) -> Rule | None:
        if self._trail.every_rule:
            for rule in self._dialplan.rules.get(facility.id, ()):
                if self._trail.passed(f"rule {rule.name}", any(map(rule.pattern.matches, self._spellings))):
                    return rule
            return None
        winner = self._dialplan.first_rule(facility.id, self._spellings)
        self._trail.passed(f"rule {winner.name}" if winner else "any rule", winner is not None)
        return winner

    def _contact(self, facility: Facility, rule: Rule) -> Refusal | None:
        """Whom the plan itself names, every resident may reach unless banned; others have to be on the list."""
        listed = rule.contact or self._dialplan.contact_of(self._spellings)
        contact = listed or self._of_people()
        if not self._trail.passed("contact", contact is not None) or contact is None:
            return Refusal.BLOCKED if is_short(self._request.dialled, facility.region) else Refusal.UNKNOWN_NUMBER
        if contact.telephone and not self._trail.passed("telephone", may_be_called(contact.telephone)):
            return Refusal.BLOCKED
        self._agreed.contact = contact
        resident = self._agreed.resident
        if resident is None:
            return None
        standing = self._people.standing(resident, contact.id)
        if not self._trail.passed("not banned", standing is not Standing.BANNED):
            return Refusal.BANNED
        self._agreed.privileged = standing is Standing.PRIVILEGED
        approved = standing in (Standing.APPROVED, Standing.PRIVILEGED)
        if listed is None and not self._trail.passed("approved", approved):
            return Refusal.NOT_APPROVED
        return None

    def _of_people(self) -> Contact | None:
        """Contacts who are kept with the residents: only a resident has any."""
        if self._agreed.resident is None:
            return None
        known = self._people.numbers
        return next((known[each] for each in self._spellings if each in known), None)

    def _time(self, facility: Facility, rule: Rule) -> Refusal | None:
        """Of facility, units and station first. What a level does not limit is no condition of it."""
        at, agreed = self._request.at, self._agreed
        agreed.levels = levels_of(facility, agreed.station, agreed.resident)
        for each in agreed.levels:
            if self._trail.every_rule and each.summary:
                self._trail.passed(f"limits{each.name or ' of the facility'} ({each.summary})", True)
            if each.blackouts:
                black = is_black(each.blackouts, facility.zone, at)
                if not self._trail.passed(f"no blackout{each.name}", not black):
                    return Refusal.BLACKOUT
            if each.schedule is not None:
                name = each.name or " of the facility"
                if not self._trail.passed(f"hours{name}", each.schedule.is_open(at)):
                    return Refusal.HOURS
        if not self._trail.passed("hours", rule.schedule is None or rule.schedule.is_open(at)):
            return Refusal.HOURS
        return None

    def _medium(self, rule: Rule, station: Station | None) -> Refusal | None:
        by_telephone = self._agreed.contact is not None and self._agreed.contact.telephone
        medium = Medium.AUDIO if by_telephone else _asked_for(rule, station, self._request)
        if rule.video_fallback and medium is Medium.VIDEO and medium not in rule.tariffs:
            self._trail.passed("video goes on as audio", True)
            medium = Medium.AUDIO
        if not self._trail.passed(f"medium {medium}", medium in rule.tariffs):
            return Refusal.MEDIUM
        self._agreed.medium = medium
        return None

    def _limits(self, facility: Facility) -> Refusal | None:
        limits, resident = facility.limits, self._agreed.resident
        if resident is not None and (resident.visits_per_day is not None or resident.visits_per_week is not None):
            limits = limits.with_own(resident.visits_per_day, resident.visits_per_week)
        privileged, contact = self._agreed.is_privileged, self._agreed.contact
        found = checks(limits, self._usage, self._request.at, privileged=privileged) if limits.any else ()
        if contact is not None and contact.is_counted and not privileged:
            found += checks_of_contact(contact.visits_per_day, contact.visits_per_week, self._usage)
        self._agreed.limited = bool(found)
        for check in found:
            if not self._trail.passed(f"limit {check.refusal}{check.whose}", check.kept):
                return check.refusal
        return None

    def _payers(self, rule: Rule) -> Refusal | None:
        """Somebody without an account cannot pay, and what nobody pays would be free. The plan's own contacts have one.

        A condition only where it depends on the caller or on a contact of the store who it is that pays.
        """
        agreed = self._agreed
        agreed.payers = payers_of(agreed, rule)
        if agreed.resident is None and not rule.payers:
            return None
        if not self._trail.passed("who pays", bool(agreed.payers) and all(each.account for each in agreed.payers)):
            return Refusal.BALANCE
        return None


def _asked_for(rule: Rule, station: Station | None, request: VisitRequest) -> Medium:
    if request.medium_known:
        return request.medium
    if station is not None and station.medium is not None:
        return station.medium
    return Medium.VIDEO if Medium.VIDEO in rule.tariffs else Medium.AUDIO
