"""Facilities and stations out of their entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.policy.dialplan_entries import NO_CAPS, FacilityEntry, StationEntry, UnitEntry
from gateway.policy.dialplan_hours import blackouts_of, schedule_of
from gateway.policy.dialplan_notes import Notes
from gateway.policy.limits import NO_LIMITS
from gateway.policy.numbers import known_region
from gateway.policy.plan import Facility, FacilityType, Identify, Station, Unit
from gateway.policy.schedule import Schedule


class KnownCaps(Protocol):
    """The tables of rate caps a plan may name; gateway.billing.caps.Caps is it."""

    def tables(self) -> tuple[str, ...]: ...

    def tier(self, table_id: str, kind: FacilityType, adp: int | None) -> str:
        """Raises ValueError when what is said of the facility does not tell its tier."""
        ...


class Facilities:
    """caps None: what facilities say of caps is not looked at."""

    def __init__(self, notes: Notes, caps: KnownCaps | None) -> None:
        self._notes = notes
        self._caps = caps

    def read(self, entries: Sequence[FacilityEntry]) -> dict[str, Facility]:
        """By id."""
        self._notes.unique("facilities", "id", [each.id for each in entries])
        owners: dict[str, str] = {}
        found: dict[str, Facility] = {}
        for index, entry in enumerate(entries):
            for position, trunk in enumerate(entry.trunks):
                if trunk in owners:
                    message = f"the trunk {trunk!r} belongs to {owners[trunk]!r} already; a trunk has one facility"
                    self._notes.problem(message, "facilities", index, "trunks", position)
                owners.setdefault(trunk, entry.id)
            zone = self._zone(entry.timezone, index)
            if entry.id not in found:
                found[entry.id] = self._facility(entry, index, zone)
        return found

    def _facility(self, entry: FacilityEntry, index: int, zone: ZoneInfo) -> Facility:
        table, tier = self._tier(entry, index)
        schedule = schedule_of(entry.hours, zone, self._notes, "facilities", index)
        return Facility(
            id=entry.id,
            name=entry.name,
            zone=zone,
            trunks=entry.trunks,
            retention_days=entry.recording.retention_days if entry.recording else None,
            caps=table,
            tier=tier,
            ivr=entry.ivr.rules() if entry.ivr else None,
            blackouts=blackouts_of(entry.blackouts, self._notes, "facilities", index),
            identify=self._identify(entry, index),
            limits=entry.limits.limits() if entry.limits else NO_LIMITS,
            out_trunks=entry.out_trunks,
            most_contacts=entry.most_contacts,
            schedule=schedule,
            max_minutes=entry.max_minutes,
            units=self._units(entry.units, index, zone, schedule),
            region=self._region(entry.region, index),
        )

    def _units(
        self, entries: Sequence[UnitEntry], index: int, zone: ZoneInfo, whole: Schedule | None
    ) -> dict[str, Unit]:
        """whole: when the facility is open."""
        found: dict[str, Unit] = {}
        for position, entry in enumerate(entries):
            location = ("facilities", index, "units", position)
            if entry.id in found:
                self._notes.problem(f"the unit {entry.id!r} stands above already", *location, "id")
            schedule = schedule_of(entry.hours, zone, self._notes, *location)
            if schedule and whole and not schedule.meets(whole):
                message = "never open: the hours of its facility are all outside of these; change one of them"
                self._notes.problem(message, *location, "hours")
            found[entry.id] = Unit(
                id=entry.id,
                name=entry.name or entry.id,
                schedule=schedule,
                blackouts=blackouts_of(entry.blackouts, self._notes, *location),
                max_minutes=entry.max_minutes,
                monitored=entry.monitored,
                recorded=entry.recorded,
            )
        return found

    def _region(self, region: str, index: int) -> str:
        if not region or known_region(region):
            return region
        near = f"did you mean {region.upper()}?" if known_region(region.upper()) else "write for instance US, CA or GB"
        message = f"there is no country {region!r}; {near} Two letters, as in ISO 3166-1"
        self._notes.problem(message, "facilities", index, "region")
        return ""

    def _identify(self, entry: FacilityEntry, index: int) -> Identify:
        """Who says that residents are known by PIN has to ask for it, and the other way round."""
        asks = entry.ivr is not None and entry.ivr.pin
        if entry.identify is None:
            return Identify.PIN if asks else Identify.NONE
        if entry.identify is Identify.PIN and not asks:
            message = "nobody asks for a PIN; write ivr: {pin: true} beside it"
            self._notes.problem(message, "facilities", index, "identify")
        if entry.identify is not Identify.PIN and asks:
            message = f"the voice asks for a PIN; write identify: pin, or ivr: {{pin: false}} for {entry.identify}"
            self._notes.problem(message, "facilities", index, "identify")
        return entry.identify

    def _tier(self, entry: FacilityEntry, index: int) -> tuple[str, str]:
        """Table of rate caps and tier of a facility; both empty where no caps bind it."""
        table = self._table(entry, index)
        if self._caps is None or not table:
            return "", ""
        if entry.type is None:
            self._notes.problem("has no `type`; write type: jail, or type: prison", "facilities", index)
            return "", ""
        try:
            return table, self._caps.tier(table, entry.type, entry.adp)
        except ValueError as error:
            self._notes.problem(str(error), "facilities", index)
            return "", ""

    def _table(self, entry: FacilityEntry, index: int) -> str:
        """Where there are tables, each facility says which binds it, or `none`: none is forgotten."""
        if self._caps is None or entry.caps == NO_CAPS:
            return ""
        tables = self._caps.tables()
        if entry.caps is None:
            if tables:
                self._notes.problem(f"has no `caps`; write caps: {tables[0]}, or caps: {NO_CAPS}", "facilities", index)
            return ""
        if not tables:
            message = f"the configuration names no file of rate caps; add the one with {entry.caps!r} to its `caps`"
            self._notes.problem(message, "facilities", index, "caps")
            return ""
        known = self._notes.known("table of rate caps", entry.caps, tables, "facilities", index, "caps")
        return entry.caps if known else ""

    def _zone(self, name: str, index: int) -> ZoneInfo:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            message = f"there is no time zone {name!r}; write an IANA name such as America/Chicago"
            self._notes.problem(message, "facilities", index, "timezone")
            return ZoneInfo("UTC")


def stations_of(
    entries: Sequence[StationEntry], facilities: Mapping[str, Facility], notes: Notes
) -> dict[str, dict[str, Station]]:
    """By facility and id."""
    found: dict[str, dict[str, Station]] = defaultdict(dict)
    for index, entry in enumerate(entries):
        notes.known("facility", entry.facility, facilities, "stations", index, "facility")
        if entry.id in found[entry.facility]:
            notes.problem(f"the station {entry.id!r} stands above already", "stations", index, "id")
        facility = facilities.get(entry.facility)
        _note_resident(entry, facility, index, notes)
        if entry.unit and facility is not None:
            notes.known("unit", entry.unit, facility.units, "stations", index, "unit")
        zone = facility.zone if facility else ZoneInfo("UTC")
        found[entry.facility][entry.id] = Station(
            id=entry.id,
            facility=entry.facility,
            name=entry.name,
            max_minutes=entry.max_minutes,
            medium=entry.medium,
            monitored=entry.monitored,
            recorded=entry.recorded,
            account=entry.account,
            resident=entry.resident,
            unit=entry.unit,
            schedule=schedule_of(entry.hours, zone, notes, "stations", index),
        )
    return dict(found)


def _note_resident(entry: StationEntry, facility: Facility | None, index: int, notes: Notes) -> None:
    if facility is None:
        return
    by_station = facility.identify is Identify.STATION
    if by_station and not entry.resident:
        message = f"has no `resident`, and {facility.id} knows residents by their stations; write whose it is"
        notes.problem(message, "stations", index)
    if entry.resident and not by_station:
        message = f"has a meaning only where the facility says identify: station; {facility.id} does not"
        notes.problem(message, "stations", index, "resident")
