"""SQL for whoever adds up: the latest record of each visit in a period, and an account's ledger between two instants.

A correction keeps the end of the visit that it corrects, so the latest record of a visit is in the same period as its
first one: it is the one that no other record corrects.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from gateway.store.accounts import entry_of, select_entries
from gateway.store.rows import LedgerEntry, MovementKind, from_ms, to_ms
from gateway.store.tables import cdrs, entries, movements


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of records ended: the next one begins behind it."""

    end_at: datetime
    node: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Page:
    """documents: canonical JSON of the records, in the order of their ends. next None: that was the last page."""

    documents: tuple[str, ...]
    next: Place | None


class Latest:
    """Reading in one transaction. Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(
        self, since: datetime, until: datetime, *, facility: str = "", after: Place | None = None, limit: int = 500
    ) -> Page:
        """Visits that ended at `since` or later and before `until`; of one facility, or of all."""
        correcting = cdrs.alias("correcting")
        corrected = select(correcting.c.cdr_id).where(correcting.c.corrects == cdrs.c.cdr_id).exists()
        at = cdrs.c.end_at_ms
        conditions = [at >= to_ms(after.end_at if after else since), at < to_ms(until), ~corrected]
        if facility:
            conditions.append(cdrs.c.facility == facility)
        if after is not None:
            same_end = or_(cdrs.c.node > after.node, and_(cdrs.c.node == after.node, cdrs.c.sequence > after.sequence))
            conditions.append(or_(at > to_ms(after.end_at), same_end))
        columns = select(at, cdrs.c.node, cdrs.c.sequence, cdrs.c.document)
        statement = columns.where(*conditions).order_by(at, cdrs.c.node, cdrs.c.sequence).limit(limit)
        rows = self._connection.execute(statement).all()
        last = rows[-1] if len(rows) == limit else None
        place = None if last is None else Place(from_ms(last.end_at_ms), last.node, last.sequence)
        return Page(tuple(row.document for row in rows), place)

    def first_of_account(self, account_id: str) -> str | None:
        """The document of the account's oldest record; None when it has none."""
        statement = select(cdrs.c.document).where(cdrs.c.account_id == account_id)
        return self._connection.execute(statement.order_by(cdrs.c.end_at_ms, cdrs.c.node).limit(1)).scalar()

    def free_of_account(self, account_id: str, since: datetime, until: datetime, limit: int) -> tuple[str, ...]:
        """Documents of the account's visits that ended in the period and cost nothing, in the order of their ends.

        What was put right later is no matter: the visit stays in its month.
        """
        charged = and_(movements.c.cdr_id == cdrs.c.cdr_id, movements.c.kind == MovementKind.VISIT)
        paid = select(movements.c.movement_id).where(charged).exists()
        statement = select(cdrs.c.document).where(
            cdrs.c.account_id == account_id,
            cdrs.c.end_at_ms >= to_ms(since),
            cdrs.c.end_at_ms < to_ms(until),
            cdrs.c.corrects.is_(None),
            ~paid,
        )
        rows = self._connection.execute(statement.order_by(cdrs.c.end_at_ms, cdrs.c.node).limit(limit))
        return tuple(rows.scalars())

    def balance_before(self, account_id: str, at: datetime) -> int:
        """Micro-units that the ledger adds up to, of everything before `at`."""
        statement = (
            select(func.coalesce(func.sum(entries.c.amount_micros), 0))
            .join(movements, movements.c.movement_id == entries.c.movement_id)
            .where(entries.c.account_id == account_id, movements.c.at_ms < to_ms(at))
        )
        return int(self._connection.execute(statement).scalar_one())

    def ledger_between(
        self, account_id: str, since: datetime, until: datetime, after: int, limit: int
    ) -> tuple[LedgerEntry, ...]:
        """Entries of the period with numbers above `after`, in the order of their numbers."""
        statement = select_entries().where(
            entries.c.account_id == account_id,
            entries.c.entry_id > after,
            movements.c.at_ms >= to_ms(since),
            movements.c.at_ms < to_ms(until),
        )
        rows = self._connection.execute(statement.order_by(entries.c.entry_id).limit(limit))
        return tuple(entry_of(row) for row in rows)
