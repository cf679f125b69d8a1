"""What ids are called: facilities, stations, and whose account it is. From the dialplan; an unknown id names itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.policy.plan import Dialplan


@dataclass(frozen=True, slots=True)
class Names:
    """facilities: by id. stations: by facility and id. owners_of: names of the contacts that an account pays for.

    zones: each facility's IANA zone.
    """

    facilities: Mapping[str, str] = field(default_factory=dict)
    stations: Mapping[tuple[str, str], str] = field(default_factory=dict)
    owners_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Names:
        """The inverse of `values`."""
        return cls(
            facilities=values["facilities"],
            stations={(facility, station): name for facility, station, name in values["stations"]},
            owners_of={account: tuple(names) for account, names in values["owners_of"].items()},
            zones=values["zones"],
        )

    def values(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "facilities": dict(self.facilities),
            "stations": [[facility, station, name] for (facility, station), name in self.stations.items()],
            "owners_of": {account: list(names) for account, names in self.owners_of.items()},
            "zones": dict(self.zones),
        }

    def facility(self, facility: str) -> str:
        return self.facilities.get(facility, facility)

    def station(self, facility: str, station: str) -> str:
        return self.stations.get((facility, station), station)

    def owners(self, account_id: str) -> tuple[str, ...]:
        return self.owners_of.get(account_id, ())


def names_of(plan: Dialplan) -> Names:
    owners: dict[str, list[str]] = {}
    for contact in plan.numbers.values():
        if contact.account:
            owners.setdefault(contact.account, []).append(contact.name)
    return Names(
        facilities={each.id: each.name for each in plan.facilities.values()},
        stations={
            (facility, station.id): station.name
            for facility, found in plan.stations.items()
            for station in found.values()
        },
        owners_of={account: tuple(dict.fromkeys(found)) for account, found in owners.items()},
        zones={each.id: each.timezone for each in plan.facilities.values()},
    )
