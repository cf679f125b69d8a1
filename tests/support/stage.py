"""A small stage for the API and the pages: the real application and server, with an actor as call control.

async with Stage() as stage:
    stage.call("family-1")                       # a station calls; the page rings
    ...                                          # the browser accepts: a stock aiortc peer answers it
    stage.warn(60); stage.hold(); stage.finish("balance_exhausted")
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from types import TracebackType
from typing import Any, Self

from bridge import Pressure
from bridge.errors import AudioMissing
from gateway.access import AccessDesk, KeyDesk
from gateway.api.app import create_app
from gateway.api.family import Doorbell
from gateway.api.links import Links
from gateway.api.money import Accounts
from gateway.api.records import Cdrs, RecordQuery
from gateway.api.reporting import Reports
from gateway.api.server import HttpServer
from gateway.api.services import Check, Demo, Services, Staff
from gateway.booking import BookingDesk
from gateway.call.facts import Fact, FactKind
from gateway.call.notices import Clocked, Hold, Over, Ring, Said, Warned
from gateway.call.view import VisitView
from gateway.clock import Clock
from gateway.errors import VisitGone
from gateway.events.bus import Bus, Overflow
from gateway.exports.feed import Download, RecordPage
from gateway.family import FamilyDesk
from gateway.money import Money
from gateway.policy.decision import Medium
from tests.support.far_side import FarSide
from tests.support.watch_desk import WatchDesk

STAFF_TOKEN = "staff-token-of-the-stage"
NAMES = {"family-1": "Ada Example", "family-2": "Ben Example"}
SETUP = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)


def usd(text: str) -> Money:
    return Money.parse(text, "USD")


@dataclass
class Play:
    """One visit on the stage."""

    ring: Ring
    view: VisitView
    far: FarSide | None = None


class Actor:
    """Call control as the API sees it. It keeps what it was told in `said`, decides nothing and charges nothing."""

    def __init__(self, doorbell: Doorbell, bus: Bus, *, media: bool) -> None:
        self.said: list[tuple[str, str]] = []
        self.plays: dict[str, Play] = {}
        self.fails_with: Exception | None = None
        self._doorbell = doorbell
        self._bus = bus
        self._media = media

    def live(self) -> tuple[VisitView, ...]:
        return tuple(each.view for each in self.plays.values())

    def view(self, visit_id: str) -> VisitView:
        return self.play(visit_id).view

    def rings_for(self, contact: str) -> tuple[Ring, ...]:
        plays = self.plays.values()
        return tuple(each.ring for each in plays if each.ring.contact == contact and each.view.state == "ringing")

    async def accept(self, visit_id: str, contact: str, web_offer: str) -> str:
        play = self.play(visit_id, contact)
        if play.view.state != "ringing":
            raise VisitGone("it rings no more")
        return await self._join("accept", play, web_offer)

    async def rejoin(self, visit_id: str, contact: str, web_offer: str) -> str:
        return await self._join("rejoin", self.play(visit_id, contact), web_offer)

    async def decline(self, visit_id: str, contact: str) -> None:
        self.play(visit_id, contact)
        self.said.append(("decline", visit_id))
        await self.finish(visit_id, "rejected")

    async def leave(self, visit_id: str, contact: str) -> None:
        self.play(visit_id, contact)
        self.said.append(("leave", visit_id))
        await self.finish(visit_id, "family_left", 61)

    async def end(self, visit_id: str) -> None:
        self.play(visit_id)
        self.said.append(("end", visit_id))
        await self.finish(visit_id, "officer_terminated", 61)

    async def message(self, visit_id: str, text: str) -> str:
        contact = self.play(visit_id).ring.contact
        self._doorbell.tell(contact, Said(visit_id, text))
        return contact

    def may_watch(self, visit_id: str) -> bool:
        return self.view(visit_id).monitored

    async def finish(self, visit_id: str, reason: str, talked_s: int = 0, unusable_s: int = 0) -> None:
        play = self.plays.pop(visit_id)
        if play.far is not None:
            await play.far.close()
        charged = usd("0.16") if talked_s else None
        over = Over(visit_id, reason, talked_s + unusable_s, talked_s, charged)
        self._doorbell.tell(play.ring.contact, over)
        self.publish(FactKind.ENDED, play.view, reason=reason)

    def play(self, visit_id: str, contact: str | None = None) -> Play:
        play = self.plays.get(visit_id)
        if play is None or contact not in (None, play.ring.contact):
            raise VisitGone("there is no such visit")
        return play

    def publish(self, kind: FactKind, view: VisitView, **detail: str | int | bool) -> None:
        self._bus.publish(Fact(kind, "node1", view.visit_id, view.facility, view.state, SETUP, detail=detail))

    async def _join(self, how: str, play: Play, web_offer: str) -> str:
        self.said.append((how, play.ring.visit_id))
        if self.fails_with is not None:
            raise self.fails_with
        if "m=audio" not in web_offer:
            raise AudioMissing("the browser's offer has no audio line")
        if play.far is not None:
            await play.far.close()
        play.view = replace(play.view, state="talking", answer_at=SETUP, media_start_at=SETUP)
        self.publish(FactKind.ACCEPTED, play.view)
        if not self._media:
            return "v=0\r\n"
        play.far = FarSide(video=play.ring.video)
        return await play.far.answer(web_offer)


class Records:
    """Two call-detail records, in the shapes of gateway.exports.feed. Real ones: Stage(records=CdrFeed(...))."""

    def __init__(self) -> None:
        self.fails_with: Exception | None = None

    async def nodes(self) -> tuple[str, ...]:
        return ("node1",)

    async def page(self, asked: RecordQuery, limit: int) -> RecordPage:
        if self.fails_with is not None:
            raise self.fails_with
        found = [record(number) for number in (1, 2) if number > asked.records.since][:limit]
        return RecordPage(found, int(found[-1]["sequence"]) if found else asked.records.since)

    async def csv(self, asked: RecordQuery, *, header: bool) -> Download:
        found = await self.page(asked, 2)
        return download([b"sequence,total\r\n"] * header + [b"%d,0.10\r\n" % each["sequence"] for each in found.items])

    async def jsonl(self, asked: RecordQuery) -> Download:
        return download([json.dumps(each).encode() + b"\n" for each in (await self.page(asked, 2)).items])

    async def parquet(self, asked: RecordQuery, gone: Callable[[], Awaitable[bool]]) -> Download | None:
        return None if await gone() else await self.jsonl(asked)


def download(chunks: Sequence[bytes]) -> Download:
    async def flowing() -> AsyncGenerator[bytes, None]:
        for each in chunks:
            yield each

    running = flowing()
    return Download(running, running.aclose, 2)


def record(sequence: int) -> dict[str, Any]:
    at = "2026-01-05T15:00:00.000Z"
    return {
        "sequence": sequence, "cdr_id": f"cdr-{sequence}", "visit_id": f"v{sequence}", "node": "node1",
        "facility": "demo-jail", "setup_at": at, "end_at": at, "billable_s": 37, "reason": "balance_exhausted",
        "total": "0.10", "currency": "USD", "trunk": "demo", "lines": [{"kind": "usage", "quantity": 37}],
    }  # fmt: skip


class Stage:
    """The application on a free port. media: whether accepting is answered by a real peer."""

    def __init__(
        self,
        *,
        media: bool = False,
        clock: Clock | None = None,
        staff_token: str = STAFF_TOKEN,
        staff: tuple[Staff, ...] = (),
        demo: bool = False,
        checks: Mapping[str, Check] | None = None,
        listener_limit: int = 100,
        page_limit: int = 64,
        ice_servers: tuple[str, ...] = (),
        pressure: Callable[[], Pressure | None] = lambda: None,
        reports: Reports | None = None,
        accounts: Accounts | None = None,
        records: Cdrs | None = None,
        bookings: BookingDesk | None = None,
        access: AccessDesk | None = None,
        keys: KeyDesk | None = None,
        family: FamilyDesk | None = None,
        public_url: str = "",
    ) -> None:
        self.bus = Bus()
        self.doorbell = Doorbell(limit=page_limit)
        self.links = Links("secret-of-the-stage", clock=clock)
        self.visits = Actor(self.doorbell, self.bus, media=media)
        self.records = Records()
        self.desk = WatchDesk(self.visits.may_watch, media)
        self.names: dict[str, str] = dict(NAMES)
        self._numbers = count(1)
        self.services = Services(
            node="node1",
            version="0.1.0",
            visits=self.visits,
            doorbell=self.doorbell,
            links=self.links,
            facts=lambda: self.bus.subscribe("live feed", listener_limit, Overflow.CLOSE),
            cdrs=records or self.records,
            contact_name=self.names.get,
            checks=checks or {},
            monitoring=self.desk,
            staff=staff,
            staff_token=staff_token,
            ice_servers=ice_servers,
            demo=self._demo() if demo else None,
            pressure=pressure,
            reports=reports,
            accounts=accounts,
            bookings=bookings,
            access=access,
            keys=keys,
            family=family,
            public_url=public_url,
        )
        self._server = HttpServer(create_app(self.services), "127.0.0.1", 0, stop_s=1)

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self.visits.plays.values():
            if each.far is not None:
                await each.far.close()
        await self.desk.close()
        await self.stop_serving()

    async def stop_serving(self) -> None:
        await self._server.__aexit__(None, None, None)

    async def serve_again(self) -> None:
        """On the same port as before."""
        self._server = HttpServer(create_app(self.services), "127.0.0.1", self._server.port, stop_s=1)
        await self._server.__aenter__()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    def page(self, contact: str = "family-1", query: str = "") -> str:
        return f"{self.url}/family/{self.links.sign(contact)}{query}"

    def events(self, token: str) -> str:
        return f"{self.ws_url}/api/v1/family/events?token={token}"

    # ---- what a station does ----

    def call(
        self,
        contact: str = "family-1",
        *,
        video: bool = True,
        privileged: bool = False,
        monitored: bool = True,
        recorded: bool = False,
        seconds: int = 1200,
        rate: str = "0.16",
        at_most: str = "3.20",
    ) -> str:
        visit_id = f"v{next(self._numbers)}"
        ring = Ring(
            visit_id, contact, "Terry Example", "Demo County Jail", video, usd(rate), seconds, usd(at_most), True,
            privileged, monitored and not privileged, recorded,
        )  # fmt: skip
        view = VisitView(
            visit_id=visit_id, node="node1", facility="demo-jail", facility_name=ring.facility_name, state="ringing",
            medium=Medium.VIDEO if video else Medium.AUDIO, station="terminal-1", caller_name=ring.caller_name,
            contact=contact, contact_name=NAMES[contact], privileged=privileged, held=False, setup_at=SETUP,
            answer_at=None, media_start_at=None, seconds_left=seconds, rate_per_minute=ring.rate_per_minute,
            charged=usd("0"), money_left=usd("10.00"), routes=("video sip->: relay H264 -> H264",),
            monitored=ring.monitored, recorded=recorded,
        )  # fmt: skip
        self.visits.plays[visit_id] = Play(ring, view)
        self.doorbell.ring(ring)
        self.visits.publish(FactKind.RINGING, view)
        return visit_id

    def clock(self, visit_id: str, seconds_left: int, money_left: str = "9.84", *, running: bool = True) -> None:
        self._tell(visit_id, Clocked(visit_id, running, seconds_left, usd("0.16"), usd(money_left)))

    def warn(self, visit_id: str, seconds_left: int = 60, reason: str = "balance_exhausted") -> None:
        self._tell(visit_id, Warned(visit_id, seconds_left, reason))

    def hold(self, visit_id: str, *, held: bool = True) -> None:
        self._tell(visit_id, Hold(visit_id, held))

    def _tell(self, visit_id: str, notice: Clocked | Warned | Hold) -> None:
        self.doorbell.tell(self.visits.play(visit_id).ring.contact, notice)

    def _demo(self) -> Demo:
        stage = self

        class Terminal:
            async def ring(self) -> str:
                stage.call("family-1")
                return "family-1"

        return Terminal()
