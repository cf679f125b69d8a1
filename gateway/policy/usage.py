"""What limits are counted by: a caller's visits and attempts until now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = 7


@dataclass(frozen=True, slots=True)
class PastVisit:
    """A visit, or an attempt at one. ended_at: None while it is live, and where it is not known.

    allowed: policy and money let it go on. recorded: it is over.
    """

    visit_id: str
    setup_at: datetime
    media_start_at: datetime | None
    ended_at: datetime | None
    allowed: bool
    recorded: bool
    privileged: bool

    @property
    def counts(self) -> bool:
        """It took place, or may still; a privileged one is nobody's business."""
        live = self.allowed and not self.recorded
        return not self.privileged and (live or self.media_start_at is not None)


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one caller at the time of asking; the visit that is asked about is not in it.

    visits_today, visits_this_week: on the facility's calendar, weeks begin on Monday. last_ended_at: of the last visit
    that took place; the time of asking while one is live. attempts: recent ones. live: visits of the whole facility.
    contact_today, contact_this_week: visits of anybody in the facility with the contact who is asked for.
    """

    visits_today: int = 0
    visits_this_week: int = 0
    last_ended_at: datetime | None = None
    attempts: int = 0
    live: int = 0
    contact_today: int = 0
    contact_this_week: int = 0


UNUSED = Usage()


def counted(
    past: Iterable[PastVisit],
    at: datetime,
    zone: ZoneInfo,
    *,
    velocity_s: int = 0,
    live: int = 0,
    of_contact: Iterable[PastVisit] = (),
) -> Usage:
    """velocity_s: how far back attempts are counted. past: from `begin_of_week` on, and at least so far back.

    of_contact: from `begin_of_week` on.
    """
    everything = tuple(past)
    visits = tuple(each for each in everything if each.counts)
    ends = [at if not each.recorded else each.ended_at for each in visits]
    since = at - timedelta(seconds=velocity_s)
    today, this_week = _on_calendar(visits, at, zone)
    contact_today, contact_this_week = _on_calendar(of_contact, at, zone)
    return Usage(
        visits_today=today,
        visits_this_week=this_week,
        last_ended_at=max((each for each in ends if each is not None), default=None),
        attempts=sum(each.setup_at > since for each in everything),
        live=live,
        contact_today=contact_today,
        contact_this_week=contact_this_week,
    )


def _on_calendar(visits: Iterable[PastVisit], at: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """How many that count were on that day, and in that week."""
    today = at.astimezone(zone).date()
    dates = [each.setup_at.astimezone(zone).date() for each in visits if each.counts]
    return sum(day == today for day in dates), sum(_monday(day) == _monday(today) for day in dates)


def begin_of_week(at: datetime, zone: ZoneInfo) -> datetime:
    """Midnight of Monday on the wall clock of the zone, aware."""
    return datetime.combine(_monday(at.astimezone(zone).date()), time(), tzinfo=zone)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday() % DAYS)
