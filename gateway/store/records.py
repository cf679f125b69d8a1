"""SQL of call-detail records: append, read by cursor, and the end of each node's chain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from gateway.errors import StoreError
from gateway.money import Money
from gateway.store.engine import for_update
from gateway.store.rows import AccountKind, CdrRow, ChainEnd, from_ms, to_ms
from gateway.store.tables import accounts, cdrs, chains, entries, movements

FIRST_HASH = "0" * 64  # what the first record of a node names as its predecessor


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records of a node: with sequences above `since`, up to `upto`, of visits that ended from `begin` to before
    `end`, of one facility. None, empty: any.
    """

    node: str
    since: int = 0
    upto: int | None = None
    begin: datetime | None = None
    end: datetime | None = None
    facility: str = ""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """line: the record as JSON, with its hashes: canonical but for the place of the two."""

    sequence: int
    line: str
    total_micros: int
    currency: str


class Records:
    """CDRs in one transaction. Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def chain_end(self, node: str) -> ChainEnd:
        """The last record of `node`; sequence 0 when it has none."""
        statement = for_update(self._connection, select(chains).where(chains.c.node == node))
        row = self._connection.execute(statement).first()
        return ChainEnd(0, FIRST_HASH) if row is None else ChainEnd(row.sequence, row.hash)

    def append(self, cdr: CdrRow) -> None:
        """Raises StoreError unless `cdr` follows the chain's end: a gap or a fork is never written."""
        if cdr.sequence == 1:
            self._connection.execute(insert(chains).values(node=cdr.node, sequence=1, hash=cdr.hash))
        else:
            statement = update(chains).where(
                chains.c.node == cdr.node, chains.c.sequence == cdr.sequence - 1, chains.c.hash == cdr.previous_hash
            )
            if self._connection.execute(statement.values(sequence=cdr.sequence, hash=cdr.hash)).rowcount != 1:
                raise StoreError(f"record {cdr.cdr_id} does not follow the last one of {cdr.node}")
        self._connection.execute(
            insert(cdrs).values(
                node=cdr.node,
                sequence=cdr.sequence,
                cdr_id=cdr.cdr_id,
                visit_id=cdr.visit_id,
                corrects=cdr.corrects,
                facility=cdr.facility,
                account_id=cdr.account_id,
                end_at_ms=to_ms(cdr.end_at),
                reason=cdr.reason,
                total_micros=cdr.total.micros,
                currency=cdr.total.currency,
                document=cdr.document,
                previous_hash=cdr.previous_hash,
                hash=cdr.hash,
            )
        )

    def by_id(self, cdr_id: str) -> CdrRow | None:
        row = self._connection.execute(select(cdrs).where(cdrs.c.cdr_id == cdr_id)).first()
        return None if row is None else _cdr(row)

    def of_visit(self, visit_id: str) -> tuple[CdrRow, ...]:
        """Its record, then what corrected it, each correcting the one before; empty when it has none yet."""
        statement = select(cdrs).where(cdrs.c.visit_id == visit_id)
        found = {row.corrects or "": _cdr(row) for row in self._connection.execute(statement)}
        line: list[CdrRow] = []
        while following := found.get(line[-1].cdr_id if line else ""):
            line.append(following)
        return tuple(line)

    def since(self, node: str, sequence: int, limit: int) -> tuple[CdrRow, ...]:
        """Records of `node` after `sequence`, in order."""
        statement = select(cdrs).where(cdrs.c.node == node, cdrs.c.sequence > sequence)
        rows = self._connection.execute(statement.order_by(cdrs.c.sequence).limit(limit))
        return tuple(_cdr(row) for row in rows)

    def raw(self, wanted: Selection, limit: int) -> tuple[RawRecord, ...]:
        """In order, for exports: nothing is parsed."""
        statement = select(
            cdrs.c.sequence, cdrs.c.document, cdrs.c.previous_hash, cdrs.c.hash, cdrs.c.total_micros, cdrs.c.currency
        ).where(cdrs.c.node == wanted.node, cdrs.c.sequence > wanted.since)
        if wanted.upto is not None:
            statement = statement.where(cdrs.c.sequence <= wanted.upto)
        if wanted.begin is not None:
            statement = statement.where(cdrs.c.end_at_ms >= to_ms(wanted.begin))
        if wanted.end is not None:
            statement = statement.where(cdrs.c.end_at_ms < to_ms(wanted.end))
        if wanted.facility:
            statement = statement.where(cdrs.c.facility == wanted.facility)
        rows = self._connection.execute(statement.order_by(cdrs.c.sequence).limit(limit))
        return tuple(
            RawRecord(sequence, f'{document[:-1]},"previous_hash":"{before}","hash":"{own}"}}', total_micros, currency)
            for sequence, document, before, own, total_micros, currency in rows
        )

    def differing(self, limit: int) -> tuple[tuple[str, int, int], ...]:
        """Visits whose last record and ledger disagree: id, total of the record, what the ledger took; micro-units."""
        paid = (
            select(movements.c.visit_id, (-func.sum(entries.c.amount_micros)).label("micros"))
            .join(entries, entries.c.movement_id == movements.c.movement_id)
            .join(accounts, accounts.c.account_id == entries.c.account_id)
            .where(accounts.c.kind != AccountKind.HOUSE, movements.c.visit_id != "")
            .group_by(movements.c.visit_id)
            .subquery()
        )
        later = cdrs.alias("later")
        taken = func.coalesce(paid.c.micros, 0)
        statement = (
            select(cdrs.c.visit_id, cdrs.c.total_micros, taken)
            .outerjoin(paid, paid.c.visit_id == cdrs.c.visit_id)
            .where(~select(later.c.cdr_id).where(later.c.corrects == cdrs.c.cdr_id).exists())
            .where(cdrs.c.total_micros != taken)
            .order_by(cdrs.c.visit_id)
            .limit(limit)
        )
        return tuple((row[0], int(row[1]), int(row[2])) for row in self._connection.execute(statement))

    def nodes(self) -> tuple[str, ...]:
        """Nodes that have records."""
        return tuple(self._connection.execute(select(chains.c.node).order_by(chains.c.node)).scalars())


def _cdr(row: Row[Any]) -> CdrRow:
    return CdrRow(
        node=row.node,
        sequence=row.sequence,
        cdr_id=row.cdr_id,
        visit_id=row.visit_id,
        corrects=row.corrects,
        facility=row.facility,
        account_id=row.account_id,
        end_at=from_ms(row.end_at_ms),
        reason=row.reason,
        total=Money(row.total_micros, row.currency),
        document=row.document,
        previous_hash=row.previous_hash,
        hash=row.hash,
    )
