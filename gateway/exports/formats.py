"""The formats of a file of records. Each takes pages of them and writes bytes; none holds more than a page.

csv         RFC 4180, UTF-8 without a mark, CRLF, a header; defused where a spreadsheet would run it (OWASP)
jsonl       one JSON object a line, the exact text that was signed, with its hashes
parquet     typed columns, Zstandard
asterisk    the columns of Asterisk's Master.csv (cdr_csv), for tools that read those
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from gateway.exports import asterisk, columns


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    ASTERISK = "asterisk"


class Sink(Protocol):
    """Where the bytes go."""

    @property
    def closed(self) -> bool: ...
    def write(self, data: bytes, /) -> int: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class Writer(Protocol):
    """Of one file. `close` writes what belongs behind the last record, and leaves the sink open."""

    def write(self, lines: Sequence[str]) -> None:
        """lines: records as JSON. Raises ValueError for what is none."""
        ...

    def close(self) -> None: ...


class JsonLines:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, lines: Sequence[str]) -> None:
        if lines:
            self._sink.write(("\n".join(lines) + "\n").encode())

    def close(self) -> None:
        """Nothing is left to write."""


class Csv:
    """header: False where a file is gone on with."""

    def __init__(self, sink: Sink, *, header: bool = True) -> None:
        options = arrow_csv.WriteOptions(include_header=False, eol="\r\n")
        schema = columns.texts(columns.no_records()).schema
        if header:
            sink.write((",".join(schema.names) + "\r\n").encode())
        self._writer = arrow_csv.CSVWriter(pa.PythonFile(sink, "w"), schema, write_options=options)

    def write(self, lines: Sequence[str]) -> None:
        if lines:
            self._writer.write_table(columns.texts(columns.parsed(lines)))

    def close(self) -> None:
        self._writer.close()


class Parquet:
    def __init__(self, sink: Sink) -> None:
        schema = columns.typed(columns.no_records()).schema
        self._writer = parquet.ParquetWriter(pa.PythonFile(sink, "w"), schema, compression="zstd")

    def write(self, lines: Sequence[str]) -> None:
        if lines:
            self._writer.write_table(columns.typed(columns.parsed(lines)))

    def close(self) -> None:
        self._writer.close()


class Asterisk:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, lines: Sequence[str]) -> None:
        if lines:
            self._sink.write(asterisk.rows(columns.parsed(lines).to_pylist()).encode())

    def close(self) -> None:
        """Nothing is left to write."""


def writer(form: Format, sink: Sink) -> Writer:
    made: dict[Format, type[JsonLines] | type[Csv] | type[Parquet] | type[Asterisk]] = {
        Format.JSONL: JsonLines,
        Format.CSV: Csv,
        Format.PARQUET: Parquet,
        Format.ASTERISK: Asterisk,
    }
    return made[form](sink)
