"""Facilities and stations out of their entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.policy.blackout import Blackout
from gateway.policy.dialplan_entries import NO_CAPS, FacilityEntry, StationEntry
from gateway.policy.dialplan_notes import Notes
from gateway.policy.limits import NO_LIMITS
from gateway.policy.numbers import known_region
from gateway.policy.plan import Facility, FacilityType, Identify, Station


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
        return Facility(
            id=entry.id,
            name=entry.name,
            zone=zone,
            trunks=entry.trunks,
            retention_days=entry.recording.retention_days if entry.recording else None,
            caps=table,
            tier=tier,
            ivr=entry.ivr.rules() if entry.ivr else None,
            blackouts=self._blackouts(entry, index),
            identify=self._identify(entry, index),
            limits=entry.limits.limits() if entry.limits else NO_LIMITS,
            out_trunks=entry.out_trunks,
            most_contacts=entry.most_contacts,
            region=self._region(entry.region, index),
        )

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

    def _blackouts(self, entry: FacilityEntry, index: int) -> tuple[Blackout, ...]:
        found = []
        for position, text in enumerate(entry.blackouts):
            try:
                found.append(Blackout.parse(str(text)))
            except ValueError as error:
                self._notes.problem(str(error), "facilities", index, "blackouts", position)
        return tuple(found)

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
        _note_resident(entry, facilities.get(entry.facility), index, notes)
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
