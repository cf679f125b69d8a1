"""Facility, housing unit, station: what each allows at most. The most restrictive counts, level by level.

A resident's own unit counts beside the unit of the station that the call comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.policy.blackout import Blackout, next_black
from gateway.policy.limits import least
from gateway.policy.people import Resident
from gateway.policy.plan import Facility, Station
from gateway.policy.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Level:
    """name: as the path of a decision tells it, ` of unit seg`; empty: the facility. schedule None: at any time."""

    name: str
    schedule: Schedule | None
    blackouts: tuple[Blackout, ...]
    max_minutes: int | None
    monitored: bool
    recorded: bool

    def ends(self, zone: ZoneInfo, at: datetime) -> tuple[datetime | None, ...]:
        """When its hours end, and when a day without visits begins."""
        return (self.schedule.closes_at(at) if self.schedule else None, next_black(self.blackouts, zone, at))

    @property
    def summary(self) -> str:
        """What it restricts whatever the time is, in words; empty: nothing."""
        told = [f"{self.max_minutes} minutes at most"] if self.max_minutes is not None else []
        told += [
            word for word, holds in (("not watched", self.monitored), ("not recorded", self.recorded)) if not holds
        ]
        return ", ".join(told)


def levels_of(facility: Facility, station: Station | None, resident: Resident | None) -> tuple[Level, ...]:
    """From the widest to the narrowest."""
    found = [Level("", facility.schedule, facility.blackouts, facility.max_minutes, True, True)]
    named = (station.unit if station else "", resident.unit if resident else "")
    for name in dict.fromkeys(named):
        unit = facility.units.get(name)
        if unit is not None:
            found.append(
                Level(
                    f" of unit {unit.id}",
                    unit.schedule,
                    unit.blackouts,
                    unit.max_minutes,
                    unit.monitored,
                    unit.recorded,
                )
            )
    if station is not None:
        found.append(
            Level(" of the station", station.schedule, (), station.max_minutes, station.monitored, station.recorded)
        )
    return tuple(found)


def least_minutes(levels: tuple[Level, ...], *others: int | None) -> int:
    return least(*(each.max_minutes for each in levels), *others) or 0
