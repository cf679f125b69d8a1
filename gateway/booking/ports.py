"""What the start of a booked visit needs of the rooms beside it, as protocols: they are handed in by app.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gateway.booking.states import Attendance


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A visit to begin now. dialled: the contact's number, as a station would dial it. until: its end, however late
    it begins."""

    visit_id: str
    trunk: str
    station: str
    dialled: str
    contact: str
    resident: str = field(repr=False)
    until: datetime


class CallStation(Protocol):
    """Calls the station, then reaches the family, and carries the visit until `until` at most.

    Awaits joined() once, when both are there. Returns after the visit, or when somebody has not come: who came. What
    it raises counts as a station that was not reached.
    """

    async def __call__(self, visit: Scheduled, joined: Callable[[], Awaitable[None]]) -> Attendance: ...


@dataclass(frozen=True, slots=True)
class Reminder:
    """until: the end of the visit, and of the links to it. privileged: who it is with is not for every eye."""

    visit_id: str
    contact: str
    facility: str
    facility_name: str
    until: datetime
    privileged: bool = False


Remind = Callable[[Reminder], None]
"""Returns at once (gateway.reaching.Reaching.reach)."""
