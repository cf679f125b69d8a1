"""Reaching a family: its open pages ring, and receivers are told, who send a join link to its phones.

ring -> open pages (at once)
     -> outbox: a message for each receiver, with links of its own -> Courier -> receiver -> SMS, push
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.call.facts import Fact, FactKind
from gateway.call.notices import Notice, Over, Ring
from gateway.call.ports import Doorbell, Facts
from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.reaching.delivering import Courier, Patience, Receiver
from gateway.reaching.links import Guest, JoinLinks, Opened, digest
from gateway.reaching.message import Kind, body_of, invitation
from gateway.store import Delivery, JoinLink, Store, Work

log = logging.getLogger(__name__)
WAITING = 1000
"""So many rings and ends may wait for the database. Beyond that the pages still ring; nobody else is told."""


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody is to be reached for a visit. until: then the links end, and there is nothing left to tell."""

    kind: Kind
    visit_id: str
    contact: str
    facility: str
    facility_name: str
    until: datetime
    privileged: bool = False


@dataclass(frozen=True, slots=True)
class _Ended:
    visit_id: str


class Reaching:
    """Implements gateway.call.ports.Doorbell: it stands before the pages and lets everything through to them.

    ring_s: how long a visit rings. join_url: what links begin with, up to the token.
    """

    def __init__(
        self,
        *,
        pages: Doorbell,
        store: Store,
        links: JoinLinks,
        courier: Courier,
        receivers: tuple[Receiver, ...],
        patience: Patience,
        facts: Facts,
        clock: Clock,
        node: str,
        ring_s: float,
        join_url: Callable[[], str],
    ) -> None:
        self._pages = pages
        self._store = store
        self._links = links
        self._courier = courier
        self._receivers = receivers
        self._patience = patience
        self._facts = facts
        self._clock = clock
        self._node = node
        self._ring_s = ring_s
        self._join_url = join_url
        self._waiting: asyncio.Queue[Call | _Ended] = asyncio.Queue(WAITING)
        self._unwritten = 0
        self.counters: Counter[str] = Counter()

    # ---- as the doorbell ----

    def ring(self, ring: Ring) -> None:
        self._pages.ring(ring)
        until = self._clock.now() + timedelta(seconds=self._ring_s)
        self.reach(
            Call(Kind.RINGING, ring.visit_id, ring.contact, ring.facility, ring.facility_name, until, ring.privileged)
        )

    def tell(self, contact: str, notice: Notice) -> None:
        self._pages.tell(contact, notice)
        if isinstance(notice, Over) and self._receivers:
            self._put(_Ended(notice.visit_id))

    # ---- for whoever knows that somebody is to be reached ----

    def reach(self, call: Call) -> None:
        """Tells the receivers. Returns at once; what the database cannot take within its queue is dropped, counted."""
        if any(each.wants(call.kind, call.facility) for each in self._receivers):
            self._put(call)

    # ---- for the page that a link opens ----

    async def open(self, token: str, device: str) -> Opened:
        """device: the cookie's secret, "" for a device that has none. Raises LinkForged, StoreUnavailable."""
        if device:
            return Opened(await self.guest(token, device))
        link, secret = await self._links.bind(token)
        self.counters["links_opened"] += 1
        self._facts.publish(
            Fact(
                kind=FactKind.LINK_OPENED,
                node=self._node,
                visit_id=link.visit_id,
                facility=link.facility,
                state="",
                at=self._clock.now(),
                privileged=link.privileged,
            )
        )
        return Opened(self._links.guest(link), secret)

    async def guest(self, token: str, device: str) -> Guest:
        """Who comes with this link from this device. Raises LinkForged, StoreUnavailable."""
        return self._links.guest(await self._links.of_device(token, device))

    def taken(self, visit_id: str) -> None:
        """Somebody has the visit: links to it that were not opened open nothing any more. Returns at once."""
        if self._receivers:
            self._put(_Ended(visit_id))

    @property
    def idle(self) -> bool:
        """Whether everything that was asked for is in the database."""
        return self._unwritten == 0

    async def run(self) -> None:
        """For ever: from the queue into the outbox."""
        while True:
            item = await self._waiting.get()
            try:
                if isinstance(item, Call):
                    await self._post(item)
                else:
                    await self._end(item)
            except StoreError as error:
                self.counters["lost"] += 1
                log.warning("visit %s: receivers are not told (%s)", item.visit_id, type(error).__name__)
            finally:
                self._unwritten -= 1

    def _put(self, item: Call | _Ended) -> None:
        try:
            self._waiting.put_nowait(item)
            self._unwritten += 1
        except asyncio.QueueFull:
            self.counters["lost"] += 1
            log.warning("visit %s: receivers are not told, the database is behind", item.visit_id)

    async def _post(self, call: Call) -> None:
        """Links and messages are written together: a link that was sent is always known."""
        now = self._clock.now()
        deliveries: list[Delivery] = []
        links: list[JoinLink] = []
        for receiver in self._receivers:
            if not receiver.wants(call.kind, call.facility):
                continue
            tokens = [self._links.token() for _ in range(receiver.devices)]
            links += [self._link(call, each, now) for each in tokens]
            addresses = [self._join_url() + each for each in tokens]
            data = invitation(call.contact, call.facility_name, addresses, call.until)
            deliveries.append(self._delivery(call, receiver, body_of(call.kind, now, data), now))

        def written(work: Work) -> None:
            for link in links:
                work.joins.add(link)
            for delivery in deliveries:
                work.deliveries.add(delivery)

        await self._store.write(written)
        self.counters["messages"] += len(deliveries)
        self._courier.wake()

    def _link(self, call: Call, token: str, now: datetime) -> JoinLink:
        return JoinLink(
            link_hash=digest(token),
            node=self._node,
            visit_id=call.visit_id,
            facility=call.facility,
            contact=call.contact,
            made_at=now,
            expires_at=call.until,
            privileged=call.privileged,
        )

    def _delivery(self, call: Call, receiver: Receiver, body: str, now: datetime) -> Delivery:
        return Delivery(
            delivery_id=f"msg_{secrets.token_hex(16)}",
            node=self._node,
            receiver=receiver.name,
            kind=call.kind,
            facility=call.facility,
            visit_id=call.visit_id,
            body=body,
            made_at=now,
            give_up_at=now + self._patience.give_up_after,
            next_at=now,
            useless_at=call.until,
            privileged=call.privileged,
        )

    async def _end(self, ended: _Ended) -> None:
        now = self._clock.now()
        await self._store.write(lambda work: work.joins.end(ended.visit_id, now))
