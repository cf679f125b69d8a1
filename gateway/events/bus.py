"""The bus: facts fan out to whoever subscribed, and nobody can hold up a visit.

    call.session -> publish(fact) -> [bounded queue] -> MQTT publisher
                                  -> [bounded queue] -> staff live feed (one queue for each listener)
                                  -> tap             -> counters

`publish` never blocks and never raises. It belongs to the event loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import Self

from gateway.call.facts import Fact

_log = logging.getLogger(__name__)


class Overflow(Enum):
    """What happens to a subscription that is full. Either way the loss is counted."""

    DROP_OLDEST = "drop-oldest"  # a subscriber that must go on, with the newest facts (MQTT while the broker is away)
    CLOSE = "close"  # a listener that can come back and ask for the whole state (a browser)


class Subscription:
    """A bounded queue of facts, read with `async for`.

    After `close()` the reader still gets what had been queued, then the loop ends. When it was closed because it
    overflowed (`overflowed` is true) the loop ends at once: what is queued is stale.
    """

    def __init__(self, bus: Bus, name: str, limit: int, overflow: Overflow) -> None:
        self.name = name
        self.limit = limit
        self.dropped = 0
        self.overflowed = False
        self._bus = bus
        self._overflow = overflow
        self._facts: deque[Fact] = deque()
        self._closed = False
        self._news = asyncio.Event()

    def __str__(self) -> str:
        return f"{self.name}: {len(self._facts)} of {self.limit} waiting, {self.dropped} dropped"

    def __len__(self) -> int:
        return len(self._facts)

    @property
    def closed(self) -> bool:
        return self._closed

    def offer(self, fact: Fact) -> None:
        """Queues the fact, or counts it as dropped."""
        if self._closed:
            return
        if len(self._facts) >= self.limit:
            self.dropped += 1
            if self._overflow is Overflow.CLOSE:
                self.overflowed = True
                self._facts.clear()
                self.close()
                return
            self._facts.popleft()
        self._facts.append(fact)
        self._news.set()

    def close(self) -> None:
        self._closed = True
        self._bus.forget(self)
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Fact:
        while not self._facts:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._facts.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Bus:
    """Implements gateway.call.ports.Facts."""

    def __init__(self) -> None:
        self.published = 0
        self._subscriptions: list[Subscription] = []
        self._taps: list[Callable[[Fact], None]] = []

    def publish(self, fact: Fact) -> None:
        self.published += 1
        for tap in self._taps:
            try:
                tap(fact)
            except Exception:  # noqa: BLE001 - a broken counter must not end a visit
                _log.exception("a tap failed on a %s fact", fact.kind)
        for each in tuple(self._subscriptions):
            each.offer(fact)

    def subscribe(self, name: str, limit: int = 10_000, overflow: Overflow = Overflow.DROP_OLDEST) -> Subscription:
        """Facts from now on. Close it, or use it in a `with`. name: a closed word, for the log and for metrics."""
        subscription = Subscription(self, name, limit, overflow)
        self._subscriptions.append(subscription)
        return subscription

    def tap(self, function: Callable[[Fact], None]) -> None:
        """`function` is called with every fact, at once: for counters only, it must return in microseconds."""
        self._taps.append(function)

    def forget(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def subscriptions(self) -> tuple[Subscription, ...]:
        return tuple(self._subscriptions)

    def close(self) -> None:
        """Ends every subscription; readers finish what is queued."""
        for each in self.subscriptions():
            each.close()
