"""What call control needs of the rooms above it, as protocols: they are handed in by app.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bridge import Media
from gateway.call.facts import Fact
from gateway.call.notices import Notice, Ring
from gateway.call.summary import (
    HoldGranted,
    HoldRefused,
    ProofOfLife,
    Receipt,
    RecordingSummary,
    VisitIntent,
    VisitSummary,
)
from gateway.ivr.values import PinLocked, PinRight, PinWrong
from gateway.policy.decision import Decision, Terms, VisitRequest
from sip import Dialog


class Accounting(Protocol):
    """Money and records (gateway.billing.accounting). Every call is one transaction; all are idempotent by visit id.

    Raises StoreUnavailable when the database is away: nothing was written.
    """

    async def authorise(self, intent: VisitIntent) -> HoldGranted | HoldRefused:
        """Writes the intent and takes the hold. A refusal leaves the intent to be closed by `close`."""
        ...

    async def extend(self, visit_id: str, has_s: int) -> HoldGranted | HoldRefused:
        """The next slice of the hold, for a visit that knows of `has_s` seconds. A refusal takes nothing away."""
        ...

    async def receive(self, intent: VisitIntent) -> None:
        """Writes what is known of a call before it is answered and asked. `authorise` or `attempt` replaces it."""
        ...

    async def attempt(self, intent: VisitIntent) -> None:
        """Writes the intent of a visit that policy refused, so that `close` can leave its CDR."""
        ...

    async def alive(self, proofs: tuple[ProofOfLife, ...]) -> None: ...

    async def close(self, summary: VisitSummary) -> Receipt:
        """Charge, ledger entries, release of the hold and CDR in one transaction."""
        ...


class PlaceCall(Protocol):
    """A call of ours (sip.Endpoint.invite). Raises SipError, such as SipBusy and SipConfigError."""

    async def __call__(self, target: str, sdp: str | None, *, trunk: str, from_user: str = "") -> Dialog: ...


class Decide(Protocol):
    """Policy (gateway.admission). Raises StoreError."""

    async def __call__(self, request: VisitRequest, visit_id: str) -> Decision: ...


class PinDesk(Protocol):
    """Who knows residents' PINs (gateway.people). Raises StoreError."""

    async def __call__(self, facility: str, resident: str, pin: str) -> PinRight | PinWrong | PinLocked: ...


class MakeMedia(Protocol):
    """Makes the bridge of one visit (bridge.MediaPlane.bridge)."""

    def __call__(self, *, sealed: bool) -> Media:
        """sealed: the visit is privileged, and nothing can ever be attached to its media."""
        ...


class Recording(Protocol):
    """A visit's recording, from its first sound both ways to its end (gateway.recording)."""

    def stop(self) -> None:
        """Nothing more is written down. Again is harmless."""
        ...

    async def finished(self) -> tuple[RecordingSummary, ...]:
        """What it came to, as soon as everything is on the disk, after seconds at the latest. Raises nothing."""
        ...


class Recordings(Protocol):
    """The archive (gateway.recording.archive)."""

    def begin(self, visit_id: str, terms: Terms, media: Media, failed: Callable[[str], None]) -> Recording | None:
        """failed(word): it ended early; the visit goes on. None: it could not begin, and has said so."""
        ...


class Facts(Protocol):
    """Where facts go (gateway.events.bus). Never blocks and never raises: full queues drop and count."""

    def publish(self, fact: Fact) -> None: ...


class Doorbell(Protocol):
    """How the family is reached (gateway.api.family). All calls return at once."""

    def ring(self, ring: Ring) -> None: ...

    def tell(self, contact: str, notice: Notice) -> None: ...
