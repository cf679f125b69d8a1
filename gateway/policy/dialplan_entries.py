"""The shape of a dialplan as a document: what may be written where. `plan` says what it means."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from gateway.documents import Document
from gateway.policy.decision import Medium
from gateway.policy.ivr_document import IvrEntry
from gateway.policy.payers import PayerEntry
from gateway.policy.plan import FacilityType

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Name = Annotated[str, Field(min_length=1, max_length=100)]
DayKey = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "daily"]
MAX_MINUTES = 24 * 60
NO_CAPS = "none"
Days = Annotated[int, Field(ge=1, le=36_500)]


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
