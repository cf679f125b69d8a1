"""The people whom policy asks about, as values: who lives where, whom each may reach, which numbers nobody may.

The store holds them (gateway.store); what decide() reads is an index of the present state, built anew when they change.
"""

from __future__ import annotations

from collections import defaultdict
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
    _numbers: Mapping[tuple[str, bool, str], Barrier] = field(init=False, repr=False, compare=False)
    _kinds: frozenset[bool] = field(init=False, repr=False, compare=False)
    _patterns: Mapping[tuple[str, bool], tuple[Barrier, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Barriers by (facility, watched, number), for thousands of numbers; only real patterns are tried in turn."""
        literal = {(each.facility, each.watched, each.pattern.text): each for each in self.barriers if _is_one(each)}
        patterns: dict[tuple[str, bool], list[Barrier]] = defaultdict(list)
        for each in self.barriers:
            if not _is_one(each):
                patterns[each.facility, each.watched].append(each)
        object.__setattr__(self, "_numbers", literal)
        object.__setattr__(self, "_kinds", frozenset(each.watched for each in self.barriers))
        object.__setattr__(self, "_patterns", {key: tuple(found) for key, found in patterns.items()})

    def barrier(self, facility: str, number: str, *, watched: bool) -> Barrier | None:
        """What the facility, or the whole house, has against the number: a block, or with `watched` a watch."""
        if watched not in self._kinds:
            return None
        for owner in (facility, ""):
            found = self._numbers.get((owner, watched, number))
            if found is not None:
                return found
            for each in self._patterns.get((owner, watched), ()):
                if each.pattern.matches(number):
                    return each
        return None

    def standing(self, resident: Resident, contact: str) -> Standing | None:
        """None: nobody ever asked for it."""
        return self.standings.get((resident.facility, resident.id, contact))

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


def _is_one(barrier: Barrier) -> bool:
    return barrier.pattern.is_literal


NOBODY = People()
