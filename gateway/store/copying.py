"""A whole database into an empty one: from SQLite to PostgreSQL, or back. All of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Table, func, insert, select, text

from gateway.errors import StoreError
from gateway.store.engine import display_name, is_in_memory, make_engine, parse_url, transaction
from gateway.store.faults import translated
from gateway.store.migrate import migrate
from gateway.store.schema import RowNumber
from gateway.store.tables import metadata

_TABLES = tuple(each for each in metadata.sorted_tables if not each.info.get("derived"))
_ROWS = 1000  # at a time: constant memory
_BUSY_TIMEOUT_S = 5.0


def copy_database(source: str, target: str, progress: Callable[[str, int], None]) -> None:
    """source, target: URLs. progress(table, rows so far). Raises StoreError unless the target is empty.

    The source is read as it was at one moment; it is brought up to date first, as when a gateway opens it.
    """
    from_url, to_url = parse_url(source), parse_url(target)
    if is_in_memory(from_url) or is_in_memory(to_url):
        raise StoreError("a database in memory is nothing to copy; name a file or a server")
    file = from_url.database if from_url.get_backend_name() == "sqlite" else None
    if file is not None and not Path(file).is_file():
        raise StoreError(f"there is no database {file} to copy")
    reader, writer = make_engine(from_url, _BUSY_TIMEOUT_S), make_engine(to_url, _BUSY_TIMEOUT_S)
    try:
        with (
            translated(display_name(from_url)),
            reader.connect() as plain_source,
            translated(display_name(to_url)),
            writer.connect() as plain_target,
        ):
            migrate(plain_source)
            migrate(plain_target)
            into = transaction(plain_target, writing=True)
            out_of = transaction(plain_source, writing=False)
            with out_of.begin(), into.begin():
                _copy(out_of, into, display_name(to_url), progress)
    finally:
        reader.dispose()
        writer.dispose()


def _copy(source: Connection, target: Connection, name: str, progress: Callable[[str, int], None]) -> None:
    for table in metadata.sorted_tables:
        if target.execute(select(table).limit(1)).first() is not None:
            raise StoreError(f"the database {name} has rows in {table.name} already; copy into an empty one")
    if target.dialect.name == "postgresql":
        target.execute(text("SET LOCAL statement_timeout = 0"))
    for table in _TABLES:
        copied = 0
        for rows in source.execution_options(yield_per=_ROWS).execute(select(table)).mappings().partitions():
            target.execute(insert(table), [dict(row) for row in rows])
            copied += len(rows)
            progress(table.name, copied)
        _assert_all(source, target, table)
        _count_on(target, table)


def _assert_all(source: Connection, target: Connection, table: Table) -> None:
    there, here = (each.execute(select(func.count()).select_from(table)).scalar_one() for each in (source, target))
    if there != here:
        raise StoreError(f"{table.name} has {there} rows, of which {here} arrived; nothing was copied")


def _count_on(target: Connection, table: Table) -> None:
    """PostgreSQL's counters know nothing of rows that bring their numbers along; SQLite's follow the highest."""
    numbered = [each for each in table.columns if each.type is RowNumber]
    if target.dialect.name != "postgresql" or not numbered:
        return
    (column,) = numbered
    highest = target.execute(select(func.max(column))).scalar_one()
    if highest is not None:
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        target.execute(select(func.setval(sequence, highest)))
