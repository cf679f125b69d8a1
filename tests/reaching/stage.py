"""Deliveries between a real database and a real receiver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from gateway.call.facts import Fact
from gateway.clock import Clock, SystemClock
from gateway.reaching import Courier, Patience, Post, Receiver
from gateway.store import Delivery, Store

KEY = b"k" * 32
SECRET = "whsec_a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
QUICK = Patience(first_retry_s=0.02, timeout_s=2.0)


class Told(list[Fact]):
    """Facts, in order."""

    def publish(self, fact: Fact) -> None:
        self.append(fact)

    def words(self) -> list[tuple[str, object]]:
        return [(str(each.kind), each.detail.get("outcome")) for each in self]


def receiver(url: str, name: str = "sms", **more: bool | int | frozenset[str]) -> Receiver:
    return Receiver(name, url, (KEY,), **{"private": True, **more})  # type: ignore[arg-type]


def delivery(number: int = 1, at: datetime | None = None, lasts: timedelta = timedelta(hours=24)) -> Delivery:
    made_at = at or datetime.now(UTC)
    return Delivery(
        delivery_id=f"msg_{number}",
        node="node1",
        receiver="sms",
        kind="visit.ringing",
        facility="jail",
        visit_id=f"v-{number}",
        body=f'{{"type":"visit.ringing","data":{{"link":"https://kin.example/join/x{number}"}}}}',
        made_at=made_at,
        give_up_at=made_at + lasts,
        next_at=made_at,
    )


async def put(store: Store, *deliveries: Delivery) -> None:
    def write(work: object) -> None:
        for each in deliveries:
            work.deliveries.add(each)  # type: ignore[attr-defined]

    await store.write(write)


@asynccontextmanager
async def courier(
    store: Store,
    *to: Receiver,
    patience: Patience = QUICK,
    clock: Clock | None = None,
    node: str = "node1",
    told: Told | None = None,
) -> AsyncIterator[Courier]:
    """Not running yet."""
    async with Post(timeout_s=patience.timeout_s) as post:
        yield Courier(
            store=store,
            receivers=to,
            patience=patience,
            send=post,
            facts=told if told is not None else Told(),
            clock=clock or SystemClock(),
            node=node,
        )
