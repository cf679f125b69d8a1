"""CDRs for billing teams: CSV and JSON Lines, streamed in constant memory, cursor by sequence.

CSV is UTF-8 without a byte-order mark, RFC 4180 (CRLF, header, quotes doubled). Text that a spreadsheet could take for
a formula gets an apostrophe in front, as OWASP advises; an importer that wants the exact text reads JSON Lines.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from gateway.billing.cdr import FLOWS, Cdr, CdrFlow, as_json
from gateway.errors import BillingError

Cell = str | int
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - a spreadsheet takes the wide forms for the narrow ones
AMOUNT = re.compile(r"-?\d+\.\d{2,6}")
FLOW_COLUMNS = (
    "path", "source_codec", "target_codec", "packets", "lost", "far_lost", "jitter_ms", "rtt_ms", "frozen_s", "mos",
    "frames_decoded",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exported:
    """last_sequence: the cursor for the next export; what was given as `since` when there was nothing new."""

    rows: int
    last_sequence: int


def csv_columns() -> tuple[str, ...]:
    """The header: the record's fields, `lines` and `recordings` as one text, each flow's figures as columns."""
    columns: list[str] = []
    for name in Cdr.__dataclass_fields__:
        if name == "flows":
            columns += [f"{kind}_from_{source}_{each}" for kind, source in FLOWS for each in FLOW_COLUMNS]
        else:
            columns.append(name)
    return tuple(columns)


def csv_row(cdr: Cdr) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    for name, value in as_json(cdr).items():
        if name == "flows":
            cells += _flow_cells(cdr.flows)
        elif name == "recordings":
            cells.append(";".join(f"{each.recording_id}={each.sha256}" for each in cdr.recordings))
        elif name == "lines":
            cells.append(";".join(f"{line.kind}={line.amount}" for line in cdr.lines))
        else:
            cells.append(_cell(value))
    return tuple(cells)


def write_csv(cdrs: Iterable[Cdr], file: TextIO, *, header: bool = True) -> int:
    """Rows written. `file` must be opened with newline="" and UTF-8."""
    writer = csv.writer(file, lineterminator="\r\n")
    if header:
        writer.writerow(csv_columns())
    count = 0
    for count, cdr in enumerate(cdrs, start=1):  # noqa: B007 - the number of the last one is the answer
        writer.writerow(csv_row(cdr))
    return count


def write_jsonl(cdrs: Iterable[Cdr], file: TextIO) -> int:
    """Rows written: one JSON object a line, with the hashes, LF, UTF-8."""
    count = 0
    for count, cdr in enumerate(cdrs, start=1):  # noqa: B007 - the number of the last one is the answer
        file.write(json.dumps(as_json(cdr), ensure_ascii=False, separators=(",", ":")) + "\n")
    return count


async def csv_chunks(pages: AsyncIterator[tuple[Cdr, ...]]) -> AsyncIterator[str]:
    """The same CSV as text, a page at a time, for a streamed HTTP answer."""
    yield _text(partial(write_csv, ()))
    async for page in pages:
        yield _text(partial(write_csv, page, header=False))


async def export_csv(pages: AsyncIterator[tuple[Cdr, ...]], path: Path, since: int = 0) -> Exported:
    """Writes `path` whole or not at all. Raises BillingError when it cannot be written."""
    with _whole_file(path) as file:
        write_csv((), file)
        return await _drain(pages, since, lambda page: write_csv(page, file, header=False))


async def export_jsonl(pages: AsyncIterator[tuple[Cdr, ...]], path: Path, since: int = 0) -> Exported:
    """Writes `path` whole or not at all. Raises BillingError when it cannot be written."""
    with _whole_file(path) as file:
        return await _drain(pages, since, lambda page: write_jsonl(page, file))


async def _drain(
    pages: AsyncIterator[tuple[Cdr, ...]], since: int, write: Callable[[tuple[Cdr, ...]], int]
) -> Exported:
    rows, last = 0, since
    async for page in pages:
        rows += write(page)
        last = page[-1].sequence
    return Exported(rows, last)


@contextmanager
def _whole_file(path: Path) -> Iterator[TextIO]:
    """A file beside `path` that takes its name when everything is written and on the disk; else it is removed.

    Whoever watches the folder never sees half an export. Only the owner may read it: records are personal data.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from None
    part = Path(name)
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """The new name itself must survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, error: OSError) -> BillingError:
    return BillingError(f"{path} cannot be written: {error.strerror}")


def _text(write: Callable[[TextIO], object]) -> str:
    file = io.StringIO(newline="")
    write(file)
    return file.getvalue()


def _flow_cells(flows: tuple[CdrFlow, ...]) -> Iterator[Cell]:
    by_way = {(flow.kind, flow.source): flow for flow in flows}
    for way in FLOWS:
        flow = by_way.get(way)
        if flow is None:
            yield from ("none", "", "", 0, 0, 0, "0.000", "", "0.000", "", 0)
        else:
            yield from (_safe(flow.path), _safe(flow.source_codec), _safe(flow.target_codec))
            yield from (flow.packets, flow.lost, flow.far_lost, _thousandths(flow.jitter_us))
            yield from (_thousandths(flow.rtt_us) if flow.rtt_us else "", _thousandths(flow.frozen_ms))
            yield f"{flow.mos_hundredths // 100}.{flow.mos_hundredths % 100:02d}" if flow.mos_hundredths else ""
            yield flow.frames_decoded


def _thousandths(whole: int) -> str:
    return f"{whole // 1000}.{whole % 1000:03d}"


def _cell(value: object) -> Cell:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    return "" if value is None else _safe(str(value))


def _safe(text: str) -> str:
    """Text that opens as text. A plain amount (`-2.72`) is a number and stays one."""
    if text.lstrip(" ")[:1] in FORMULA_STARTS and text.strip() and not AMOUNT.fullmatch(text):
        return "'" + text
    return text
