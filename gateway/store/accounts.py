"""SQL of accounts, holds and the double-entry ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.errors import StoreError
from gateway.money import Money
from gateway.store.engine import for_update
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

_OUT_OF_ORDER = timedelta(hours=1)  # entries are not in the order of their times: nodes' clocks differ, writers wait
_PAGE = 200  # entries that are read at a time, backwards, until they are too old


class Books:
    """Money in one transaction. Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # accounts

    def open(self, account_id: str, kind: AccountKind, currency: str, at: datetime, owner: str = "") -> None:
        """Harmless when somebody else has just opened it."""
        values = {
            "account_id": account_id,
            "kind": kind,
            "currency": currency,
            "balance_micros": 0,
            "held_micros": 0,
            "opened_at_ms": to_ms(at),
            "active_at_ms": to_ms(at),
            "owner": owner,
        }
        keyed = ["account_id"]
        if self._connection.dialect.name == "sqlite":
            self._connection.execute(
                sqlite.insert(accounts).values(values).on_conflict_do_nothing(index_elements=keyed)
            )
        else:
            self._connection.execute(
                postgresql.insert(accounts).values(values).on_conflict_do_nothing(index_elements=keyed)
            )

    def account(self, account_id: str) -> Account | None:
        """In a writing transaction nobody else changes it until the end (SQLite has locked the file already)."""
        statement = for_update(self._connection, select(accounts).where(accounts.c.account_id == account_id))
        row = self._connection.execute(statement).first()
        return None if row is None else _account(row)

    def locked(self, account_ids: Iterable[str]) -> dict[str, Account]:
        """Those that are there, locked in one order by everybody: whoever does the same never waits in a circle."""
        found = ((each, self.account(each)) for each in sorted(set(account_ids), key=_turn))
        return {account_id: account for account_id, account in found if account is not None}

    def accounts(self) -> tuple[Account, ...]:
        return tuple(
            _account(row) for row in self._connection.execute(select(accounts).order_by(accounts.c.account_id))
        )

    def accounts_page(self, after: str, limit: int) -> tuple[Account, ...]:
        """Those with ids behind `after`, in order; the house's own are left out."""
        statement = select(accounts).where(accounts.c.account_id > after, accounts.c.kind != AccountKind.HOUSE)
        rows = self._connection.execute(statement.order_by(accounts.c.account_id).limit(limit))
        return tuple(_account(row) for row in rows)

    def inactive(self, since: datetime) -> tuple[Account, ...]:
        """Own money that has not moved since then, the longest first."""
        statement = select(accounts).where(
            accounts.c.active_at_ms < to_ms(since),
            accounts.c.kind.in_((AccountKind.PREPAID, AccountKind.DEBIT)),
            accounts.c.balance_micros > 0,
            accounts.c.held_micros == 0,
        )
        rows = self._connection.execute(statement.order_by(accounts.c.active_at_ms, accounts.c.account_id))
        return tuple(_account(row) for row in rows)

    def set_closed(self, account_id: str, at: datetime) -> None:
        statement = update(accounts).where(accounts.c.account_id == account_id, accounts.c.closed_at_ms.is_(None))
        self._connection.execute(statement.values(closed_at_ms=to_ms(at)))

    def set_limits(self, account_id: str, day: Money | None, week: Money | None, low_balance: Money | None) -> None:
        """None takes a limit away."""
        values = {
            "day_limit_micros": None if day is None else day.micros,
            "week_limit_micros": None if week is None else week.micros,
            "low_balance_micros": None if low_balance is None else low_balance.micros,
        }
        self._connection.execute(update(accounts).where(accounts.c.account_id == account_id).values(values))

    def set_low_told(self, account_id: str, told: bool) -> bool:
        """Whether that changed anything: of several who find an account low, one tells it."""
        statement = update(accounts).where(accounts.c.account_id == account_id, accounts.c.low_told.is_(not told))
        return self._connection.execute(statement.values(low_told=told)).rowcount == 1

    # holds

    def holds(self, visit_id: str) -> tuple[Hold, ...]:
        """Of a visit, one for each account that pays, in the order of the payers."""
        statement = select(holds).where(holds.c.visit_id == visit_id).order_by(holds.c.position)
        return tuple(_hold(row) for row in self._connection.execute(statement))

    def open_holds(self, account_id: str) -> int:
        """How many visits have money reserved on the account now."""
        condition = and_(holds.c.account_id == account_id, holds.c.released_at_ms.is_(None))
        return int(self._connection.execute(select(func.count()).select_from(holds).where(condition)).scalar_one())

    def take_hold(self, hold: Hold) -> bool:
        """False, and nothing changed, when the account is closed, or not by invoice with less than that available."""
        if not self._reserve(hold.account_id, hold.amount, hold.taken_at):
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
                position=hold.position,
                percent=hold.percent,
            )
        )
        return True

    def extend_hold(self, hold: Hold, more: Money, limited_by_balance: bool, at: datetime) -> bool:
        """Another slice. False, and nothing changed, as for `take_hold`, or when the hold is released already."""
        is_open = and_(holds.c.hold_id == hold.hold_id, holds.c.released_at_ms.is_(None))
        if self._connection.execute(select(holds.c.hold_id).where(is_open)).first() is None:
            return False
        if not self._reserve(hold.account_id, more, at):
            return False
        values = {
            "amount_micros": holds.c.amount_micros + more.micros,
            "slices": holds.c.slices + (1 if more.micros else 0),
            "limited_by_balance": limited_by_balance,
        }
        self._connection.execute(update(holds).where(is_open).values(values))
        return True

    def _reserve(self, account_id: str, amount: Money, at: datetime) -> bool:
        """The condition stands in the UPDATE itself: right on every database, whoever else writes at the same time."""
        free = accounts.c.balance_micros - accounts.c.held_micros
        statement = update(accounts).where(
            accounts.c.account_id == account_id,
            accounts.c.currency == amount.currency,
            accounts.c.closed_at_ms.is_(None),
            or_(accounts.c.kind == AccountKind.FACILITY, free >= amount.micros),
        )
        values = {"held_micros": accounts.c.held_micros + amount.micros, "active_at_ms": to_ms(at)}
        return self._connection.execute(statement.values(values)).rowcount == 1

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
                reason=movement.reason,
                who=movement.who,
            )
        )
        for account_id, amount in sorted(sides, key=lambda side: _turn(side[0])):
            self._post_side(movement, account_id, amount)

    def _post_side(self, movement: Movement, account_id: str, amount: Money) -> None:
        statement = update(accounts).where(accounts.c.account_id == account_id, accounts.c.currency == amount.currency)
        values = {"balance_micros": accounts.c.balance_micros + amount.micros, "active_at_ms": to_ms(movement.at)}
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

    def of_record(self, cdr_id: str) -> tuple[LedgerEntry, ...]:
        """Every entry that belongs to a record: its charge, and what was given back of it."""
        return self._entries(movements.c.cdr_id == cdr_id, limit=None)

    def spent_since(self, account_id: str, since: datetime) -> Money | None:
        """What visits have cost the account since then, what came back apart; None when nothing."""
        spent: Money | None = None
        for entry in self._latest(account_id):
            if entry.movement.at < since - _OUT_OF_ORDER:
                break
            if entry.movement.kind is MovementKind.VISIT and entry.movement.at >= since:
                spent = -entry.amount if spent is None else spent - entry.amount
        return spent

    def _latest(self, account_id: str) -> Iterator[LedgerEntry]:
        """Backwards, a page at a time: a limit asks for a week, an account may have years."""
        before: int | None = None
        while True:
            condition = entries.c.account_id == account_id
            if before is not None:
                condition = and_(condition, entries.c.entry_id < before)
            page = self._entries(condition, _PAGE, backwards=True)
            yield from page
            if len(page) < _PAGE:
                return
            before = page[-1].number

    def _entries(self, condition: Any, limit: int | None, *, backwards: bool = False) -> tuple[LedgerEntry, ...]:
        order = entries.c.entry_id.desc() if backwards else entries.c.entry_id
        statement = select_entries().where(condition).order_by(order).limit(limit)
        return tuple(entry_of(row) for row in self._connection.execute(statement))

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


_OF_MOVEMENTS = (
    movements.c.kind,
    movements.c.visit_id,
    movements.c.cdr_id,
    movements.c.at_ms,
    movements.c.reason,
    movements.c.who,
)


def select_entries() -> Select[Any]:
    """Entries, each with its movement: rows for `entry_of`."""
    joined = movements.c.movement_id == entries.c.movement_id
    return select(entries, *_OF_MOVEMENTS).join(movements, joined)


def _turn(account_id: str) -> tuple[bool, str]:
    """People's accounts in the order of their ids, then the house's: the order in which everybody locks them."""
    return account_id.startswith("house:"), account_id


def _account(row: Row[Any]) -> Account:
    return Account(
        account_id=row.account_id,
        kind=AccountKind(row.kind),
        balance=Money(row.balance_micros, row.currency),
        held=Money(row.held_micros, row.currency),
        opened_at=from_ms(row.opened_at_ms),
        closed_at=maybe_time(row.closed_at_ms),
        owner=row.owner,
        day_limit=_maybe_money(row.day_limit_micros, row.currency),
        week_limit=_maybe_money(row.week_limit_micros, row.currency),
        low_balance=_maybe_money(row.low_balance_micros, row.currency),
        low_told=bool(row.low_told),
        active_at=from_ms(row.active_at_ms),
    )


def _maybe_money(micros: int | None, currency: str) -> Money | None:
    return None if micros is None else Money(micros, currency)


def _hold(row: Row[Any]) -> Hold:
    return Hold(
        hold_id=row.hold_id,
        visit_id=row.visit_id,
        account_id=row.account_id,
        amount=Money(row.amount_micros, row.currency),
        limited_by_balance=bool(row.limited_by_balance),
        taken_at=from_ms(row.taken_at_ms),
        released_at=maybe_time(row.released_at_ms),
        position=row.position,
        percent=row.percent,
        slices=row.slices,
    )


def entry_of(row: Row[Any]) -> LedgerEntry:
    movement = Movement(
        movement_id=row.movement_id,
        kind=MovementKind(row.kind),
        at=from_ms(row.at_ms),
        visit_id=row.visit_id,
        cdr_id=row.cdr_id,
        reason=row.reason,
        who=row.who,
    )
    return LedgerEntry(row.entry_id, movement, row.account_id, Money(row.amount_micros, row.currency))
