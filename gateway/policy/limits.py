"""How often, how close together and how many at once: limits as values, and whether what has been is within them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.policy.decision import Refusal
from gateway.policy.usage import Usage


@dataclass(frozen=True, slots=True)
class Velocity:
    """At most so many attempts, answered or not, within so many seconds."""

    attempts: int
    within_s: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Of each caller (the resident where residents are known, else the station), but concurrent: of the facility.

    gap_s: from the end of a visit to the beginning of the next. None, 0: no such limit.
    """

    visits_per_day: int | None = None
    visits_per_week: int | None = None
    gap_s: int = 0
    velocity: Velocity | None = None
    concurrent: int | None = None

    @property
    def any(self) -> bool:
        return self != NO_LIMITS

    def with_own(self, visits_per_day: int | None, visits_per_week: int | None) -> Limits:
        """The stricter of these and of somebody's own."""
        return Limits(
            visits_per_day=least(self.visits_per_day, visits_per_day),
            visits_per_week=least(self.visits_per_week, visits_per_week),
            gap_s=self.gap_s,
            velocity=self.velocity,
            concurrent=self.concurrent,
        )


NO_LIMITS = Limits()


def least(*limits: int | None) -> int | None:
    """The most restrictive; None where none is set."""
    return min((each for each in limits if each is not None), default=None)


@dataclass(frozen=True, slots=True)
class Check:
    """One limit that is set: whether it is kept. whose: as the path of a decision tells it; empty: the caller's."""

    refusal: Refusal
    kept: bool
    whose: str = ""


def checks(limits: Limits, usage: Usage, at: datetime, *, privileged: bool) -> tuple[Check, ...]:
    """Of each limit that is set, in the order in which they refuse.

    A privileged visit is counted by nobody: only a flood of attempts and a full facility can refuse it.
    """
    found = []
    if limits.velocity is not None:
        found.append(Check(Refusal.VELOCITY, usage.attempts < limits.velocity.attempts))
    if limits.concurrent is not None:
        found.append(Check(Refusal.CONCURRENT, usage.live < limits.concurrent))
    if privileged:
        return tuple(found)
    if limits.gap_s:
        free_at = usage.last_ended_at + timedelta(seconds=limits.gap_s) if usage.last_ended_at else at
        found.append(Check(Refusal.GAP, at >= free_at))
    if limits.visits_per_day is not None:
        found.append(Check(Refusal.VISITS_PER_DAY, usage.visits_today < limits.visits_per_day))
    if limits.visits_per_week is not None:
        found.append(Check(Refusal.VISITS_PER_WEEK, usage.visits_this_week < limits.visits_per_week))
    return tuple(found)


def checks_of_contact(visits_per_day: int | None, visits_per_week: int | None, usage: Usage) -> tuple[Check, ...]:
    """Of each limit of number that a contact has; a privileged visit is not asked about."""
    found = (
        (Refusal.VISITS_PER_DAY, usage.contact_today, visits_per_day),
        (Refusal.VISITS_PER_WEEK, usage.contact_this_week, visits_per_week),
    )
    return tuple(Check(word, had < most, " of the contact") for word, had, most in found if most is not None)
