"""Scheduled visits: for staff, and for the family's own page."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from gateway.api.auth import Family, Given, Officer, Visitor, officer
from gateway.api.messages import Amount
from gateway.api.problems import documented
from gateway.api.services import Services
from gateway.booking import BookingDesk, Hand, Offer, Wanted
from gateway.booking.calendar import calendar_of
from gateway.errors import BookingError, BookingUnknown
from gateway.store import Booking

router = APIRouter(prefix="/api/v1/bookings", tags=["bookings"], dependencies=[Depends(officer)])
family_router = APIRouter(prefix="/api/v1/family/bookings", tags=["bookings"])

BookingId = Annotated[str, Path(pattern=r"^[\w.:-]{1,80}$", examples=["b-7f3a9c"])]
_Id = Annotated[str, Field(min_length=1, max_length=200)]
_Place = Annotated[str, Query(min_length=1, max_length=200)]
_Perhaps = Annotated[str, Query(max_length=200)]
_Limit = Annotated[int, Query(ge=1, le=1000)]
_ICS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/calendar": {}}, "description": "RFC 5545; CANCEL for one that will not be"}
}


class SlotView(BaseModel):
    """stations: how many are free."""

    starts_at: datetime
    ends_at: datetime
    stations: int

    @classmethod
    def of(cls, offer: Offer) -> SlotView:
        return cls(starts_at=offer.slot.starts_at, ends_at=offer.slot.ends_at, stations=len(offer.stations))


class BookingView(BaseModel):
    """fee: what is owed for the booking itself, after the refund rule. sequence: of its calendar file."""

    booking_id: str
    visit_id: str
    facility: str
    station: str
    contact: str
    resident: str
    starts_at: datetime
    ends_at: datetime
    state: Annotated[str, Field(examples=["approved"])]
    rules: str
    rules_at: datetime | None
    fee: Amount
    sequence: int
    reason: str

    @classmethod
    def of(cls, booking: Booking) -> BookingView:
        return cls(
            booking_id=booking.booking_id,
            visit_id=booking.visit_id,
            facility=booking.facility,
            station=booking.station,
            contact=booking.contact,
            resident=booking.resident,
            starts_at=booking.starts_at,
            ends_at=booking.ends_at,
            state=str(booking.state),
            rules=booking.rules,
            rules_at=booking.rules_at,
            fee=Amount.of(booking.owed),
            sequence=booking.sequence,
            reason=booking.reason,
        )


class BookingPage(BaseModel):
    """next_after: for the next call; the same as `after` when there was nothing more."""

    items: list[BookingView]
    next_after: str

    @classmethod
    def of(cls, found: tuple[Booking, ...], after: str) -> BookingPage:
        items = [BookingView.of(each) for each in found]
        return cls(items=items, next_after=items[-1].booking_id if items else after)


class StaffBooking(BaseModel):
    facility: _Id
    contact: _Id
    resident: Annotated[str, Field(max_length=200, description="where residents are known")] = ""
    starts_at: AwareDatetime


class FamilyBooking(BaseModel):
    """accepts: the version of the rules that the family has read and accepted."""

    facility: _Id
    resident: Annotated[str, Field(max_length=200, description="needed when there are several")] = ""
    starts_at: AwareDatetime
    accepts: Annotated[str, Field(max_length=60)] = ""


class Move(BaseModel):
    starts_at: AwareDatetime


class Reason(BaseModel):
    """For whoever reads the booking, the family too; no names of people."""

    reason: Annotated[str, Field(max_length=200)] = ""


# staff


@router.get("/slots", summary="Free slots", responses=documented(401, 403, 422, 503))
async def booking_slots(
    given: Given,
    *,
    facility: _Place,
    contact: _Place,
    since: AwareDatetime,
    until: AwareDatetime,
    resident: _Perhaps = "",
) -> list[SlotView]:
    """In which this contact could visit; as decided by the rules in force."""
    wanted = Wanted(facility, contact, resident)
    return [SlotView.of(each) for each in await _desk(given).slots(wanted, since, until, staff=True)]


@router.get("", summary="Bookings", responses=documented(401, 403, 422, 503))
async def bookings(
    given: Given,
    *,
    facility: _Perhaps = "",
    contact: _Perhaps = "",
    since: AwareDatetime | None = None,
    after: _Perhaps = "",
    limit: _Limit = 100,
) -> BookingPage:
    """By id; `since` leaves out those that ended before."""
    desk = _desk(given)
    found = await desk.listed(facility=facility, contact=contact, since=since, after=after, limit=limit)
    return BookingPage.of(found, after)


@router.post("", status_code=201, summary="Book for a family", responses=documented(401, 403, 409, 422, 503))
async def book(wanted: StaffBooking, member: Officer, given: Given) -> BookingView:
    """It needs no approval, and no rules are accepted."""
    asked = Wanted(wanted.facility, wanted.contact, wanted.resident)
    return BookingView.of(await _desk(given).book(asked, wanted.starts_at, Hand(member.name, staff=True)))


@router.post("/{booking_id}/approve", summary="Approve", responses=documented(401, 403, 404, 409, 422, 503))
async def approve_booking(booking_id: BookingId, given: Given) -> BookingView:
    return BookingView.of(await _desk(given).approve(booking_id))


@router.post("/{booking_id}/refuse", summary="Refuse", responses=documented(401, 403, 404, 409, 422, 503))
async def refuse_booking(booking_id: BookingId, why: Reason, given: Given) -> BookingView:
    return BookingView.of(await _desk(given).refuse(booking_id, why.reason))


@router.post(
    "/{booking_id}/cancel", summary="Cancel, free of charge", responses=documented(401, 403, 404, 409, 422, 503)
)
async def cancel_booking(booking_id: BookingId, why: Reason, member: Officer, given: Given) -> BookingView:
    return BookingView.of(await _desk(given).cancel(booking_id, Hand(member.name, staff=True), why.reason))


@router.post("/{booking_id}/move", summary="Move", responses=documented(401, 403, 404, 409, 422, 503))
async def move_booking(booking_id: BookingId, to: Move, member: Officer, given: Given) -> BookingView:
    return BookingView.of(await _desk(given).move(booking_id, to.starts_at, Hand(member.name, staff=True)))


# the family


@family_router.get("/slots", summary="Free slots", responses=documented(401, 404, 422, 503))
async def family_booking_slots(
    given: Given,
    family: Family,
    *,
    facility: _Place,
    since: AwareDatetime,
    until: AwareDatetime,
    resident: _Perhaps = "",
) -> list[SlotView]:
    wanted = await _wanted(given, family, facility, resident)
    return [SlotView.of(each) for each in await _desk(given).slots(wanted, since, until)]


@family_router.get("", summary="The contact's bookings", responses=documented(401, 404, 422, 503))
async def family_bookings(given: Given, family: Family, after: _Perhaps = "", limit: _Limit = 100) -> BookingPage:
    return BookingPage.of(await _desk(given).listed(contact=_contact(family), after=after, limit=limit), after)


@family_router.post("", status_code=201, summary="Book a visit", responses=documented(401, 404, 409, 422, 503))
async def family_book(wanted: FamilyBooking, family: Family, given: Given) -> BookingView:
    """Two who want the last station at one time: one is answered 409 and takes another slot."""
    asked = await _wanted(given, family, wanted.facility, wanted.resident)
    booked = await _desk(given).book(asked, wanted.starts_at, Hand(asked.contact), accepts=wanted.accepts)
    return BookingView.of(booked)


@family_router.post("/{booking_id}/cancel", summary="Cancel", responses=documented(401, 404, 409, 422, 503))
async def family_cancel_booking(booking_id: BookingId, family: Family, given: Given) -> BookingView:
    """In time the fee is given back whole, later by the facility's rule."""
    return BookingView.of(await _desk(given).cancel(booking_id, Hand(_contact(family))))


@family_router.post("/{booking_id}/move", summary="Move", responses=documented(401, 404, 409, 422, 503))
async def family_move_booking(booking_id: BookingId, to: Move, family: Family, given: Given) -> BookingView:
    return BookingView.of(await _desk(given).move(booking_id, to.starts_at, Hand(_contact(family))))


@family_router.get(
    "/{booking_id}/calendar.ics",
    summary="For a calendar",
    response_class=Response,
    responses={**documented(401, 404, 422, 503), **_ICS},
)
async def family_booking_calendar(booking_id: BookingId, family: Family, given: Given) -> Response:
    """The same UID each time; a calendar that has it replaces it."""
    desk = _desk(given)
    booking = await desk.booking(booking_id, _contact(family))
    return Response(calendar_of(booking, desk.facility_name(booking.facility)), media_type="text/calendar")


def _contact(family: Visitor) -> str:
    """A link to one visit books no other."""
    if family.visit_id:
        raise BookingUnknown("this link is for one visit; bookings need the contact's own link")
    return family.contact


async def _wanted(given: Services, family: Visitor, facility: str, resident: str) -> Wanted:
    """The only resident who has this contact, where none was named."""
    contact = _contact(family)
    if not resident:
        known = await _desk(given).residents_of(facility, contact)
        if len(known) > 1:
            raise BookingError("several residents there have this contact: name one")
        resident = known[0] if known else ""
    return Wanted(facility, contact, resident)


def _desk(given: Services) -> BookingDesk:
    if given.bookings is None:
        raise BookingUnknown("this gateway takes no bookings")
    return given.bookings
