"""Does what the call machine wants: one method for each command. Mechanical; it decides nothing.

command -> dialog | media | doorbell | facts | books -> at most one event that reports back
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

from bridge import BridgeError, BridgeStats, Joined, Media, NegotiationError, Side, Slate, WebLegFailed
from gateway.call import commands as c
from gateway.call import events as e
from gateway.call import sip_codes
from gateway.call.asking import Asking
from gateway.call.audience import accepted_by, ring_at, rung
from gateway.call.books import Books
from gateway.call.facts import Fact, FactKind
from gateway.call.meter import Mode
from gateway.call.notices import Clocked, Hold, Low, Notice, Over, Ring, Said, Taken, Warned
from gateway.call.paid import as_paid
from gateway.call.patience import Patience
from gateway.call.ports import Recording
from gateway.call.slices import Slices
from gateway.call.telephone import Telephone
from gateway.call.tools import Tools
from gateway.call.translate import PICTURE_BODY, PICTURE_CONTENT_TYPE, from_stats
from gateway.call.trunk_codecs import within
from gateway.call.visit import State, VisitState, seconds_left
from gateway.call.voice import spoken_notice
from gateway.errors import NothingToWatch, VisitGone, WatchingForbidden
from gateway.money import Money
from gateway.policy.decision import Terms
from sip import BadDescription, Dialog, SipError

log = logging.getLogger(__name__)

Act = Callable[[Any, VisitState], Awaitable[e.Event | None]]

NO_MONEY = Money(0, "XXX")  # ISO 4217: no currency


class Effects:
    """terms: what policy allowed, once it did. reply: who waits for the browser's answer.

    ask_policy(resident, dialled): the question again, with what the voice found out.
    """

    def __init__(
        self,
        tools: Tools,
        dialog: Dialog,
        sip_offer: str | None,
        books: Books,
        *,
        listen: Callable[[Media], None],
        tell: Callable[[e.Event], None],
        beside: Callable[[Coroutine[Any, Any, None], str], None],
        ask_policy: Callable[[str, str], Awaitable[e.Event]],
        listen_phone: Callable[[Dialog, int], None],
    ) -> None:
        self._tools = tools
        self._dialog = dialog
        self._sip_offer = sip_offer
        self._books = books
        self._listen = listen
        self._tell_machine = tell
        self._greeted = False  # and nobody was brought yet
        self._described = sip_offer is not None  # the station has said what it takes
        self._recording: Recording | None = None
        self._recording_begun = self._over_told = False
        self._joined: Joined | None = None
        self._stats = BridgeStats()
        self._declined: set[str] = set()
        self.patience = Patience()
        self.media: Media | None = None
        self.terms: Terms | None = None
        self.reply: asyncio.Future[str] | None = None
        about = (tools, books.intent.visit_id, self.patience, self._required, lambda: self.terms)
        self.phone = Telephone(*about, listen=listen_phone, paid=self._paid)
        self._acts = {
            **self._own_acts(),
            **Asking(tools, books, self._required, ask_policy).acts,
            **Slices(books, tell, beside).acts,
            **self.phone.acts,
        }

    def _own_acts(self) -> dict[type[c.Command], Act]:
        return {
            c.RingStation: self._ring_station,
            c.AnswerStation: self._answer_station,
            c.RejectStation: self._reject_station,
            c.HangUpStation: self._hang_up_station,
            c.RefuseOffer: self._refuse_offer,
            c.AskStationForPicture: self._ask_station,
            c.JoinMedia: self._join,
            c.CompleteMedia: self._complete,
            c.ChangeMedia: self._change,
            c.OfferLimit: self._offer_limit,
            c.SettleMedia: self._settle,
            c.RejoinMedia: self._rejoin,
            c.AskFamilyForPicture: self._ask_family,
            c.GreetStation: self._greet,
            c.ConnectPhone: self._connect_phone,
            c.Play: self._play,
            c.Show: self._show,
            c.Clear: self._clear,
            c.StartRecording: self._start_recording,
            c.CloseMedia: self._close_media,
            c.RingFamily: self._ring_family,
            c.TellClock: self._tell_clock,
            c.TellWarning: self._tell_warning,
            c.TellHold: self._tell_hold,
            c.TellOver: self._tell_over,
            c.Publish: self._publish,
            c.TellLow: self._tell_low,
            c.CloseBooks: self._close_books,
        }

    async def perform(self, command: c.Command, visit: VisitState) -> e.Event | None:
        """Does it; the event, if one comes of it, is the machine's next."""
        return await self._acts[type(command)](command, visit)

    # ---- towards the station: a dialog that is gone says so itself, by its Ended ----

    async def _to_station(self, act: Awaitable[None]) -> None:
        try:
            await act
        except SipError as error:
            log.info("visit %s: the station was gone (%s)", self._books.intent.visit_id, type(error).__name__)

    async def _ring_station(self, command: c.RingStation, visit: VisitState) -> None:
        await self._to_station(self._dialog.ring(180))

    async def _answer_station(self, command: c.AnswerStation, visit: VisitState) -> e.Event | None:
        if self._joined is None:
            raise VisitGone("nothing was joined")
        try:
            await self._dialog.answer(self._allowed(self._joined.sip_sdp))
        except BadDescription as error:
            return self._refused(NegotiationError(str(error)))
        except SipError as error:
            log.info("visit %s: the station was gone (%s)", self._books.intent.visit_id, type(error).__name__)
            self.fail(VisitGone("the station has hung up"))
            return None
        if self._joined.web_sdp is not None:
            self._fulfil(self._joined.web_sdp)
        if self.terms is not None and visit.ivr is None:  # while the family connects; it was told
            notice = spoken_notice(self.terms)
            if notice is not None:
                self._required().play(Side.SIP, notice)
        return self._hold_report(visit)

    async def _reject_station(self, command: c.RejectStation, visit: VisitState) -> None:
        retry_after_s = sip_codes.RETRY_AFTER_S if command.code == sip_codes.UNAVAILABLE else 0
        await self._to_station(self._dialog.reject(command.code, retry_after_s=retry_after_s))

    async def _hang_up_station(self, command: c.HangUpStation, visit: VisitState) -> None:
        await self._to_station(self._dialog.hang_up(sip_codes.NOT_ACCEPTABLE))  # the code: if our answer never went out

    async def _refuse_offer(self, command: c.RefuseOffer, visit: VisitState) -> None:
        await self._to_station(self._dialog.refuse_offer(command.code))

    async def _ask_station(self, command: c.AskStationForPicture, visit: VisitState) -> None:
        await self._to_station(self._dialog.send_info(PICTURE_CONTENT_TYPE, PICTURE_BODY))

    # ---- towards the media ----

    async def _join(self, command: c.JoinMedia, visit: VisitState) -> e.Event | None:
        try:
            if self._greeted:
                return await self._bring(command.web_offer)
            self.media = self._tools.media(sealed=self.terms is None or self.terms.privileged)
            self._listen(self.media)
            self._joined = await self.patience.wait(self.media.join(self._taken(self._sip_offer), command.web_offer))
        except (BridgeError, TimeoutError) as error:
            return self._refused(error)
        return e.MediaJoined()

    async def _bring(self, web_offer: str) -> e.Event:
        """Whether anything may ever be attached to the media is known only now."""
        sealed = self.terms is None or self.terms.privileged
        self._fulfil(await self.patience.wait(self._required().bring(web_offer, sealed=sealed)))
        self._greeted = False
        return e.MediaJoined()

    async def _greet(self, command: c.GreetStation, visit: VisitState) -> e.Event | None:
        try:
            self.media = self._tools.media(sealed=True)
            self._listen(self.media)
            self._joined = await self.patience.wait(self.media.greet(self._taken(self._sip_offer)))
        except (BridgeError, TimeoutError) as error:
            return self._refused(error)
        self._greeted = True
        return e.Greeted()

    async def _connect_phone(self, command: c.ConnectPhone, visit: VisitState) -> e.Event | None:
        if self.phone.joined or not self._described:
            return None
        self._greeted = False
        return await self.phone.connect()

    async def _complete(self, command: c.CompleteMedia, visit: VisitState) -> e.Event | None:
        try:
            sdp = self._taken(command.sdp) or ""
            joined = await self.patience.wait(self._required().complete(sdp))
        except (BridgeError, TimeoutError) as error:
            return self._refused(error)
        self._described = True
        if joined.web_sdp is not None:
            self._fulfil(joined.web_sdp)
        return self._hold_report(visit)

    async def _rejoin(self, command: c.RejoinMedia, visit: VisitState) -> None:
        """A page that fails may try again until its time is over."""
        try:
            self._fulfil(await self.patience.wait(self._required().rejoin(command.web_offer)))
        except (BridgeError, TimeoutError) as error:
            self._refused(error)

    async def _change(self, command: c.ChangeMedia, visit: VisitState) -> e.Event | None:
        try:
            answer = await self.patience.wait(self._required().change(self._taken(command.sdp)))
        except (BridgeError, TimeoutError) as error:
            log.info("visit %s: an offer was refused (%s)", self._books.intent.visit_id, type(error).__name__)
            await self._to_station(self._dialog.refuse_offer(sip_codes.NOT_ACCEPTABLE))
            return None
        await self._to_station(self._dialog.answer_offer(self._allowed(answer)))
        return self._hold_report(visit)

    async def _offer_limit(self, command: c.OfferLimit, visit: VisitState) -> None:
        try:
            offer = await self.patience.wait(self._required().describe_limit())
        except (BridgeError, TimeoutError) as error:
            log.info("visit %s: no limit was offered (%s)", self._books.intent.visit_id, type(error).__name__)
            return
        await self._to_station(self._dialog.offer(self._allowed(offer)))

    async def _settle(self, command: c.SettleMedia, visit: VisitState) -> e.Event | None:
        """An answer that does not fit changes nothing: the session stays as it was (RFC 3261 section 14.1)."""
        try:
            await self.patience.wait(self._required().complete(self._taken(command.sdp) or ""))
        except (BridgeError, TimeoutError) as error:
            log.info("visit %s: an answer was not taken (%s)", self._books.intent.visit_id, type(error).__name__)
            return None
        return self._hold_report(visit)

    def _hold_report(self, visit: VisitState) -> e.Event | None:
        held = self._required().held()
        if held == visit.held:
            return None
        return e.StationHeld() if held else e.StationResumed()

    def _paid(self, sdp: str | None) -> str | None:
        """Raises NegotiationError, SdpError."""
        return as_paid(sdp, self.terms, self._sip_offer)

    def _taken(self, sdp: str | None) -> str | None:
        """What of the station's description counts: what was paid for, by codecs that its trunk may use."""
        paid = self._paid(sdp)
        return None if paid is None else self._allowed(paid)

    def _allowed(self, sdp: str) -> str:
        """Without codecs that the station's trunk may not use."""
        return within(sdp, self._tools.codecs.get(self._books.intent.trunk, ()))

    async def _ask_family(self, command: c.AskFamilyForPicture, visit: VisitState) -> None:
        self._required().want_picture()

    async def _play(self, command: c.Play, visit: VisitState) -> None:
        self._required().play(command.to, command.prompt)

    async def _show(self, command: c.Show, visit: VisitState) -> None:
        about = self.terms.caller_name if self.terms and command.slate is Slate.CALLING else ""
        self._required().show(
            command.to, command.slate, command.prompt, about=about, until_picture=command.until_picture
        )

    async def _clear(self, command: c.Clear, visit: VisitState) -> None:
        self._required().clear(command.to)

    async def _start_recording(self, command: c.StartRecording, visit: VisitState) -> None:
        terms, recordings = self.terms, self._tools.recordings
        if terms is None or not terms.recorded or self._recording_begun:
            return
        self._recording_begun = True
        if recordings is not None:
            about = (self._books.intent.visit_id, terms, self._required())
            self._recording = recordings.begin(*about, self._recording_failed)
        if self._recording is None:
            self._recording_failed("refused")

    def _recording_failed(self, word: str) -> None:
        self._tell_machine(e.RecordingFailed(word))

    async def _close_media(self, command: c.CloseMedia, visit: VisitState) -> None:
        self.fail(VisitGone("the visit has ended"))
        if self._recording is not None:
            self._recording.stop()
        if self.media is None:
            return
        try:
            self._stats = self.media.stats()
            await Patience().wait(self.media.close())  # one of its own: whatever ended before, this is to be tried
        except (BridgeError, TimeoutError) as error:
            log.warning("visit %s: its media did not close (%s)", self._books.intent.visit_id, type(error).__name__)

    def _required(self) -> Media:
        if self.media is None:
            raise VisitGone("there is no media yet")
        return self.media

    def _refused(self, error: BridgeError | TimeoutError) -> e.MediaRefused | None:
        """None: it was given up because the visit's end waits in the queue, with a reason of its own."""
        log.info("visit %s: no media (%s)", self._books.intent.visit_id, type(error).__name__)
        self.fail(WebLegFailed("the media plane did not answer in time") if isinstance(error, TimeoutError) else error)
        if isinstance(error, TimeoutError) and self.patience.is_over:
            return None
        return e.MediaRefused()

    def _fulfil(self, web_sdp: str) -> None:
        if self.reply and not self.reply.done():
            self.reply.set_result(web_sdp)

    def fail(self, error: Exception) -> None:
        """Tells who waits for the browser's answer that there will be none."""
        if self.reply and not self.reply.done():
            self.reply.set_exception(error)

    # ---- towards the family ----

    @property
    def contacts(self) -> tuple[str, ...]:
        """Who is rung, or who has accepted."""
        return rung(self.terms, self._declined)

    def decline(self, contact: str) -> bool:
        """One of several whom it rings at will not come; whether it goes on ringing at others."""
        if len(self.contacts) < 2:
            return False
        self._declined.add(contact)
        return True

    def give_to(self, contact: str) -> None:
        """This contact has accepted: the visit is theirs, and it rings nowhere else."""
        if self.terms is None or contact not in self.contacts:
            return
        others = [each for each in self.contacts if each != contact]
        self.terms = accepted_by(contact, self.terms)
        self._books.intent = replace(self._books.intent, contact=contact)
        for each in others:
            self._tools.doorbell.tell(each, Taken(self._books.intent.visit_id))

    def ring(self, visit: VisitState, contact: str) -> Ring | None:
        """What rings at this contact now, None when nothing does."""
        terms, grant = self.terms, self._books.grant
        if visit.state is not State.RINGING or terms is None or grant is None or contact not in self.contacts:
            return None
        return ring_at(contact, self._books.intent.visit_id, terms, grant)

    async def _ring_family(self, command: c.RingFamily, visit: VisitState) -> None:
        for contact in self.contacts:
            if ring := self.ring(visit, contact):
                self._tools.doorbell.ring(ring)

    async def _tell_clock(self, command: c.TellClock, visit: VisitState) -> None:
        now_s = self._tools.clock.monotonic()
        charged, left = self.money(visit, now_s)
        running, left_s = visit.meter.mode is Mode.USABLE, seconds_left(visit, now_s)
        self._tell(Clocked(self._books.intent.visit_id, running, left_s, charged, left))

    async def _tell_warning(self, command: c.TellWarning, visit: VisitState) -> None:
        self._tell(Warned(self._books.intent.visit_id, command.seconds_left, str(command.reason)))

    async def _tell_hold(self, command: c.TellHold, visit: VisitState) -> None:
        self._tell(Hold(self._books.intent.visit_id, command.held))

    async def _tell_over(self, command: c.TellOver, visit: VisitState) -> None:
        if not self._over_told:
            told = command.receipt
            self._tell(Over(told.visit_id, told.reason, told.duration_s, told.billable_s, told.charged))

    def say(self, text: str) -> None:
        """An officer's words, on the family's page."""
        self._tell(Said(self._books.intent.visit_id, text))

    def watchable(self) -> Media:
        """Raises WatchingForbidden, NothingToWatch."""
        if self.terms is not None and not self.terms.monitored:
            words = "it is privileged" if self.terms.privileged else "the dialplan says that it is not monitored"
            raise WatchingForbidden(f"nobody may watch this visit: {words}")
        if self.media is None or self._joined is None or self._greeted:
            raise NothingToWatch("nobody has joined this visit yet")
        return self.media

    def _tell(self, notice: Notice) -> None:
        for contact in self.contacts:
            self._tools.doorbell.tell(contact, notice)

    def money(self, visit: VisitState, now_s: float) -> tuple[Money, Money]:
        """What it would cost if it ended now, and what could still be had."""
        grant = self._books.grant
        if grant is None:
            return NO_MONEY, NO_MONEY
        charged = min(grant.price(visit.meter.billable_s(now_s)), grant.amount)
        return charged, grant.reach - charged

    # ---- towards the records ----

    async def _publish(self, command: c.Publish, visit: VisitState) -> None:
        intent = self._books.intent
        self._tools.facts.publish(
            Fact(
                kind=command.kind,
                node=intent.node,
                visit_id=intent.visit_id,
                facility=intent.facility,
                state=str(visit.state),
                at=self._tools.clock.now(),
                privileged=intent.privileged,
                detail=dict(command.detail),
            )
        )

    async def _tell_low(self, command: c.TellLow, visit: VisitState) -> None:
        """The account is named unless that tells between whom a privileged visit was."""
        for each in command.low:
            account = "" if self._books.intent.privileged else each.account
            balance = (("balance", each.balance.amount), ("currency", each.balance.currency))
            await self._publish(c.Publish(FactKind.LOW_BALANCE, (("account", account), *balance)), visit)
            if not each.private:
                self._tell(Low(self._books.intent.visit_id, each.balance))

    async def _close_books(self, command: c.CloseBooks, visit: VisitState) -> e.Event:
        recordings = await self._recording.finished() if self._recording else ()
        legs = self.phone.legs(self._books.intent, self._dialog)
        begun, stats = self._recording_begun, from_stats(self._stats)
        media = replace(stats, recording_begun=begun, recordings=recordings, legs=legs)
        return e.Recorded(await self._books.close(visit, media, lambda: self.tell_over_unrecorded(visit)))

    def tell_over_unrecorded(self, visit: VisitState) -> None:
        """The page shall not ring or hang on because its record is late; what it costs is not said then."""
        if self._over_told or visit.marks.ring_at_s is None or visit.termination is None:
            return
        billable_s = visit.meter.billable_s(self._tools.clock.monotonic())
        self._tell(Over(self._books.intent.visit_id, visit.termination.word, visit.marks.talked_s, billable_s, None))
        self._over_told = True
