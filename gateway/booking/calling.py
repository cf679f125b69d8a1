"""From the schedule to call control: a booking becomes a visit, and who came comes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from gateway.booking.ports import Scheduled
from gateway.booking.states import Attendance
from gateway.call.scheduled import Booked, Came


class Visits(Protocol):
    """gateway.call.registry.Visits."""

    async def place(self, booked: Booked, joined: Callable[[], Awaitable[None]]) -> Came: ...


class Calling:
    """Implements CallStation."""

    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    async def __call__(self, visit: Scheduled, joined: Callable[[], Awaitable[None]]) -> Attendance:
        booked = Booked(visit.visit_id, visit.trunk, visit.station, visit.dialled, visit.resident, visit.until)
        came = await self._visits.place(booked, joined)
        return Attendance(station=came.station, family=came.family)
