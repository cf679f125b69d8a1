"""Deliveries on their way: claimed, sent, settled, tried again. At least once, and by one node at a time.

    outbox (database) -> claim: mine until ... -> POST -> delivered | put off | given up

A node that dies keeps its claims until they are over; then the next one, or itself after its restart, sends again. What
was sent and not written down as such is sent again too, with the same id: receivers drop what they know.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from gateway.call.facts import Fact, FactKind
from gateway.call.ports import Facts
from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.reaching.posting import Outcome
from gateway.reaching.signature import headers_of
from gateway.store import Delivery, Store, Work

log = logging.getLogger(__name__)
LOOK_S = 1.0
"""How often the outbox is looked at for what other nodes left, beside the moment at which something is put there."""
CLAIM_BEYOND_S = 20.0
"""A claim outlasts an attempt by so much: time to write down how it went."""
TIDY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Receiver:
    """keys: of the signature, the present one first. Empty kinds or facilities: all."""

    name: str
    url: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)
    kinds: frozenset[str] = frozenset()
    facilities: frozenset[str] = frozenset()
    private: bool = False
    devices: int = 1

    def wants(self, kind: str, facility: str) -> bool:
        return (not self.kinds or kind in self.kinds) and (not self.facilities or facility in self.facilities)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often; see gateway.config_webhooks.WebhooksConfig."""

    give_up_after: timedelta = timedelta(hours=24)
    parallel: int = 8
    timeout_s: float = 10.0
    first_retry_s: float = 1.0
    longest_retry_s: float = 3600.0
    keep: timedelta = timedelta(days=30)

    def pause_s(self, attempts: int, wish_s: float = 0.0) -> float:
        """After so many attempts; the receiver's own wish is heard up to our longest."""
        full = min(self.longest_retry_s, self.first_retry_s * 2.0 ** min(attempts - 1, 32))
        chance = random.uniform(0.5, 1.0)  # noqa: S311 - spreads the retries of many, hides nothing
        return max(full * chance, min(wish_s, self.longest_retry_s))


class Send(Protocol):
    """gateway.reaching.posting.Post."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, *, private: bool) -> Awaitable[Outcome]: ...


class Courier:
    """The deliveries of a node, and those that dead nodes left behind."""

    def __init__(
        self,
        *,
        store: Store,
        receivers: tuple[Receiver, ...],
        patience: Patience,
        send: Send,
        facts: Facts,
        clock: Clock,
        node: str,
    ) -> None:
        self._store = store
        self._receivers = {each.name: each for each in receivers}
        self._patience = patience
        self._send = send
        self._facts = facts
        self._clock = clock
        self._node = node
        self._claim = f"{node}-{secrets.token_hex(8)}"  # of this process: its successor is another
        self._news = asyncio.Event()
        self._under_way: Counter[str] = Counter()  # by receiver: one that hangs must not hold up the others
        self._next_look_s = LOOK_S
        self.counters: Counter[str] = Counter()

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._news.set()

    async def run(self) -> None:
        """For ever. A database that is away is asked again."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tidy(), name="webhooks tidy")
            while True:
                self._news.clear()
                claimed: list[Delivery] = []
                with contextlib.suppress(StoreError):
                    claimed = await self._take()
                for each in claimed:
                    self._under_way[each.receiver] += 1
                    tasks.create_task(self._carry(each), name="webhook")
                if not claimed:
                    await self._rest(self._next_look_s)

    async def release(self) -> None:
        """After `run` was cancelled: what was under way is free again, for other nodes and the next start."""
        with contextlib.suppress(StoreError):
            await self._store.write(lambda work: work.deliveries.release(self._claim))

    async def _take(self) -> list[Delivery]:
        """What this node may send now. Raises StoreError."""
        self._next_look_s = LOOK_S
        rooms = {name: self._patience.parallel - self._under_way[name] for name in self._receivers}
        free, now = [name for name, room in rooms.items() if room > 0], self._clock.now()
        due = await self._store.read(lambda work: work.deliveries.next_due(free)) if free else None
        if due is None or due > now:
            self._next_look_s = min(LOOK_S, (due - now).total_seconds()) if due else LOOK_S
            return []
        until = now + timedelta(seconds=self._patience.timeout_s + CLAIM_BEYOND_S)

        def claimed(work: Work) -> list[Delivery]:
            taken = (work.deliveries.claim(self._claim, name, now, until, rooms[name]) for name in free)
            return [each for some in taken for each in some]

        return await self._store.write(claimed)

    async def _rest(self, seconds: float) -> None:
        waits = {asyncio.ensure_future(self._news.wait()), asyncio.ensure_future(self._clock.sleep(seconds))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _carry(self, delivery: Delivery) -> None:
        try:
            await self._attempt(delivery)
        except StoreError as error:
            # how it went is not written down: when the claim is over it is sent again
            self.counters["unsettled"] += 1
            log.warning("webhook %s: not settled (%s)", delivery.delivery_id, type(error).__name__)
        finally:
            self._under_way[delivery.receiver] -= 1
            self._news.set()

    async def _attempt(self, delivery: Delivery) -> None:
        now = self._clock.now()
        if now >= _end(delivery):
            await self._give_up(delivery, delivery.outcome or "late")
            return
        receiver = self._receivers[delivery.receiver]
        body = delivery.body.encode()
        headers = headers_of(delivery.delivery_id, now, body, receiver.keys)
        outcome = await self._send(receiver.url, headers, body, private=receiver.private)
        self.counters["attempts"] += 1
        if outcome.taken:
            await self._delivered(delivery, outcome)
            return
        self.counters["failures"] += 1
        log.info("webhook %s to %s: %s", delivery.delivery_id, delivery.receiver, outcome.word)
        again = self._clock.now() + timedelta(seconds=self._patience.pause_s(delivery.attempts, outcome.retry_after_s))
        if outcome.gone or again >= _end(delivery):
            await self._give_up(delivery, outcome.word)
            return
        await self._store.write(
            lambda work: work.deliveries.put_off(delivery.delivery_id, self._claim, again, outcome.word)
        )

    async def _delivered(self, delivery: Delivery, outcome: Outcome) -> None:
        at = self._clock.now()
        await self._store.write(
            lambda work: work.deliveries.delivered(delivery.delivery_id, self._claim, at, outcome.word)
        )
        self.counters["delivered"] += 1
        self._tell(FactKind.WEBHOOK_DELIVERED, delivery, outcome.word)

    async def _give_up(self, delivery: Delivery, word: str) -> None:
        at = self._clock.now()
        await self._store.write(lambda work: work.deliveries.give_up(delivery.delivery_id, self._claim, at, word))
        self.counters["given_up"] += 1
        log.warning("webhook %s to %s is given up (%s)", delivery.delivery_id, delivery.receiver, word)
        self._tell(FactKind.WEBHOOK_GIVEN_UP, delivery, word)

    def _tell(self, kind: FactKind, delivery: Delivery, word: str) -> None:
        detail: dict[str, str | int | bool] = {
            "delivery_id": delivery.delivery_id,
            "receiver": delivery.receiver,
            "attempts": delivery.attempts,
            "outcome": word,
        }
        self._facts.publish(
            Fact(
                kind=kind,
                node=self._node,
                visit_id=delivery.visit_id,
                facility=delivery.facility,
                state="",
                at=self._clock.now(),
                privileged=delivery.privileged,
                detail=detail,
            )
        )

    async def _tidy(self) -> None:
        while True:
            try:
                await self.tidy(self._clock.now())
            except StoreError as error:
                log.warning("webhooks: not tidied (%s)", type(error).__name__)
            await self._clock.sleep(TIDY_S)

    async def tidy(self, now: datetime) -> None:
        """Settled deliveries and dead links leave after a while; what has no receiver any more is given up in time."""
        old = now - self._patience.keep
        for each in await self._store.write(lambda work: work.deliveries.overdue(tuple(self._receivers), now)):
            self.counters["given_up"] += 1
            self._tell(FactKind.WEBHOOK_GIVEN_UP, each, each.outcome)
        await self._store.write(lambda work: (work.deliveries.forget(old), work.joins.forget(old)))


def _end(delivery: Delivery) -> datetime:
    """When there is no use in it any more."""
    return min(delivery.give_up_at, delivery.useless_at or delivery.give_up_at)
