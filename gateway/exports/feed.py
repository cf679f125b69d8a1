"""Records for the API: JSON values, and files as they stream, by cursor. Implements gateway.api.services.Cdrs."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from gateway.billing.accounting import Accounting
from gateway.billing.cdr import as_json
from gateway.exports.export import Wanted, pages
from gateway.exports.formats import Csv
from gateway.store import Selection

PAGE = 500


class CdrFeed:
    """The records of one node."""

    def __init__(self, accounting: Accounting, node: str) -> None:
        self._accounting = accounting
        self._node = node

    async def page(self, since: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """At most `limit` records with sequences above `since`, in order. Raises StoreUnavailable."""
        return [as_json(cdr) for cdr in await self._accounting.cdrs(since, limit)]

    async def csv(self, since: int) -> AsyncIterator[str]:
        """The header, then every record after `since`, a page at a time. Raises StoreUnavailable."""
        yield _csv((), header=True)
        async for page in pages(self._accounting, Wanted(Selection(self._node, since)), PAGE):
            yield await asyncio.to_thread(_csv, [each.line for each in page], header=False)

    async def jsonl(self, since: int) -> AsyncIterator[str]:
        """Every record after `since`, one a line, a page at a time. Raises StoreUnavailable."""
        async for page in pages(self._accounting, Wanted(Selection(self._node, since)), PAGE):
            yield "".join(f"{each.line}\n" for each in page)


def _csv(lines: Sequence[str], *, header: bool) -> str:
    file = io.BytesIO()
    out = Csv(file, header=header)
    out.write(lines)
    out.close()
    return file.getvalue().decode()
