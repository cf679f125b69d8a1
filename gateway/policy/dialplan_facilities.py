"""Facilities and stations out of their entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.policy.blackout import Blackout
from gateway.policy.dialplan_entries import NO_CAPS, FacilityEntry, StationEntry
from gateway.policy.dialplan_notes import Notes
from gateway.policy.plan import Facility, FacilityType, Station


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
