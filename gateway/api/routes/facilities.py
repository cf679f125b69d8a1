"""The facilities of the dialplan in force, and their stations: what a console offers to choose from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from gateway.api.auth import Given, staff
from gateway.api.problems import documented
from gateway.api.routes.rules import rules_of
from gateway.policy.plan import Dialplan, Facility, Identify

router = APIRouter(prefix="/api/v1/facilities", tags=["rules"])


class StationView(BaseModel):
    id: Annotated[str, Field(examples=["cell-1"])]
    name: Annotated[str, Field(examples=["Cell 1"])]
    unit: Annotated[str, Field(description="housing unit; empty: none")]


class FacilityView(BaseModel):
    """stations: empty where the dialplan lists none, and every station of the trunks may call."""

    id: Annotated[str, Field(examples=["north"])]
    name: Annotated[str, Field(examples=["North County Jail"])]
    timezone: Annotated[str, Field(examples=["America/Chicago"])]
    knows_residents: bool
    takes_bookings: bool
    stations: list[StationView]

    @classmethod
    def of(cls, facility: Facility, plan: Dialplan, *, takes_bookings: bool) -> FacilityView:
        found = plan.stations.get(facility.id, {})
        return cls(
            id=facility.id,
            name=facility.name,
            timezone=facility.timezone,
            knows_residents=facility.identify is not Identify.NONE,
            takes_bookings=takes_bookings,
            stations=[StationView(id=each.id, name=each.name, unit=each.unit) for each in found.values()],
        )


@router.get("", summary="The facilities", responses=documented(401), dependencies=[Depends(staff)])
async def facilities(given: Given) -> list[FacilityView]:
    """By id. Names of places, none of people."""
    plan = rules_of(given).plan
    booked = given.bookings.facilities() if given.bookings is not None else frozenset[str]()
    known = {each.id: each for each in plan.facilities.values()}
    return [FacilityView.of(known[each], plan, takes_bookings=each in booked) for each in sorted(known)]
