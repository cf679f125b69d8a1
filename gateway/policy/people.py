"""The people whom policy asks about, as values: who lives where, whom each may reach, which numbers nobody may.

The store holds them (gateway.store); what decide() reads is an index of the present state, built anew when they change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from gateway.policy.pattern import Pattern
from gateway.policy.plan import Contact


class Standing(StrEnum):
    """How a contact stands to a resident."""

    PENDING = "pending"  # asked for; nobody has decided
    APPROVED = "approved"
    PRIVILEGED = "privileged"  # attorney, clergy, physician: approved, and nobody may record or watch
    BANNED = "banned"


@dataclass(frozen=True, slots=True)
class Resident:
    """Someone inside. id: unique in the facility, digits, as keyed in by hand. unit: the housing unit; empty: none.

    account: the resident's own, for debit; empty: none. language: of prompts, such as `es`; empty: the facility's.
    active False: released or barred from visits. The limits are the resident's own, None where there is none.
    """

    id: str
    facility: str
    name: str
    unit: str = ""
    account: str = ""
    language: str = ""
    active: bool = True
    max_minutes: int | None = None
    visits_per_day: int | None = None
    visits_per_week: int | None = None
    monitored: bool = True
    recorded: bool = True


@dataclass(frozen=True, slots=True)
class Barrier:
    """A number that a facility (empty: every facility) blocks, or watches: an alarm, and the call goes on."""

    facility: str
    pattern: Pattern
    watched: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """The index. Keys: residents by (facility, id), contacts by id, numbers by what is dialled, standings by
    (facility, resident, contact)."""

    residents: Mapping[tuple[str, str], Resident] = field(default_factory=lambda: MappingProxyType({}))
    contacts: Mapping[str, Contact] = field(default_factory=lambda: MappingProxyType({}))
    numbers: Mapping[str, Contact] = field(default_factory=lambda: MappingProxyType({}))
    standings: Mapping[tuple[str, str, str], Standing] = field(default_factory=lambda: MappingProxyType({}))
    barriers: tuple[Barrier, ...] = ()

    @classmethod
    def of(
        cls,
        residents: Iterable[Resident] = (),
        contacts: Iterable[Contact] = (),
        standings: Mapping[tuple[str, str, str], Standing] | None = None,
        barriers: Iterable[Barrier] = (),
    ) -> People:
        everyone = tuple(contacts)
        return cls(
            residents={(each.facility, each.id): each for each in residents},
            contacts={each.id: each for each in everyone},
            numbers={each.number: each for each in everyone},
            standings=dict(standings or {}),
            barriers=tuple(barriers),
        )


NOBODY = People()
