"""The shape of a dialplan as a document: what may be written where. `plan` says what it means."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.documents import Document
from gateway.policy.decision import Medium
from gateway.policy.ivr_document import IvrEntry, Language
from gateway.policy.limits import Limits, Velocity
from gateway.policy.payers import PayerEntry
from gateway.policy.plan import FacilityType, Identify

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Name = Annotated[str, Field(min_length=1, max_length=100)]
DayKey = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "daily"]
MAX_MINUTES = 24 * 60
NO_CAPS = "none"
Days = Annotated[int, Field(ge=1, le=36_500)]


class RecordingEntry(Document):
    """How long the recordings of a facility are kept."""

    retention_days: Days


class VelocityEntry(Document):
    """See limits.Velocity."""

    attempts: Annotated[int, Field(ge=1, le=1_000)]
    minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES)]


class LimitsEntry(Document):
    """See limits.Limits. What is not written is not limited."""

    visits_per_day: Annotated[int, Field(ge=1, le=1_000)] | None = None
    visits_per_week: Annotated[int, Field(ge=1, le=7_000)] | None = None
    gap_minutes: Annotated[int, Field(ge=1, le=7 * MAX_MINUTES)] | None = None
    velocity: VelocityEntry | None = None
    concurrent: Annotated[int, Field(ge=1, le=100_000)] | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> LimitsEntry:
        if not self.model_fields_set:
            raise ValueError("sets no limit; write for instance limits: {visits_per_day: 2}")
        if self.visits_per_day and self.visits_per_week and self.visits_per_week < self.visits_per_day:
            raise ValueError(
                f"visits_per_day {self.visits_per_day} is more than visits_per_week {self.visits_per_week}: it would"
                " never count; write it smaller, or leave it out"
            )
        return self

    def limits(self) -> Limits:
        velocity = Velocity(self.velocity.attempts, self.velocity.minutes * 60) if self.velocity else None
        return Limits(
            visits_per_day=self.visits_per_day,
            visits_per_week=self.visits_per_week,
            gap_s=(self.gap_minutes or 0) * 60,
            velocity=velocity,
            concurrent=self.concurrent,
        )


class UnitEntry(Document):
    """See plan.Unit."""

    id: Id
    name: Name | None = None
    hours: dict[DayKey, tuple[str, ...]] | None = None
    blackouts: tuple[str | date, ...] = ()
    max_minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES)] | None = None
    monitored: bool = True
    recorded: bool = True


class FacilityEntry(Document):
    """See plan.Facility. `recording` is there when its visits are recorded.

    caps: a table of rate caps, or `none`. type, adp (average daily population): what its tier there follows from.
    ivr: its callers are asked by the gateway's own voice first. blackouts: days without visits.
    identify: None: by PIN where the voice asks for one, else not at all.
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
    identify: Identify | None = None
    limits: LimitsEntry | None = None
    out_trunks: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    most_contacts: Annotated[int, Field(ge=1, le=10_000)] | None = None
    region: str = ""
    hours: dict[DayKey, tuple[str, ...]] | None = None
    max_minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES)] | None = None
    units: tuple[UnitEntry, ...] = ()


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
    resident: str = ""
    unit: str = ""
    hours: dict[DayKey, tuple[str, ...]] | None = None


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
    telephone: str = ""
    language: Language | Literal[""] = ""
    max_minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES)] | None = None
    visits_per_day: Annotated[int, Field(ge=1, le=1_000)] | None = None
    visits_per_week: Annotated[int, Field(ge=1, le=7_000)] | None = None


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
    video_fallback: bool = False


class DialplanDocument(Document):
    """One file of a plan. include: others, whose entries come before those of this one."""

    include: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    facilities: tuple[FacilityEntry, ...] = ()
    stations: tuple[StationEntry, ...] = ()
    contacts: tuple[ContactEntry, ...] = ()
    rules: tuple[RuleEntry, ...] = ()
