"""What the API needs of the call-detail records. gateway/app.py gives it gateway.exports.feed.CdrFeed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.store import Selection


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """Which records, and for whose eyes.

    trunk, account: only its records; empty: any. names: whether the reader may know between whom privileged visits
    were; payers: whether, if not that, at least who paid for them.
    """

    records: Selection
    trunk: str
    account: str
    names: bool
    payers: bool


class RecordPage(Protocol):
    """next_since: where the next page begins; where this one began when there is nothing more."""

    @property
    def items(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def next_since(self) -> int: ...


class Download(Protocol):
    """A file on its way. Its owner closes it, whether it was read to its end or not.

    next_since: where the next download begins when this one has come whole. size: bytes, and sha256: hexadecimal, of
    what is made before it is sent; else None and empty.
    """

    @property
    def chunks(self) -> AsyncIterator[bytes]: ...
    @property
    def close(self) -> Callable[[], Awaitable[None]]: ...
    @property
    def next_since(self) -> int: ...
    @property
    def size(self) -> int | None: ...
    @property
    def sha256(self) -> str: ...


class Cdrs(Protocol):
    """Call-detail records, in the order of their sequences. Each method raises StoreUnavailable."""

    async def nodes(self) -> tuple[str, ...]:
        """Those that have records."""
        ...

    async def page(self, asked: RecordQuery, limit: int) -> RecordPage: ...

    async def csv(self, asked: RecordQuery, *, header: bool) -> Download: ...

    async def jsonl(self, asked: RecordQuery) -> Download: ...

    async def parquet(self, asked: RecordQuery, gone: Callable[[], Awaitable[bool]]) -> Download | None:
        """Made whole before it is sent. None: whoever asked was gone before. Raises ExportUnwritable."""
        ...
