"""One visit: feeds what happens to the call machine and does what it wants.

    dialog.events() --\\
    media.events()  ---+--> one bounded queue --> step(visit, event, now) --> commands --> Effects --> (event)
    wishes of people --/                             ^
    the clock ---------------- next_due(visit) ------'

Exactly one task consumes the queue, so nothing happens to a visit at the same time as something else. A bug in it ends
the visit as well as it can: the station is hung up and the record is written.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from bridge import Media, Side
from gateway.call import events as e
from gateway.call.books import Books, Timeline
from gateway.call.commands import CloseBooks, Publish
from gateway.call.deadlines import next_due
from gateway.call.effects import Effects
from gateway.call.facts import FactKind
from gateway.call.keypad import Keypad
from gateway.call.machine import allows, step
from gateway.call.notices import Ring
from gateway.call.request import intent_of, request_of
from gateway.call.summary import HoldGranted, ProofOfLife
from gateway.call.termination import Termination
from gateway.call.threeway import ThreeWaySigns
from gateway.call.tools import Tools
from gateway.call.translate import from_dialog, from_media, from_phone
from gateway.call.view import VisitView, view_of
from gateway.call.visit import State, VisitState
from gateway.call.voice import notice_of, phone_call_of
from gateway.errors import MachineError, StoreError, StoreUnavailable, VisitGone
from gateway.policy.decision import Allowed, Asks, Decision, Refusal, Refused
from gateway.policy.ivr import IvrRules
from sip import Dialog, Invite

log = logging.getLogger(__name__)

INBOX_SIZE = 64
_ENDS = (e.FamilyLeft, e.StationHungUp, e.StationLost, e.OfficerEnded, e.DrainEnded)
"""They end a visit in whatever state it is: the media that is being waited for is waited for no longer."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a person wants; they wait for `answer`: SDP, or "" when there is nothing to say but that it was done."""

    event: e.Event
    answer: asyncio.Future[str]


class _Tick:
    """Something may be due."""


class Session:
    """refusal: what the registry decided before policy was asked (overload, draining)."""

    def __init__(
        self, visit_id: str, invite: Invite, dialog: Dialog, tools: Tools, refusal: Refusal | None = None
    ) -> None:
        self.visit_id = visit_id
        self._tools = tools
        self._clock = tools.clock
        self._invite = invite
        self._dialog = dialog
        self._refusal = refusal
        self._timeline = Timeline(self._clock.now(), self._clock.monotonic())
        self._request, self._understood = request_of(invite, self._timeline.began_at)
        intent = intent_of(visit_id, tools.node, invite, self._request)
        self._books = Books(tools.accounting, self._clock, self._timeline, intent)
        self._effects = Effects(
            tools,
            dialog,
            invite.sdp,
            self._books,
            listen=self._listen,
            tell=self.tell,
            beside=self._feed,
            ask_policy=self._ask_again,
            listen_phone=self._listen_phone,
        )
        self._inbox: asyncio.Queue[e.Event | _Wish | _Tick] = asyncio.Queue(INBOX_SIZE)
        self._asked: asyncio.Future[str] | None = None  # who waits to hear that it was done
        self._keypad = Keypad()
        self._signs = ThreeWaySigns(tools.three_way)
        self._changed = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._feeders: list[asyncio.Task[None]] = []
        self._visit = VisitState(tools.timeouts, self._timeline.began_s, tools.metering)

    # ---- what others may see ----

    @property
    def state(self) -> State:
        return self._visit.state

    @property
    def is_over(self) -> bool:
        """Over for everybody; its record may still be under way."""
        return self._visit.is_over

    @property
    def termination(self) -> Termination | None:
        return self._visit.termination

    @property
    def was_accepted(self) -> bool:
        return self._visit.marks.accepted_at_s is not None

    @property
    def trunks(self) -> tuple[str, ...]:
        """Those that have a call of this visit: the station's, and the telephone's. None once it is over."""
        if self.is_over or self._refusal is not None:
            return ()
        return tuple(each for each in (self._invite.trunk, self._effects.phone.trunk) if each)

    @property
    def contact(self) -> str:
        """Who is rung; "" before policy allowed it."""
        return self._effects.terms.contact if self._effects.terms else ""

    @property
    def contacts(self) -> tuple[str, ...]:
        """All who are rung; once one has accepted, only that one."""
        return self._effects.contacts

    def ring(self, contact: str) -> Ring | None:
        """What rings at this contact now."""
        return self._effects.ring(self._visit, contact)

    def proof(self) -> ProofOfLife | None:
        legs = self._effects.phone.legs(self._books.intent, self._dialog)
        return self._books.proof(self._visit, self._clock.monotonic(), legs)

    def view(self) -> VisitView:
        now_s, effects = self._clock.monotonic(), self._effects
        return view_of(
            self._visit,
            self._books,
            self._timeline,
            terms=effects.terms,
            media=effects.media,
            money=effects.money(self._visit, now_s),
            now_s=now_s,
        )

    def watchable(self) -> Media:
        """The media that an officer may watch. Raises VisitGone, WatchingForbidden, NothingToWatch."""
        if self.is_over:
            raise VisitGone(f"visit {self.visit_id} has ended")
        return self._effects.watchable()

    # ---- what others may want ----

    async def message(self, text: str) -> None:
        """An officer's words for the family's page. Raises VisitGone."""
        if self.is_over or not self._effects.contacts:
            raise VisitGone(f"visit {self.visit_id} has nobody who could read it")
        self._effects.say(text)
        await self._effects.perform(Publish(FactKind.MESSAGE), self._visit)

    async def decline(self, contact: str) -> None:
        """It rings on as long as somebody is left who may accept. Raises VisitGone."""
        if self.state is State.RINGING and self._effects.decline(contact):
            return
        await self.wish(e.FamilyDeclined())

    async def wish(self, event: e.Event) -> str:
        """Raises VisitGone when it comes too late or too often, and what the media plane raises for a bad offer."""
        if self.is_over:  # said at once: the queue may stand still while the record waits for the database
            raise VisitGone(f"visit {self.visit_id} has ended")
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        try:
            self._inbox.put_nowait(_Wish(event, answer))
        except asyncio.QueueFull:
            raise VisitGone(f"visit {self.visit_id} has no ear for more") from None
        self._hurry(event)
        return await answer

    def tell(self, event: e.Event) -> None:
        """From the house, which does not wait for what comes of it."""
        self._hurry(event)
        try:
            self._inbox.put_nowait(event)
        except asyncio.QueueFull:
            if self._tasks:
                self._feed(self._inbox.put(event), "told")

    # ---- the life of the visit ----

    async def run(self) -> None:
        """Returns when the record is written. Only cancellation comes out of it."""
        try:
            await self._live()
        except Exception as error:  # noqa: BLE001 - whatever the bug: the station is hung up and the record is written
            self._tasks = None
            _report(self.visit_id, error)
            await self._end_after_crash()
        finally:
            self._turn_away(VisitGone(f"visit {self.visit_id} has ended"))
        log.info(
            "visit %s is over: %s", self.visit_id, self._visit.termination.word if self._visit.termination else "?"
        )

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            await self._begin()
            self._feed(self._from_dialog(), "dialog")
            self._feed(self._keep_time(), "clock")
            await self._consume()
            self._tasks = None
            for feeder in self._feeders:
                feeder.cancel()

    async def _begin(self) -> None:
        """Policy, then money. The intent is in the database before anything rings."""
        decision = await self._decide()
        await self._effects.perform(Publish(FactKind.REQUESTED), self._visit)
        if self._invite.identity_ignored:
            await self._effects.perform(Publish(FactKind.IDENTITY_IGNORED), self._visit)
        if not isinstance(decision, Refused) and (self._refusal or not self._understood):
            await self._apply(e.Refused(self._refusal or Refusal.MEDIA))
        else:
            await self._apply(await self._follow(decision))

    async def _decide(self) -> Decision:
        try:
            decision = await self._tools.decide(self._request, self.visit_id)
        except StoreError as error:
            known = self._books.intent
            decision = Refused(self._unavailable(error).refusal, known.facility, known.timezone, rule="", path=())
        self._books.intent = intent_of(self.visit_id, self._tools.node, self._invite, self._request, decision)
        return decision

    async def _ask_again(self, resident: str, dialled: str) -> e.Event:
        """With what the voice found out."""
        self._request = replace(self._request, resident=resident, dialled=dialled, asked=True)
        return await self._follow(await self._decide())

    async def _follow(self, decision: Decision) -> e.Event:
        match decision:
            case Refused(refusal=refusal):
                return e.Refused(refusal)
            case Asks(ivr=rules, resident=resident):
                return await self._greet(rules, resident)
            case Allowed(terms=terms):
                self._effects.terms = terms
                if terms.watched:
                    await self._effects.perform(Publish(FactKind.WATCHED_NUMBER), self._visit)
                return await self._authorise(decision)

    async def _greet(self, rules: IvrRules, resident: str) -> e.Event:
        """The call is about to be answered: from here on it leaves a record, even if the node dies."""
        try:
            await self._books.receive()
        except StoreError as error:
            return self._unavailable(error)
        return e.IvrNeeded(rules, self._request.dialled, resident)

    def _unavailable(self, error: StoreError) -> e.Refused:
        if not isinstance(error, StoreUnavailable):
            log.error("visit %s is refused, somebody must repair this: %s", self.visit_id, error)
        return e.Refused(Refusal.UNAVAILABLE)

    async def _authorise(self, decision: Allowed) -> e.Event:
        try:
            answer = await self._books.authorise()
        except StoreError as error:
            return self._unavailable(error)
        if not isinstance(answer, HoldGranted):
            return e.Refused(Refusal(answer.refusal))
        closes_at, now_s = decision.terms.closes_at, self._clock.monotonic()
        left_s = (closes_at - self._clock.now()).total_seconds() if closes_at else 0.0
        return e.Authorised(
            paid_s=answer.seconds,
            max_s=decision.terms.max_seconds,
            reach_s=answer.reach_s,
            closes_at_s=now_s + left_s if closes_at else None,
            notice=notice_of(decision.terms, answer),
            phone=phone_call_of(decision.terms, answer, self._tools.trunks.in_order(decision.terms.out_trunks, now_s)),
        )

    async def _consume(self) -> None:
        while self.state is not State.ENDED:
            item = await self._inbox.get()
            if isinstance(item, _Wish):
                await self._grant(item)
            elif isinstance(item, _Tick):
                await self._pass_time()
            else:
                await self._apply(item)

    async def _apply(self, event: e.Event) -> None:
        """The event and whatever its commands report, one after another."""
        pending = deque([event])
        while pending:
            self._visit, commands = step(self._visit, pending.popleft(), self._clock.monotonic())
            self._changed.set()
            for command in commands:
                if isinstance(command, CloseBooks):
                    self._done()
                report = await self._effects.perform(command, self._visit)
                if report is not None:
                    pending.append(report)

    async def _grant(self, wish: _Wish) -> None:
        if not allows(self._visit, wish.event):
            _refuse(wish.answer, VisitGone(f"visit {self.visit_id} is {self.state}: too late for that"))
            return
        waits_for_sdp = isinstance(wish.event, e.FamilyAccepted | e.FamilyRejoined)
        if isinstance(wish.event, e.FamilyAccepted) and wish.event.contact:
            self._effects.give_to(wish.event.contact)
        if waits_for_sdp:
            self._effects.fail(VisitGone("another page has taken over"))
            self._effects.reply = wish.answer
        else:
            self._asked = wish.answer
        await self._apply(wish.event)
        if not waits_for_sdp:
            self._done()

    def _done(self) -> None:
        """Who ends a visit hears so when it is over for everybody: its record may wait for the database."""
        if self._asked and not self._asked.done():
            self._asked.set_result("")

    async def _pass_time(self) -> None:
        while (due := next_due(self._visit)) and due.at_s <= self._clock.monotonic():
            await self._apply(due.event)

    # ---- what feeds the queue ----

    def _feed(self, feeder: Coroutine[Any, Any, None], name: str) -> None:
        if self._tasks is None:
            raise RuntimeError("feeders belong to the visit's task group")
        self._feeders.append(self._tasks.create_task(feeder, name=f"visit {self.visit_id} {name}"))

    def _listen(self, media: Media) -> None:
        self._feed(self._pour(media.events(), from_media), "media")

    def _listen_phone(self, dialog: Dialog, attempt: int) -> None:
        said = self._pour(dialog.events(), partial(from_phone, attempt=attempt), Side.WEB)
        self._feed(said, f"telephone {attempt}")

    async def _from_dialog(self) -> None:
        await self._pour(self._dialog.events(), from_dialog)

    async def _pour(
        self, source: AsyncIterator[T], translate: Callable[[T], e.Event | None], side: Side = Side.SIP
    ) -> None:
        """side: whose dialog it is; the media names its sides itself."""
        async for told in source:
            now_s = self._clock.monotonic()
            if not self._keypad.is_new(told, now_s, side):
                continue
            for event in (translate(told), self._signs.sign_in(told, now_s, side)):
                if event is not None:
                    self._hurry(event)
                    await self._inbox.put(event)

    def _hurry(self, event: e.Event) -> None:
        if isinstance(event, _ENDS):
            self._effects.patience.end()

    async def _keep_time(self) -> None:
        """Wakes the visit when something is due. What is due is asked anew after each change: no timer to forget."""
        while True:
            self._changed.clear()
            due = next_due(self._visit)
            if due is None:
                await self._changed.wait()
            elif due.at_s > self._clock.monotonic():
                await self._sleep_unless_changed(due.at_s - self._clock.monotonic())
            else:
                await self._inbox.put(_Tick())
                await self._changed.wait()

    async def _sleep_unless_changed(self, seconds: float) -> None:
        waits = (
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._changed.wait()),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    # ---- when it goes wrong ----

    async def _end_after_crash(self) -> None:
        """The commands of the machine's own ending, each as far as it goes."""
        pending: deque[e.Event] = deque([e.Crashed()])
        while pending and self.state is not State.ENDED:
            self._visit, commands = step(self._visit, pending.popleft(), self._clock.monotonic())
            for command in commands:
                try:
                    report = await self._effects.perform(command, self._visit)
                except Exception as error:  # noqa: BLE001 - the next command must have its turn
                    _report(self.visit_id, error)
                    continue
                if report is not None:
                    pending.append(report)
        if self.state is not State.ENDED:
            self._effects.tell_over_unrecorded(self._visit)

    def _turn_away(self, error: VisitGone) -> None:
        self._effects.fail(error)
        if self._asked:
            _refuse(self._asked, error)
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                item = self._inbox.get_nowait()
                if isinstance(item, _Wish):
                    _refuse(item.answer, error)


def _refuse(answer: asyncio.Future[str], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def _report(visit_id: str, error: BaseException) -> None:
    """Where and what kind; never the message, which may hold a name or a number."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            _report(visit_id, each)
        return
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "nowhere"
    said = str(error) if isinstance(error, MachineError) else ""  # it names a state and an event, nothing else
    log.error("visit %s: a bug ended it: %s at %s %s", visit_id, type(error).__name__, place, said)
