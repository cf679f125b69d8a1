"""What the API needs of the rules that visits go by. gateway/app.py gives it gateway.reloading.Rules."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.policy.decision import Decision, VisitRequest
from gateway.policy.plan import Dialplan


class Candidate(Protocol):
    """Rules that were read and are sound, and how they differ from those in force, in words."""

    @property
    def id(self) -> str: ...
    @property
    def differences(self) -> tuple[str, ...]: ...


class Rules(Protocol):
    @property
    def plan(self) -> Dialplan:
        """The dialplan in force."""
        ...

    @property
    def since(self) -> datetime: ...

    async def read(self) -> Candidate:
        """Raises DocumentError, StartError: those in force stay."""
        ...

    def adopt(self, candidate_id: str) -> Candidate:
        """Raises CandidateGone."""
        ...

    async def explain(self, request: VisitRequest) -> Decision:
        """What would be decided now. Raises StoreUnavailable."""
        ...
