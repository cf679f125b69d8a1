"""The bridge of a live visit: negotiation, the legs, the wiring between them, and what it reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from bridge import negotiate, sdp
from bridge.apart import FAR, Apart
from bridge.bridge import Joined
from bridge.ceiling import Ceiling
from bridge.errors import BridgeClosed, BridgeSealed, NegotiationError
from bridge.events import (
    BridgeEvent,
    FirstMedia,
    LimitByDescription,
    PromptEnded,
    WebConnected,
    WebLost,
)
from bridge.legs.leg import MediaLine, codecs_of
from bridge.legs.web import WebLeg
from bridge.links.tap import Listener, Tapping
from bridge.own import Prompt, Slate, Spoken
from bridge.own.program import Programme, StandIn, Utterance
from bridge.own.speech import clips
from bridge.own.studio import Studio
from bridge.parties import LegMaker, Parties
from bridge.party import Party
from bridge.quality import Patience, judged
from bridge.reports import Reports
from bridge.rtp.timer import Timer
from bridge.sdp import Session
from bridge.seat import Seat
from bridge.tapping import TappableWiring
from bridge.types import BridgeStats, Kind, MediaSettings, Route, Side
from bridge.watch import Watch, glimpse_of
from bridge.wiring import Wiring

_LOOK_S = 0.2


class Bridge:
    """`Media` over a station's leg and the leg of a browser or a telephone. Made by `MediaPlane.bridge()`.

    One change at a time: join, complete, change and the like wait for each other. close() does not wait; what is under
    way then ends with BridgeClosed.
    """

    def __init__(
        self,
        settings: MediaSettings,
        timer: Timer,
        *,
        sip_leg: LegMaker,
        web_leg: Callable[[], WebLeg],
        wiring: Callable[[Callable[[Kind, Side], None]], Wiring],
        rewire: Callable[[bool, Callable[[Kind, Side], None]], Wiring],
        studio: Studio,
        clock: Callable[[], float],
        closed: Callable[[Bridge], None],
    ) -> None:
        """sip_leg(peer, on_key, by_info), web_leg() and wiring(passed) make the parts; closed(self) is told once.

        rewire(sealed, passed): the wiring of a station that was greeted, when the family comes.
        """
        self._settings = settings
        self._clock = clock
        self._told_closed = closed
        self.reports = Reports()
        self._tell = self.reports.tell
        self._parties = Parties(settings, sip_leg, self._tell, self._station_turned)
        self._station = self._parties.station
        self._seat = Seat(
            web_leg,
            connected=self._web_connected,
            lost=lambda reason: self._tell(WebLost(reason)),
            arrived=self._arrived,
            took_over=lambda agreed: self._lay(agreed.routes),
            lifted=self._lifted,
        )
        self._wire = partial(wiring, self._media_passed)
        self._wiring: Apart = self._wire()
        self._rewire = rewire
        self._greeting = False  # the station is alone, or to be
        self._own = Programme(self._wiring, studio, timer, clock, lambda *said: self._tell(PromptEnded(*said)))
        self._watch = Watch(settings.rtp_timeout_s)
        self._patience = Patience()
        self._ceiling = Ceiling(settings.video_max_bps, clock())
        self._looking = timer.every(_LOOK_S, self._look)
        self._lock = asyncio.Lock()
        self._closed = False
        self._closing: asyncio.Task[None] | None = None
        self._browser: Session | None = None
        self._web_offer = ""

    async def join(self, sip_offer: str | None, web_offer: str) -> Joined:
        """A failed join leaves the bridge as it was: another offer may be tried."""
        async with self._changing():
            self._check_new()
            self._check_no_telephone()
            self._browser, self._web_offer = sdp.parse(web_offer), web_offer
            return await self._begin(sip_offer, self._browser)

    async def greet(self, sip_offer: str | None) -> Joined:
        """Planned against a browser that takes everything: whichever comes, most stations need no codec."""
        async with self._changing():
            self._check_new()
            self._browser, self._greeting = negotiate.anybody(self._station.origin), True
            self._keep_apart()
            return await self._begin(sip_offer, self._browser)

    async def bring(self, web_offer: str, *, sealed: bool) -> str:
        """What was greeted has no pipeline yet, and so nothing that could have been tapped."""
        async with self._changing():
            station = self._station.with_its_codecs()
            if not self._greeting or station is None:
                raise NegotiationError("no station was greeted that waits for a browser; use join()")
            self._check_no_telephone()
            browser = sdp.parse(web_offer)
            agreed = self._parties.plan(station, browser)
            nobody, self._browser, self._web_offer = self._browser, browser, web_offer
            try:
                answer = await self._seat.open(self._web_offer, agreed)
            except BaseException:
                self._browser = nobody
                raise
            self._bring_together(agreed, sealed)
            return answer

    async def complete(self, sip_answer: str) -> Joined:
        """The station's answer to the offer that join(None) or change(None) gave."""
        async with self._changing():
            offered, station = self._station.read_answer(sip_answer)
            if self._browser is None:
                raise NegotiationError("there is no offer of ours to be answered")
            if self._station.far is None:
                joined = await self._connect(station, self._parties.plan(station, self._browser, offered))
            else:
                self._turn(station, offered)
                joined = Joined("", self._seat.answer, self._wiring.routes)
            self._station.offered = None
            return replace(joined, sip_sdp=sdp.write(offered))

    async def change(self, sip_offer: str | None) -> str:
        async with self._changing():
            if sip_offer is None:
                return self._station.offer_again()
            if self._station.far is None:
                raise NegotiationError("nothing is joined yet that could be changed")
            self._turn(sdp.parse(sip_offer))
            return self._station.written()

    async def rejoin(self, web_offer: str) -> str:
        """A connection that works goes on until the new one does: a bad offer, or a page that fails, ends nothing."""
        async with self._changing():
            station = self._station.with_its_codecs()
            if station is None or self._greeting:
                raise NegotiationError("nobody has joined yet who could come back")
            browser = sdp.parse(web_offer)
            agreed = self._parties.plan(station, browser)
            if self._seat.leg is not None and self._seat.leg.connected:
                return await self._seat.open_beside(web_offer, agreed)
            await self._seat.drop()
            self._browser, self._web_offer = browser, web_offer
            answer = await self._seat.open(self._web_offer, agreed)
            self._lay(agreed.routes)
            return answer

    async def describe_limit(self) -> str:
        async with self._changing():
            return self._station.offer_limited(self._ceiling.described_bps)

    # -- a telephone as the family's side

    async def offer_telephone(self, *, video: bool = True) -> str:
        async with self._changing():
            if self._parties.telephone is not None or (self._browser is not None and not self._greeting):
                raise NegotiationError("somebody is the family's side of this visit already")
            self._keep_apart()
            return await self._parties.call(video=video)

    async def complete_telephone(self, answer: str) -> None:
        async with self._changing():
            offered, far = self._parties.called.read_answer(answer)
            self._turn_telephone(far, offered)
            self._parties.called.offered = None

    async def change_telephone(self, offer: str | None) -> str:
        async with self._changing():
            telephone = self._parties.called
            if offer is None:
                return telephone.offer_again()
            if telephone.far is None:
                raise NegotiationError("the telephone has not answered yet; there is nothing to be changed")
            self._turn_telephone(sdp.parse(offer))
            return telephone.written()

    async def connect_telephone(self, *, sealed: bool) -> tuple[Route, ...]:
        async with self._changing():
            agreed = self._parties.plan_both()
            if self._telephone_is_in():
                raise NegotiationError("the station and the telephone are connected already")
            self._bring_together(agreed, sealed)
            self._watch.begin(Side.WEB, self._clock())
            self._wiring.want_pictures()
            return agreed.routes

    async def drop_telephone(self) -> None:
        async with self._changing():
            if self._telephone_is_in():
                raise NegotiationError("the telephone is connected: it goes when the bridge is closed")
            telephone = self._parties.drop()
            self._own.forget(Side.WEB)
            self._wiring.lift_side(Side.WEB)
            await telephone.leg.close()

    def play(self, side: Side, prompt: Prompt) -> None:
        if not self._closed:
            self._own.play(side, prompt)

    def say(self, side: Side, spoken: Sequence[Spoken], language: str, turn: int) -> None:
        if not self._closed:
            self._own.say(side, Utterance(clips(spoken, language), language, turn))

    def hush(self, side: Side) -> None:
        if not self._closed:
            self._own.hush(side)

    def show(
        self, side: Side, slate: Slate, prompt: Prompt | None = None, *, about: str = "", until_picture: bool = False
    ) -> None:
        if not self._closed:
            self._own.show(side, StandIn(slate, prompt, about, until_picture))

    def clear(self, side: Side) -> None:
        if not self._closed:
            self._own.clear(side)

    def want_picture(self, side: Side = Side.SIP) -> None:
        self._wiring.want_picture(FAR[side])

    async def events(self) -> AsyncIterator[BridgeEvent]:
        """Until the bridge is closed. One reader."""
        async for event in self.reports.read():
            yield event

    def held(self, side: Side = Side.SIP) -> bool:
        return self._parties.held(side)

    def stats(self) -> BridgeStats:
        self._parties.freshen()
        conceals = self._parties.telephone is None
        return judged(BridgeStats(self._wiring.stats(self._lines())), self._patience, family_conceals=conceals)

    def routes(self) -> tuple[Route, ...]:
        return self._wiring.routes

    def tap(self, listener: Listener) -> Tapping:
        """`listener` hears both sides as they sent it, until it is closed. Raises BridgeSealed, BridgeClosed."""
        if not isinstance(self._wiring, TappableWiring):
            raise BridgeSealed("this visit is privileged: nothing can be attached to its media")
        if self._closed:
            raise BridgeClosed("the bridge was closed before")
        return self._wiring.tap(listener)

    def describe(self) -> str:
        return "\n".join(sorted([*self._wiring.describe().splitlines(), *self._own.describe()]))

    async def close(self) -> None:
        if self._closing is None:
            self._closed = True
            self._seat.shut()
            self._looking.cancel()
            self._closing = asyncio.create_task(self._close(), name="bridge-close")
        await asyncio.shield(self._closing)  # a caller that is cancelled must not leave ports behind

    async def _close(self) -> None:
        try:
            self._own.close()
            await self._seat.close()
        finally:
            self._wiring.close()
            self._parties.freshen()
            for line in self._parties.lines():
                self._wiring.retire(line)
            await self._parties.close()
            self.reports.end()
            self._told_closed(self)

    # -- negotiation

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[None]:
        async with self._lock:
            if self._closed:
                raise BridgeClosed("the bridge was closed before")
            yield

    def _check_new(self) -> None:
        if self._browser is not None:
            raise NegotiationError("this bridge has joined its sides before; use change() or rejoin()")

    def _check_no_telephone(self) -> None:
        if self._parties.telephone is not None:
            raise NegotiationError("a telephone is called for this visit; drop it before a browser comes")

    async def _begin(self, sip_offer: str | None, browser: Session) -> Joined:
        try:
            if sip_offer is None:
                return Joined(self._station.offer(browser), None, ())
            station = sdp.parse(sip_offer)
            agreed = self._parties.plan(station, browser)
            self._station.leg.reserve(each.kind for each in agreed.station)
            return await self._connect(station, agreed)
        except BaseException:
            await self._begin_again()
            raise

    async def _begin_again(self) -> None:
        self._browser, self._greeting = None, False
        await self._seat.drop()
        self._wiring.lay((), ())
        await self._station.begin_again()
        if self._parties.telephone is None:
            self._rewired(self._wire())
        self._lay(())

    async def _connect(self, station: Session, agreed: negotiate.Plan) -> Joined:
        """Both legs up for the first time, or the one of a station that is greeted."""
        answer = None if self._greeting else await self._seat.open(self._web_offer, agreed)
        self._apply(self._station, station, agreed)
        self._watch.begin(Side.SIP, self._clock())
        return Joined(self._station.written(), answer, agreed.routes)

    def _turn(self, station: Session, offered: Session | None = None) -> None:
        """The station described itself anew; the family keeps what it has."""
        assert self._browser is not None  # noqa: S101 - callers have joined
        fixed = codecs_of(self._seat.leg) if self._seat.leg is not None else {}
        self._station.renew_keys(station)
        agreed = self._parties.plan(station, negotiate.restrict(self._browser, fixed), offered)
        self._apply(self._station, station, agreed)

    def _turn_telephone(self, far: Session, offered: Session | None = None) -> None:
        """The telephone described itself, or did so anew; the station keeps what it has."""
        self._parties.called.renew_keys(far)
        self._apply(self._parties.called, far, self._parties.plan_telephone(far, offered))

    def _apply(self, party: Party, far: Session, agreed: negotiate.Plan) -> None:
        was_due = party.leg.speaks
        for line in party.take(far, agreed, self._ceiling.described_bps):
            self._wiring.retire(line)
        self._lay(agreed.routes)
        if party.leg.speaks and not was_due and (party is self._station or self._telephone_is_in()):
            self._watch.begin(party.side, self._clock())

    def _lay(self, routes: tuple[Route, ...]) -> None:
        self._wiring.lay(self._parties.as_they_come(routes), self._lines())
        self._own.follow()

    def _station_turned(self) -> None:
        """The station, or the telephone, sends another of the formats that it may."""
        self._wiring.lay(self._parties.as_they_come(self._wiring.routes), self._lines())

    # -- who is joined

    def _telephone_is_in(self) -> bool:
        return self._parties.telephone is not None and isinstance(self._wiring, Wiring)

    def _keep_apart(self) -> None:
        """Until the family's side is joined, there is nothing that a packet could pass through."""
        if isinstance(self._wiring, Wiring):
            self._rewired(Apart())

    def _bring_together(self, agreed: negotiate.Plan, sealed: bool) -> None:
        self._greeting = False
        wiring = self._rewire(sealed, self._media_passed)
        wiring.follow(self._wiring)
        self._rewired(wiring)
        self._lay(agreed.routes)

    def _rewired(self, wiring: Apart) -> None:
        self._wiring = wiring
        self._own.move(wiring)

    # -- the browser's leg

    def _arrived(self, leg: WebLeg, web_offer: str) -> negotiate.Plan | None:
        """The new connection of a browser that came back is up; None: it does not fit any more, and is given up."""
        station = self._station.with_its_codecs()  # it may have changed since the offer
        if station is None:
            return None
        browser = sdp.parse(web_offer)
        try:
            agreed = self._parties.plan(station, negotiate.restrict(browser, codecs_of(leg)))
        except NegotiationError:
            return None
        self._browser, self._web_offer = browser, web_offer
        return agreed

    def _lifted(self, leg: WebLeg) -> None:
        """It goes: nothing may be pushed into it any more; what it counted stays."""
        self._wiring.lift_side(Side.WEB)
        self._own.follow()
        for kind in Kind:
            line = leg.line(kind)
            if line is not None:
                self._wiring.retire(line)

    def _web_connected(self) -> None:
        self._watch.begin(Side.WEB, self._clock())
        self._tell(WebConnected())
        self._wiring.want_pictures()
        self._own.begin_anew(Side.WEB)

    def _lines(self) -> Iterator[MediaLine]:
        yield from self._parties.lines()
        if self._seat.leg is not None:
            for kind in Kind:
                line = self._seat.leg.line(kind)
                if line is not None:
                    yield line

    # -- events

    def _look(self) -> None:
        if self._station.far is None:
            return
        leg, telephone, now_s = self._station.leg, self._parties.telephone, self._clock()
        station = glimpse_of(leg.lines(), due=leg.speaks, seen=self._sees(Side.WEB))
        connected = self._seat.leg is not None and self._seat.leg.connected
        if telephone is not None:
            connected = self._telephone_is_in() and telephone.leg.speaks
        lines = (each for each in self._lines() if each.side is Side.WEB)
        family = glimpse_of(lines, due=connected, seen=self._sees(Side.SIP), pauses=telephone is not None)
        if self._ceiling.look_at(leg.line(Kind.VIDEO), now_s):
            self._tell(LimitByDescription())
        for event in self._watch.look(now_s, station, family):
            self._tell(event)
        self._patience.look(now_s, self._wiring.moments(connected and self._parties.speak()))

    def _sees(self, side: Side) -> bool:
        """A greeted station and a called telephone see what is ours."""
        return isinstance(self._wiring, Wiring) and self._wiring.target(Kind.VIDEO, side) is not None

    def _media_passed(self, kind: Kind, source: Side) -> None:
        self._tell(FirstMedia(kind, source, self._clock()))
