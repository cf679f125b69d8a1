"""A carrier's CSV, read once into an index on disk, so that a file of any length takes the same memory.

The index is a database of SQLite without a name: a file of the system's temporary folder that is gone when it is
closed. Rows are looked up by their key, a page of ours at a time; what no key has found, by number and time.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from gateway.errors import BillingError
from gateway.exports.lane import Lane, lane_of
from gateway.exports.mapping import Column, MappingDocument, Nearness, Value, columns_of, nearness

AT_ONCE = 5_000
CACHE_KIB = 16_384
LARGEST = 2**63  # what a column of the index holds
_NO_ROWS = "CREATE TABLE theirs (line INTEGER PRIMARY KEY, key, number, at, used INTEGER NOT NULL{values});"
_NO_LEFTOVERS = (
    "CREATE TABLE ours (place INTEGER PRIMARY KEY, key, number, at, cdr_id, taken INTEGER NOT NULL{values});"
)
_PAIRS = """
SELECT ours.place, theirs.line FROM ours JOIN theirs ON theirs.number = ours.number
       AND theirs.at BETWEEN ours.at - :window AND ours.at + :window AND NOT theirs.used
ORDER BY abs(theirs.at - ours.at), ours.place, theirs.line
"""


class Theirs(NamedTuple):  # made for every row, at a third of a frozen dataclass's time
    """key: empty when the row has none. used: one of ours has matched it."""

    line: int
    key: str
    used: bool
    values: tuple[Value, ...]


class Ours(NamedTuple):  # made for every row, at a third of a frozen dataclass's time
    """One of our records; number, at: what is left to find it by."""

    key: str
    cdr_id: str
    values: tuple[Value, ...]
    number: str = ""
    at: int | None = None


class Carrier:
    """Their rows. unreadable: lines, and what is wrong with each. Close it, or the disk's room is kept.

    lane: those that are compared in columns; `leave_the_lane` puts what is left of it to the others.
    """

    def __init__(self, columns: Sequence[Column], near: Nearness | None) -> None:
        self.lane: Lane | None = None
        self.read_rows: Callable[[Collection[int] | None], Iterable[tuple[Value, ...]]] = lambda _: ()
        self._width = len(columns)
        self._near = near
        self._index = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._index.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._index.execute("PRAGMA temp_store = FILE")
        self._index.execute("BEGIN")  # never ends: nobody else reads it, and nothing of it is to stay
        values = "".join(f", v{place}" for place in range(self._width))
        self._index.execute(_NO_ROWS.format(values=values))
        self._index.execute(_NO_LEFTOVERS.format(values=values))
        self._selected = "line, key, used" + values
        self.unreadable: list[tuple[int, str]] = []

    def __enter__(self) -> Carrier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._index.close()

    def leave_the_lane(self) -> None:
        lane, self.lane = self.lane, None
        if lane is not None:
            self.fill(self.read_rows(frozenset(lane.unused().tolist())))

    def __len__(self) -> int:
        return (len(self.lane.rows) if self.lane else 0) + int(
            self._index.execute("SELECT count(*) FROM theirs").fetchone()[0]
        )

    def fill(self, rows: Iterable[tuple[Value, ...]]) -> None:
        """rows: line, key, number, time, and the values."""
        marks = ", ".join("?" * self._width)
        insert = f"INSERT INTO theirs VALUES (?, ?, ?, ?, 0, {marks})"  # noqa: S608 - question marks alone
        rows = iter(rows)
        while some := list(islice(rows, AT_ONCE)):
            self._index.executemany(insert, some)
        self._index.execute("CREATE INDEX IF NOT EXISTS by_key ON theirs (key)")

    def found(self, keys: Iterable[str]) -> dict[str, Theirs]:
        """By key, the first line of each; used or not."""
        wanted = [key for key in keys if key]
        found: dict[str, Theirs] = {}
        for begin in range(0, len(wanted), AT_ONCE):
            some = wanted[begin : begin + AT_ONCE]
            marks = ", ".join("?" * len(some))
            where = f"WHERE key IN ({marks}) ORDER BY line"
            for each in self._rows(where, some):
                found.setdefault(each.key, each)
        return found

    def use(self, lines: Iterable[int]) -> None:
        self._index.executemany("UPDATE theirs SET used = 1 WHERE line = ?", ((line,) for line in lines))

    def leave(self, ours: Iterable[Ours]) -> None:
        """Of ours, what no key has found: kept for `near`."""
        marks = ", ".join("?" * self._width)
        insert = f"INSERT INTO ours VALUES (NULL, ?, ?, ?, ?, 0, {marks})"  # noqa: S608 - question marks alone
        self._index.executemany(insert, ((o.key, o.number or None, o.at, o.cdr_id, *o.values) for o in ours))

    def near(self) -> Iterator[tuple[Ours, Theirs]]:
        """Pairs of what is left with the same number, within the window; those nearest in time first, each row once."""
        if self._near is None:
            return
        self._index.execute("CREATE INDEX by_number ON theirs (number, at)")
        for place, line in self._index.execute(_PAIRS, {"window": self._near.window}):
            both = (
                self._flag("ours WHERE NOT taken AND place", place),
                self._flag("theirs WHERE NOT used AND line", line),
            )
            if all(both):
                self._index.execute("UPDATE ours SET taken = 1 WHERE place = ?", (place,))
                self.use([line])
                (ours,), (theirs,) = self._left("WHERE place = ?", [place]), self._rows("WHERE line = ?", [line])
                yield ours, theirs

    def ours_alone(self) -> Iterator[Ours]:
        """Of what was left, what `near` did not pair."""
        return self._left("WHERE NOT taken ORDER BY place", [])

    def theirs_alone(self) -> Iterator[Theirs]:
        """Rows that none of ours matched, in the order of the file; `repeats` are not among them."""
        return self._rows(f"WHERE NOT used AND NOT {_REPEATS} ORDER BY line", [])

    def repeats(self) -> Iterator[Theirs]:
        """Rows with a key that a line before them has."""
        return self._rows(f"WHERE NOT used AND {_REPEATS} ORDER BY line", [])

    def _flag(self, table: str, value: int) -> bool:
        return self._index.execute(f"SELECT 1 FROM {table} = ?", (value,)).fetchone() is not None  # noqa: S608 - own words

    def _rows(self, where: str, values: Sequence[object]) -> Iterator[Theirs]:
        rows = self._index.execute(f"SELECT {self._selected} FROM theirs {where}", values)  # noqa: S608 - own words
        return (Theirs(row[0], row[1] or "", bool(row[2]), row[3:]) for row in rows)

    def _left(self, where: str, values: Sequence[object]) -> Iterator[Ours]:
        rows = self._index.execute(f"SELECT * FROM ours {where}", values)  # noqa: S608 - own words
        return (Ours(row[1], row[4], row[6:], row[2] or "", row[3]) for row in rows)


_REPEATS = "EXISTS (SELECT 1 FROM theirs AS before WHERE before.key = theirs.key AND before.line < theirs.line)"


def read_carrier(path: Path, mapping: MappingDocument) -> Carrier:
    """Raises BillingError for a file that cannot be read or lacks a column: file, line and column."""
    columns, near = columns_of(mapping), nearness(mapping)
    carrier = Carrier(columns, near)
    carrier.read_rows = partial(_rows_of, path, mapping, carrier.unreadable)
    try:
        lane = lane_of(path, mapping, columns)
        if lane is None or len(lane.left):
            carrier.fill(carrier.read_rows(None if lane is None else frozenset(lane.left.tolist())))
        carrier.lane = lane
    except BaseException:
        carrier.close()
        raise
    return carrier


def _rows_of(
    path: Path, mapping: MappingDocument, unreadable: list[tuple[int, str]], wanted: Collection[int] | None
) -> Iterator[tuple[Value, ...]]:
    """line, key, number, time and values of the rows that count; wanted: only those, from 0 behind the header."""
    columns, near = columns_of(mapping), nearness(mapping)
    line = 1
    try:
        with path.open(encoding=mapping.encoding, newline="") as file:
            rows = csv.reader(file, delimiter=mapping.delimiter, strict=True)
            reader = _Reader(_places(path, next(rows, []), mapping, columns), mapping, columns, near)
            for number, row in enumerate(rows):
                line = rows.line_num
                if wanted is not None and number not in wanted:
                    continue
                try:
                    values = reader.read(row)
                except ValueError as error:
                    unreadable.append((line, str(error)))
                    continue
                if values is not None:
                    yield (line, *values)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BillingError(
            f"{path}:{line}: cannot be read as a carrier's CSV, at or after this line: {error}"
        ) from None


def _places(path: Path, header: list[str], mapping: MappingDocument, columns: Sequence[Column]) -> dict[str, int]:
    places = {name.strip(): index for index, name in enumerate(header)}
    wanted = [each.header for each in columns] + list(mapping.only)
    if mapping.key:
        wanted.insert(0, mapping.key.theirs)
    if mapping.near:
        wanted += [mapping.near.number, mapping.near.time]
    for name in wanted:
        if name not in places:
            raise BillingError(f"{path}:1: there is no column {name!r}; it has: {', '.join(places)}")
    return {name: places[name] for name in wanted}


class _Reader:
    """Of one row: where everything stands is found out once."""

    def __init__(
        self, places: Mapping[str, int], mapping: MappingDocument, columns: Sequence[Column], near: Nearness | None
    ) -> None:
        self._width = max(places.values()) + 1
        self._key = places[mapping.key.theirs] if mapping.key else None
        self._only = [(places[name], frozenset(values)) for name, values in mapping.only.items()]
        self._values: list[tuple[int, Callable[[str], Value], str]] = []
        if near and mapping.near:
            self._values.append((places[mapping.near.number], near.number, mapping.near.number))
            self._values.append((places[mapping.near.time], near.theirs, mapping.near.time))
        self._is_near = bool(self._values)
        self._values += [(places[each.header], each.theirs, each.header) for each in columns]

    def read(self, row: list[str]) -> tuple[Value, ...] | None:
        """key, number, time and the values; None for a row that does not count. Raises ValueError, with the column."""
        if not row:
            return None
        if len(row) < self._width:
            raise ValueError(f"has {len(row)} columns, fewer than the header")
        for place, values in self._only:
            if row[place] not in values:
                return None
        key = (row[self._key].strip() or None) if self._key is not None else None
        try:
            found = [read(row[place]) for place, read, _ in self._values]
        except (ValueError, OverflowError):
            raise self._complaint(row) from None
        for value in found:
            if type(value) is int and not -LARGEST < value < LARGEST:
                raise self._complaint(row)
        return (key, found[0] or None, *found[1:]) if self._is_near else (key, None, None, *found)

    def _complaint(self, row: list[str]) -> ValueError:
        """The first column that is wrong, and how."""
        for place, read, header in self._values:
            try:
                value = read(row[place])
            except (ValueError, OverflowError) as error:
                return ValueError(f"column {header!r}: {error}")
            if isinstance(value, int) and abs(value) >= LARGEST:
                return ValueError(f"column {header!r}: {row[place]!r} is too large")
        raise AssertionError("no column is wrong")
