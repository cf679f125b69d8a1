"""Another dialplan while visits run: read and checked, shown, and only then taken, all at once.

    candidate = await rules.read()            # raises with every mistake; the old rules stay
    print(*candidate.differences, sep="\\n")
    rules.adopt(candidate.id)                 # exactly what was shown

Visits that run keep the terms and prices that they began with.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.admission import Admission
from gateway.billing.accounting import Accounting
from gateway.billing.tariff import Tariffs
from gateway.call.facts import Fact, FactKind
from gateway.call.ports import Facts
from gateway.clock import Clock
from gateway.config import Config
from gateway.desk import load_policy
from gateway.documents import DocumentError
from gateway.errors import CandidateGone, KinbridgeError
from gateway.policy.decision import Decision, VisitRequest
from gateway.policy.difference import differences
from gateway.policy.plan import Dialplan

_log = logging.getLogger(__name__)
_NAMED = 5  # places of mistakes that the log names


@dataclass(frozen=True, slots=True)
class Candidate:
    """Rules that were read and are sound. differences: from those in force, in words; empty: there is none."""

    id: str
    plan: Dialplan
    tariffs: Tariffs
    differences: tuple[str, ...]


class Rules:
    """The dialplan and tariffs of a running gateway.

    fits: raises StartError for a plan that this node, as it is configured, could not carry out.
    """

    def __init__(
        self,
        *,
        config: Config,
        admission: Admission,
        accounting: Accounting,
        fits: Callable[[Dialplan], None],
        facts: Facts,
        clock: Clock,
    ) -> None:
        self._config = config
        self._admission = admission
        self._accounting = accounting
        self._fits = fits
        self._facts = facts
        self._clock = clock
        self._candidate: Candidate | None = None
        self._reading = asyncio.Lock()
        self.since: datetime = clock.now()

    @property
    def plan(self) -> Dialplan:
        return self._admission.plan

    async def read(self) -> Candidate:
        """What the files say now; the one read before can be taken no more. Raises DocumentError, StartError."""
        async with self._reading:
            self._candidate = None
            try:
                plan, tariffs = await asyncio.to_thread(load_policy, self._config)
                self._fits(plan)
            except KinbridgeError as error:
                self._tell(FactKind.RULES_REFUSED, mistakes=mistakes_of(error))
                raise
            found = (*differences(self.plan, plan), *_repriced(self._accounting.tariffs, tariffs))
            self._candidate = Candidate(f"rules-{secrets.token_hex(8)}", plan, tariffs, found)
            return self._candidate

    def adopt(self, candidate_id: str) -> Candidate:
        """From now on they are in force. Raises CandidateGone when others were read, or taken, meanwhile."""
        candidate = self._candidate
        if candidate is None or candidate.id != candidate_id:
            raise CandidateGone("other rules were read or taken meanwhile; read them again")
        self._candidate = None
        self._accounting.use(candidate.tariffs)
        self._admission.adopt(candidate.plan)
        self.since = self._clock.now()
        self._tell(FactKind.RULES_CHANGED, differences=len(candidate.differences))
        _log.info("other rules are in force: %d differences", len(candidate.differences))
        return candidate

    async def explain(self, request: VisitRequest) -> Decision:
        """What would be decided now. Raises StoreError."""
        return await self._admission.explain(request)

    async def reload(self) -> None:
        """Both at once, as a signal wants it. What is wrong is only counted here: the messages quote the files."""
        try:
            candidate = await self.read()
        except KinbridgeError as error:
            _log.error("the rules stay as they are: %s; see kinbridge dialplan check", _counted(error))
            return
        self.adopt(candidate.id)

    def _tell(self, kind: FactKind, **detail: int) -> None:
        self._facts.publish(Fact(kind, self._config.node, "", "", "", self._clock.now(), detail=dict(detail)))


def mistakes_of(error: KinbridgeError) -> int:
    return len(error.problems) if isinstance(error, DocumentError) else 1


def _counted(error: KinbridgeError) -> str:
    if not isinstance(error, DocumentError):
        return type(error).__name__
    places = sorted({f"{each.file}:{each.line}" for each in error.problems})
    return f"{len(error.problems)} mistakes at {', '.join(places[:_NAMED])}"


def _repriced(before: Tariffs, after: Tariffs) -> Iterator[str]:
    for each in sorted(before):
        if each not in after:
            yield f"tariff {each}: taken away"
    for each in sorted(after):
        if each not in before:
            yield f"tariff {each}: added"
        elif before.versions(each) != after.versions(each):
            yield f"tariff {each}: other prices, rules or dates"
