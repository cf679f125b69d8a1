"""For administrators: residents, contacts, who may reach whom, blocked numbers; for auditors: who changed what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.auth import Administrator, Given, ListKeeper, people_reader, trail_reader
from gateway.api.folk import People
from gateway.api.problems import documented
from gateway.api.services import Services
from gateway.errors import PeopleError
from gateway.policy.numbers import telephone
from gateway.policy.pattern import Pattern
from gateway.policy.people import Barrier, Resident, Standing
from gateway.policy.plan import Contact
from gateway.store import PeopleChange

router = APIRouter(prefix="/api/v1/people", tags=["people"])
audit = APIRouter(prefix="/api/v1/audit", tags=["people"], dependencies=[Depends(trail_reader)])
FacilityId = Annotated[str, Path(min_length=1, max_length=200, examples=["north"])]
ResidentId = Annotated[str, Path(pattern=r"^[0-9]{1,20}$", examples=["4711"])]
ContactId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", examples=["ann"])]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Limit = Annotated[int, Query(ge=1, le=1000, description="at most so many")]
READERS = [Depends(people_reader)]
REFUSED = documented(401, 403, 422, 503)


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class ResidentBody(Body):
    """The limits are the resident's own; null: none."""

    name: Name
    unit: Annotated[str, Field(max_length=100, description="housing unit")] = ""
    account: Annotated[
        str, Field(max_length=200, description="of the resident, for tariffs that let residents pay")
    ] = ""
    language: Literal["", "en", "es"] = ""
    active: Annotated[bool, Field(description="false: released, or without visits for now")] = True
    max_minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    visits_per_day: Annotated[int, Field(ge=1, le=1000)] | None = None
    visits_per_week: Annotated[int, Field(ge=1, le=7000)] | None = None
    monitored: bool = True
    recorded: bool = True


class ResidentView(ResidentBody):
    facility: str
    id: str

    @classmethod
    def of(cls, resident: Resident) -> ResidentView:
        return cls(**{name: getattr(resident, name) for name in cls.model_fields})


class Listed(BaseModel):
    contact: str
    name: str
    standing: Standing


class ResidentWhole(ResidentView):
    """pin: whether one is set. list: every contact, by id."""

    pin: bool
    list: list[Listed]


class Residents(BaseModel):
    """next_after: for the next call; the same as `after` when there was nothing more."""

    items: list[ResidentView]
    next_after: str


class ContactBody(Body):
    """number: what is dialled for them. telephone: is called instead of ringing a page. also: who rings along."""

    name: Name
    number: Annotated[str, Field(pattern=r"^[^\s@]{1,64}$", examples=["5552368001"])]
    account: Annotated[str, Field(max_length=200, description="who pays their visits")] = ""
    telephone: Annotated[str, Field(max_length=40, examples=["+13035550142"])] = ""
    language: Annotated[Literal["", "en", "es"], Field(description="of what is said to that telephone")] = ""
    monitored: bool = True
    recorded: bool = True
    also: list[Annotated[str, Field(max_length=63)]] = []
    max_minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    visits_per_day: Annotated[int, Field(ge=1, le=1000)] | None = None
    visits_per_week: Annotated[int, Field(ge=1, le=7000)] | None = None


class ContactView(ContactBody):
    id: str

    @classmethod
    def of(cls, contact: Contact) -> ContactView:
        values = {name: getattr(contact, name) for name in cls.model_fields}
        return cls(**(values | {"also": list(contact.also)}))


class StandingBody(Body):
    """null: the contact is taken from the list."""

    standing: Standing | None


class PinBody(Body):
    """Empty: nobody gets in by this id."""

    pin: Annotated[str, Field(max_length=20, repr=False)]


class Number(Body):
    """facility empty: every facility. A block reaches nobody; a watch tells the facility, and the visit goes on."""

    facility: Annotated[str, Field(max_length=200)] = ""
    number: Annotated[str, Field(min_length=1, max_length=64, description="or a pattern", examples=["_1900XXXXXXX"])]
    act: Literal["block", "watch"]
    reason: Annotated[str, Field(max_length=200)] = ""

    def barrier(self) -> Barrier:
        try:
            return Barrier(self.facility, Pattern.parse(self.number), self.act == "watch", self.reason)
        except ValueError as error:
            raise PeopleError(str(error)) from None

    @classmethod
    def of(cls, barrier: Barrier) -> Number:
        act: Literal["block", "watch"] = "watch" if barrier.watched else "block"
        return cls(facility=barrier.facility, number=barrier.pattern.text, act=act, reason=barrier.reason)


class Change(BaseModel):
    """before, after: null where there was none, or it is gone."""

    number: int
    at: datetime
    who: str
    kind: Annotated[str, Field(description="`resident`, `contact`, `relationship`, `barrier` or `pin`")]
    subject: Annotated[str, Field(examples=["north/4711/ann"])]
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @classmethod
    def of(cls, change: PeopleChange) -> Change:
        return cls(**{name: getattr(change, name) for name in cls.model_fields})


class Changes(BaseModel):
    items: list[Change]
    next_since: int


Place = tuple[str, str, str]


def place(facility: FacilityId, resident: ResidentId, contact: ContactId) -> Place:
    """On whose list, and who."""
    return facility, resident, contact


def people_of(given: Services) -> People:
    if given.people is None:
        raise LookupError("services without people")
    return given.people


def check_facility(given: Services, facility: str) -> None:
    known = sorted({each.id for each in given.rules.plan.facilities.values()}) if given.rules else []
    if facility not in known:
        raise PeopleError(f"the dialplan has no facility {facility!r}; it has {', '.join(known) or 'none'}")


@router.get("/residents/{facility}", summary="The residents of a facility", responses=REFUSED, dependencies=READERS)
async def residents(given: Given, facility: FacilityId, after: str = "", limit: Limit = 100) -> Residents:
    found = await people_of(given).read(lambda people: people.residents(facility, after, limit))
    items = [ResidentView.of(each) for each in found]
    return Residents(items=items, next_after=items[-1].id if items else after)


@router.get(
    "/residents/{facility}/{resident}", summary="A resident and the list", responses=REFUSED, dependencies=READERS
)
async def resident(given: Given, facility: FacilityId, resident: ResidentId) -> ResidentWhole:
    people = people_of(given)
    found = await people.read(lambda people: people.resident(facility, resident))
    if found is None:
        raise PeopleError(f"there is no resident {resident!r} in facility {facility!r}")
    listed = await people.read(lambda people: people.standings(facility, resident))
    pin = await people.read(lambda people: people.pin(facility, resident))
    return ResidentWhole(
        **ResidentView.of(found).model_dump(),
        pin=pin is not None and bool(pin.hash),
        list=[Listed(contact=each.id, name=each.name, standing=standing) for each, standing in listed],
    )


@router.put("/residents/{facility}/{resident}", summary="A new resident, or another state", responses=REFUSED)
async def put_resident(
    given: Given, member: Administrator, facility: FacilityId, resident: ResidentId, body: ResidentBody
) -> ResidentView:
    check_facility(given, facility)
    value = Resident(id=resident, facility=facility, **body.model_dump())
    await people_of(given).change(lambda people, by: people.put_resident(value, by), member.name)
    return ResidentView.of(value)


@router.put(
    "/residents/{facility}/{resident}/pin",
    summary="Set or take away a PIN",
    responses=REFUSED,
    status_code=status.HTTP_204_NO_CONTENT,
)
async def put_pin(
    given: Given, member: Administrator, facility: FacilityId, resident: ResidentId, body: PinBody
) -> None:
    """Only its hash is kept. A lock-out ends."""
    await people_of(given).set_pin(facility, resident, body.pin, member.name)


@router.put(
    "/residents/{facility}/{resident}/contacts/{contact}",
    summary="How a contact stands to a resident",
    responses=REFUSED,
    status_code=status.HTTP_204_NO_CONTENT,
)
async def put_standing(
    given: Given,
    member: ListKeeper,
    place: Annotated[Place, Depends(place)],
    body: StandingBody,
) -> None:
    facility, resident, contact = place
    await people_of(given).put_on_list(facility, resident, contact, body.standing, who=member.name)


@router.get("/contacts/{contact}", summary="A contact", responses=REFUSED, dependencies=READERS)
async def contact(given: Given, contact: ContactId) -> ContactView:
    found = await people_of(given).read(lambda people: people.contact(contact))
    if found is None:
        raise PeopleError(f"there is no contact {contact!r}")
    return ContactView.of(found)


@router.put("/contacts/{contact}", summary="A new contact, or another state", responses=REFUSED)
async def put_contact(given: Given, member: Administrator, contact: ContactId, body: ContactBody) -> ContactView:
    try:
        number = telephone(body.telephone) if body.telephone else ""
    except ValueError as error:
        raise PeopleError(f"telephone: {error}") from None
    values = body.model_dump() | {"also": tuple(dict.fromkeys(body.also)), "telephone": number}
    value = Contact(id=contact, **values)
    await people_of(given).change(lambda people, by: people.put_contact(value, by), member.name)
    return ContactView.of(value)


@router.get("/numbers", summary="Blocked and watched numbers", responses=REFUSED, dependencies=READERS)
async def numbers(given: Given) -> list[Number]:
    return [Number.of(each) for each in await people_of(given).read(lambda people: people.barriers())]


@router.put("/numbers", summary="Block or watch a number", responses=REFUSED, status_code=status.HTTP_204_NO_CONTENT)
async def put_number(given: Given, member: Administrator, body: Number) -> None:
    if body.facility:
        check_facility(given, body.facility)
    barrier = body.barrier()
    await people_of(given).change(lambda people, by: people.put_barrier(barrier, by), member.name)


@router.post(
    "/numbers/free", summary="Take a block or a watch away", responses=REFUSED, status_code=status.HTTP_204_NO_CONTENT
)
async def free_number(given: Given, member: Administrator, body: Number) -> None:
    """What is not there is no mistake."""
    barrier = body.barrier()
    await people_of(given).change(lambda people, by: people.take_barrier(barrier, by), member.name)


@audit.get("/people", summary="Who changed whom, before and after", responses=documented(401, 403, 503))
async def changes(
    given: Given,
    since: Annotated[int, Query(ge=0)] = 0,
    limit: Limit = 100,
    subject: Annotated[str, Query(max_length=300, examples=["north/4711"])] = "",
) -> Changes:
    """Oldest first. A PIN's line says only that it was set."""
    found = await people_of(given).read(lambda people: people.changes(since, limit, subject))
    items = [Change.of(each) for each in found]
    return Changes(items=items, next_since=items[-1].number if items else since)
