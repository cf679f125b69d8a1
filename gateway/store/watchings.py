"""SQL of watchings: who watched which visit, from when until when. Two rows a watching, and none ever changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, insert, select

from gateway.store.postgresql import in_order
from gateway.store.rows import Watching, from_ms, maybe_time, to_ms
from gateway.store.tables import watchings

_BEGAN, _ENDED = "began", "ended"


class Watchings:
    """In one transaction. Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def began(self, watching: Watching) -> None:
        """Its `until` and `reason` are not written: they are not known yet."""
        self._write(watching, _BEGAN, watching.since, "")

    def ended(self, watching_id: str, at: datetime, reason: str) -> None:
        """Idempotent: the first end stands."""
        if self._connection.execute(_all().where(watchings.c.watching_id == watching_id, _OPEN)).first() is None:
            return
        row = self._connection.execute(select(watchings).where(watchings.c.watching_id == watching_id)).one()
        self._write(_watching(row), _ENDED, at, reason)

    def open(self, node: str) -> tuple[Watching, ...]:
        """Those of a node that began and have no end."""
        return self._found(_all().where(watchings.c.node == node, _OPEN))

    def find(self, since: int, limit: int, *, visit_id: str = "", officer: str = "") -> tuple[Watching, ...]:
        """Those with a number above `since`, in the order in which they began."""
        statement = _all().where(watchings.c.number > since)
        if visit_id:
            statement = statement.where(watchings.c.visit_id == visit_id)
        if officer:
            statement = statement.where(watchings.c.officer == officer)
        return self._found(statement.limit(limit))

    def _found(self, statement: Select[Any]) -> tuple[Watching, ...]:
        return tuple(_watching(row) for row in self._connection.execute(statement.order_by(watchings.c.number)))

    def _write(self, watching: Watching, act: str, at: datetime, reason: str) -> None:
        in_order(self._connection, "watchings")
        self._connection.execute(
            insert(watchings).values(
                watching_id=watching.watching_id,
                act=act,
                node=watching.node,
                facility=watching.facility,
                visit_id=watching.visit_id,
                officer=watching.officer,
                at_ms=to_ms(at),
                reason=reason,
            )
        )


_ends = watchings.alias("ends")
_OPEN = _ends.c.at_ms.is_(None)


def _all() -> Select[Any]:
    joined = watchings.outerjoin(_ends, and_(_ends.c.watching_id == watchings.c.watching_id, _ends.c.act == _ENDED))
    columns = (_ends.c.at_ms.label("until_ms"), _ends.c.reason.label("end_reason"))
    return select(watchings, *columns).select_from(joined).where(watchings.c.act == _BEGAN)


def _watching(row: Row[Any]) -> Watching:
    return Watching(
        watching_id=row.watching_id,
        node=row.node,
        facility=row.facility,
        visit_id=row.visit_id,
        officer=row.officer,
        since=from_ms(row.at_ms),
        until=maybe_time(getattr(row, "until_ms", None)),
        reason=getattr(row, "end_reason", None) or "",
        number=row.number,
    )
