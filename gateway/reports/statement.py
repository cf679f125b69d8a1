"""A month of an account: every entry of its ledger, told in the words of its visits. Pure.

    opening balance + entries of the month = closing balance          to the micro-unit, or nothing is printed

A visit is charged as its first record says: that is what the ledger took on that day. What was put right later is an
entry of its own on its own day, and the visit says how much of it has come back by the end of the month.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from gateway.billing.cdr import Cdr, CdrLine
from gateway.errors import BillingError
from gateway.money import Money
from gateway.reports.period import Period, zone_of
from gateway.store import Account, LedgerEntry, MovementKind


class Why(StrEnum):
    """Why seconds of a visit were not charged."""

    CONNECTING = "connecting"  # between the family's accept and the first sound and picture
    UNUSABLE = "unusable"  # frozen, one-way, held or reconnecting: not usable both ways
    FREE = "free"  # the tariff's free allowance
    INCLUDED = "included"  # a visit that cost nothing at all


@dataclass(frozen=True, slots=True)
class NotCharged:
    why: Why
    seconds: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a charge; see gateway.billing.cdr.CdrLine."""

    kind: str
    label: str
    quantity: int
    amount: Money


@dataclass(frozen=True, slots=True)
class VisitItem:
    """A visit that was answered, or that cost something.

    at: when it was answered, on the wall clock of its facility. duration_s: until its end. used_s: of that, with
    usable media both ways. lines add up to total; percent of it is what this account paid: amount. given_back: of
    amount, by the end of the month. Times are aware and local.
    """

    visit_id: str
    cdr_id: str
    at: datetime
    ended_at: datetime
    facility: str
    station: str
    contact: str
    medium: str
    privileged: bool
    reason: str
    duration_s: int
    used_s: int
    not_charged: tuple[NotCharged, ...]
    lines: tuple[Line, ...]
    total: Money
    percent: int
    amount: Money
    given_back: Money
    cap_lowered: Money


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the ledger. at: local, in the statement's zone. visit_at: of a credit or correction, its visit's."""

    number: int
    kind: MovementKind
    at: datetime
    amount: Money
    balance: Money
    reason: str
    visit_id: str
    visit_at: datetime | None


@dataclass(frozen=True, slots=True)
class Statement:
    """opening + the sum of entries = closing. visits: in the order of their beginnings."""

    account_id: str
    kind: str
    currency: str
    period: Period
    made_at: datetime
    opening: Money
    closing: Money
    entries: tuple[Entry, ...]
    visits: tuple[VisitItem, ...]

    def total(self, *kinds: MovementKind) -> Money:
        return _sum((each.amount for each in self.entries if each.kind in kinds), self.currency)

    @property
    def deposits(self) -> Money:
        return self.total(MovementKind.DEPOSIT)

    @property
    def charges(self) -> Money:
        """Below zero, as in the ledger."""
        return self.total(MovementKind.VISIT)

    @property
    def given_back(self) -> Money:
        """Credits, and corrections in either direction."""
        return self.total(MovementKind.CREDIT, MovementKind.CORRECTION)

    @property
    def paid_out(self) -> Money:
        """Below zero."""
        return self.total(MovementKind.WITHDRAWAL, MovementKind.REFUND)

    @property
    def is_whole_cents(self) -> bool:
        """Whether what is shown with two decimals is all there is."""
        shown = [self.opening, self.closing, *(each.amount for each in self.entries)]
        shown += [line.amount for visit in self.visits for line in visit.lines]
        return all(each.micros % 10_000 == 0 for each in shown)


@dataclass(frozen=True, slots=True)
class VisitRecords:
    """first: what was charged; last: the same, or what corrected it."""

    first: Cdr
    last: Cdr


def state(
    account: Account,
    period: Period,
    opening: Money,
    closing: Money,
    *,
    ledger: Sequence[LedgerEntry],
    records: Mapping[str, VisitRecords],
    made_at: datetime,
) -> Statement:
    """records: by visit_id, of every visit that an entry names and of those that cost nothing.

    Raises BillingError when the entries do not lead from the opening to the closing balance.
    """
    entries = tuple(_entries(opening, ledger, period, records))
    if (entries[-1].balance if entries else opening) != closing:
        raise BillingError(f"the ledger of {account.account_id} does not lead from {opening} to {closing}")
    charged = {each.visit_id: -each.amount for each in entries if each.kind is MovementKind.VISIT}
    nothing = Money(0, account.currency)
    visits = [
        _visit(each, account.account_id, charged.get(visit_id, nothing), _back(visit_id, entries, nothing))
        for visit_id, each in records.items()
        if visit_id in charged or _costs_nothing(each, period)
    ]
    return Statement(
        account_id=account.account_id,
        kind=str(account.kind),
        currency=account.currency,
        period=period,
        made_at=made_at.astimezone(period.zone),
        opening=opening,
        closing=closing,
        entries=entries,
        visits=tuple(sorted(visits, key=lambda each: (each.at, each.visit_id))),
    )


def discreetly(statement: Statement) -> Statement:
    """For staff who may not know between whom a privileged visit was: time and money stay."""
    visits = (
        replace(each, station="", contact="", visit_id="", cdr_id="") if each.privileged else each
        for each in statement.visits
    )
    hidden = {each.visit_id for each in statement.visits if each.privileged}
    entries = (replace(each, visit_id="") if each.visit_id in hidden else each for each in statement.entries)
    return replace(statement, visits=tuple(visits), entries=tuple(entries))


def _entries(
    opening: Money, ledger: Sequence[LedgerEntry], period: Period, records: Mapping[str, VisitRecords]
) -> Iterable[Entry]:
    balance = opening
    for each in ledger:
        balance += each.amount
        movement = each.movement
        known = records.get(movement.visit_id) if movement.kind is not MovementKind.VISIT else None
        yield Entry(
            number=each.number,
            kind=movement.kind,
            at=movement.at.astimezone(period.zone),
            amount=each.amount,
            balance=balance,
            reason=movement.reason,
            visit_id=movement.visit_id,
            visit_at=_local(known.first) if known else None,
        )


def _costs_nothing(records: VisitRecords, period: Period) -> bool:
    """Answered, and free: refused and missed attempts are no visits to the family."""
    first = records.first
    return first.answer_at is not None and period.holds(first.end_at) and first.charged.micros == 0


def _visit(records: VisitRecords, account_id: str, amount: Money, given_back: Money) -> VisitItem:
    first, last = records.first, records.last
    percent = next((each.percent for each in first.payers if each.account == account_id), 100)
    zone = zone_of(first.timezone)
    return VisitItem(
        visit_id=first.visit_id,
        cdr_id=first.cdr_id,
        at=_local(first),
        ended_at=first.end_at.astimezone(zone),
        facility=first.facility,
        station=first.station,
        contact=first.contact,
        medium=first.medium,
        privileged=first.privileged,
        reason=last.reason,
        duration_s=last.duration_ms // 1000,
        used_s=last.billable_s,
        not_charged=not_charged(last),
        lines=tuple(_line(each, first.currency) for each in first.lines),
        total=first.charged,
        percent=percent,
        amount=amount,
        given_back=given_back,
        cap_lowered=Money.parse(first.cap_lowered, first.currency),
    )


def _back(visit_id: str, entries: Sequence[Entry], nothing: Money) -> Money:
    found = (
        each.amount
        for each in entries
        if each.visit_id == visit_id and each.kind in (MovementKind.CREDIT, MovementKind.CORRECTION)
    )
    return sum(found, nothing)


def _line(line: CdrLine, currency: str) -> Line:
    return Line(line.kind, line.label, line.quantity, Money.parse(line.amount, currency))


def _local(cdr: Cdr) -> datetime:
    return (cdr.answer_at or cdr.setup_at).astimezone(zone_of(cdr.timezone))


def not_charged(cdr: Cdr) -> tuple[NotCharged, ...]:
    """Where the seconds of a visit went that are not in its charge; with used_s they are all there are."""
    whole_s = cdr.duration_ms // 1000
    connecting_s = max(0, whole_s - cdr.billable_s - cdr.unusable_s)
    found = [NotCharged(Why.CONNECTING, connecting_s), NotCharged(Why.UNUSABLE, cdr.unusable_s)]
    if cdr.free_s:
        found.append(NotCharged(Why.FREE, cdr.free_s))
    elif cdr.charged.micros == 0 and not cdr.credited.strip("0.") and cdr.billable_s:
        found.append(NotCharged(Why.INCLUDED, cdr.billable_s))
    return tuple(each for each in found if each.seconds)


def _sum(amounts: Iterable[Money], currency: str) -> Money:
    return sum(amounts, Money(0, currency))
