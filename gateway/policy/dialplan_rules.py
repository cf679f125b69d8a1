"""Rules out of their entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Protocol
from zoneinfo import ZoneInfo

from gateway.policy.decision import Medium
from gateway.policy.dialplan_contacts import note_payers
from gateway.policy.dialplan_entries import DialplanDocument, RuleEntry
from gateway.policy.dialplan_hours import schedule_of
from gateway.policy.dialplan_notes import Notes
from gateway.policy.dialplan_numbers import ContactNumbers
from gateway.policy.numbers import is_emergency, spellings
from gateway.policy.pattern import Pattern, looks_like_pattern
from gateway.policy.payers import Part, Whose
from gateway.policy.plan import Contact, Facility, Identify, Rule
from gateway.policy.rule_index import RuleIndex


class KnownTariffs(Protocol):
    """The tariffs a plan may name; gateway.billing.tariff.Tariffs is it."""

    def media(self) -> Mapping[str, Medium]:
        """What each tariff is for, by its id."""
        ...

    def serves(self, tariff_id: str, facility: str) -> bool:
        """Whether it may be used in this facility."""
        ...


class Rules:
    """Reads the rules of a document."""

    def __init__(self, document: DialplanDocument, tariffs: KnownTariffs, notes: Notes) -> None:
        self._document = document
        self._notes = notes
        self._known_tariffs = tariffs
        self._tariffs = tariffs.media()

    def read(self, facilities: Mapping[str, Facility], contacts: Mapping[str, Contact]) -> dict[str, tuple[Rule, ...]]:
        """By facility, in order."""
        entries = self._document.rules
        self._notes.unique("rules", "name", [each.name for each in entries])
        found: dict[str, list[Rule]] = defaultdict(list)
        indices: dict[str, RuleIndex] = defaultdict(RuleIndex)
        numbers = ContactNumbers(contacts)
        for index, entry in enumerate(entries):
            self._notes.known("facility", entry.facility, facilities, "rules", index, "facility")
            rule = self._rule(index, entry, facilities.get(entry.facility), contacts, numbers)
            if rule is None:
                continue
            place = _place_above(indices[entry.facility], rule, facilities.get(entry.facility))
            if place is not None:
                above = found[entry.facility][place].name
                message = f"never decides: {above!r} above matches all of {entry.dialled!r}; move this rule before it"
                self._notes.problem(message, "rules", index, "dialled")
            found[entry.facility].append(rule)
            indices[entry.facility].add(rule.pattern)
        return {facility: tuple(rules) for facility, rules in found.items()}

    def _rule(
        self,
        index: int,
        entry: RuleEntry,
        facility: Facility | None,
        contacts: Mapping[str, Contact],
        numbers: ContactNumbers,
    ) -> Rule | None:
        try:
            pattern = Pattern.parse(entry.dialled)
        except ValueError as error:
            self._notes.problem(str(error), "rules", index, "dialled")
            return None
        if pattern.is_literal and looks_like_pattern(entry.dialled) and not numbers.reached(pattern, ""):
            message = f"{entry.dialled!r} without an underscore is only this very text; write _{entry.dialled}"
            self._notes.problem(message, "rules", index, "dialled")
            return None
        if entry.block:
            self._nothing_beside_block(index, entry)
            return Rule(entry.name, entry.facility, pattern, blocked=True)
        knows_residents = facility is not None and facility.identify is not Identify.NONE
        region = facility.region if facility else ""
        if pattern.is_literal and is_emergency(entry.dialled, region):
            message = f"calls the emergency services in {region}: nobody can be reached by it; write block: true"
            self._notes.problem(message, "rules", index, "dialled")
        self._targets(index, entry, contacts)
        if entry.contact is None and not knows_residents and not numbers.reached(pattern, region):
            message = f"reaches nobody: no contact has a number like {entry.dialled!r}; name a `contact` or add one"
            self._notes.problem(message, "rules", index, "dialled")
        if facility is not None:
            self._telephone(index, entry, facility, contacts, numbers.by_telephone(pattern, region))
        if facility is not None and not knows_residents:
            self._nobody_known(index, entry, facility)
        zone = facility.zone if facility else ZoneInfo("UTC")
        schedule = schedule_of(entry.hours, zone, self._notes, "rules", index)
        if facility is not None and schedule and facility.schedule and not schedule.meets(facility.schedule):
            message = f"never open: the hours of {facility.id} are all outside of these; change one of them"
            self._notes.problem(message, "rules", index, "hours")
        return Rule(
            name=entry.name,
            facility=entry.facility,
            pattern=pattern,
            schedule=schedule,
            contact=contacts.get(entry.contact) if entry.contact else None,
            tariffs=dict(entry.tariff),
            max_minutes=entry.max_minutes or 0,
            privileged=entry.privileged,
            monitored=entry.monitored,
            recorded=entry.recorded,
            retention_days=entry.retention_days,
            video_fallback=entry.video_fallback,
            payers=self._payers(index, entry),
        )

    def _payers(self, index: int, entry: RuleEntry) -> tuple[Part, ...]:
        """A rule that lets residents pay must know the account of each who may call by it."""
        note_payers(self._notes, entry.payers, "rules", index)
        for position, each in enumerate(entry.payers):
            if each.of is not Whose.STATION:
                continue
            stations = [other for other in self._document.stations if other.facility == entry.facility]
            poor = sorted(other.id for other in stations if not other.account)
            if poor or not stations:
                whom = f"the station {poor[0]!r} has no `account`" if poor else "the facility lists no stations"
                self._notes.problem(f"{whom}, so nobody there could pay", "rules", index, "payers", position)
        return tuple(each.part() for each in entry.payers)

    def _nobody_known(self, index: int, entry: RuleEntry, facility: Facility) -> None:
        for position, each in enumerate(entry.payers):
            if each.of is Whose.RESIDENT:
                message = (
                    f"{facility.id} does not know who calls; give it identify: station, or an ivr that asks for a PIN"
                )
                self._notes.problem(message, "rules", index, "payers", position)

    def _nothing_beside_block(self, index: int, entry: RuleEntry) -> None:
        beside = sorted(entry.model_fields_set - {"name", "facility", "dialled", "block"})
        for field in beside:
            self._notes.problem("has no meaning beside `block: true`; take one of them away", "rules", index, field)

    def _telephone(
        self, index: int, entry: RuleEntry, facility: Facility, contacts: Mapping[str, Contact], other: Contact | None
    ) -> None:
        """It needs a trunk to call out by, and a rate for sound. other: whom the rule's pattern reaches so."""
        reached = contacts.get(entry.contact) if entry.contact else other
        if reached is None or not reached.telephone:
            return
        if entry.tariff and Medium.AUDIO not in entry.tariff:
            message = f"reaches {reached.id!r} by telephone, which has no picture; add a tariff for audio"
            self._notes.problem(message, "rules", index, "tariff")
        if not facility.out_trunks:
            message = (
                f"reaches {reached.id!r} by telephone, and {facility.id} has no `out_trunks`;"
                " write for instance out_trunks: [carrier]"
            )
            self._notes.problem(message, "rules", index)

    def _targets(self, index: int, entry: RuleEntry, contacts: Mapping[str, Contact]) -> None:
        """A rule that allows must say whom it reaches, for how long and what it costs."""
        if entry.contact is not None:
            self._notes.known("contact", entry.contact, contacts, "rules", index, "contact")
        if entry.max_minutes is None:
            self._notes.problem("has no `max_minutes`; write for instance max_minutes: 20", "rules", index)
        if entry.video_fallback and set(entry.tariff) != {Medium.AUDIO}:
            message = "means that video goes on as audio; write a tariff for audio beside it, and none for video"
            self._notes.problem(message, "rules", index, "video_fallback")
        if not entry.tariff:
            self._notes.problem("has no `tariff`; write for instance tariff: {video: demo-video}", "rules", index)
        for medium, tariff in entry.tariff.items():
            location = ("rules", index, "tariff", medium.value)
            if self._notes.known("tariff", tariff, self._tariffs, *location) and self._tariffs[tariff] is not medium:
                self._notes.problem(f"{tariff!r} is a tariff for {self._tariffs[tariff]}, not for {medium}", *location)
            if tariff in self._tariffs and not self._known_tariffs.serves(tariff, entry.facility):
                self._notes.problem(
                    f"{tariff!r} is not for {entry.facility}: its `facilities` do not list it", *location
                )


def _place_above(above: RuleIndex, rule: Rule, facility: Facility | None) -> int | None:
    """The place of a rule above that matches all that this one does; of a single number, also by another spelling."""
    place = above.first_that_covers(rule.pattern)
    if place is None and facility is not None and facility.region and rule.pattern.is_literal:
        others = (above.first_match(each) for each in spellings(rule.pattern.text, facility.region))
        return min((each for each in others if each is not None), default=None)
    return place
