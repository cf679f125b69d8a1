"""What the API needs to hand out statements and reports. gateway/app.py gives it gateway.reports.errand.Office."""

from __future__ import annotations

from typing import Protocol


class Reports(Protocol):
    """Makes documents beside the gateway's process. Raises ReportError, in a sentence for whoever asked."""

    async def fetch(
        self,
        *,
        kind: str,
        subject: str,
        form: str,
        language: str = ...,
        month: str = ...,
        first: str = ...,
        last: str = ...,
        zone: str = ...,
        discreet: bool = ...,
    ) -> bytes:
        """kind: `statement`, `facility` or `carrier`; see gateway.reports.errand.Order."""
        ...
