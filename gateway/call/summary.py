"""What is known of a visit when it is over: the input of charge and CDR. Plain values, aware UTC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from gateway.call.termination import Termination
from gateway.money import Money
from gateway.policy.decision import Medium, Payer


@dataclass(frozen=True, slots=True)
class FlowSummary:
    """One kind in one direction. source is `sip` or `web`; path is `relay`, `transcode` or `none`.

    lost is of the half that comes in; far_lost is what the far side says it misses of what went out. frozen_s: nothing
    new went out although it was due. mos: 1.0 to 4.5, of sound, None where unknown.
    """

    kind: str
    source: str
    path: str
    source_codec: str
    target_codec: str
    packets: int
    lost: int
    jitter_ms: float
    frames_decoded: int = 0
    far_lost: int = 0
    rtt_ms: float | None = None
    frozen_s: float = 0.0
    mos: float | None = None


@dataclass(frozen=True, slots=True)
class Legs:
    """What is known of the SIP legs only after the intent: those that the gateway makes itself.

    sip_call_id: of the station's leg where we called the station; else empty. out_trunk, out_sip_call_id: of the
    family's telephone, as it was called last; empty: it was not.
    """

    sip_call_id: str = ""
    out_trunk: str = ""
    out_sip_call_id: str = ""


NO_LEGS = Legs()


@dataclass(frozen=True, slots=True)
class MediaSummary:
    """one_way_s: sound came from one side only. recording_begun, recordings: see VisitSummary."""

    flows: tuple[FlowSummary, ...] = ()
    one_way_s: float = 0.0
    recording_begun: bool = False
    recordings: tuple[RecordingSummary, ...] = ()
    legs: Legs = NO_LEGS


@dataclass(frozen=True, slots=True)
class RecordingSummary:
    """What one file of a visit came to. state: a value of gateway.store.RecordingState. bytes, sha256: of the file."""

    recording_id: str
    state: str
    started_at: datetime
    ended_at: datetime
    bytes: int
    sha256: str
    dropped: int


@dataclass(frozen=True, slots=True)
class VisitIntent:
    """Written before anything rings: from here on the visit leaves exactly one CDR, whatever happens.

    visit_id: the idempotency key of hold, charge and CDR. Fields that policy did not reach are empty.
    payers: the accounts that share the charge, `account` first; empty: `account` pays all, or nobody.
    resident: who called, where residents are known.
    """

    visit_id: str
    node: str
    facility: str
    timezone: str
    station: str
    dialled: str
    contact: str
    account: str
    tariff: str
    rule: str
    medium: Medium
    max_seconds: int
    trunk: str
    sip_call_id: str
    setup_at: datetime
    privileged: bool = False
    payers: tuple[Payer, ...] = ()
    resident: str = field(default="", repr=False)

    @property
    def shares(self) -> tuple[Payer, ...]:
        """Who pays, whichever way it was said; empty: the visit is free."""
        if self.payers:
            return self.payers
        return (Payer(self.account, 100),) if self.account else ()


@dataclass(frozen=True, slots=True)
class HoldGranted:
    """amount is reserved; it pays for `seconds`. As the visit goes on more is reserved, slice by slice.

    reach_s, reach: what it could come to as the accounts stand now, which other visits may change; `seconds` and
    `amount` at least. limited_by_balance: whether the money, not the time limit, sets `reach_s`.
    rate_per_minute: what a further minute costs; what so many seconds cost in all, `price` tells.
    """

    hold_id: str
    amount: Money
    seconds: int
    limited_by_balance: bool
    rate_per_minute: Money
    reach_s: int
    reach: Money
    price: Callable[[int], Money] = field(compare=False)


@dataclass(frozen=True, slots=True)
class LowBalance:
    """An account has fallen below its mark. private: whose balance is no business of the family's page."""

    account: str
    balance: Money
    private: bool


@dataclass(frozen=True, slots=True)
class HoldRefused:
    """refusal is `balance`, `spending_limit`, `account_closed` or `tariff` (values of policy.decision.Refusal)."""

    refusal: str
    message: str


@dataclass(frozen=True, slots=True)
class ProofOfLife:
    """What a visit is sure of at `at`: a crash after it charges no second more than billable_s."""

    visit_id: str
    at: datetime
    ring_at: datetime | None
    answer_at: datetime | None
    media_start_at: datetime | None
    billable_s: int
    unusable_s: int
    legs: Legs = NO_LEGS


@dataclass(frozen=True, slots=True)
class VisitSummary:
    """A visit that is over. billable_s: whole seconds of usable media; never more than the hold's seconds.

    recording_begun: it was to be recorded and talked; recordings: what is known of the files, none if that failed.
    contact: who accepted, where several were rung; empty: whom the intent names.
    """

    visit_id: str
    ended_at: datetime
    ring_at: datetime | None
    answer_at: datetime | None
    media_start_at: datetime | None
    media_end_at: datetime | None
    billable_s: int
    unusable_s: int
    termination: Termination
    flows: tuple[FlowSummary, ...] = field(default=())
    one_way_s: float = 0.0
    recording_begun: bool = False
    recordings: tuple[RecordingSummary, ...] = ()
    contact: str = ""
    legs: Legs = NO_LEGS


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a finished visit cost, for the family's page and the events. low: the accounts that it has made low.

    cap: id of the rate cap that lowered the charge; empty: none did.
    """

    visit_id: str
    cdr_id: str
    sequence: int
    duration_s: int
    billable_s: int
    charged: Money
    balance: Money | None
    reason: str
    cap: str = ""
    low: tuple[LowBalance, ...] = field(default=(), compare=False)
