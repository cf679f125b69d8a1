"""When a price or a cap begins and ends: an instant, or a day on the facility's wall clock.

A file that says 2026-04-06 means that day where the visit is, as a law or a contract does, whatever the hour in UTC. So
a bound is a datetime: aware for an instant, naive for a midnight on the wall.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def instant(moment: datetime, zone: tzinfo) -> datetime:
    """The bound as an instant (UTC) for a facility in `zone`."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def rank(moment: datetime) -> datetime:
    """For sorting bounds of both kinds, where no facility is in sight."""
    return instant(moment, UTC)


def holds(begin: datetime, end: datetime | None, at: datetime, zone: tzinfo) -> bool:
    """Whether `at` lies from `begin` on and before `end`; None has no end."""
    return instant(begin, zone) <= at and (end is None or at < instant(end, zone))


def overlap(one: tuple[datetime, datetime | None], other: tuple[datetime, datetime | None], zone: tzinfo) -> bool:
    """Whether two times, each from a begin on and before an end, share an instant."""
    (begin, end), (other_begin, other_end) = one, other
    return (end is None or instant(other_begin, zone) < instant(end, zone)) and (
        other_end is None or instant(begin, zone) < instant(other_end, zone)
    )


def told(moment: datetime) -> str:
    """As it is written in a file: `2026-04-06` or `2026-04-06T05:00:00Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment.tzinfo else f"{moment:%Y-%m-%d}"
