"""The store: one thread that owns the database; functions go in, values come out.

    async with Store("sqlite:////var/lib/kinbridge/kinbridge.db") as store:
        account = await store.read(lambda work: work.books.account("family-17"))

A function given to `write` runs in one transaction, as if no other writer were there; it commits when the function
returns and is rolled back when it raises. What it raises, the caller gets. It may be run again from its beginning, so
it does nothing outside of its Work. A caller who is cancelled does not undo a function that is already queued: repeat
it, each one in this product is idempotent.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

from gateway.errors import StoreError, StoreUnavailable
from gateway.store.engine import LONGEST_ANSWER_S, display_name, parse_url
from gateway.store.session import Session
from gateway.store.work import Work

log = logging.getLogger(__name__)
T = TypeVar("T")


class Store:
    """url: SQLAlchemy's form. queue_size: how many functions may wait. busy_timeout_s: wait for other processes.

    answer_within_s: how long a server may take for the answer to one statement. One that is silent for longer is away,
    also for all who waited meanwhile: the next one who comes asks it again.
    """

    def __init__(
        self,
        url: str,
        *,
        queue_size: int = 1024,
        busy_timeout_s: float = 5.0,
        answer_within_s: float = LONGEST_ANSWER_S,
    ) -> None:
        parsed = parse_url(url)
        self.name = display_name(parsed)
        self._session = Session(parsed, self.name, busy_timeout_s, answer_within_s)
        self._jobs: queue.Queue[_Job | None] = queue.Queue(queue_size)
        self._thread: threading.Thread | None = None
        self.refused = 0  # functions that found the queue full

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Connects and brings the schema up to date. Raises StoreError or StoreUnavailable, and is then closed."""
        if self._thread is not None:
            raise StoreError("the store is open already")
        self._thread = threading.Thread(target=self._serve, name="kinbridge-store", daemon=True)
        self._thread.start()
        try:
            await self._submit(self._session.start)
            log.info("store is open")
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finishes what is queued, then lets go of the database. Harmless when closed."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        await asyncio.to_thread(self._jobs.put, None)
        await asyncio.to_thread(thread.join)

    async def write(self, function: Callable[[Work], T]) -> T:
        """Runs `function` in a transaction of its own and commits. Raises StoreUnavailable: nothing was written."""
        return await self._submit(lambda: self._session.write(function))

    async def read(self, function: Callable[[Work], T]) -> T:
        """Runs `function` on one consistent view of the database."""
        return await self._submit(lambda: self._session.read(function))

    async def claim(self, node: str) -> None:
        """From now until `close` no other process can claim `node`. Raises StoreError when one has.

        On PostgreSQL a lost connection loses the claim: from then on nothing is written before it is taken again.
        """
        await self._submit(lambda: self._session.claim(node))

    async def _submit(self, function: Callable[[], T]) -> T:
        if self._thread is None:
            raise StoreUnavailable(f"the database {self.name} is closed")
        job = _Job(function, self._session.silences)
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self.refused += 1
            raise StoreUnavailable(f"the database {self.name} is {self._jobs.maxsize} tasks behind") from None
        result: T = await asyncio.wrap_future(job.future)
        return result

    # what follows runs in the store's thread only

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.silences < self._session.silences:
                job.refuse(StoreUnavailable(f"the database {self.name} does not answer; nothing was written"))
            else:
                job.run()
        self._session.end()


class _Job:
    """A function and where its result goes. silences: how many there had been when it came."""

    def __init__(self, function: Callable[[], Any], silences: int) -> None:
        self.silences = silences
        self.future: Future[Any] = Future()
        self._function = function

    def refuse(self, error: StoreUnavailable) -> None:
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return  # the caller went away before it began
        try:
            result = self._function()
        except BaseException as error:  # noqa: BLE001 - the caller gets it, and the thread must live on
            self.future.set_exception(error)
        else:
            self.future.set_result(result)
