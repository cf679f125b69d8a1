"""SQL of accounts, holds and the double-entry ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, insert, or_, select, update

from gateway.errors import StoreError
from gateway.money import Money
from gateway.store.rows import (
    Account,
    AccountKind,
    Hold,
    LedgerEntry,
    Movement,
    MovementKind,
    from_ms,
    maybe_time,
    to_ms,
)
from gateway.store.tables import accounts, entries, holds, movements


class Books:
    """Money in one transaction. Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # accounts

    def open(self, account_id: str, kind: AccountKind, currency: str, at: datetime) -> None:
        self._connection.execute(
            insert(accounts).values(
                account_id=account_id,
                kind=kind,
                currency=currency,
                balance_micros=0,
                held_micros=0,
                opened_at_ms=to_ms(at),
            )
        )

    def account(self, account_id: str) -> Account | None:
        """In a writing transaction nobody else changes it until the end (SQLite has locked the file already)."""
        statement = select(accounts).where(accounts.c.account_id == account_id).with_for_update()
        row = self._connection.execute(statement).first()
        return None if row is None else _account(row)

    def accounts(self) -> tuple[Account, ...]:
        return tuple(
            _account(row) for row in self._connection.execute(select(accounts).order_by(accounts.c.account_id))
        )

    def set_closed(self, account_id: str, at: datetime) -> None:
        statement = update(accounts).where(accounts.c.account_id == account_id, accounts.c.closed_at_ms.is_(None))
        self._connection.execute(statement.values(closed_at_ms=to_ms(at)))

    # holds

    def hold(self, visit_id: str) -> Hold | None:
        row = self._connection.execute(select(holds).where(holds.c.visit_id == visit_id)).first()
        return None if row is None else _hold(row)

    def take_hold(self, hold: Hold) -> bool:
        """False, and nothing changed, when the account is closed, or prepaid with less than that available.

        The condition stands in the UPDATE itself: right on every database, whoever else writes at the same time.
        """
        free = accounts.c.balance_micros - accounts.c.held_micros
        statement = update(accounts).where(
            accounts.c.account_id == hold.account_id,
            accounts.c.currency == hold.amount.currency,
            accounts.c.closed_at_ms.is_(None),
            or_(accounts.c.kind == AccountKind.FACILITY, free >= hold.amount.micros),
        )
        values = {"held_micros": accounts.c.held_micros + hold.amount.micros}
        if self._connection.execute(statement.values(values)).rowcount != 1:
            return False
        self._connection.execute(
            insert(holds).values(
                hold_id=hold.hold_id,
                visit_id=hold.visit_id,
                account_id=hold.account_id,
                amount_micros=hold.amount.micros,
                currency=hold.amount.currency,
                limited_by_balance=hold.limited_by_balance,
                taken_at_ms=to_ms(hold.taken_at),
            )
        )
        return True

    def release_hold(self, hold: Hold, at: datetime) -> None:
        """Raises StoreError when it is released already: money must not be freed twice."""
        statement = update(holds).where(holds.c.hold_id == hold.hold_id, holds.c.released_at_ms.is_(None))
        if self._connection.execute(statement.values(released_at_ms=to_ms(at))).rowcount != 1:
            raise StoreError(f"hold {hold.hold_id} is not open")
        values = {"held_micros": accounts.c.held_micros - hold.amount.micros}
        self._connection.execute(update(accounts).where(accounts.c.account_id == hold.account_id).values(values))

    # ledger

    def movement(self, movement_id: str) -> tuple[LedgerEntry, ...]:
        """The entries of one movement; empty when it never was."""
        return self._entries(entries.c.movement_id == movement_id, limit=None)

    def post(self, movement: Movement, sides: Sequence[tuple[str, Money]]) -> None:
        """Writes a movement and brings the balances along. Raises StoreError unless the sides sum to zero."""
        total = sum((amount for _, amount in sides), Money(0, sides[0][1].currency))
        if total.micros != 0:
            raise StoreError(f"movement {movement.movement_id} does not sum to zero but to {total}")
        self._connection.execute(
            insert(movements).values(
                movement_id=movement.movement_id,
                kind=movement.kind,
                visit_id=movement.visit_id,
                cdr_id=movement.cdr_id,
                at_ms=to_ms(movement.at),
            )
        )
        for account_id, amount in sides:
            self._post_side(movement, account_id, amount)

    def _post_side(self, movement: Movement, account_id: str, amount: Money) -> None:
        statement = update(accounts).where(accounts.c.account_id == account_id, accounts.c.currency == amount.currency)
        values = {"balance_micros": accounts.c.balance_micros + amount.micros}
        if self._connection.execute(statement.values(values)).rowcount != 1:
            raise StoreError(f"movement {movement.movement_id} names an account that holds no {amount.currency}")
        self._connection.execute(
            insert(entries).values(
                movement_id=movement.movement_id,
                account_id=account_id,
                amount_micros=amount.micros,
                currency=amount.currency,
            )
        )

    def ledger(self, account_id: str, since: int, limit: int) -> tuple[LedgerEntry, ...]:
        """Entries of an account with numbers above `since`, in order."""
        return self._entries(and_(entries.c.account_id == account_id, entries.c.entry_id > since), limit)

    def _entries(self, condition: Any, limit: int | None) -> tuple[LedgerEntry, ...]:
        statement = (
            select(entries, movements.c.kind, movements.c.visit_id, movements.c.cdr_id, movements.c.at_ms)
            .join(movements, movements.c.movement_id == entries.c.movement_id)
            .where(condition)
            .order_by(entries.c.entry_id)
            .limit(limit)
        )
        return tuple(_entry(row) for row in self._connection.execute(statement))

    # proof

    def discrepancies(self) -> tuple[str, ...]:
        """What does not add up, in words: movements that do not sum to zero, balances and holds that differ."""
        return (*self._unbalanced(), *self._wrong_balances(), *self._wrong_holds())

    def _unbalanced(self) -> list[str]:
        total = func.sum(entries.c.amount_micros)
        statement = select(entries.c.movement_id, total).group_by(entries.c.movement_id, entries.c.currency)
        rows = self._connection.execute(statement.having(total != 0))
        return [f"movement {row[0]} sums to {row[1]} micro-units" for row in rows]

    def _wrong_balances(self) -> list[str]:
        total = func.coalesce(func.sum(entries.c.amount_micros), 0)
        statement = (
            select(accounts.c.account_id, accounts.c.balance_micros, total)
            .outerjoin(entries, entries.c.account_id == accounts.c.account_id)
            .group_by(accounts.c.account_id, accounts.c.balance_micros)
            .having(total != accounts.c.balance_micros)
        )
        rows = self._connection.execute(statement)
        return [f"account {row[0]} shows {row[1]} micro-units, its ledger {row[2]}" for row in rows]

    def _wrong_holds(self) -> list[str]:
        is_open = and_(holds.c.account_id == accounts.c.account_id, holds.c.released_at_ms.is_(None))
        total = func.coalesce(func.sum(case((holds.c.hold_id.is_(None), 0), else_=holds.c.amount_micros)), 0)
        statement = (
            select(accounts.c.account_id, accounts.c.held_micros, total)
            .outerjoin(holds, is_open)
            .group_by(accounts.c.account_id, accounts.c.held_micros)
            .having(total != accounts.c.held_micros)
        )
        rows = self._connection.execute(statement)
        return [f"account {row[0]} has {row[1]} micro-units held, its open holds {row[2]}" for row in rows]


def _account(row: Row[Any]) -> Account:
    return Account(
        account_id=row.account_id,
        kind=AccountKind(row.kind),
        balance=Money(row.balance_micros, row.currency),
        held=Money(row.held_micros, row.currency),
        opened_at=from_ms(row.opened_at_ms),
        closed_at=maybe_time(row.closed_at_ms),
    )


def _hold(row: Row[Any]) -> Hold:
    return Hold(
        hold_id=row.hold_id,
        visit_id=row.visit_id,
        account_id=row.account_id,
        amount=Money(row.amount_micros, row.currency),
        limited_by_balance=bool(row.limited_by_balance),
        taken_at=from_ms(row.taken_at_ms),
        released_at=maybe_time(row.released_at_ms),
    )


def _entry(row: Row[Any]) -> LedgerEntry:
    movement = Movement(
        movement_id=row.movement_id,
        kind=MovementKind(row.kind),
        at=from_ms(row.at_ms),
        visit_id=row.visit_id,
        cdr_id=row.cdr_id,
    )
    return LedgerEntry(row.entry_id, movement, row.account_id, Money(row.amount_micros, row.currency))
