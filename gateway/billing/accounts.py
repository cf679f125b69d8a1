"""Accounts and the movements of money into them. Each function runs inside one transaction.

Every movement has two sides that sum to zero:

    deposit   house:cash:USD  -20.00      family-17  +20.00
    visit     family-17        -2.72      house:revenue:USD  +2.72
"""

from __future__ import annotations

from datetime import datetime

from gateway.errors import BillingError
from gateway.money import Money
from gateway.store import Account, AccountKind, Hold, Movement, MovementKind, Work

HOUSE_PREFIX = "house:"


def open_account(work: Work, account_id: str, currency: str, kind: AccountKind, at: datetime) -> Account:
    """Opening it again, the same way, changes nothing. Raises BillingError when it is there and different."""
    if not account_id or account_id.startswith(HOUSE_PREFIX) or kind is AccountKind.HOUSE:
        raise BillingError(f"{account_id!r} cannot be opened: the name is empty or belongs to the house")
    found = work.books.account(account_id)
    if found is None:
        work.books.open(account_id, kind, currency, at)
        return required(work, account_id)
    if found.kind is not kind or found.currency != currency:
        raise BillingError(f"account {account_id} is open as {found.kind} in {found.currency}")
    return found


def required(work: Work, account_id: str) -> Account:
    account = work.books.account(account_id)
    if account is None:
        raise BillingError(f"there is no account {account_id!r}")
    return account


def deposit(work: Work, account_id: str, amount: Money, key: str, at: datetime) -> Account:
    """The same key again changes nothing. Raises BillingError when it came with another account or amount."""
    account = required(work, account_id)
    if amount.micros <= 0 or account.currency != amount.currency:
        raise BillingError(f"{amount} cannot be paid into account {account_id}, which is in {account.currency}")
    movement_id = f"deposit:{key}"
    before = {each.account_id: each.amount for each in work.books.movement(movement_id)}
    if before:
        if before.get(account_id) != amount:
            raise BillingError(f"the deposit key {key!r} was used for another deposit")
        return account
    if account.closed_at is not None:
        raise BillingError(f"account {account_id} is closed")
    cash = house_account(work, "cash", amount.currency, at)
    work.books.post(Movement(movement_id, MovementKind.DEPOSIT, at), [(cash, -amount), (account_id, amount)])
    return required(work, account_id)


def close_account(work: Work, account_id: str, at: datetime) -> Account:
    """From now on it authorises no visit; visits that run are still charged to it."""
    required(work, account_id)
    work.books.set_closed(account_id, at)
    return required(work, account_id)


def settle(work: Work, hold: Hold, charged: Money, cdr_id: str, at: datetime) -> str:
    """Frees the hold and moves what was charged. Returns the movement's id, empty when nothing was charged."""
    if not Money(0, charged.currency) <= charged <= hold.amount:
        raise BillingError(f"visit {hold.visit_id}: {charged} is not within its hold of {hold.amount}")
    work.books.release_hold(hold, at)
    if charged.micros == 0:
        return ""
    movement = Movement(f"visit:{hold.visit_id}", MovementKind.VISIT, at, hold.visit_id, cdr_id)
    revenue = house_account(work, "revenue", charged.currency, at)
    work.books.post(movement, [(hold.account_id, -charged), (revenue, charged)])
    return movement.movement_id


def house_account(work: Work, purpose: str, currency: str, at: datetime) -> str:
    account_id = f"{HOUSE_PREFIX}{purpose}:{currency}"
    if work.books.account(account_id) is None:
        work.books.open(account_id, AccountKind.HOUSE, currency, at)
    return account_id
