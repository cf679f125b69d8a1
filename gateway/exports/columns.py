"""Records as columns, for files that are tables: thousands at a time, by Apache Arrow. The only file that knows it.

    canonical JSON of the records  --parse-->  a column for each field of Cdr  --flatten-->  the columns of a file

Nested fields become columns of their own: each flow's figures (`audio_from_sip_packets`), and for lists of no fixed
length one text (`usage=2.72;tax=0.10`). What a column is called and holds follows from gateway.billing.cdr.Cdr.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from gateway.billing.cdr import FLOWS, Cdr

TIME = pa.timestamp("ms", tz="UTC")
AMOUNT = pa.decimal128(18, 6)  # what a 64-bit number of micro-units can be
AMOUNTS = ("rate_per_minute", "cap_lowered", "total", "credited", "hold_amount")
FLOW_COLUMNS = (
    "path", "source_codec", "target_codec", "packets", "lost", "far_lost", "jitter_ms", "rtt_ms", "frozen_s", "mos",
    "frames_decoded",
)  # fmt: skip
FLOW_SOURCES = {"jitter_ms": "jitter_us", "rtt_ms": "rtt_us", "frozen_s": "frozen_ms", "mos": "mos_hundredths"}
DECIMALS = {"jitter_ms": 3, "rtt_ms": 3, "frozen_s": 3, "mos": 2}
LISTS = {
    "lines": ("kind", "amount"),
    "payers": ("account", "amount"),
    "recordings": ("recording_id", "sha256"),
}
"""Of lists: what stands before and behind the `=` of each item."""
_FORMULA = r"^[\x00-\x20]*[=+\-@\t\r\n＝＋－＠]"  # noqa: RUF001 - a spreadsheet takes the wide forms for the narrow ones
_NUMBER = r"^-?\d+\.\d{2,6}$"
_BLOCK_BYTES = 1 << 20
_MICROS = pa.scalar(Decimal(1_000_000), pa.decimal128(7, 0))


def _arrow_type(hint: Any) -> pa.DataType:
    if get_origin(hint) is tuple:
        return pa.list_(_arrow_type(get_args(hint)[0]))
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return pa.struct([pa.field(each.name, _arrow_type(hints[each.name])) for each in fields(hint)])
    if hint in (datetime, datetime | None):
        return pa.string()
    return {str: pa.string(), int: pa.int64(), bool: pa.bool_()}[hint]


_HINTS = get_type_hints(Cdr)
TIMES = tuple(name for name, hint in _HINTS.items() if hint in (datetime, datetime | None))
_PARSED = pa.schema([pa.field(name, _arrow_type(hint)) for name, hint in _HINTS.items()])


def parsed(lines: Sequence[str]) -> pa.Table:
    """One row a record; lines: as in the JSON Lines export. Raises ValueError for what is no record."""
    table = _read(lines, arrow_json.ParseOptions(explicit_schema=_PARSED, unexpected_field_behavior="error"))
    return table.select(_PARSED.names).combine_chunks()


def _read(lines: Sequence[str], options: arrow_json.ParseOptions) -> pa.Table:
    text = "\n".join(lines).encode()
    block = max(_BLOCK_BYTES, 2 * max(map(len, lines), default=0) * 4)  # no record is ever longer than a block
    table = arrow_json.read_json(
        pa.BufferReader(text),
        read_options=arrow_json.ReadOptions(use_threads=True, block_size=block),
        parse_options=options,
    )
    if table.num_rows != len(lines):
        raise ValueError(f"{len(lines)} records were read as {table.num_rows}")
    return table


def figures_of(columns: Mapping[str, Sequence[Any]]) -> dict[str, pa.Array]:
    """Some top-level fields of records: times in microseconds since 1970, amounts in micro-units."""
    return {
        name: _figures(name, pa.chunked_array([pa.array(values, _PARSED.field(name).type)]))
        for name, values in columns.items()
    }


def _figures(name: str, column: pa.ChunkedArray) -> pa.Array:
    if name in TIMES:
        column = microseconds(column)
    elif name in AMOUNTS:
        column = micro_units(column)
    return _chunk(column)


def microseconds(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Of RFC 3339 texts, since 1970."""
    return pc.cast(pc.cast(texts, pa.timestamp("us", tz="UTC")), pa.int64())


def micro_units(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Of decimal texts."""
    return pc.cast(pc.multiply(pc.cast(texts, AMOUNT), _MICROS), pa.int64())


def chosen(table: pa.Table, *, trunk: str = "", account: str = "") -> pa.Array:
    """For each row whether it is of that trunk, the station's or the telephone's, and paid by that account, alone or
    beside others; empty: any."""
    mask = pa.array([True] * table.num_rows)
    if trunk:
        mask = pc.and_(mask, over(table, trunk))
    if account:
        paid = pc.equal(_items(table["payers"]).field("account"), account)
        rows = pc.cast(pc.list_parent_indices(_chunk(table["payers"])).filter(paid), pa.int64())
        among = pc.is_in(pa.array(range(table.num_rows), pa.int64()), value_set=rows)
        mask = pc.and_(mask, pc.or_(among, _chunk(pc.equal(table["account"], account))))
    return mask


def over(columns: Mapping[str, pa.ChunkedArray | pa.Array], trunk: str) -> pa.Array:
    """For each row whether station or telephone came over the trunk. Older records know no telephone's."""
    sides = (pc.fill_null(pc.equal(_chunk(columns[name]), trunk), False) for name in ("trunk", "out_trunk"))
    return pc.or_(*sides)


def no_records() -> pa.Table:
    """The columns of `parsed`, without a row."""
    return _PARSED.empty_table()


def texts(table: pa.Table) -> pa.Table:
    """Numbers, and everything else as text; what a spreadsheet would take for a formula is made to open as text."""
    columns: dict[str, pa.Array] = {}
    for name in _PARSED.names:
        if name == "flows":
            columns |= _flow_columns(table[name], texts=True)
        elif name in LISTS:
            columns[name] = _safe(_joined(table[name], *LISTS[name]))
        elif pa.types.is_string(_PARSED.field(name).type):
            columns[name] = _safe(_chunk(pc.fill_null(table[name], "")))
        else:
            columns[name] = _chunk(table[name])
    return pa.table(columns)


def typed(table: pa.Table) -> pa.Table:
    """Times as timestamps, amounts as decimals, lists as they are: what Parquet holds."""
    columns: dict[str, pa.Array] = {}
    for name in _PARSED.names:
        if name == "flows":
            columns |= _flow_columns(table[name], texts=False)
        elif name in TIMES:
            columns[name] = pc.cast(table[name], TIME)
        elif name in AMOUNTS:
            columns[name] = pc.cast(table[name], AMOUNT)
        else:
            columns[name] = table[name]
    return pa.table(columns)


def _safe(text: pa.Array) -> pa.Array:
    """A plain amount (`-2.72`) is a number and stays one."""
    risky = pc.match_substring_regex(text, _FORMULA)
    if not pc.any(risky).as_py():
        return text
    risky = pc.and_not(risky, pc.match_substring_regex(text, _NUMBER))
    return pc.if_else(risky, pc.binary_join_element_wise("'", text, ""), text)


def _joined(column: pa.ChunkedArray, before: str, behind: str) -> pa.Array:
    array = _chunk(column)
    items = _items(column)
    pairs = pc.binary_join_element_wise(items.field(before), items.field(behind), "=")
    lists = pa.ListArray.from_arrays(_offsets(array), pairs)
    return pc.fill_null(pc.binary_join(lists, ";"), "")


def _flow_columns(column: pa.ChunkedArray, *, texts: bool) -> dict[str, pa.Array]:
    array = _chunk(column)
    items = _items(column)
    parents = pc.list_parent_indices(array)
    found: dict[str, pa.Array] = {}
    for kind, source in FLOWS:
        here = pc.and_(pc.equal(items.field("kind"), kind), pc.equal(items.field("source"), source))
        places = pc.index_in(
            pa.array(range(len(array)), pa.int64()), value_set=pc.cast(parents.filter(here), pa.int64())
        )
        flows = items.filter(here).take(places)
        for name in FLOW_COLUMNS:
            values = flows.field(FLOW_SOURCES.get(name, name))
            found[f"{kind}_from_{source}_{name}"] = _flow_text(name, values) if texts else _flow_value(name, values)
    return found


def _flow_value(name: str, values: pa.Array) -> pa.Array:
    if name not in DECIMALS:
        return pc.fill_null(values, "none" if name == "path" else "" if pa.types.is_string(values.type) else 0)
    digits = DECIMALS[name]
    whole = pc.fill_null(values, 0)
    exact = pc.multiply(
        pc.cast(whole, pa.decimal128(19, 0)), pa.scalar(Decimal(1).scaleb(-digits), pa.decimal128(4, digits))
    )
    figure = pc.cast(exact, pa.decimal128(18, digits))
    if name in ("rtt_ms", "mos"):  # 0 means that nobody knows
        return pc.if_else(pc.equal(whole, 0), pa.scalar(None, figure.type), figure)
    return figure


def _flow_text(name: str, values: pa.Array) -> pa.Array:
    figure = _flow_value(name, values)
    if name in DECIMALS:
        return pc.fill_null(pc.cast(figure, pa.string()), "")
    return _safe(figure) if pa.types.is_string(figure.type) else figure


def _chunk(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _items(column: pa.ChunkedArray) -> pa.StructArray:
    return _chunk(column).flatten()


def _offsets(array: pa.ListArray) -> pa.Array:
    """From 0 on, and none for a list that is null."""
    counts = pc.fill_null(pc.list_value_length(array), 0)
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cast(pc.cumulative_sum(counts), pa.int32())])
