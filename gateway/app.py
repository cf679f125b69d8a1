"""The composition root: the one file that knows every room, and hands each what it needs.

async with Gateway(config) as gateway:     # everything runs
    await gateway.failed()                 # returns only by raising: a part of it died
# visits are ended and recorded, then everything is closed in the opposite order

store <- accounting <- recovery of what a crash left
visits <- SIP endpoint, media plane, accounting, admission, reaching (<- doorbell, store), bus
monitoring <- visits, media plane, store
HTTP <- visits, monitoring, doorbell, links, CDRs              bus -> publisher -> broker (ours, or the configured one)
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import secrets
from collections.abc import Coroutine, Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bridge import MediaPlane, keep_pauses_short
from gateway.access import AccessDesk, AccessRules, KeyDesk
from gateway.admission import Admission
from gateway.api.app import create_app
from gateway.api.family import Doorbell
from gateway.api.links import Links
from gateway.api.server import HttpServer
from gateway.api.services import Check, Demo, Services, Staff
from gateway.billing.accounting import Accounting
from gateway.billing.expiry import run_expiry
from gateway.booking import BookingDesk, Calling, Reminder, Scheduler, new_booking_id, rules_of
from gateway.call.facts import Fact
from gateway.call.meter import Metering
from gateway.call.registry import Visits
from gateway.clock import Clock, SystemClock
from gateway.config import Config
from gateway.desk import account_rules, assert_trunks_reach_out, load_policy
from gateway.errors import PortTaken, StartError
from gateway.events.broker import EmbeddedBroker
from gateway.events.bus import Bus, Overflow
from gateway.events.mqtt import parse_url, run_publisher
from gateway.exports.drops import dropping
from gateway.exports.feed import CdrFeed
from gateway.family import family_desk
from gateway.people import PeopleDesk, PinRules
from gateway.policy.plan import Dialplan
from gateway.reaching import Call, Courier, JoinLinks, Kind, Post, Reaching, patience_of, receivers_of
from gateway.recording.archive import Archive
from gateway.recording.keys import KeyRing
from gateway.reloading import Rules
from gateway.reports.errand import Office
from gateway.reports.names import names_of
from gateway.store import Store
from gateway.watching import Journal, Monitoring
from sip import SipConfigError, SipEndpoint, SipPortTaken, Transport
from sip.endpoint import Endpoint

_log = logging.getLogger(__name__)
_FACTS_IN_HAND = 10_000  # that wait while the broker is away
_FACTS_FOR_A_LISTENER = 500  # a browser that lags by more is closed: it comes back and gets the present state
_LAST_FACTS_S = 3.0
_SHORTEST_TOKEN = 16


class Gateway:
    """A whole node.

    Entering raises StartError, PortTaken, MqttUrlError, DocumentError, StoreError: each a sentence with the field and
    the remedy. endpoint: another SIP endpoint than the real one (tests). demo: what rings for the demonstration's page.
    """

    def __init__(
        self, config: Config, *, clock: Clock | None = None, endpoint: Endpoint | None = None, demo: Demo | None = None
    ) -> None:
        self.config = config
        self.bus = Bus()
        self.bus.tap(_log_fact)
        self.doorbell = Doorbell()
        self._clock = clock or SystemClock()
        self._endpoint = endpoint or SipEndpoint(config.sip_settings())
        self._demo = demo
        self._link_secret = config.http.link_secret.get_secret_value() or secrets.token_urlsafe(32)
        self._links = Links(config.http.link_secret.get_secret_value(), clock=self._clock)
        self._draining = False
        self._reload_wanted = asyncio.Event()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._draining = True
        await self._stack.aclose()
        _log.info("node %s has stopped", self.config.node)

    # ---- what others need of it ----

    @property
    def http_port(self) -> int:
        return self._http.port

    @property
    def public_url(self) -> str:
        """What links begin with."""
        return self.config.http.public_url.rstrip("/") or f"http://{self.config.http.host}:{self.http_port}"

    @property
    def sip_addresses(self) -> tuple[tuple[Transport, str, int], ...]:
        return self._endpoint.addresses()

    def link(self, contact: str) -> str:
        """The address of a contact's page. Whoever has it is that contact: never log it."""
        return f"{self.public_url}/family/{self.token(contact)}"

    def token(self, contact: str) -> str:
        return self._links.sign(contact)

    async def failed(self) -> None:
        """Waits until a part of the gateway dies of itself, and raises what killed it."""
        await asyncio.shield(self._failure)

    def settle(self) -> None:
        """Once, when all is imported and started: short pauses from here on, and codec workers that are ready."""
        self._plane.warm()
        keep_pauses_short()

    def reload_soon(self) -> None:
        """Reads dialplan and tariffs again, and takes them when they are sound."""
        self._reload_wanted.set()

    async def _reload(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            await self.rules.reload()

    async def drain(self, seconds: float) -> None:
        """No new visits; those that talk may end within `seconds`, then they are ended and recorded."""
        self._draining = True
        _log.info("draining: %d visits are live", len(self.visits.live()))
        await self.visits.drain(seconds)

    # ---- putting it together ----

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        config = self.config
        dialplan, tariffs = load_policy(config)
        self._keys = KeyRing.load(Path(config.recording.keys)) if config.recording else None
        self._assert_fits(dialplan)
        self.store = await stack.enter_async_context(
            Store(config.store.url, answer_within_s=config.store.answer_within_s)
        )
        rules = account_rules(config)
        self.accounting = Accounting(self.store, tariffs, node=config.node, clock=self._clock, rules=rules)
        archive = await self._start_recording(stack)
        recovered = await self.accounting.recover(config.node, self._clock.now())
        if recovered:
            _log.warning("%d visits that a crash had left open are recorded", len(recovered))
        await self._start_events(stack)
        await self._start_policy(dialplan)
        self._plane = await stack.enter_async_context(MediaPlane(config.media_settings()))
        self.visits = self._make_visits(archive, await self._start_reaching(stack))
        self.bookings = self._make_bookings()
        await self._start_monitoring(stack)
        await self._start_calls(stack)
        self._http = HttpServer(create_app(self._services()), config.http.host, config.http.port)
        await stack.enter_async_context(self._http)
        stack.push_async_callback(self.visits.drain, 0)
        stack.push_async_callback(_finished, self._watch(self._reload(), "rules"), 0)
        if config.booking.facilities:
            stack.push_async_callback(_finished, self._watch(self._make_scheduler().run(), "bookings"), 0)
        _log.info("node %s is ready", config.node)

    async def _start_policy(self, dialplan: Dialplan) -> None:
        rules = PinRules.of(self.config.people)
        self.people = PeopleDesk(self.store, self._clock, rules, self._most_contacts)
        await self.people.snapshot()
        self.admission = Admission(dialplan, self.store, self._clock, self.people.snapshot)
        self.rules = Rules(
            config=self.config,
            admission=self.admission,
            accounting=self.accounting,
            fits=self._assert_fits,
            facts=self.bus,
            clock=self._clock,
        )

    def _make_visits(self, archive: Archive | None, reaching: Reaching) -> Visits:
        config, plane = self.config, self._plane
        return Visits(
            endpoint=self._endpoint,
            media=plane.bridge,
            accounting=self.accounting,
            decide=self.admission,
            facts=self.bus,
            doorbell=reaching,
            clock=self._clock,
            node=config.node,
            limits=config.limits,
            new_id=new_visit_id,
            recordings=archive,
            bearing=lambda: plane.pressure.verdict.welcome,
            metering=Metering(**config.billing.meter.model_dump()),
            three_way=config.sip.three_way,
            check_pin=self.people.check_pin,
            trunks=config.sip_settings().trunks,
        )

    def _make_bookings(self) -> BookingDesk:
        return BookingDesk(
            store=self.store,
            clock=self._clock,
            rules=rules_of(self.config.booking),
            plan=lambda: self.admission.plan,
            people=self.people.snapshot,
            new_booking_id=new_booking_id,
            new_visit_id=new_visit_id,
            cancelled=self.reaching.taken,
            account_rules=account_rules(self.config),
        )

    def _make_scheduler(self) -> Scheduler:
        """It reminds, begins what was agreed at its time, and closes what nobody approved."""

        def remind(it: Reminder) -> None:
            self.reaching.reach(
                Call(Kind.REMINDER, it.visit_id, it.contact, it.facility, it.facility_name, it.until, it.privileged)
            )

        desk, call, node = self.bookings, Calling(self.visits), self.config.node
        return Scheduler(store=self.store, clock=self._clock, desk=desk, call=call, remind=remind, node=node)

    async def _start_monitoring(self, stack: contextlib.AsyncExitStack) -> None:
        limits = self.config.limits
        self.monitoring = Monitoring(
            visits=self.visits,
            watch=self._plane.watch,
            journal=Journal(self.store),
            facts=self.bus,
            clock=self._clock,
            node=self.config.node,
            most_a_visit=limits.max_watchers_a_visit,
            most=limits.max_watchers,
        )
        await self.monitoring.recover()
        stack.push_async_callback(self.monitoring.close)

    def _assert_fits(self, dialplan: Dialplan) -> None:
        """Raises StartError, RecordingError for a dialplan that this node, as it is configured, could not carry out."""
        assert_trunks_reach_out(dialplan, self.config)
        recorded = [each for each in dialplan.facilities.values() if each.retention_days is not None]
        if not recorded:
            return
        if self._keys is None:
            raise StartError(f"the dialplan records {recorded[0].id}: set recording.folder and recording.keys")
        for each in recorded:
            self._keys.newest(each.id)

    async def _start_recording(self, stack: contextlib.AsyncExitStack) -> Archive | None:
        """What a crash left is finished first, so that the records of its visits name it."""
        recording = self.config.recording
        if recording is None or self._keys is None:
            return None
        archive = Archive(
            self.store,
            self._keys,
            Path(recording.folder),
            node=self.config.node,
            clock=self._clock,
            purges=recording.purge_hourly,
        )
        await archive.start()
        stack.push_async_callback(archive.close)
        if found := await archive.recover():
            _log.warning("%d recordings that a crash had cut are kept as they are", found)
        return archive

    async def _start_events(self, stack: contextlib.AsyncExitStack) -> None:
        mqtt, url = self.config.mqtt, self.config.mqtt.url
        if url:
            parse_url(url)
        else:
            url = (await stack.enter_async_context(EmbeddedBroker(mqtt.embedded_host, mqtt.embedded_port))).url
        facts = self.bus.subscribe("mqtt", _FACTS_IN_HAND)
        task = self._watch(run_publisher(facts, url, mqtt.topic_root, self.config.node), "mqtt publisher")
        stack.push_async_callback(_finished, task, _LAST_FACTS_S)
        stack.callback(self.bus.close)

    async def _start_reaching(self, stack: contextlib.AsyncExitStack) -> Reaching:
        webhooks, node = self.config.webhooks, self.config.node
        receivers, patience = receivers_of(webhooks), patience_of(webhooks)
        send = await stack.enter_async_context(Post(timeout_s=webhooks.timeout_s, ca=webhooks.ca))
        self.courier = Courier(
            store=self.store,
            receivers=receivers,
            patience=patience,
            send=send,
            facts=self.bus,
            clock=self._clock,
            node=node,
        )
        self.reaching = Reaching(
            pages=self.doorbell,
            store=self.store,
            links=JoinLinks(self.store, self._link_secret, self._clock),
            courier=self.courier,
            receivers=receivers,
            patience=patience,
            facts=self.bus,
            clock=self._clock,
            node=node,
            ring_s=self.config.limits.ring_timeout_s,
            join_url=lambda: f"{self.public_url}/join/",
        )
        if receivers:  # else nothing is ever put into the outbox
            stack.push_async_callback(self.courier.release)
            stack.push_async_callback(_finished, self._watch(self.courier.run(), "webhooks"), 0)
            stack.push_async_callback(_finished, self._watch(self.reaching.run(), "reaching"), 0)
        return self.reaching

    async def _start_calls(self, stack: contextlib.AsyncExitStack) -> None:
        """Before `visits.run` is cancelled, the drain at the head of the stack has ended and recorded every visit."""
        try:
            await stack.enter_async_context(self._endpoint)
        except SipPortTaken as error:
            raise PortTaken(f"sip.port: {error}") from None
        except SipConfigError as error:
            raise StartError(f"sip: {error}") from None
        stack.push_async_callback(_finished, self._watch(self.visits.run(), "visits"), 0)
        expiring = run_expiry(self.accounting, self._clock, self.config.billing.hold_expires_s, self.visits.ids)
        stack.push_async_callback(_finished, self._watch(expiring, "expiry of holds"), 0)
        if self.config.exports:
            exporting = dropping(self.config, self.store, self.accounting, self._clock).run()
            stack.push_async_callback(_finished, self._watch(exporting, "scheduled exports"), 0)

    def _services(self) -> Services:
        config = self.config
        checks: Mapping[str, Check] = {
            "database": self._database_answers,
            "accepting": self._accepts,
            "bearing": self._bears,
        }
        return Services(
            node=config.node,
            version=version("kinbridge"),
            visits=self.visits,
            doorbell=self.doorbell,
            links=self._links,
            facts=lambda: self.bus.subscribe("live feed", _FACTS_FOR_A_LISTENER, Overflow.CLOSE),
            cdrs=CdrFeed(self.accounting, config.node),
            contact_name=self._contact_name,
            checks=checks,
            monitoring=self.monitoring,
            staff=staff_of(config),
            staff_token=config.http.staff_token.get_secret_value(),
            public_url=config.http.public_url,
            ice_servers=config.media.ice_servers,
            demo=self._demo,
            pressure=lambda: self._plane.pressure,
            accounts=self.accounting,
            reports=Office(config.store.url, lambda: names_of(self.admission.plan)),
            joins=self.reaching,
            rules=self.rules,
            people=self.people,
            bookings=self.bookings,
            access=AccessDesk(self.store, self._clock, AccessRules.of(config.access)),
            keys=KeyDesk(self.store, self._clock),
            family=family_desk(config.family, self.store, self._clock, self._link_secret, lambda: self.public_url),
            sip_refused=lambda: self.visits.refused_requests,
            webhooks=lambda: self.courier.counters + self.reaching.counters,
        )

    def _most_contacts(self, facility: str) -> int | None:
        return self.admission.most_contacts(facility)

    def _contact_name(self, contact: str) -> str | None:
        """None: neither the dialplan nor the store knows such a contact."""
        found = self.people.last.contacts.get(contact)
        return self.admission.contact_name(contact) or (found.name if found else None)

    async def _database_answers(self) -> bool:
        await self.accounting.cdrs(limit=1)
        return True

    async def _accepts(self) -> bool:
        return not self._draining

    async def _bears(self) -> bool:
        return self._plane.pressure.verdict.welcome

    def _watch(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A part that runs beside; when it ends of itself before we stop, the gateway has failed."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self._failure.done():
            return
        error = task.exception()
        if error is not None:
            _log.error("%s failed", task.get_name(), exc_info=error)
            self._failure.set_exception(StartError(f"{task.get_name()} failed: {type(error).__name__}; see the log"))
            self._failure.exception()  # whoever waits gets it; nobody has to


def _log_fact(fact: Fact) -> None:
    """The story of each visit in the log: facts are ids and closed words by their nature."""
    details = ", ".join(f"{key} {value}" for key, value in fact.detail.items())
    subject = f"visit {fact.visit_id}" if fact.visit_id else "the node"
    _log.info("%s: %s%s", subject, fact.kind, f" ({details})" if details else "")


async def _finished(task: asyncio.Task[None], within_s: float) -> None:
    """Lets a task that was told to end do so; cancels it when it does not. It has said itself what went wrong."""
    await asyncio.wait([task], timeout=within_s)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def staff_of(config: Config) -> tuple[Staff, ...]:
    """Raises StartError for a token that is not in the environment, or too short to be one."""
    return tuple(
        Staff(each.name, frozenset(each.roles), each.token_sha256 or _hashed(each.token_env))
        for each in config.http.staff
    )


def _hashed(variable: str) -> str:
    token = os.environ.get(variable, "")
    if len(token) < _SHORTEST_TOKEN:
        raise StartError(f"http.staff: put a token of {_SHORTEST_TOKEN} characters or more into ${variable}")
    return hashlib.sha256(token.encode()).hexdigest()


def new_visit_id() -> str:
    """Random, so that it tells nothing and cannot be guessed from another one."""
    return f"v-{secrets.token_hex(8)}"
