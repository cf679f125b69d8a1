"""One visit's way to the accounting: the intent before anything rings, exactly one record after everything is over.

A database that is away delays the record, never the visit and never the hang-up: closing is tried again until it is
written. If the node dies before that, the intent is in the database and recovery closes it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.call.ports import Accounting
from gateway.call.summary import (
    HoldGranted,
    HoldRefused,
    Legs,
    MediaSummary,
    ProofOfLife,
    Receipt,
    VisitIntent,
    VisitSummary,
)
from gateway.call.termination import Fault, Reason, Termination
from gateway.call.visit import VisitState
from gateway.clock import Clock
from gateway.errors import StoreError, StoreUnavailable

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
REPAIR_TRIES = 40
"""How often a record is offered to a database that is there and refuses it: some nine minutes, in which a person can
give back a right or a password. After that the visit is left to recovery, and takes up no place any longer."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Turns instants of the monotonic clock into UTC, so that a step of the wall clock bends no duration."""

    began_at: datetime
    began_s: float

    def at(self, instant_s: float) -> datetime:
        return self.began_at + timedelta(seconds=instant_s - self.began_s)

    def maybe(self, instant_s: float | None) -> datetime | None:
        return None if instant_s is None else self.at(instant_s)


class Books:
    """intent: replaced as more becomes known, until it is written."""

    def __init__(self, accounting: Accounting, clock: Clock, timeline: Timeline, intent: VisitIntent) -> None:
        self._accounting = accounting
        self._clock = clock
        self._timeline = timeline
        self.intent = intent
        self.grant: HoldGranted | None = None
        self._written = False
        self._open = False  # written, and not decided

    async def authorise(self) -> HoldGranted | HoldRefused:
        """Raises StoreError."""
        answer = await self._accounting.authorise(self.intent)
        self._written, self._open = True, False
        if isinstance(answer, HoldGranted):
            self.grant = answer
        return answer

    async def receive(self) -> None:
        """The intent as far as it is known before anything is decided. Raises StoreError."""
        await self._accounting.receive(self.intent)
        self._written = self._open = True

    async def extend(self, has_s: int) -> tuple[int, int]:
        """Seconds that are paid for now, and that could be. Raises StoreUnavailable."""
        answer = await self._accounting.extend(self.intent.visit_id, has_s)
        if isinstance(answer, HoldGranted):
            self.grant = answer
            return answer.seconds, answer.reach_s
        if self.grant:
            self.grant = replace(self.grant, reach_s=self.grant.seconds, reach=self.grant.amount)
        return has_s, has_s

    def proof(self, visit: VisitState, now_s: float, legs: Legs) -> ProofOfLife | None:
        """What is sure by now; None while there is nothing to prove."""
        if not self._written or visit.is_over:
            return None
        times = self._timeline
        return ProofOfLife(
            visit_id=self.intent.visit_id,
            at=times.at(now_s),
            ring_at=times.maybe(visit.marks.ring_at_s),
            answer_at=times.maybe(visit.marks.answered_at_s),
            media_start_at=times.maybe(visit.marks.media_start_at_s),
            billable_s=visit.meter.billable_s(now_s),
            unusable_s=visit.meter.unusable_s(now_s),
            legs=legs,
        )

    async def close(self, visit: VisitState, media: MediaSummary, on_delay: Callable[[], None]) -> Receipt:
        """on_delay: called once, when the first try did not do it. Raises StoreError after REPAIR_TRIES."""
        summary = self._summary(visit, media)
        for tries, pause_s in enumerate(_pauses(), 1):
            try:
                if not self._written or self._open:
                    await self._accounting.attempt(self.intent)
                    self._written, self._open = True, False
                return await self._accounting.close(summary)
            except StoreError as error:
                if tries >= REPAIR_TRIES and not isinstance(error, StoreUnavailable):
                    raise
                if tries == 1:
                    self._warn_of(error)
                    on_delay()
            await self._clock.sleep(pause_s)
        raise AssertionError("the pauses never end")

    def _warn_of(self, error: StoreError) -> None:
        if isinstance(error, StoreUnavailable):
            log.warning("visit %s: the database is away, its record waits", self.intent.visit_id)
        else:
            log.error("visit %s: its record waits, somebody must repair this: %s", self.intent.visit_id, error)

    def _summary(self, visit: VisitState, media: MediaSummary) -> VisitSummary:
        now_s = self._clock.monotonic()
        ended_at_s = visit.marks.ended_at_s
        times = self._timeline
        return VisitSummary(
            visit_id=self.intent.visit_id,
            ended_at=times.at(now_s if ended_at_s is None else ended_at_s),
            ring_at=times.maybe(visit.marks.ring_at_s),
            answer_at=times.maybe(visit.marks.answered_at_s),
            media_start_at=times.maybe(visit.marks.media_start_at_s),
            media_end_at=times.maybe(visit.marks.media_end_at_s),
            billable_s=visit.meter.billable_s(now_s),
            unusable_s=visit.meter.unusable_s(now_s),
            termination=visit.termination or Termination(Reason.NODE_CRASH, Fault.GATEWAY),
            flows=media.flows,
            one_way_s=media.one_way_s,
            recording_begun=media.recording_begun,
            recordings=media.recordings,
            contact=self.intent.contact,
            legs=media.legs,
        )


def _pauses() -> Iterator[float]:
    pause_s = FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
