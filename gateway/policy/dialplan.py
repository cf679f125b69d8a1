"""Dialplans from YAML documents: who may be visited from where, when, for how long and at what rate.

    plan = load(Path("dialplans/demo.yaml"), tariffs)

Raises DocumentError with every problem found, each with file, line and remedy. docs/dialplan.md is the user's page.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from gateway.documents import Document, DocumentError, Problem, Source, collector_paused, load_with_source
from gateway.policy.blackout import Blackout
from gateway.policy.decision import Medium
from gateway.policy.ivr_document import IvrEntry
from gateway.policy.pattern import Pattern
from gateway.policy.payers import Part, PayerEntry, Whose, mistakes
from gateway.policy.plan import Contact, Dialplan, Facility, FacilityType, Rule, Station
from gateway.policy.rule_index import RuleIndex
from gateway.policy.schedule import WEEKDAYS, Interval, Schedule, overlaps

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Name = Annotated[str, Field(min_length=1, max_length=100)]
DayKey = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "daily"]
MAX_MINUTES = 24 * 60
NO_CAPS = "none"
Days = Annotated[int, Field(ge=1, le=36_500)]


class KnownTariffs(Protocol):
    """The tariffs a plan may name; gateway.billing.tariff.Tariffs is it."""

    def media(self) -> Mapping[str, Medium]:
        """What each tariff is for, by its id."""
        ...

    def serves(self, tariff_id: str, facility: str) -> bool:
        """Whether it may be used in this facility."""
        ...


class KnownCaps(Protocol):
    """The tables of rate caps a plan may name; gateway.billing.caps.Caps is it."""

    def tables(self) -> tuple[str, ...]: ...

    def tier(self, table_id: str, kind: FacilityType, adp: int | None) -> str:
        """Raises ValueError when what is said of the facility does not tell its tier."""
        ...


class RecordingEntry(Document):
    """How long the recordings of a facility are kept."""

    retention_days: Days


class FacilityEntry(Document):
    """See plan.Facility. `recording` is there when its visits are recorded.

    caps: a table of rate caps, or `none`. type, adp (average daily population): what its tier there follows from.
    ivr: its callers are asked by the gateway's own voice first. blackouts: days without visits.
    """

    id: Id
    name: Name
    timezone: str
    trunks: Annotated[tuple[str, ...], Field(min_length=1)]
    recording: RecordingEntry | None = None
    caps: str | None = None
    type: FacilityType | None = None
    adp: Annotated[int, Field(ge=0)] | None = None
    ivr: IvrEntry | None = None
    blackouts: tuple[str | date, ...] = ()


class StationEntry(Document):
    """See plan.Station."""

    id: Annotated[str, Field(min_length=1)]
    facility: str
    name: Name
    max_minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES)] | None = None
    medium: Medium | None = None
    monitored: bool = True
    recorded: bool = True
    account: str = ""


class ContactEntry(Document):
    """See plan.Contact. Either `account` or `payers`."""

    id: Id
    name: Name
    number: Annotated[str, Field(min_length=1)]
    account: Annotated[str, Field(min_length=1)] | None = None
    monitored: bool = True
    recorded: bool = True
    payers: tuple[PayerEntry, ...] = ()
    also: tuple[str, ...] = ()


class RuleEntry(Document):
    """See plan.Rule. `block: true` stands alone; every other rule has a tariff for each medium it allows."""

    name: Id
    facility: str
    dialled: str
    block: bool = False
    hours: dict[DayKey, tuple[str, ...]] | None = None
    contact: str | None = None
    tariff: Annotated[dict[Medium, str], Field(default_factory=dict)]
    max_minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES)] | None = None
    privileged: bool = False
    monitored: bool = True
    recorded: bool = True
    retention_days: Days | None = None
    payers: tuple[PayerEntry, ...] = ()


class DialplanDocument(Document):
    """The whole document."""

    facilities: Annotated[tuple[FacilityEntry, ...], Field(min_length=1)]
    stations: tuple[StationEntry, ...] = ()
    contacts: tuple[ContactEntry, ...] = ()
    rules: Annotated[tuple[RuleEntry, ...], Field(min_length=1)]


def load(path: Path | str, tariffs: KnownTariffs, caps: KnownCaps | None = None) -> Dialplan:
    """The dialplan at `path`, checked against the tariffs and rate caps it may name. Raises DocumentError.

    caps None: what facilities say of caps is not looked at.
    """
    with collector_paused():
        document, source = load_with_source(Path(path), DialplanDocument)
        return build(document, source, tariffs, caps)


def build(document: DialplanDocument, source: Source, tariffs: KnownTariffs, caps: KnownCaps | None = None) -> Dialplan:
    """A plan of a document that has the right shape. Raises DocumentError with everything that does not fit."""
    builder = _Builder(document, source, tariffs, caps)
    plan = builder.plan()
    if builder.problems:
        raise DocumentError(sorted(builder.problems, key=lambda each: each.line))
    return plan


class _Builder:
    """Turns entries into values, and notes what is wrong on the way instead of stopping."""

    def __init__(
        self, document: DialplanDocument, source: Source, tariffs: KnownTariffs, caps: KnownCaps | None
    ) -> None:
        self._document = document
        self._source = source
        self._known_tariffs = tariffs
        self._tariffs = tariffs.media()
        self._caps = caps
        self.problems: list[Problem] = []

    def plan(self) -> Dialplan:
        facilities = self._facilities()
        contacts = self._contacts()
        rules = self._rules(facilities, contacts)
        return Dialplan(
            facilities={trunk: each for each in facilities.values() for trunk in each.trunks},
            stations=self._stations(facilities),
            numbers={each.number: each for each in contacts.values()},
            rules=rules,
        )

    def _problem(self, message: str, *location: str | int) -> None:
        self.problems.append(self._source.problem(message, *location))

    def _facilities(self) -> dict[str, Facility]:
        entries = self._document.facilities
        self._unique("facilities", "id", [each.id for each in entries])
        owners: dict[str, str] = {}
        found: dict[str, Facility] = {}
        for index, entry in enumerate(entries):
            for position, trunk in enumerate(entry.trunks):
                if trunk in owners:
                    message = f"the trunk {trunk!r} belongs to {owners[trunk]!r} already; a trunk has one facility"
                    self._problem(message, "facilities", index, "trunks", position)
                owners.setdefault(trunk, entry.id)
            zone = self._zone(entry.timezone, index)
            if entry.id not in found:
                days = entry.recording.retention_days if entry.recording else None
                table, tier = self._tier(entry, index)
                ivr = entry.ivr.rules() if entry.ivr else None
                black = self._blackouts(entry, index)
                found[entry.id] = Facility(entry.id, entry.name, zone, entry.trunks, days, table, tier, ivr, black)
        return found

    def _blackouts(self, entry: FacilityEntry, index: int) -> tuple[Blackout, ...]:
        found = []
        for position, text in enumerate(entry.blackouts):
            try:
                found.append(Blackout.parse(str(text)))
            except ValueError as error:
                self._problem(str(error), "facilities", index, "blackouts", position)
        return tuple(found)

    def _tier(self, entry: FacilityEntry, index: int) -> tuple[str, str]:
        """Table of rate caps and tier of a facility; both empty where no caps bind it."""
        table = self._table(entry, index)
        if self._caps is None or not table:
            return "", ""
        if entry.type is None:
            self._problem("has no `type`; write type: jail, or type: prison", "facilities", index)
            return "", ""
        try:
            return table, self._caps.tier(table, entry.type, entry.adp)
        except ValueError as error:
            self._problem(str(error), "facilities", index)
            return "", ""

    def _table(self, entry: FacilityEntry, index: int) -> str:
        """Where there are tables, each facility says which binds it, or `none`: none is forgotten."""
        if self._caps is None or entry.caps == NO_CAPS:
            return ""
        tables = self._caps.tables()
        if entry.caps is None:
            if tables:
                self._problem(f"has no `caps`; write caps: {tables[0]}, or caps: {NO_CAPS}", "facilities", index)
            return ""
        if not tables:
            message = f"the configuration names no file of rate caps; add the one with {entry.caps!r} to its `caps`"
            self._problem(message, "facilities", index, "caps")
            return ""
        known = self._known("table of rate caps", entry.caps, tables, "facilities", index, "caps")
        return entry.caps if known else ""

    def _zone(self, name: str, index: int) -> ZoneInfo:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            message = f"there is no time zone {name!r}; write an IANA name such as America/Chicago"
            self._problem(message, "facilities", index, "timezone")
            return ZoneInfo("UTC")

    def _stations(self, facilities: Mapping[str, Facility]) -> dict[str, dict[str, Station]]:
        found: dict[str, dict[str, Station]] = defaultdict(dict)
        for index, entry in enumerate(self._document.stations):
            self._known("facility", entry.facility, facilities, "stations", index, "facility")
            if entry.id in found[entry.facility]:
                self._problem(f"the station {entry.id!r} stands above already", "stations", index, "id")
            found[entry.facility][entry.id] = Station(
                id=entry.id,
                facility=entry.facility,
                name=entry.name,
                max_minutes=entry.max_minutes,
                medium=entry.medium,
                monitored=entry.monitored,
                recorded=entry.recorded,
                account=entry.account,
            )
        return dict(found)

    def _contacts(self) -> dict[str, Contact]:
        entries = self._document.contacts
        self._unique("contacts", "id", [each.id for each in entries])
        self._unique("contacts", "number", [each.number for each in entries])
        known = {each.id for each in entries}
        for index, entry in enumerate(entries):
            for position, name in enumerate(entry.also):
                self._known("contact", name, known, "contacts", index, "also", position)
                if name == entry.id:
                    self._problem("is this contact itself", "contacts", index, "also", position)
        return {each.id: self._contact(index, each) for index, each in enumerate(entries)}

    def _contact(self, index: int, entry: ContactEntry) -> Contact:
        if (entry.account is None) == (not entry.payers):
            self._problem("write either `account` or `payers`: who pays the visits", "contacts", index)
        self._sound_payers(entry.payers, "contacts", index)
        for position, each in enumerate(entry.payers):
            if each.of is not None:
                self._problem("has a meaning in rules only; name an `account`", "contacts", index, "payers", position)
        return Contact(
            id=entry.id,
            name=entry.name,
            number=entry.number,
            account=entry.account or (entry.payers[0].account or "" if entry.payers else ""),
            monitored=entry.monitored,
            recorded=entry.recorded,
            payers=tuple(each.part() for each in entry.payers),
            also=tuple(dict.fromkeys(entry.also)),
        )

    def _sound_payers(self, entries: tuple[PayerEntry, ...], *location: str | int) -> None:
        for each in mistakes(entries) if entries else ():
            self._problem(each, *location, "payers")

    def _rules(
        self, facilities: Mapping[str, Facility], contacts: Mapping[str, Contact]
    ) -> dict[str, tuple[Rule, ...]]:
        entries = self._document.rules
        self._unique("rules", "name", [each.name for each in entries])
        found: dict[str, list[Rule]] = defaultdict(list)
        indices: dict[str, RuleIndex] = defaultdict(RuleIndex)
        numbers = {each.number for each in contacts.values()}
        for index, entry in enumerate(entries):
            self._known("facility", entry.facility, facilities, "rules", index, "facility")
            rule = self._rule(index, entry, facilities.get(entry.facility), contacts, numbers)
            if rule is None:
                continue
            place = indices[entry.facility].first_that_covers(rule.pattern)
            if place is not None:
                above = found[entry.facility][place].name
                message = f"never decides: {above!r} above matches all of {entry.dialled!r}; move this rule before it"
                self._problem(message, "rules", index, "dialled")
            found[entry.facility].append(rule)
            indices[entry.facility].add(rule.pattern)
        return {facility: tuple(rules) for facility, rules in found.items()}

    def _rule(
        self,
        index: int,
        entry: RuleEntry,
        facility: Facility | None,
        contacts: Mapping[str, Contact],
        numbers: Collection[str],
    ) -> Rule | None:
        try:
            pattern = Pattern.parse(entry.dialled)
        except ValueError as error:
            self._problem(str(error), "rules", index, "dialled")
            return None
        if entry.block:
            self._nothing_beside_block(index, entry)
            return Rule(entry.name, entry.facility, pattern, blocked=True)
        self._targets(index, entry, pattern, contacts, numbers)
        zone = facility.zone if facility else ZoneInfo("UTC")
        return Rule(
            name=entry.name,
            facility=entry.facility,
            pattern=pattern,
            schedule=None if entry.hours is None else Schedule(zone, self._week(index, entry.hours)),
            contact=contacts.get(entry.contact) if entry.contact else None,
            tariffs=dict(entry.tariff),
            max_minutes=entry.max_minutes or 0,
            privileged=entry.privileged,
            monitored=entry.monitored,
            recorded=entry.recorded,
            retention_days=entry.retention_days,
            payers=self._payers(index, entry),
        )

    def _payers(self, index: int, entry: RuleEntry) -> tuple[Part, ...]:
        """A rule that lets residents pay must know the account of each who may call by it."""
        self._sound_payers(entry.payers, "rules", index)
        for position, each in enumerate(entry.payers):
            if each.of is not Whose.STATION:
                continue
            stations = [other for other in self._document.stations if other.facility == entry.facility]
            poor = sorted(other.id for other in stations if not other.account)
            if poor or not stations:
                whom = f"the station {poor[0]!r} has no `account`" if poor else "the facility lists no stations"
                self._problem(f"{whom}, so nobody there could pay", "rules", index, "payers", position)
        return tuple(each.part() for each in entry.payers)

    def _nothing_beside_block(self, index: int, entry: RuleEntry) -> None:
        beside = sorted(entry.model_fields_set - {"name", "facility", "dialled", "block"})
        for field in beside:
            self._problem("has no meaning beside `block: true`; take one of them away", "rules", index, field)

    def _targets(
        self,
        index: int,
        entry: RuleEntry,
        pattern: Pattern,
        contacts: Mapping[str, Contact],
        numbers: Collection[str],
    ) -> None:
        """A rule that allows must say whom it reaches, for how long and what it costs."""
        if entry.contact is not None:
            self._known("contact", entry.contact, contacts, "rules", index, "contact")
        elif not (entry.dialled in numbers if pattern.is_literal else any(map(pattern.matches, numbers))):
            message = f"reaches nobody: no contact has a number like {entry.dialled!r}; name a `contact` or add one"
            self._problem(message, "rules", index, "dialled")
        if entry.max_minutes is None:
            self._problem("has no `max_minutes`; write for instance max_minutes: 20", "rules", index)
        if not entry.tariff:
            self._problem("has no `tariff`; write for instance tariff: {video: demo-video}", "rules", index)
        for medium, tariff in entry.tariff.items():
            location = ("rules", index, "tariff", medium.value)
            if self._known("tariff", tariff, self._tariffs, *location) and self._tariffs[tariff] is not medium:
                self._problem(f"{tariff!r} is a tariff for {self._tariffs[tariff]}, not for {medium}", *location)
            if tariff in self._tariffs and not self._known_tariffs.serves(tariff, entry.facility):
                self._problem(f"{tariff!r} is not for {entry.facility}: its `facilities` do not list it", *location)

    def _week(self, index: int, hours: Mapping[DayKey, tuple[str, ...]]) -> tuple[tuple[Interval, ...], ...]:
        days: dict[str, list[Interval]] = {day: [] for day in WEEKDAYS}
        for key, texts in hours.items():
            for position, text in enumerate(texts):
                try:
                    interval = Interval.parse(text)
                except ValueError as error:
                    self._problem(str(error), "rules", index, "hours", key, position)
                    continue
                for day in WEEKDAYS if key == "daily" else (key,):
                    clash = overlaps([*days[day], interval])
                    if clash:
                        message = f"{clash[0]} and {clash[1]} overlap on {day}; join them or part them"
                        self._problem(message, "rules", index, "hours", key, position)
                        break
                    days[day].append(interval)
        if not any(hours.values()):
            self._problem("never open; give an interval, or leave `hours` out for any time", "rules", index, "hours")
        return tuple(tuple(sorted(days[day])) for day in WEEKDAYS)

    def _known(self, what: str, name: str, known: Collection[str], *location: str | int) -> bool:
        if name in known:
            return True
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(names) or 'none'}"
        self._problem(f"there is no {what} {name!r}; {remedy}", *location)
        return False

    def _unique(self, section: str, field: str, values: list[str]) -> None:
        for index, value in _repeated(values):
            self._problem(f"{value!r} stands above already; each {field} may stand once", section, index, field)


def _repeated(values: Iterable[str]) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield index, value
        seen.add(value)
