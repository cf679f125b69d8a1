"""The people of a table of decisions, and what a caller has used up: given, so that a table needs no database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field, field_validator

from gateway.documents import Document
from gateway.policy.pattern import Pattern
from gateway.policy.people import Barrier, People, Resident, Standing
from gateway.policy.plan import Contact
from gateway.policy.usage import Usage

Count = Annotated[int, Field(ge=0, le=100_000)]


class GivenResident(Document):
    """See people.Resident."""

    id: str
    facility: str
    name: str = "somebody"
    account: str = ""
    active: bool = True
    max_minutes: int | None = None
    visits_per_day: int | None = None
    visits_per_week: int | None = None
    monitored: bool = True
    recorded: bool = True


class GivenContact(Document):
    """See plan.Contact."""

    id: str
    number: str
    name: str = "somebody"
    account: str = ""
    telephone: str = ""
    monitored: bool = True
    recorded: bool = True
    max_minutes: int | None = None
    visits_per_day: int | None = None
    visits_per_week: int | None = None


class GivenStanding(Document):
    facility: str
    resident: str
    contact: str
    standing: Standing


class GivenNumber(Document):
    """A number, or a pattern, that the facility blocks; with `watched` one that it watches. facility empty: all."""

    number: str
    facility: str = ""
    watched: bool = False

    @field_validator("number")
    @classmethod
    def _is_pattern(cls, text: str) -> str:
        Pattern.parse(text)
        return text


class GivenPeople(Document):
    """What the store would hold."""

    residents: tuple[GivenResident, ...] = ()
    contacts: tuple[GivenContact, ...] = ()
    lists: tuple[GivenStanding, ...] = ()
    numbers: tuple[GivenNumber, ...] = ()

    def people(self) -> People:
        return People.of(
            (Resident(**each.model_dump()) for each in self.residents),
            (Contact(**each.model_dump()) for each in self.contacts),
            {(each.facility, each.resident, each.contact): each.standing for each in self.lists},
            (Barrier(each.facility, Pattern.parse(each.number), each.watched) for each in self.numbers),
        )


class GivenUsage(Document):
    """See usage.Usage. minutes_since_last: from the end of the last visit to the question."""

    visits_today: Count = 0
    visits_this_week: Count = 0
    minutes_since_last: Count | None = None
    attempts: Count = 0
    live: Count = 0
    contact_today: Count = 0
    contact_this_week: Count = 0

    def usage(self, at: datetime) -> Usage:
        since = self.minutes_since_last
        return Usage(
            visits_today=self.visits_today,
            visits_this_week=self.visits_this_week,
            last_ended_at=None if since is None else at - timedelta(minutes=since),
            attempts=self.attempts,
            live=self.live,
            contact_today=self.contact_today,
            contact_this_week=self.contact_this_week,
        )
