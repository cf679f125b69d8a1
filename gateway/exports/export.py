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
SPAN = 20_000  # records, which the database looks through in some 50 ms
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
    selection = wanted.records
    if selection.upto is None:
        selection = replace(selection, upto=await books.last_sequence(selection.node))
    reading = asyncio.create_task(_following(books, selection, size), name="a page of records")
    try:
        while True:
            page, selection = await reading
            if not page:
                return
            following = _following(books, selection, size)  # while this one is written
            reading = asyncio.create_task(following, name="a page of records")
            yield await asyncio.to_thread(wanted.chosen, page) if wanted.trunk or wanted.account else page
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _following(books: Reading, selection: Selection, size: int) -> tuple[tuple[RawRecord, ...], Selection]:
    """The next page that is not empty, and what is left behind it."""
    while selection.upto is not None and selection.since < selection.upto:
        page, selection = await look(books, selection, size)
        if page:
            return page, selection
    return (), selection


async def look(books: Reading, selection: Selection, size: int) -> tuple[tuple[RawRecord, ...], Selection]:
    """At most `size` records, and what is left to look through. selection.upto is the end of it, and not None.

    Where few of many are wanted, no more than SPAN are looked through: visits' own writing waits no longer than that.
    """
    whole = selection.upto or 0
    few = selection.begin or selection.end or selection.facility
    upto = min(whole, selection.since + SPAN) if few else whole
    page = await books.raw_records(replace(selection, upto=upto), size)
    looked_through = few and len(page) < size
    done = page[-1].sequence if page and not looked_through else max(selection.since, upto)
    return page, replace(selection, since=done)


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
