"""Records for the API: JSON values and CSV text, by cursor. Implements gateway.api.services.Cdrs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from gateway.billing.accounting import Accounting
from gateway.billing.cdr import as_json
from gateway.billing.export import csv_chunks


class CdrFeed:
    """The records of one node."""

    def __init__(self, accounting: Accounting) -> None:
        self._accounting = accounting

    async def page(self, since: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """At most `limit` records with sequences above `since`, in order. Raises StoreUnavailable."""
        return [as_json(cdr) for cdr in await self._accounting.cdrs(since, limit)]

    def csv(self, since: int) -> AsyncIterator[str]:
        """The header, then every record after `since`, a page at a time. Raises StoreUnavailable."""
        return csv_chunks(self._accounting.cdr_pages(since))
