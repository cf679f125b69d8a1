"""Accounts and the movements of money into them. Each function runs inside one transaction.

Every movement has sides that sum to zero; the house's accounts are the other side of people's:

    deposit      house:cash:USD  -20.00      family-17            +20.00
    visit        family-17        -2.00      house:revenue:USD     +2.50
                 county           -1.00      house:facility-share:north:USD  +0.40
                                             house:tax:county-tax:USD        +0.10
    credit       the visit's entries turned round, in proportion; names the record
    withdrawal   family-17        -5.00      house:cash:USD        +5.00
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.billing.cdr import storable_text
from gateway.billing.rating import Charge, LineKind
from gateway.billing.rules import AccountRules
from gateway.billing.shares import apportion
from gateway.call.summary import LowBalance
from gateway.errors import AccountUnknown, BillingError, KeyUsed
from gateway.money import Money
from gateway.store import Account, AccountKind, Hold, LedgerEntry, Movement, MovementKind, Visit, Work, to_ms

HOUSE_PREFIX = "house:"


# ---- what people do with an account ----


def open_account(
    work: Work, account_id: str, currency: str, kind: AccountKind, at: datetime, *, owner: str = ""
) -> Account:
    """Opening it again, the same way, changes nothing. Raises BillingError when it is there and different."""
    if not account_id or account_id.startswith(HOUSE_PREFIX) or kind is AccountKind.HOUSE:
        raise BillingError(f"{account_id!r} cannot be opened: the name is empty or belongs to the house")
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise BillingError(f"{currency!r} is no currency; write three capital letters, such as USD")
    work.books.open(account_id, kind, currency, at, owner)
    found = required(work, account_id)
    if found.kind is not kind or found.currency != currency:
        raise BillingError(f"account {account_id} is open as {found.kind} in {found.currency}")
    if owner and found.owner != owner:
        raise BillingError(f"account {account_id} is open and belongs to another owner")
    return found


def required(work: Work, account_id: str) -> Account:
    account = work.books.account(account_id)
    if account is None:
        raise AccountUnknown(f"there is no account {account_id!r}")
    return account


def deposit(
    work: Work, account_id: str, amount: Money, key: str, *, at: datetime, rules: AccountRules, who: str = ""
) -> Account:
    """The same key again changes nothing. Raises BillingError when it came with another account or amount."""
    account = _payable(work, account_id, amount)
    movement = Movement(_keyed("deposit", key), MovementKind.DEPOSIT, at, who=storable_text(who))
    if _done_before(work, movement, account_id, amount):
        return account
    highest = rules.highest_deposit(amount.currency)
    if highest < amount:
        raise BillingError(f"{amount} is more than one deposit may be: at most {highest} (billing.deposit_max)")
    if account.closed_at is not None:
        raise BillingError(f"account {account_id} is closed")
    cash = house_account(work, "cash", amount.currency, at)
    work.books.post(movement, [(cash, -amount), (account_id, amount)])
    return risen(work, account_id, rules)


def moved_before(work: Work, kind: MovementKind, key: str) -> bool:
    """Whether a deposit or a withdrawal has had this key already."""
    return bool(work.books.movement(_keyed(str(kind), key)))


def withdraw(
    work: Work, account_id: str, amount: Money, key: str, *, at: datetime, reason: str = "", who: str = ""
) -> Account:
    """Pays out what no visit has reserved. Again with the same key it changes nothing. Raises BillingError."""
    account = _payable(work, account_id, amount)
    texts = {"reason": storable_text(reason), "who": storable_text(who)}
    movement = Movement(_keyed("withdrawal", key), MovementKind.WITHDRAWAL, at, **texts)
    if _done_before(work, movement, account_id, -amount):
        return account
    if account.by_invoice or account.available < amount:
        raise BillingError(f"account {account_id} has {account.available} to give, not {amount}")
    cash = house_account(work, "cash", amount.currency, at)
    work.books.post(movement, [(account_id, -amount), (cash, amount)])
    return required(work, account_id)


def set_limits(
    work: Work,
    account_id: str,
    day: Money | None,
    week: Money | None,
    low_balance: Money | None,
    *,
    rules: AccountRules,
) -> Account:
    """None takes a limit away. Raises BillingError for one below zero, or in another currency."""
    account = required(work, account_id)
    for each in (day, week, low_balance):
        if each is not None and (each.currency != account.currency or each.micros < 0):
            raise BillingError(f"{each} is no limit for account {account_id}, which is in {account.currency}")
    work.books.set_limits(account_id, day, week, low_balance)
    return risen(work, account_id, rules)


def close_account(work: Work, account_id: str, at: datetime, *, refund: bool = False, who: str = "") -> Account:
    """From now on it authorises no visit; visits that run are still charged to it.

    refund: everything is paid out. Raises BillingError while visits have money reserved on it, or when it owes.
    """
    account = required(work, account_id)
    work.books.set_closed(account_id, at)
    if not refund or account.balance.micros == 0:
        return required(work, account_id)
    if account.held.micros:
        running = work.books.open_holds(account_id)
        raise BillingError(f"account {account_id} pays {running} visits now; close it when they are over")
    if account.balance.micros < 0:
        raise BillingError(f"account {account_id} owes {-account.balance}; there is nothing to refund")
    cash = house_account(work, "cash", account.currency, at)
    movement_id = _unused(work, f"refund:{account_id}:{to_ms(at)}")
    movement = Movement(movement_id, MovementKind.REFUND, at, reason="closed", who=storable_text(who))
    work.books.post(movement, [(account_id, -account.balance), (cash, account.balance)])
    return required(work, account_id)


# ---- what visits do with it ----


@dataclass(frozen=True, slots=True)
class PaidShare:
    """What one account paid of a visit, out of which hold."""

    account: str
    percent: int
    amount: Money
    hold_id: str
    held: Money


@dataclass(frozen=True, slots=True)
class Settlement:
    """movement_id: empty when nothing was charged. shares: in the order of the payers."""

    movement_id: str
    shares: tuple[PaidShare, ...]


def settle(
    work: Work, holds: tuple[Hold, ...], charged: Charge, visit: Visit, *, cdr_id: str, at: datetime
) -> Settlement:
    """Frees the holds and moves what was charged, line by line, from the payers to the house."""
    total = charged.total
    parts = [Money(each, total.currency) for each in apportion(total.micros, [hold.percent for hold in holds])]
    work.books.locked(each.account_id for each in holds)
    for hold, part in zip(holds, parts, strict=True):
        if not Money(0, total.currency) <= part <= hold.amount:
            raise BillingError(f"visit {hold.visit_id}: {part} is not within its hold of {hold.amount}")
        work.books.release_hold(hold, at)
    shares = tuple(
        PaidShare(hold.account_id, hold.percent, part, hold.hold_id, hold.amount)
        for hold, part in zip(holds, parts, strict=True)
    )
    visit_id = visit.intent.visit_id
    if total.micros == 0:
        return Settlement("", shares)
    movement = Movement(f"visit:{visit_id}", MovementKind.VISIT, at, visit_id, cdr_id)
    sides = [(each.account, -each.amount) for each in shares] + earned(work, charged, visit.intent.facility, at)
    work.books.post(movement, [(account_id, amount) for account_id, amount in sides if amount.micros])
    return Settlement(movement.movement_id, shares)


def earned(work: Work, charged: Charge, facility: str, at: datetime) -> list[tuple[str, Money]]:
    """What each of the house's accounts gets of a charge: they are opened if need be. Sums to the total."""
    currency = charged.total.currency
    found: dict[str, Money] = {}
    for line in charged.lines:
        purpose = "revenue"
        if line.kind is LineKind.FACILITY_SHARE:
            purpose = f"facility-share:{facility}"
        elif line.kind is LineKind.TAX:
            purpose = f"tax:{line.label}"
        found[purpose] = found.get(purpose, Money(0, currency)) + line.amount
    return [(house_account(work, each, currency, at), found[each]) for each in sorted(found)]


def credit(
    work: Work,
    cdr_id: str,
    amount: Money,
    reason: str,
    key: str,
    *,
    percents: Mapping[str, int],
    at: datetime,
    rules: AccountRules,
    who: str = "",
) -> str:
    """Gives back a part of what a record was charged, to who paid it, in proportion. Returns the movement's id.

    cdr_id: the visit's first record, whatever corrected it since. percents: of its payers, in their order. Raises
    BillingError when more would be given back than was paid.
    """
    entries = work.books.of_record(cdr_id)
    if not entries:
        raise BillingError(f"record {cdr_id!r} was charged nothing, or is not here; name the visit's first record")
    if amount.micros <= 0 or amount.currency != entries[0].amount.currency:
        raise BillingError(f"{amount} is no credit: it must be above zero, in {entries[0].amount.currency}")
    movement_id = _keyed(f"credit:{cdr_id}", key)
    work.books.locked(each.account_id for each in entries if not _is_house(each))
    sides = _turned_round(work.books.of_record(cdr_id), amount, cdr_id, percents)
    texts = (storable_text(reason), storable_text(who))
    visit_id = entries[0].movement.visit_id
    work.books.post(Movement(movement_id, MovementKind.CREDIT, at, visit_id, cdr_id, *texts), sides)
    for account_id, _ in sides:
        if not account_id.startswith(HOUSE_PREFIX):
            risen(work, account_id, rules)
    return movement_id


def credited(work: Work, cdr_id: str) -> int:
    """What credits have given back of a record's charge by now, micro-units; `cdr_id` as in `credit`."""
    entries = work.books.of_record(cdr_id)
    return sum(
        each.amount.micros for each in entries if each.movement.kind is MovementKind.CREDIT and not _is_house(each)
    )


def _turned_round(
    entries: tuple[LedgerEntry, ...], amount: Money, cdr_id: str, percents: Mapping[str, int]
) -> list[tuple[str, Money]]:
    """`amount` back from whom the record's money is with now, to whose it was; nobody gets more than he paid."""
    net: dict[str, int] = {}
    for each in entries:
        net[each.account_id] = net.get(each.account_id, 0) + each.amount.micros
    paid = {account_id: -micros for account_id, micros in net.items() if micros < 0}
    got = {account_id: micros for account_id, micros in net.items() if micros > 0}
    left = Money(sum(paid.values()), amount.currency)
    if left < amount:
        raise BillingError(f"{amount} is more than is left of the charge of {cdr_id}: {left}")
    back = _parted(paid, amount.micros, percents).items()
    taken = zip(got, apportion(amount.micros, list(got.values())), strict=True)
    sides = [(account_id, Money(micros, amount.currency)) for account_id, micros in back if micros]
    return sides + [(account_id, Money(-micros, amount.currency)) for account_id, micros in taken if micros]


def _parted(paid: Mapping[str, int], micros: int, percents: Mapping[str, int]) -> dict[str, int]:
    """Who gets how much of a credit: so that each has paid his part of what is left, as if it had been the charge.

    A later price is parted by the percents too: so a lower one takes from nobody, not by one micro-unit. Older credits
    were parted by what each had paid; where that stands in the way, this one is as well.
    """
    kept = apportion(sum(paid.values()) - micros, list(percents.values()))
    back = dict(paid)
    for account_id, part in zip(percents, kept, strict=True):
        back[account_id] = back.get(account_id, 0) - part
    if min(back.values()) >= 0:
        return back
    return dict(zip(paid, apportion(micros, list(paid.values())), strict=True))


def fallen_low(work: Work, account_ids: list[str], rules: AccountRules) -> tuple[LowBalance, ...]:
    """Those that are below their mark and whose owner was not told since they fell."""
    found: list[LowBalance] = []
    for account in work.books.locked(account_ids).values():
        mark = account.low_balance or rules.low_mark(account.currency)
        if account.by_invoice or not account.balance < mark:
            continue
        if work.books.set_low_told(account.account_id, told=True):
            private = account.kind is not AccountKind.PREPAID
            found.append(LowBalance(account.account_id, account.balance, private))
    return tuple(found)


def house_account(work: Work, purpose: str, currency: str, at: datetime) -> str:
    account_id = f"{HOUSE_PREFIX}{purpose}:{currency}"
    work.books.open(account_id, AccountKind.HOUSE, currency, at)
    return account_id


def risen(work: Work, account_id: str, rules: AccountRules) -> Account:
    """The account after money came in, or its mark moved: at its mark or above it, the next fall is told again."""
    account = required(work, account_id)
    if account.low_told and not account.balance < (account.low_balance or rules.low_mark(account.currency)):
        work.books.set_low_told(account_id, told=False)
    return account


def _payable(work: Work, account_id: str, amount: Money) -> Account:
    account = required(work, account_id)
    if amount.micros <= 0 or account.currency != amount.currency or account.kind is AccountKind.HOUSE:
        raise BillingError(f"{amount} cannot be paid into or out of account {account_id}, in {account.currency}")
    return account


def _keyed(kind: str, key: str) -> str:
    if not key or len(key) > 100:
        raise BillingError("the key must be a text of 1 to 100 characters that names this movement alone")
    if storable_text(key) != key:
        raise BillingError(f"the key {key!r} has a character that is none; write a text that names this movement alone")
    return f"{kind}:{key}"


def _unused(work: Work, movement_id: str) -> str:
    """The same, with a number behind it where there is such a movement already."""
    found, number = movement_id, 1
    while work.books.movement(found):
        number += 1
        found = f"{movement_id}:{number}"
    return found


def _done_before(work: Work, movement: Movement, account_id: str, amount: Money) -> bool:
    """Raises BillingError when the key was used for something else."""
    before = {each.account_id: each.amount for each in work.books.movement(movement.movement_id)}
    if before and before.get(account_id) != amount:
        key = movement.movement_id.partition(":")[2]
        raise KeyUsed(f"the key {key!r} was used for another {movement.kind}")
    return bool(before)


def _is_house(entry: LedgerEntry) -> bool:
    return entry.account_id.startswith(HOUSE_PREFIX)
