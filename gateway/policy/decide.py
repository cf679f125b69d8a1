"""May this visit happen, with whom, for how long and at what rate? Pure: the same question has the same answer.

    trunk -> facility -> station -> (the caller is asked first) -> first rule whose pattern matches
          -> blocked? -> contact -> blackout -> hours -> medium -> terms

Each condition that was looked at stands in the decision's path as `condition: PASS` or `condition: FAIL`, in order.
The path names rules and conditions, never a number or a person. Rules that do not match are in the path of explain()
only: decide() finds the winner by an index, and there may be thousands before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway.policy.blackout import is_black, next_black
from gateway.policy.decision import Allowed, Another, Asks, Decision, Medium, Refusal, Refused, Terms, VisitRequest
from gateway.policy.payers import payers_of
from gateway.policy.plan import Contact, Dialplan, Facility, Rule, Station


def decide(dialplan: Dialplan, request: VisitRequest) -> Decision:
    """Total: every request has a decision. request.at is aware; the facility's zone is applied here."""
    return _decide(dialplan, request, _Trail())


def explain(dialplan: Dialplan, request: VisitRequest) -> Decision:
    """What decide() decides, its path with each rule that was passed over."""
    return _decide(dialplan, request, _Trail(every_rule=True))


def _decide(dialplan: Dialplan, request: VisitRequest, trail: _Trail) -> Decision:
    facility = dialplan.facilities.get(request.trunk)
    if not trail.passed("trunk", facility is not None) or facility is None:
        return trail.refused(Refusal.UNKNOWN_STATION)
    trail.facility = facility
    known = dialplan.stations.get(facility.id, {})
    station = known.get(request.station)
    if not trail.passed("station", station is not None or not known):
        return trail.refused(Refusal.UNKNOWN_STATION)
    if facility.ivr is not None and not request.asked:
        return Asks(facility.ivr, facility.id, facility.timezone, tuple(trail.path))
    rule = _winner(dialplan, facility, request.dialled, trail)
    if rule is None:
        return trail.refused(Refusal.UNKNOWN_NUMBER)
    trail.rule = rule
    return _by_rule(dialplan, rule, station, request, trail)


@dataclass(slots=True)
class _Trail:
    """What was looked at on the way to a decision. every_rule: name the rules that do not match, too."""

    every_rule: bool = False
    path: list[str] = field(default_factory=list)
    facility: Facility | None = None
    rule: Rule | None = None

    def passed(self, condition: str, verdict: bool) -> bool:
        self.path.append(f"{condition}: {'PASS' if verdict else 'FAIL'}")
        return verdict

    def refused(self, refusal: Refusal) -> Refused:
        return Refused(
            refusal=refusal,
            facility=self.facility.id if self.facility else "",
            timezone=self.facility.timezone if self.facility else "",
            rule=self.rule.name if self.rule else "",
            path=tuple(self.path),
        )


def _winner(dialplan: Dialplan, facility: Facility, dialled: str, trail: _Trail) -> Rule | None:
    if trail.every_rule:
        for rule in dialplan.rules.get(facility.id, ()):
            if trail.passed(f"rule {rule.name}", rule.pattern.matches(dialled)):
                return rule
        return None
    winner = dialplan.first_rule(facility.id, dialled)
    trail.passed(f"rule {winner.name}" if winner else "any rule", winner is not None)
    return winner


def _by_rule(dialplan: Dialplan, rule: Rule, station: Station | None, request: VisitRequest, trail: _Trail) -> Decision:
    if not trail.passed("not blocked", not rule.blocked):
        return trail.refused(Refusal.BLOCKED)
    contact = rule.contact or dialplan.numbers.get(request.dialled)
    if not trail.passed("contact", contact is not None) or contact is None:
        return trail.refused(Refusal.UNKNOWN_NUMBER)
    if _is_blacked_out(trail, request):
        return trail.refused(Refusal.BLACKOUT)
    if not trail.passed("hours", rule.schedule is None or rule.schedule.is_open(request.at)):
        return trail.refused(Refusal.HOURS)
    medium = _medium(rule, station, request)
    if not trail.passed(f"medium {medium}", medium in rule.tariffs):
        return trail.refused(Refusal.MEDIUM)
    terms = _terms(trail, rule, contact, request, medium=medium, station=station)
    if contact.also and not rule.privileged:
        terms = replace(terms, also=_others(dialplan, contact))
    return Allowed(terms, tuple(trail.path))


def _is_blacked_out(trail: _Trail, request: VisitRequest) -> bool:
    """A condition only of facilities that have such days."""
    facility = trail.facility
    if facility is None or not facility.blackouts:
        return False
    return not trail.passed("no blackout", not is_black(facility.blackouts, facility.zone, request.at))


def _others(dialplan: Dialplan, contact: Contact) -> tuple[Another, ...]:
    names = {each.id: each.name for each in dialplan.numbers.values()}
    return tuple(Another(each, names[each]) for each in contact.also if each in names)


def _medium(rule: Rule, station: Station | None, request: VisitRequest) -> Medium:
    if request.medium_known:
        return request.medium
    if station is not None and station.medium is not None:
        return station.medium
    return Medium.VIDEO if Medium.VIDEO in rule.tariffs else Medium.AUDIO


def _terms(
    trail: _Trail, rule: Rule, contact: Contact, request: VisitRequest, *, medium: Medium, station: Station | None
) -> Terms:
    """The most restrictive limit wins: the rule's, the station's, and what is left of the hours."""
    facility = trail.facility
    if facility is None:  # a rule was found, so its facility was; said for the type checker
        raise ValueError("terms without a facility")
    minutes = [rule.max_minutes]
    if station is not None and station.max_minutes is not None:
        minutes.append(station.max_minutes)
    ends = [
        rule.schedule.closes_at(request.at) if rule.schedule else None,
        next_black(facility.blackouts, facility.zone, request.at),
    ]
    closes_at = min((each for each in ends if each is not None), default=None)
    max_seconds = min(minutes) * 60
    if closes_at is not None:
        max_seconds = min(max_seconds, max(1, int((closes_at - request.at).total_seconds())))
    payers = payers_of(rule.payers or contact.payers, contact.account, station.account if station else "")
    days = _retention_days(facility, rule, station, contact)
    return Terms(
        facility=facility.id,
        facility_name=facility.name,
        timezone=facility.timezone,
        rule=rule.name,
        station=request.station,
        contact=contact.id,
        contact_name=contact.name,
        caller_name=station.name if station else facility.name,
        account=payers[0].account if payers else contact.account,
        tariff=rule.tariffs[medium],
        medium=medium,
        max_seconds=max_seconds,
        privileged=rule.privileged,
        monitored=_monitored(rule, station, contact),
        recorded=days > 0,
        retention_days=days,
        closes_at=closes_at,
        payers=payers if len(payers) > 1 else (),
    )


def _monitored(rule: Rule, station: Station | None, contact: Contact) -> bool:
    """The most restrictive wins: one of them says no, and it is no."""
    return rule.monitored and not rule.privileged and contact.monitored and (station is None or station.monitored)


def _retention_days(facility: Facility, rule: Rule, station: Station | None, contact: Contact) -> int:
    """0: it is not recorded. The facility must want it, and nobody be against it."""
    allowed = rule.recorded and not rule.privileged and contact.recorded and (station is None or station.recorded)
    if facility.retention_days is None or not allowed:
        return 0
    return facility.retention_days if rule.retention_days is None else rule.retention_days
