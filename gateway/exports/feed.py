"""Records for the API: JSON values by the page, and files as they stream. Implements gateway.api.records.Cdrs."""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, Any, Protocol

from gateway.billing.accounting import Accounting
from gateway.billing.cdr import as_json, from_json
from gateway.errors import ExportUnwritable
from gateway.exports.discreet import discreetly, privileged
from gateway.exports.export import PAGE as BIG_PAGE
from gateway.exports.export import Wanted, look, pages
from gateway.exports.files import Counted
from gateway.exports.formats import Csv, Parquet
from gateway.store import RawRecord, Selection

PAGE = 500
MOST_LOOKS = 20  # into the database for one JSON page, where it asks for few of many
CHUNK_BYTES = 1 << 18


class Asked(Protocol):
    """gateway.api.records.RecordQuery."""

    @property
    def records(self) -> Selection: ...
    @property
    def trunk(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def names(self) -> bool: ...
    @property
    def payers(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class RecordPage:
    """See gateway.api.records.RecordPage."""

    items: Sequence[Mapping[str, Any]]
    next_since: int


@dataclass(frozen=True, slots=True)
class Download:
    """See gateway.api.records.Download."""

    chunks: AsyncIterator[bytes]
    close: Callable[[], Awaitable[None]]
    next_since: int
    size: int | None = None
    sha256: str = ""


class CdrFeed:
    """The records of every node in the books. node: of a query that names none."""

    def __init__(self, accounting: Accounting, node: str) -> None:
        self._accounting = accounting
        self._node = node

    async def nodes(self) -> tuple[str, ...]:
        return await self._accounting.nodes()

    async def page(self, asked: Asked, limit: int) -> RecordPage:
        """At most `limit` records; fewer, or none, when few of the next 10,000 are what is asked for."""
        fixed = await self._fixed(asked)
        every = not (asked.trunk or asked.account)
        found: list[RawRecord] = []
        left = fixed.records
        for _ in range(MOST_LOOKS):
            rows, left = await look(self._accounting, left, limit if every else PAGE)
            found += rows if every or not rows else await asyncio.to_thread(fixed.chosen, rows)
            if len(found) >= limit or left.since >= (left.upto or 0):
                break
        since = left.since
        if len(found) > limit:
            since = found[limit - 1].sequence
        shown = await asyncio.to_thread(lambda: [_values(each) for each in _shown(found[:limit], asked)])
        return RecordPage(shown, since)

    async def csv(self, asked: Asked, *, header: bool = True) -> Download:
        fixed = await self._fixed(asked)
        chunks = self._csv(asked, fixed, header=header)
        return Download(chunks, chunks.aclose, _next(fixed))

    async def jsonl(self, asked: Asked) -> Download:
        fixed = await self._fixed(asked)
        chunks = self._jsonl(asked, fixed)
        return Download(chunks, chunks.aclose, _next(fixed))

    async def parquet(self, asked: Asked, gone: Callable[[], Awaitable[bool]]) -> Download | None:
        """Its index stands at its end, so it is made before it is sent: in a file without a name, which is gone with
        whoever has it open.
        """
        fixed = await self._fixed(asked)
        with ExitStack() as stack:
            try:
                file = stack.enter_context(tempfile.TemporaryFile(prefix="kinbridge-records-"))
                sink = Counted(file)
                if not await self._write_parquet(asked, fixed, sink, gone):
                    return None
                file.seek(0)
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise ExportUnwritable(f"in {tempfile.gettempdir()}: {why}") from None
            kept = stack.pop_all()
        return Download(_read(file), partial(asyncio.to_thread, kept.close), _next(fixed), sink.bytes, sink.sha256)

    async def _fixed(self, asked: Asked) -> Wanted:
        """What is written from now on belongs to the next download."""
        records = asked.records if asked.records.node else replace(asked.records, node=self._node)
        last = await self._accounting.last_sequence(records.node)
        upto = last if records.upto is None else min(last, records.upto)
        return Wanted(replace(records, upto=upto), asked.trunk, asked.account)

    async def _pages(self, asked: Asked, fixed: Wanted, size: int) -> AsyncGenerator[list[str], None]:
        async with aclosing(pages(self._accounting, fixed, size)) as found:
            async for page in found:
                yield [each.line for each in await asyncio.to_thread(_shown, page, asked)]

    async def _csv(self, asked: Asked, fixed: Wanted, *, header: bool) -> AsyncGenerator[bytes, None]:
        if header:
            yield _csv((), header=True)
        async with aclosing(self._pages(asked, fixed, PAGE)) as found:
            async for lines in found:
                if lines:
                    yield await asyncio.to_thread(_csv, lines, header=False)

    async def _jsonl(self, asked: Asked, fixed: Wanted) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._pages(asked, fixed, PAGE)) as found:
            async for lines in found:
                if lines:
                    yield ("\n".join(lines) + "\n").encode()

    async def _write_parquet(
        self, asked: Asked, fixed: Wanted, sink: Counted, gone: Callable[[], Awaitable[bool]]
    ) -> bool:
        """False: nobody waits for it any more."""
        out = Parquet(sink)
        try:
            async with aclosing(self._pages(asked, fixed, BIG_PAGE)) as found:
                async for lines in found:
                    if await gone():
                        return False
                    await _whole(out.write, lines)
            return True
        finally:
            out.close()  # it writes the index, and would do so later, when the file is gone


async def _whole(write: Callable[[Sequence[str]], None], lines: Sequence[str]) -> None:
    """In a thread, to its end even if whoever asked is cancelled: the writer may not be closed meanwhile."""
    writing = asyncio.create_task(asyncio.to_thread(write, lines), name="a page of Parquet")
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait([writing])
        raise


def _next(fixed: Wanted) -> int:
    return max(fixed.records.since, fixed.records.upto or 0)


def _shown(page: Sequence[RawRecord], asked: Asked) -> Sequence[RawRecord]:
    """What an account paid for privately is not found by its name where it may not be seen."""
    if asked.names:
        return page
    if asked.account and not asked.payers:
        page = [each for each in page if not privileged(each)]
    return discreetly(page, payers=asked.payers)


def _values(record: RawRecord) -> dict[str, Any]:
    return as_json(from_json(json.loads(record.line)))


def _csv(lines: Sequence[str], *, header: bool) -> bytes:
    file = io.BytesIO()
    out = Csv(file, header=header)
    out.write(lines)
    out.close()
    return file.getvalue()


async def _read(file: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
        yield chunk
