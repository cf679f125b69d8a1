"""Records into a file, with its manifest: by cursor, time, facility, trunk or account, a page at a time.

    wanted = Wanted(Selection("node1", since=4711))
    manifest = await export(accounting, wanted, Format.CSV, Path("cdr.csv"), now=clock.now())

What is exported is fixed when it begins: records that are written meanwhile belong to the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gateway.billing.cdr import time_text
from gateway.exports import columns
from gateway.exports.files import whole_file
from gateway.exports.formats import Format, writer
from gateway.exports.manifest import Manifest, place
from gateway.money import Money
from gateway.store import RawRecord, Selection

PAGE = 8_192
Progress = Callable[[int, int], None]
"""Called with sequences: how far it is, and where it ends."""


class Reading(Protocol):
    """The part of the accounting that exports need. Raises StoreUnavailable."""

    async def last_sequence(self, node: str | None = None) -> int: ...
    async def raw_records(self, wanted: Selection, limit: int) -> tuple[RawRecord, ...]: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """trunk, account: only records of that trunk, only those that the account has paid, alone or with others."""

    records: Selection
    trunk: str = ""
    account: str = ""

    def chosen(self, page: Sequence[RawRecord]) -> tuple[RawRecord, ...]:
        """Those of the trunk and the account; parses, so call it in a thread."""
        table = columns.parsed([each.line for each in page])
        mask = columns.chosen(table, trunk=self.trunk, account=self.account).to_pylist()
        return tuple(each for each, taken in zip(page, mask, strict=True) if taken)

    def filters(self) -> dict[str, str]:
        """What was asked for, by the names of the command's options."""
        found = {each.name: getattr(self.records, each.name) for each in fields(self.records)}
        found |= {"trunk": self.trunk, "account": self.account}
        del found["node"]
        words = {name: time_text(value) if isinstance(value, datetime) else value for name, value in found.items()}
        return {name: str(value) for name, value in words.items() if value}


async def pages(books: Reading, wanted: Wanted, size: int = PAGE) -> AsyncGenerator[tuple[RawRecord, ...], None]:
    """What is wanted, in order; the store has its turn for others between two pages."""
    upto = wanted.records.upto
    if upto is None:
        upto = await books.last_sequence(wanted.records.node)
    selection = replace(wanted.records, upto=upto)
    reading = asyncio.create_task(books.raw_records(selection, size), name="a page of records")
    try:
        while page := await reading:
            selection = replace(selection, since=page[-1].sequence)
            following = books.raw_records(selection, size)  # while this one is written
            reading = asyncio.create_task(following, name="a page of records")
            yield await asyncio.to_thread(wanted.chosen, page) if wanted.trunk or wanted.account else page
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def export(
    books: Reading, wanted: Wanted, form: Format, path: Path, *, now: datetime, progress: Progress | None = None
) -> Manifest:
    """Writes `path` and its manifest, each whole or not at all. Raises BillingError, StoreUnavailable."""
    last = await books.last_sequence(wanted.records.node)
    upto = last if wanted.records.upto is None else min(last, wanted.records.upto)
    fixed = replace(wanted, records=replace(wanted.records, upto=upto))
    rows, first, end = 0, 0, 0
    totals: dict[str, int] = {}
    with whole_file(path) as sink:
        out = writer(form, sink)
        async with aclosing(pages(books, fixed)) as found:
            async for page in found:
                await asyncio.to_thread(out.write, [each.line for each in page])
                if page:
                    rows, first, end = rows + len(page), first or page[0].sequence, page[-1].sequence
                for each in page:
                    totals[each.currency] = totals.get(each.currency, 0) + each.total_micros
                if progress:
                    progress(end, upto)
        out.close()
    manifest = Manifest(
        file=path.name,
        format=str(form),
        node=wanted.records.node,
        rows=rows,
        first_sequence=first,
        last_sequence=end,
        next_since=max(wanted.records.since, upto),
        totals={currency: Money(totals[currency], currency).amount for currency in sorted(totals)},
        sha256=sink.sha256,
        bytes=sink.bytes,
        filters=wanted.filters(),
        made_at=time_text(now) or "",
    )
    with whole_file(place(path)) as beside:
        beside.write(manifest.text().encode())
    return manifest
