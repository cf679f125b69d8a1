"""SQL of deliveries: what goes out to a receiver until it has said that it has it. Several nodes share the table.

waiting, not claimed  -> claim (one node, for a while) -> delivered
        ^                        |                     -> given up
        +-- put off, claim over -+
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, case, delete, func, insert, select, update

from gateway.store.rows import from_ms, maybe_ms, maybe_time, to_ms
from gateway.store.tables import deliveries


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True)
class Delivery:
    """body: what is sent, byte for byte, each time; empty once delivered, for it may hold a join link.

    useless_at: from then on there is nothing left to tell, None: never. outcome: of the last attempt, a closed word or
    an HTTP status. claimed_until: until then nobody but the holder of `claim` touches it.
    """

    delivery_id: str
    node: str
    receiver: str
    kind: str
    facility: str
    visit_id: str
    body: str
    made_at: datetime
    give_up_at: datetime
    next_at: datetime
    useless_at: datetime | None = None
    privileged: bool = False
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    claimed_until: datetime | None = None
    outcome: str = ""
    settled_at: datetime | None = None


_WAITS = deliveries.c.state == DeliveryState.WAITING


class Deliveries:
    """Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, delivery: Delivery) -> None:
        """Idempotent by id."""
        there = select(deliveries.c.delivery_id).where(deliveries.c.delivery_id == delivery.delivery_id)
        if self._connection.execute(there).first() is not None:
            return
        self._connection.execute(
            insert(deliveries).values(
                delivery_id=delivery.delivery_id,
                node=delivery.node,
                receiver=delivery.receiver,
                kind=delivery.kind,
                facility=delivery.facility,
                visit_id=delivery.visit_id,
                privileged=delivery.privileged,
                body=delivery.body,
                made_at_ms=to_ms(delivery.made_at),
                useless_at_ms=maybe_ms(delivery.useless_at),
                give_up_at_ms=to_ms(delivery.give_up_at),
                state=delivery.state,
                attempts=0,
                next_at_ms=to_ms(delivery.next_at),
                claim="",
                claimed_until_ms=0,
                outcome="",
            )
        )

    def next_due(self, receivers: Sequence[str]) -> datetime | None:
        """When the first that waits for one of these receivers may be tried, as far as is known now."""
        ready_ms = func.min(_later(deliveries.c.next_at_ms, deliveries.c.claimed_until_ms))
        first = select(ready_ms).where(_WAITS, deliveries.c.receiver.in_(receivers))
        return maybe_time(self._connection.execute(first).scalar_one())

    def claim(self, claim: str, receiver: str, now: datetime, until: datetime, most: int) -> list[Delivery]:
        """Those that are due for this receiver, the longest waiting first. Each is one attempt more.

        A claim that is over may be taken by anybody: whoever held it is gone, or too late.
        """
        now_ms = to_ms(now)
        due = select(deliveries.c.delivery_id).where(
            _WAITS,
            deliveries.c.next_at_ms <= now_ms,
            deliveries.c.claimed_until_ms <= now_ms,
            deliveries.c.receiver == receiver,
        )
        names = self._connection.execute(due.order_by(deliveries.c.next_at_ms).limit(most)).scalars().all()
        if not names:
            return []
        mine = deliveries.c.delivery_id.in_(names)
        values = {"claim": claim, "claimed_until_ms": to_ms(until), "attempts": deliveries.c.attempts + 1}
        self._connection.execute(update(deliveries).where(mine).values(values))
        rows = self._connection.execute(select(deliveries).where(mine).order_by(deliveries.c.next_at_ms))
        return [_delivery(row) for row in rows]

    def put_off(self, delivery_id: str, claim: str, until: datetime, outcome: str) -> None:
        """Not this time. Like the next two: nothing happens when somebody else has claimed it meanwhile."""
        self._settle(delivery_id, claim, next_at_ms=to_ms(until), outcome=outcome)

    def delivered(self, delivery_id: str, claim: str, at: datetime, outcome: str) -> None:
        state = DeliveryState.DELIVERED
        self._settle(delivery_id, claim, state=state, settled_at_ms=to_ms(at), outcome=outcome, body="")

    def give_up(self, delivery_id: str, claim: str, at: datetime, outcome: str) -> None:
        self._settle(delivery_id, claim, state=DeliveryState.GIVEN_UP, settled_at_ms=to_ms(at), outcome=outcome)

    def release(self, claim: str) -> int:
        """Whoever held this claim goes, in good order: others need not wait until it is over."""
        mine = update(deliveries).where(deliveries.c.claim == claim, _WAITS)
        return self._connection.execute(mine.values(claim="", claimed_until_ms=0)).rowcount

    def retry(self, delivery_ids: Sequence[str], now: datetime, give_up_at: datetime) -> int:
        """By hand: those that were given up, or wait, are due now. How many they are."""
        statement = update(deliveries).where(
            deliveries.c.delivery_id.in_(delivery_ids), deliveries.c.state != DeliveryState.DELIVERED
        )
        values = {
            "state": DeliveryState.WAITING,
            "next_at_ms": to_ms(now),
            "give_up_at_ms": to_ms(give_up_at),
            "useless_at_ms": None,
            "settled_at_ms": None,
        }
        return self._connection.execute(statement.values(values)).rowcount

    def find(self, *, state: str = "", receiver: str = "", limit: int = 100) -> list[Delivery]:
        """The newest first."""
        statement = select(deliveries)
        if state:
            statement = statement.where(deliveries.c.state == state)
        if receiver:
            statement = statement.where(deliveries.c.receiver == receiver)
        newest = statement.order_by(deliveries.c.made_at_ms.desc(), deliveries.c.delivery_id).limit(limit)
        return [_delivery(row) for row in self._connection.execute(newest)]

    def one(self, delivery_id: str) -> Delivery | None:
        row = self._connection.execute(select(deliveries).where(deliveries.c.delivery_id == delivery_id)).first()
        return None if row is None else _delivery(row)

    def overdue(self, receivers: Sequence[str], now: datetime) -> list[Delivery]:
        """Gives up what waits for other receivers than these though its time is over: nobody sends to them."""
        over = select(deliveries).where(
            _WAITS,
            deliveries.c.receiver.not_in(receivers),
            deliveries.c.give_up_at_ms <= to_ms(now),
            deliveries.c.claimed_until_ms <= to_ms(now),
        )
        given_up = []
        for row in self._connection.execute(over).all():
            outcome = row.outcome or "no-receiver"
            mine = update(deliveries).where(deliveries.c.delivery_id == row.delivery_id)
            values = {"state": DeliveryState.GIVEN_UP, "settled_at_ms": to_ms(now), "outcome": outcome}
            self._connection.execute(mine.values(values))
            given_up.append(replace(_delivery(row), outcome=outcome))
        return given_up

    def forget(self, before: datetime) -> int:
        """Takes away what was settled before then."""
        old = delete(deliveries).where(~_WAITS, deliveries.c.settled_at_ms < to_ms(before))
        return self._connection.execute(old).rowcount

    def _settle(self, delivery_id: str, claim: str, **values: Any) -> None:
        mine = update(deliveries).where(deliveries.c.delivery_id == delivery_id, deliveries.c.claim == claim)
        self._connection.execute(mine.values(claim="", claimed_until_ms=0, **values))


def _later(one: Any, other: Any) -> Any:
    """SQLite calls it max(), PostgreSQL greatest(); a CASE is the same to both."""
    return case((one > other, one), else_=other)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        delivery_id=row.delivery_id,
        node=row.node,
        receiver=row.receiver,
        kind=row.kind,
        facility=row.facility,
        visit_id=row.visit_id,
        body=row.body,
        made_at=from_ms(row.made_at_ms),
        give_up_at=from_ms(row.give_up_at_ms),
        next_at=from_ms(row.next_at_ms),
        useless_at=maybe_time(row.useless_at_ms),
        privileged=row.privileged,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        claimed_until=maybe_time(row.claimed_until_ms or None),
        outcome=row.outcome,
        settled_at=maybe_time(row.settled_at_ms),
    )
