"""The doorbell: the family's open pages, and what each is told.

    call.session -> ring / tell -> [bounded queue of each page] -> WebSocket

A contact may have several pages open; all ring, the first to accept takes the visit. A page that does not read what it
is told is closed: it comes back by itself and is told the present state.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.api.messages import FamilyMessage, TakenMessage, notice_message, ring_message
from gateway.call.notices import Notice, Ring

QUEUE_LIMIT = 64


class Page:
    """One open page's queue. visit_id: the only visit that it is told of; "" for all of its contact's."""

    def __init__(self, contact: str, limit: int = QUEUE_LIMIT, visit_id: str = "") -> None:
        self.contact = contact
        self._visit_id = visit_id
        self.dropped = 0
        self._limit = limit
        self._waiting: deque[FamilyMessage] = deque()
        self._news = asyncio.Event()
        self._closed = False

    @property
    def overflowed(self) -> bool:
        return self.dropped > 0

    def say(self, message: FamilyMessage) -> None:
        if self._closed or not self._concerns(message):
            return
        if len(self._waiting) >= self._limit:
            self.dropped += len(self._waiting) + 1
            self._waiting.clear()
            self.close()
            return
        self._waiting.append(message)
        self._news.set()

    def _concerns(self, message: FamilyMessage) -> bool:
        return not self._visit_id or getattr(message, "visit_id", self._visit_id) == self._visit_id

    def close(self) -> None:
        self._closed = True
        self._news.set()

    async def next(self) -> FamilyMessage | None:
        """The next thing to say; None when the page is to be closed."""
        while not self._waiting:
            if self._closed:
                return None
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()


class Doorbell:
    """Implements gateway.call.ports.Doorbell."""

    def __init__(self, *, limit: int = QUEUE_LIMIT) -> None:
        self.dropped = 0
        self._limit = limit
        self._pages: dict[str, list[Page]] = {}

    def ring(self, ring: Ring) -> None:
        self._say(ring.contact, ring_message(ring))

    def tell(self, contact: str, notice: Notice) -> None:
        self._say(contact, notice_message(notice))

    def taken(self, contact: str, visit_id: str, page: str = "") -> None:
        """The contact's page of that name accepted or came back, or one declined: the others stop, and let go."""
        self._say(contact, TakenMessage(visit_id=visit_id, page=page))

    def pages(self, contact: str | None = None) -> int:
        """How many pages are open, of one contact or of all."""
        if contact is not None:
            return len(self._pages.get(contact, ()))
        return sum(len(each) for each in self._pages.values())

    @contextmanager
    def open(self, contact: str, visit_id: str = "") -> Iterator[Page]:
        """A page is open as long as the block lasts. visit_id: it is told of that one only."""
        page = Page(contact, self._limit, visit_id)
        self._pages.setdefault(contact, []).append(page)
        try:
            yield page
        finally:
            page.close()
            self.dropped += page.dropped
            self._pages[contact].remove(page)
            if not self._pages[contact]:
                del self._pages[contact]

    def close(self) -> None:
        """Closes every page; what was said before is still sent."""
        for pages in self._pages.values():
            for page in pages:
                page.close()

    def _say(self, contact: str, message: FamilyMessage) -> None:
        for page in tuple(self._pages.get(contact, ())):
            page.say(message)
