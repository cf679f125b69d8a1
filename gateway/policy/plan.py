"""A dialplan as values: what decide() reads. `dialplan.load` makes one of a YAML document, and only of a sound one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from zoneinfo import ZoneInfo

from gateway.policy.blackout import Blackout
from gateway.policy.decision import Medium
from gateway.policy.ivr import IvrRules
from gateway.policy.limits import NO_LIMITS, Limits
from gateway.policy.pattern import Pattern
from gateway.policy.payers import Part
from gateway.policy.rule_index import RuleIndex
from gateway.policy.schedule import Schedule


class FacilityType(StrEnum):
    PRISON = "prison"
    JAIL = "jail"


class Identify(StrEnum):
    """How a facility knows which resident calls."""

    NONE = "none"  # it does not: stations count
    STATION = "station"  # each station is one resident's
    PIN = "pin"  # by what is keyed in; gateway.ivr asks


@dataclass(frozen=True, slots=True)
class Unit:
    """A housing unit, and what is allowed there at most. schedule None: at any time. blackouts: days without visits."""

    id: str
    name: str = ""
    schedule: Schedule | None = None
    blackouts: tuple[Blackout, ...] = ()
    max_minutes: int | None = None
    monitored: bool = True
    recorded: bool = True


@dataclass(frozen=True, slots=True)
class Facility:
    """trunks: names of the trunks whose calls come from here. Its wall clock is `zone`.

    retention_days: its visits are recorded, and kept for so long. None: nothing of it is recorded.
    caps, tier: the table of rate caps that binds it, and its tier there; both empty where none does.
    ivr: what its callers are asked before anybody is rung; None: nothing. blackouts: days without visits.
    identify: where it is not NONE, residents must be known, and may reach whom their list says. limits: of each caller.
    most_contacts: how many a resident's list may have, banned ones apart; None: any number.
    out_trunks: by which families are called who are reached by telephone, in order.
    region: the country whose spellings of one telephone number count as the same; empty: letter for letter.
    schedule, max_minutes: of every visit, whatever its rule says besides. units: its housing units, by id.
    """

    id: str
    name: str
    zone: ZoneInfo
    trunks: tuple[str, ...]
    retention_days: int | None = None
    caps: str = ""
    tier: str = ""
    ivr: IvrRules | None = None
    blackouts: tuple[Blackout, ...] = ()
    identify: Identify = Identify.NONE
    limits: Limits = NO_LIMITS
    out_trunks: tuple[str, ...] = ()
    region: str = ""
    most_contacts: int | None = None
    schedule: Schedule | None = None
    max_minutes: int | None = None
    units: Mapping[str, Unit] = field(default_factory=dict)

    @property
    def timezone(self) -> str:
        return self.zone.key


@dataclass(frozen=True, slots=True)
class Station:
    """A phone or terminal. id: the user part it calls with. name: how the family's page introduces it.

    medium: what it can do, for calls that do not say (delayed offer). None: whatever the rule allows.
    monitored False: no officer may watch its visits. recorded False: none of them is recorded.
    account: of the resident who has it alone, for rules that let him pay; empty: there is none.
    resident: who that is, where residents are known by their stations.
    unit: the housing unit in which it stands; empty: none. schedule: its own hours; None: at any time.
    """

    id: str
    facility: str
    name: str
    max_minutes: int | None = None
    medium: Medium | None = None
    monitored: bool = True
    recorded: bool = True
    account: str = ""
    resident: str = field(default="", repr=False)
    unit: str = ""
    schedule: Schedule | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom a visit reaches. number: what is dialled for them, digits or any other user part. account: who pays.

    payers: who pays where several do, `account` first; empty: `account` pays all.
    also: ids of contacts who are rung at the same time, and may accept in their place.
    telephone: the number that is called for them; empty: they have a page. language: of what is said to it; empty: the
    first of the facility's `ivr`.
    monitored False: no officer may watch visits with them. recorded False: none of them is recorded.
    max_minutes, visits_per_day, visits_per_week: of all visits with them in a facility, whoever calls; None: no limit.
    """

    id: str
    name: str
    number: str
    account: str
    monitored: bool = True
    recorded: bool = True
    payers: tuple[Part, ...] = ()
    also: tuple[str, ...] = ()
    telephone: str = field(default="", repr=False)
    language: str = ""
    max_minutes: int | None = None
    visits_per_day: int | None = None
    visits_per_week: int | None = None

    @property
    def is_counted(self) -> bool:
        """Whether their visits have a limit of number."""
        return self.visits_per_day is not None or self.visits_per_week is not None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. The first of a facility whose pattern matches what was dialled decides; none after it is asked.

    blocked: it says no, and the fields below it have no meaning. schedule None: at any time.
    contact None: the contact whose number was dialled. tariffs: the media it allows, each with its tariff.
    monitored: whether an officer may watch, unless it is privileged, or station or contact say no. recorded: likewise,
    where the facility records at all; retention_days: instead of the facility's.
    payers: who pays, whatever the contact says of it; empty: what the contact says.
    video_fallback: a call that brings a picture goes on without one, where the rule has no rate for video.
    """

    name: str
    facility: str
    pattern: Pattern
    blocked: bool = False
    schedule: Schedule | None = None
    contact: Contact | None = None
    tariffs: Mapping[Medium, str] = field(default_factory=dict)
    max_minutes: int = 0
    privileged: bool = False
    monitored: bool = True
    recorded: bool = True
    retention_days: int | None = None
    payers: tuple[Part, ...] = ()
    video_fallback: bool = False


@dataclass(frozen=True, slots=True)
class Dialplan:
    """Indexed by what decide() looks up. stations: by facility and id; a facility without any takes every station."""

    facilities: Mapping[str, Facility]  # by trunk
    stations: Mapping[str, Mapping[str, Station]]
    numbers: Mapping[str, Contact]  # by what is dialled
    rules: Mapping[str, tuple[Rule, ...]]  # by facility, in order
    _indices: Mapping[str, RuleIndex] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        indices = {name: RuleIndex(each.pattern for each in rules) for name, rules in self.rules.items()}
        object.__setattr__(self, "_indices", indices)

    def first_rule(self, facility: str, spellings: Iterable[str]) -> Rule | None:
        """The rule that decides: the first of the facility whose pattern matches one of the spellings."""
        index = self._indices.get(facility)
        if index is None:
            return None
        places = [place for each in spellings if (place := index.first_match(each)) is not None]
        return self.rules[facility][min(places)] if places else None

    def contact_of(self, spellings: Iterable[str]) -> Contact | None:
        return next((self.numbers[each] for each in spellings if each in self.numbers), None)
