"""SQL for comparisons: a few columns of each visit's latest record, which the database took out of the signed text.

A tenth of what the texts are to read, and nothing to parse. It cannot say anything else than they do: the trigger that
writes it is part of the same insertion, and nothing may change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from gateway.store.latest import Place
from gateway.store.rows import from_ms, to_ms
from gateway.store.tables import cdr_figures as table
from gateway.store.tables import cdrs

NAMES = tuple(each.name for each in table.columns if each.name not in ("end_at_ms", "node", "sequence"))


@dataclass(frozen=True, slots=True)
class FigurePage:
    """columns: by name, a value for each record as JSON has it: times and amounts are texts."""

    columns: dict[str, tuple[Any, ...]]
    records: int
    next: Place | None


class Figures:
    """Reading in one transaction. Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(
        self, names: Sequence[str], since: datetime, until: datetime, *, after: Place | None = None, limit: int
    ) -> FigurePage:
        """names: of NAMES. Visits that ended at `since` or later and before `until`, in that order."""
        corrected = select(cdrs.c.cdr_id).where(cdrs.c.corrects == table.c.cdr_id).exists()
        at = table.c.end_at_ms
        conditions = [at >= to_ms(after.end_at if after else since), at < to_ms(until), ~corrected]
        if after is not None:
            same_end = or_(
                table.c.node > after.node, and_(table.c.node == after.node, table.c.sequence > after.sequence)
            )
            conditions.append(or_(at > to_ms(after.end_at), same_end))
        statement = select(at, table.c.node, table.c.sequence, *(table.c[each] for each in names))
        ordered = statement.where(*conditions).order_by(at, table.c.node, table.c.sequence).limit(limit)
        cursor = self._connection.execute(ordered).cursor
        rows: Sequence[tuple[Any, ...]] = (
            cursor.fetchall() if cursor is not None else ()
        )  # tuples as the driver has them
        columns = tuple(zip(*rows, strict=True)) if rows else ((),) * (3 + len(names))
        place = Place(from_ms(rows[-1][0]), rows[-1][1], rows[-1][2]) if len(rows) == limit else None
        return FigurePage(dict(zip(names, columns[3:], strict=True)), len(rows), place)
