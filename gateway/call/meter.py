"""The meter of a visit: pure, it counts what it is told and has no clock of its own.

It runs while media is usable both ways, and only then. What a frozen picture, a lost browser or one-way sound took
is counted apart and never charged; a hold is neither usable nor anybody's fault.

    IDLE -> USABLE <-> HELD
                   <-> BROKEN

Instants are seconds of the monotonic clock. Inside they are whole microseconds, so that 40.2 s less 3.2 s is 37 s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

_US = 1_000_000


class Mode(StrEnum):
    IDLE = "idle"  # media has not gone both ways yet: nothing counts
    USABLE = "usable"  # charged
    HELD = "held"  # the station holds: not charged, nobody's fault
    BROKEN = "broken"  # one-way, frozen or reconnecting: not charged, kept in the record


@dataclass(frozen=True, slots=True)
class Metering:
    """The policy: which time counts as usable beside that with media both ways. interrupted: one-way, or frozen."""

    held: bool = False
    reconnecting: bool = False
    interrupted: bool = False


ONLY_BOTH_WAYS = Metering()


@dataclass(frozen=True, slots=True)
class Meter:
    """limit_s: what the hold on the account pays for. No second beyond it is ever counted as billable."""

    limit_s: int
    mode: Mode = Mode.IDLE
    since_us: int = 0
    usable_us: int = 0
    broken_us: int = 0

    def switch(self, mode: Mode, at_s: float) -> Meter:
        """From `at_s` on it counts as `mode`. An instant before the last switch counts as that switch."""
        at_us = max(round(at_s * _US), self.since_us)
        return replace(
            self, mode=mode, since_us=at_us, usable_us=self._usable_us(at_us), broken_us=self._broken_us(at_us)
        )

    def billable_s(self, now_s: float) -> int:
        """Whole seconds; a second that has begun is not charged until it is over."""
        return self._usable_us(round(now_s * _US)) // _US

    def unusable_s(self, now_s: float) -> int:
        return self._broken_us(round(now_s * _US)) // _US

    def left_s(self, now_s: float) -> int:
        return self.limit_s - self.billable_s(now_s)

    def runs_out_at_s(self) -> float | None:
        """When the limit will be reached if nothing changes; None while it does not run."""
        if self.mode is not Mode.USABLE:
            return None
        return (self.since_us + self.limit_s * _US - self.usable_us) / _US

    def is_used_up(self, now_s: float) -> bool:
        return self._usable_us(round(now_s * _US)) >= self.limit_s * _US

    def _usable_us(self, at_us: int) -> int:
        running = max(0, at_us - self.since_us) if self.mode is Mode.USABLE else 0
        return min(self.usable_us + running, self.limit_s * _US)

    def _broken_us(self, at_us: int) -> int:
        running = max(0, at_us - self.since_us) if self.mode is Mode.BROKEN else 0
        return self.broken_us + running
