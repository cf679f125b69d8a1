"""SQL of scheduled exports: planned before the file is written, done when it lies in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gateway.store.rows import from_ms, maybe_time, to_ms
from gateway.store.tables import drops


@dataclass(frozen=True, slots=True)
class Drop:
    """Records of a node above `since` up to `upto`, in one file. done_at None: it may not lie there yet."""

    name: str
    node: str
    since: int
    upto: int
    file_name: str
    planned_at: datetime
    done_at: datetime | None = None
    records: int = 0
    sha256: str = ""


class Drops:
    """Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last(self, name: str, node: str) -> Drop | None:
        """The one planned last: where its `upto` is, the next one begins."""
        statement = select(drops).where(drops.c.name == name, drops.c.node == node)
        row = self._connection.execute(statement.order_by(drops.c.since.desc()).limit(1)).first()
        return None if row is None else _drop(row)

    def plan(self, drop: Drop) -> None:
        """Of two processes that plan the same, the second gets StoreError."""
        self._connection.execute(
            insert(drops).values(
                name=drop.name,
                node=drop.node,
                since=drop.since,
                upto=drop.upto,
                file_name=drop.file_name,
                planned_at_ms=to_ms(drop.planned_at),
                records=0,
                sha256="",
            )
        )

    def done(self, drop: Drop, at: datetime, records: int, sha256: str) -> None:
        statement = update(drops).where(drops.c.name == drop.name, drops.c.node == drop.node)
        statement = statement.where(drops.c.since == drop.since, drops.c.done_at_ms.is_(None))
        self._connection.execute(statement.values(done_at_ms=to_ms(at), records=records, sha256=sha256))


def _drop(row: Row[Any]) -> Drop:
    return Drop(
        name=row.name,
        node=row.node,
        since=row.since,
        upto=row.upto,
        file_name=row.file_name,
        planned_at=from_ms(row.planned_at_ms),
        done_at=maybe_time(row.done_at_ms),
        records=row.records,
        sha256=row.sha256,
    )
