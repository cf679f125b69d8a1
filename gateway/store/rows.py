"""What crosses between the store's thread and everyone else: frozen rows, aware UTC, Money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from gateway.call.summary import NO_LEGS, Legs, VisitIntent
from gateway.money import Money

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def to_ms(at: datetime) -> int:
    """Whole milliseconds of UTC since 1970, cut. Raises ValueError for a naive time."""
    if at.tzinfo is None:
        raise ValueError("a time without zone cannot be stored")
    return (at - EPOCH) // MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    return EPOCH + milliseconds * MILLISECOND


def maybe_ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)


def maybe_time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_ms(milliseconds)


class AccountKind(StrEnum):
    PREPAID = "prepaid"  # a family's money: never below what is held on it
    DEBIT = "debit"  # the money of somebody inside: likewise
    FACILITY = "facility"  # pays by invoice: what it owes is its balance below zero
    HOUSE = "house"  # the other side of each movement: what came in, what was earned


@dataclass(frozen=True, slots=True)
class Account:
    """balance: what the ledger adds up to. held: the part that running visits have reserved.

    owner: whose it is, an id of the house's own choice. day_limit, week_limit: the most that visits may cost; None:
    no limit. low_balance: below it a notice is due, None: the house's mark; low_told: that notice was given.
    active_at: when money last moved or was held.
    """

    account_id: str
    kind: AccountKind
    balance: Money
    held: Money
    opened_at: datetime
    closed_at: datetime | None
    owner: str = ""
    day_limit: Money | None = None
    week_limit: Money | None = None
    low_balance: Money | None = None
    low_told: bool = False
    active_at: datetime = EPOCH

    @property
    def available(self) -> Money:
        """What may still be reserved of a prepaid account."""
        return self.balance - self.held

    @property
    def currency(self) -> str:
        return self.balance.currency

    @property
    def by_invoice(self) -> bool:
        """It may owe."""
        return self.kind in (AccountKind.FACILITY, AccountKind.HOUSE)


class MovementKind(StrEnum):
    DEPOSIT = "deposit"
    VISIT = "visit"
    CREDIT = "credit"  # money back for a visit; names its record
    CORRECTION = "correction"  # what a record put right, in either direction; names the visit's first record
    WITHDRAWAL = "withdrawal"  # paid out
    REFUND = "refund"  # all of it paid out, because the account is closed


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moves: movement_id is its idempotency key. cdr_id: the record that it belongs to.

    reason, who: why, and by whose hand; words of staff, for the ledger's readers alone.
    """

    movement_id: str
    kind: MovementKind
    at: datetime
    visit_id: str = ""
    cdr_id: str = ""
    reason: str = ""
    who: str = ""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One side of a movement. A positive amount raises the account's balance. number grows by time, with gaps."""

    number: int
    movement: Movement
    account_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Hold:
    """What a visit has reserved on one account. percent, position: its part in the charge, and its place among them.

    slices: in how many pieces it was taken.
    """

    hold_id: str
    visit_id: str
    account_id: str
    amount: Money
    limited_by_balance: bool
    taken_at: datetime
    released_at: datetime | None = None
    position: int = 0
    percent: int = 100
    slices: int = 1


UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Grant:
    """What authorisation left beside the intent. tariff_json: the tariff as it was, empty when there was none.

    free_s: seconds of the tariff's free allowance that are set aside for the visit; when it is over, those it used.
    refusal: a word of policy.decision.Refusal, or UNDECIDED while the gateway's own voice asks the caller.
    """

    tariff_json: str = ""
    granted_s: int = 0
    refusal: str = ""
    refusal_message: str = ""
    free_s: int = 0


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit as the database knows it. cdr_id is None until its record is written."""

    intent: VisitIntent
    grant: Grant
    alive_at: datetime | None
    ring_at: datetime | None
    answer_at: datetime | None
    media_start_at: datetime | None
    billable_s: int
    unusable_s: int
    cdr_id: str | None
    balance_after_micros: int | None
    legs: Legs = NO_LEGS


@dataclass(frozen=True, slots=True)
class CdrRow:
    """A record as it lies in the database: `document` is its canonical JSON, the rest repeats parts of it as keys."""

    node: str
    sequence: int
    cdr_id: str
    visit_id: str
    corrects: str | None
    facility: str
    account_id: str
    end_at: datetime
    reason: str
    total: Money
    document: str
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The last record of a node: the next one has sequence + 1 and names this hash."""

    sequence: int
    hash: str


class RecordingState(StrEnum):
    """How a recording came out. The value stands in the CDR."""

    OPEN = "open"  # being written, or left so by a crash that nobody has looked at yet
    COMPLETE = "complete"
    CUT = "cut"  # it ends where its writer died or the disk was full; what there is plays
    FAILED = "failed"  # nothing could be written


@dataclass(frozen=True, slots=True)
class Recording:
    """One file of a visit; a visit has another when its codecs change. wrapped_key: hexadecimal, empty once purged.

    dropped: packets that were not written because the writer was behind. sha256: of the file as it lies on the disk.
    """

    recording_id: str
    node: str
    facility: str
    visit_id: str
    part: int
    file_name: str
    key_id: str
    wrapped_key: str
    retention_days: int
    started_at: datetime
    ended_at: datetime | None = None
    bytes: int = 0
    sha256: str = ""
    state: RecordingState = RecordingState.OPEN
    dropped: int = 0
    retain_until: datetime | None = None
    purged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Watching:
    """An officer watched a visit. until None: it goes on, or the node died and has not been started since.

    officer: the name of the configuration. reason: why it ended, a closed word of docs/watching.md.
    number: the cursor of who reads them; 0 before it is written.
    """

    watching_id: str
    node: str
    facility: str
    visit_id: str
    officer: str
    since: datetime
    until: datetime | None = None
    reason: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Access:
    """Somebody looked at something, or took it away. act: a closed word such as `recording.export`."""

    at: datetime
    who: str
    act: str
    subject: str
    reason: str = ""
    detail: str = ""
