"""A record never changes: what was wrong with it is put right by another one that names it. Inside one transaction.

    cdr:v1  total 2.72  <-- corrects --  cdr:v1:1  total 2.00  <-- corrects --  cdr:v1:2  total 0.00
    ledger:       -2.72                            +0.72                            +2.00

The last record of a visit says what it costs; its total is what the ledger has taken for it, in all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.billing import accounts
from gateway.billing.cdr import SCHEMA, Cdr, CdrLine, CdrPayer, chained, from_document, storable_text, whole_ms
from gateway.billing.closing import priced, row_of
from gateway.billing.credits import MOSTLY_UNUSABLE
from gateway.billing.rating import Charge, Tariff
from gateway.billing.rules import AccountRules
from gateway.billing.shares import apportion
from gateway.errors import BillingError, KeyUsed
from gateway.money import Money
from gateway.store import CdrRow, Movement, MovementKind, Work

CREDIT_LINE = "credit"


@dataclass(frozen=True, slots=True)
class Hand:
    """Who corrects, and why. key: names this correction of the visit alone; again with it, nothing happens twice.

    node: the one whose chain the record becomes a part of.
    """

    key: str
    reason: str
    who: str
    node: str


def latest(work: Work, cdr_id: str) -> Cdr:
    """What the visit of a record stands at now. Raises BillingError for an unknown record."""
    return _read(_line(work, cdr_id)[-1])


def credit(work: Work, cdr_id: str, amount: Money, hand: Hand, *, now: datetime, rules: AccountRules) -> Cdr:
    """Gives back a part of what a visit was charged. cdr_id: any record of the visit. Raises BillingError."""
    line = _line(work, cdr_id)
    again = _done_before(line, hand)
    if again is not None:
        if not _is_credit(again) or _of_key(again, line) != amount:
            raise _used(hand, cdr_id)
        return again
    before = _read(line[-1])
    movement_id = accounts.credit(
        work,
        line[0].cdr_id,
        amount,
        hand.reason,
        hand.key,
        percents={each.account: each.percent for each in _payers(before)},
        at=now,
        rules=rules,
        who=hand.who,
    )
    changes = {
        "lines": (*before.lines, CdrLine(CREDIT_LINE, 1, (-amount).amount, storable_text(hand.reason))),
        "credited": (Money.parse(before.credited, before.currency) + amount).amount,
        "credit_reason": storable_text(hand.reason),
        "total": (before.charged - amount).amount,
        "movement_id": movement_id,
    }
    return _append(work, line, before, changes, hand, now=now)


def rerate(
    work: Work, cdr_id: str, tariff: Tariff, charge: Charge, hand: Hand, *, now: datetime, rules: AccountRules
) -> Cdr:
    """The same visit at another price; what was credited stays so, as far as there is a charge left to credit.

    Raises BillingError when the visit was free, or when more would have to be taken than a payer has; KeyUsed when the
    key named something else, or another price has come since.
    """
    line = _line(work, cdr_id)
    before = _read(line[-1])
    again = _done_before(line, hand)
    if again is not None:
        if _is_credit(again) or before.charged + Money.parse(before.credited, before.currency) != charge.total:
            raise _used(hand, cdr_id)
        return again
    if not _payers(before):
        raise BillingError(f"record {cdr_id} has nobody who paid: its visit was free")
    if charge.total.currency != before.currency:
        raise BillingError(f"record {cdr_id} is in {before.currency}, tariff {tariff.tariff_id} in {tariff.currency}")
    credited = min(Money(accounts.credited(work, line[0].cdr_id), before.currency), charge.total)
    if _read(line[0]).credit_reason == MOSTLY_UNUSABLE:
        credited = charge.total
    total = charge.total - credited
    movement_id = _move(work, line[0], _wanted(work, before, charge, credited, now), hand, now=now, rules=rules)
    changes = priced(tariff, charge) | {
        "tariff_id": tariff.tariff_id,
        "credited": credited.amount,
        "total": total.amount,
        "movement_id": movement_id,
    }
    if credited.micros:
        changes["lines"] = (*changes["lines"], CdrLine(CREDIT_LINE, 1, (-credited).amount, before.credit_reason))
    return _append(work, line, before, changes, hand, now=now)


def _line(work: Work, cdr_id: str) -> tuple[CdrRow, ...]:
    """All records of the visit; nobody else corrects it until the transaction ends."""
    row = work.records.by_id(cdr_id)
    if row is None:
        raise BillingError(f"there is no record {cdr_id!r}")
    work.visits.get(row.visit_id)
    return work.records.of_visit(row.visit_id)


def _read(row: CdrRow) -> Cdr:
    return from_document(row.document, row.previous_hash, row.hash)


def _id(line: Sequence[CdrRow], hand: Hand) -> str:
    if not hand.key or len(hand.key) > 60:
        raise BillingError("the key of a correction must be a text of 1 to 60 characters that names it alone")
    if storable_text(hand.key) != hand.key:
        raise BillingError(f"the key {hand.key!r} has a character that is none; write a text that names it alone")
    return f"{line[0].cdr_id}:{hand.key}"


def _done_before(line: Sequence[CdrRow], hand: Hand) -> Cdr | None:
    wanted = _id(line, hand)
    return next((_read(each) for each in line if each.cdr_id == wanted), None)


def _is_credit(done: Cdr) -> bool:
    return done.movement_id.startswith("credit:")


def _used(hand: Hand, cdr_id: str) -> KeyUsed:
    return KeyUsed(f"the key {hand.key!r} was used for another correction of {cdr_id}")


def _of_key(done: Cdr, line: Sequence[CdrRow]) -> Money:
    """How much a correction took off."""
    before = next(each for each in line if each.cdr_id == done.corrects)
    return before.total - done.charged


def _payers(cdr: Cdr) -> tuple[CdrPayer, ...]:
    """Records of schema 1 have one at most, and do not list him."""
    if cdr.payers or not cdr.hold_id:
        return cdr.payers
    return (CdrPayer(cdr.account, 100, cdr.total, cdr.hold_id, cdr.hold_amount),)


def _wanted(work: Work, before: Cdr, charge: Charge, credited: Money, now: datetime) -> dict[str, Money]:
    """What the ledger should have done for the visit: by account, in all."""
    currency = charge.total.currency
    payers = _payers(before)
    parts = apportion((charge.total - credited).micros, [each.percent for each in payers])
    wanted = {payer.account: Money(-part, currency) for payer, part in zip(payers, parts, strict=True)}
    earned = accounts.earned(work, charge, before.facility, now)
    back = apportion(credited.micros, [amount.micros for _, amount in earned])
    for (account_id, amount), part in zip(earned, back, strict=True):
        wanted[account_id] = amount - Money(part, currency)
    return wanted


def _move(
    work: Work, first: CdrRow, wanted: Mapping[str, Money], hand: Hand, *, now: datetime, rules: AccountRules
) -> str:
    """Brings what the ledger has done for the visit to what it should have. Empty when that is the same."""
    work.books.locked(wanted)
    missing = dict(wanted)
    for entry in work.books.of_record(first.cdr_id):
        missing[entry.account_id] = missing.get(entry.account_id, Money(0, entry.amount.currency)) - entry.amount
    sides = [(account_id, amount) for account_id, amount in missing.items() if amount.micros]
    if not sides:
        return ""
    for account_id, amount in sides:
        account = accounts.required(work, account_id)
        if not account.by_invoice and account.available < -amount:
            raise BillingError(f"account {account_id} has {account.available}; {-amount} more would have to be taken")
    movement_id = f"correction:{first.cdr_id}:{hand.key}"
    texts = (storable_text(hand.reason), storable_text(hand.who))
    work.books.post(Movement(movement_id, MovementKind.CORRECTION, now, first.visit_id, first.cdr_id, *texts), sides)
    for account_id, amount in sides:
        if amount.micros > 0 and not account_id.startswith(accounts.HOUSE_PREFIX):
            accounts.risen(work, account_id, rules)
    return movement_id


def _paid(work: Work, first: CdrRow, before: Cdr) -> tuple[CdrPayer, ...]:
    """The payers, with what the ledger says that each has paid by now."""
    paid: dict[str, Money] = {}
    for entry in work.books.of_record(first.cdr_id):
        paid[entry.account_id] = paid.get(entry.account_id, Money(0, entry.amount.currency)) - entry.amount
    nothing = Money(0, before.currency)
    return tuple(replace(each, amount=paid.get(each.account, nothing).amount) for each in _payers(before))


def _append(
    work: Work, line: Sequence[CdrRow], before: Cdr, changes: Mapping[str, Any], hand: Hand, *, now: datetime
) -> Cdr:
    corrected = replace(
        before,
        **changes,
        schema=SCHEMA,
        node=hand.node,
        cdr_id=_id(line, hand),
        corrects=before.cdr_id,
        recorded_at=whole_ms(now),
        payers=_paid(work, line[0], before),
        correction_reason=storable_text(hand.reason),
        corrected_by=storable_text(hand.who),
    )
    end = work.records.chain_end(hand.node)
    cdr = chained(replace(corrected, sequence=end.sequence + 1), end.hash)
    work.records.append(row_of(cdr))
    return cdr
