"""The fast lane of a reconciliation: rows of a carrier that are plain enough to be compared a column at a time.

    carrier's CSV  -->  plain rows: columns in memory, some 60 bytes a row      everything else: the index on disk
    a page of ours -->  found by key, compared column by column; only what is not exactly the same becomes an object

A row is plain when its key stands once in the file and its figures are written in the ordinary way. A file that is not
(quotes, blank lines, another encoding, more than `MOST_BYTES`) has no lane: the index takes it all, row by row.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from gateway.exports.columns import micro_units, microseconds, over
from gateway.exports.mapping import Column, MappingDocument

MOST_BYTES = 256 << 20
_AT_ONCE = 50_000
_AMOUNT = r"^\d{1,11}(\.\d{1,6})?$"
_TIME = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?Z$"
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Lane:
    """rows: which of the file's, from 0 behind the header. values: a column each, micro-units and microseconds."""

    def __init__(self, keys: pa.Array, rows: Integers, values: Sequence[Integers], left: Integers) -> None:
        self.keys = keys
        self.rows = rows
        self.values = tuple(values)
        self.left = left
        """Rows that count and are not plain."""
        self.used: Flags = np.zeros(len(rows), np.bool_)
        hashes = _hashes(keys)
        self._order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._order]

    def places(self, keys: pa.Array) -> Integers:
        """Of each key its place in this lane; -1: it has none."""
        if not len(self._hashes):
            return np.full(len(keys), -1, np.int64)
        hashes = _hashes(keys)
        at = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        hit = self._hashes[at] == hashes
        found: Integers = np.where(hit, self._order[at], -1)
        same = pc.equal(keys.filter(pa.array(hit)), self.keys.take(pa.array(found[hit])))
        if pc.all(same, min_count=0).as_py():
            return found
        exact: Integers = pc.fill_null(pc.index_in(keys, value_set=self.keys), -1).to_numpy(zero_copy_only=False)
        return exact.astype(np.int64)  # two keys with one hash: once in a lifetime, and slow

    def take(self, places: Integers) -> Flags:
        """Uses the places up; True where nobody has before, here or earlier. None of them is -1."""
        first = np.zeros(len(places), np.bool_)
        first[np.unique(places, return_index=True)[1]] = True
        fresh = first & ~self.used[places]
        self.used[places] = True
        return fresh

    def unused(self) -> Integers:
        """The file's rows that none of ours has taken."""
        left: Integers = self.rows[~self.used]
        return left


class Compared:
    """Rows of ours beside their rows in the lane, both as columns."""

    def __init__(self, ours: Sequence[Integers], theirs: Sequence[Integers]) -> None:
        self.ours, self.theirs = tuple(ours), tuple(theirs)
        pairs = zip(ours, theirs, strict=True)
        self.same: Flags = np.logical_and.reduce([one == other for one, other in pairs])

    def sums(self, positions: Sequence[int], rows: Flags) -> Iterator[tuple[int, int, int]]:
        """position, ours, theirs."""
        for each in positions:
            yield each, int(self.ours[each][rows].sum()), int(self.theirs[each][rows].sum())


def _hashes(keys: pa.Array) -> Integers:
    """64 bits of each: a table of them is kept in order, where one of the keys themselves is built for each search."""
    parts = (keys[at : at + _AT_ONCE].to_pylist() for at in range(0, len(keys), _AT_ONCE))
    return np.fromiter((hash(each) for part in parts for each in part), np.int64, len(keys))


def lane_of(path: Path, mapping: MappingDocument, columns: Sequence[Column]) -> Lane | None:
    """None when the mapping or the file is not plain; whether it can be read at all is then for others to say."""
    if mapping.key is None or not _is_plain(mapping) or not _is_plain_file(path):
        return None
    wanted = dict.fromkeys([mapping.key.theirs, *(each.header for each in columns), *mapping.only])
    try:
        table = arrow_csv.read_csv(
            path,
            parse_options=arrow_csv.ParseOptions(
                delimiter=mapping.delimiter, quote_char=False, ignore_empty_lines=False
            ),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(wanted), column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
            ),
        ).combine_chunks()
        return _lane(table, mapping, columns)
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError):
        return None


def _is_plain(mapping: MappingDocument) -> bool:
    if mapping.encoding not in ("utf-8", "utf-8-sig"):
        return False
    for each in mapping.compare:
        time = each.ours.endswith("_at")
        if each.ours == "dialled" or (each.format if time else each.ours != "total" and each.unit != "s"):
            return False
    return True


def _is_plain_file(path: Path) -> bool:
    """Without quotes a line is a row, so that a row's number says its line."""
    try:
        if not 0 < path.stat().st_size <= MOST_BYTES:
            return False
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return all(text.find(each) < 0 for each in (b'"', b"\n\n", b"\n\r", b"\r\r", b"\0"))
    except OSError:
        return False


def _lane(table: pa.Table, mapping: MappingDocument, columns: Sequence[Column]) -> Lane:
    counts = np.ones(table.num_rows, np.bool_)
    for name, wanted in mapping.only.items():
        counts &= _flags(pc.is_in(table[name], value_set=pa.array(wanted, pa.string())))
    if mapping.key is None:
        raise ValueError("a lane without a key")
    keys = pc.utf8_trim_whitespace(table[mapping.key.theirs])
    keys = keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys
    plain = counts & _flags(pc.not_equal(keys, "")) & ~_flags(pc.is_in(keys, value_set=_repeated(keys.filter(counts))))
    texts: dict[str, tuple[pa.Array, bool]] = {}
    for each in columns:
        time = each.name.endswith("_at")
        plain &= _flags(pc.match_substring_regex(table[each.header], _TIME if time else _AMOUNT))
        texts[each.header] = table[each.header], time
    mask = pa.array(plain)
    values = [
        _integers(microseconds(text.filter(mask)) if time else micro_units(text.filter(mask)))
        for text, time in (texts[each.header] for each in columns)
    ]
    return Lane(keys.filter(mask), np.flatnonzero(plain), values, np.flatnonzero(counts & ~plain))


def _repeated(keys: pa.Array) -> pa.Array:
    counted = pc.value_counts(keys)
    return counted.field("values").filter(pc.greater(counted.field("counts"), 1))


def _flags(mask: Any) -> Flags:
    found: Flags = np.asarray(mask.to_numpy(zero_copy_only=False) if isinstance(mask, pa.Array) else mask.to_numpy())
    return found.astype(np.bool_)


def _integers(column: Any) -> Integers:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    found: Integers = array.to_numpy(zero_copy_only=False)
    return found


def counting(page: Mapping[str, Any], *, trunk: str, answered: bool) -> Flags:
    """Which of our rows are to be compared: over that trunk, and where it matters only those that were answered."""
    found = np.ones(len(page["trunk"]), np.bool_)
    if trunk:
        found &= _flags(over(page, trunk))
    if answered:
        found &= ~_flags(page["answer_at"].is_null())
    return found


def picked(column: Any, taken: Flags) -> list[Any]:
    """Those rows of a column."""
    found: list[Any] = column.filter(pa.array(taken)).to_pylist()
    return found


def integers(page: Mapping[str, Any], columns: Sequence[Column]) -> tuple[list[Integers], Flags]:
    """Our side of the comparison, and where all of it is there: no figure is missing."""
    there = np.ones(len(next(iter(page.values()))), np.bool_)
    found: list[Integers] = []
    for each in columns:
        array = page[each.source]
        there &= ~_flags(array.is_null())
        whole = _integers(pc.fill_null(array, 0))
        made: Any = whole if each.ours is None else each.ours(whole)
        found.append(made)
    return found, there
