"""The rows of files of people: what may stand in each column. docs/people.md is the user's page.

residents   facility, id, name, unit, account, language, active, max_minutes, visits_per_day, ..., pin
contacts    id, name, number, account, telephone, monitored, recorded, also, email
lists       facility, resident, contact, standing
numbers     facility, number, act, reason
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from gateway.documents import Document
from gateway.family import address_of
from gateway.policy.numbers import telephone
from gateway.policy.pattern import Pattern
from gateway.policy.people import Barrier, Resident, Standing
from gateway.policy.plan import Contact

MAX_MINUTES = 24 * 60


def _or_none(value: object) -> object:
    """An empty cell."""
    return None if value == "" else value


def _or_yes(value: object) -> object:
    return "yes" if value == "" else value


Facility = Annotated[str, Field(min_length=1, max_length=200)]
ResidentId = Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
ContactId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Yes = Annotated[bool, BeforeValidator(_or_yes)]


class ResidentRow(Document):
    """See policy.people.Resident. pin: empty: it stays what it is."""

    facility: Facility
    id: ResidentId
    name: Name
    unit: Annotated[str, Field(max_length=100)] = ""
    account: Annotated[str, Field(max_length=200)] = ""
    language: Literal["", "en", "es"] = ""
    active: Yes = True
    max_minutes: Annotated[Annotated[int, Field(ge=1, le=MAX_MINUTES)] | None, BeforeValidator(_or_none)] = None
    visits_per_day: Annotated[Annotated[int, Field(ge=1, le=1_000)] | None, BeforeValidator(_or_none)] = None
    visits_per_week: Annotated[Annotated[int, Field(ge=1, le=7_000)] | None, BeforeValidator(_or_none)] = None
    monitored: Yes = True
    recorded: Yes = True
    pin: Annotated[str, Field(repr=False)] = ""

    @property
    def key(self) -> tuple[str, ...]:
        return self.facility, self.id

    def resident(self) -> Resident:
        return Resident(**self.model_dump(exclude={"pin"}))


class ContactRow(Document):
    """See policy.plan.Contact. also: ids with spaces between. email: for its own sign-in; empty: it stays what it is;
    `-`: none any more. No rule reads it, so it is no part of what policy is given.
    """

    id: ContactId
    name: Name
    number: Annotated[str, Field(pattern=r"^[^\s@]{1,64}$")]
    account: Annotated[str, Field(max_length=200)] = ""
    telephone: Annotated[str, Field(max_length=40)] = ""
    language: Literal["", "en", "es"] = ""
    monitored: Yes = True
    recorded: Yes = True
    also: str = ""
    max_minutes: Annotated[Annotated[int, Field(ge=1, le=MAX_MINUTES)] | None, BeforeValidator(_or_none)] = None
    visits_per_day: Annotated[Annotated[int, Field(ge=1, le=1_000)] | None, BeforeValidator(_or_none)] = None
    visits_per_week: Annotated[Annotated[int, Field(ge=1, le=7_000)] | None, BeforeValidator(_or_none)] = None

    email: Annotated[str, Field(max_length=254, repr=False)] = ""

    @field_validator("email")
    @classmethod
    def _can_be_written_to(cls, text: str) -> str:
        address = address_of(text)
        if text not in ("", "-") and not address:
            raise ValueError("this is no e-mail address; write for instance ada@example.org")
        return address or text

    @field_validator("telephone")
    @classmethod
    def _can_be_called(cls, text: str) -> str:
        return telephone(text) if text else ""

    @property
    def key(self) -> tuple[str, ...]:
        return (self.id,)

    def contact(self) -> Contact:
        return Contact(**(self.model_dump(exclude={"email"}) | {"also": tuple(dict.fromkeys(self.also.split()))}))


class ListRow(Document):
    """standing `none`: the contact is taken from the list."""

    facility: Facility
    resident: ResidentId
    contact: ContactId
    standing: Literal["pending", "approved", "privileged", "banned", "none"]

    @property
    def key(self) -> tuple[str, ...]:
        return self.facility, self.resident, self.contact

    def value(self) -> Standing | None:
        return None if self.standing == "none" else Standing(self.standing)


class NumberRow(Document):
    """facility empty: every facility. act `free`: neither blocked nor watched any more."""

    facility: Annotated[str, Field(max_length=200)] = ""
    number: Annotated[str, Field(min_length=1, max_length=64)]
    act: Literal["block", "watch", "free"]
    reason: Annotated[str, Field(max_length=200)] = ""

    @field_validator("number")
    @classmethod
    def _is_pattern(cls, text: str) -> str:
        Pattern.parse(text)
        return text

    @property
    def key(self) -> tuple[str, ...]:
        return self.facility, self.number, self.act

    def barrier(self, *, watched: bool) -> Barrier:
        return Barrier(self.facility, Pattern.parse(self.number), watched, self.reason)


PeopleRow = ResidentRow | ContactRow | ListRow | NumberRow


class Kind(StrEnum):
    """What a file holds."""

    RESIDENTS = "residents"
    CONTACTS = "contacts"
    LISTS = "lists"
    NUMBERS = "numbers"


MODELS: dict[Kind, type[PeopleRow]] = {
    Kind.RESIDENTS: ResidentRow,
    Kind.CONTACTS: ContactRow,
    Kind.LISTS: ListRow,
    Kind.NUMBERS: NumberRow,
}
