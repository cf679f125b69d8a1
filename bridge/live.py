"""The bridge of a live visit: negotiation, the two legs, the wiring between them, and what it reports."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from bridge import negotiate, sdes, sdp
from bridge.bridge import Joined
from bridge.ceiling import Ceiling
from bridge.errors import BridgeClosed, BridgeSealed, NegotiationError
from bridge.events import (
    BridgeEvent,
    DtmfKey,
    FirstMedia,
    KeyframeByInfo,
    LimitByDescription,
    PromptEnded,
    WebConnected,
    WebLost,
)
from bridge.legs.leg import MediaLine, codecs_of
from bridge.legs.sip import SipLeg
from bridge.legs.web import WebLeg
from bridge.links.tap import Listener, Tapping
from bridge.own import Prompt, Slate, Spoken
from bridge.own.program import Programme, StandIn, Utterance
from bridge.own.speech import clips
from bridge.own.studio import Studio
from bridge.quality import Patience, judged
from bridge.rtp.timer import Timer
from bridge.sdp import Origin, Session
from bridge.seat import Seat
from bridge.tapping import TappableWiring
from bridge.types import BridgeStats, Codec, Kind, MediaSettings, Route, Side
from bridge.watch import Watch, glimpse_of
from bridge.wiring import Wiring

_LOOK_S = 0.2
_EVENTS = 256  # a family that types digits without end must not fill the memory
_KEYS_UP_TO = 128  # nor push out what the meter hangs on


class Bridge:
    """`Media` over a station's leg and a browser's leg. Made by `MediaPlane.bridge()`.

    One change at a time: join, complete, change and rejoin wait for each other. close() does not wait; what is under
    way then ends with BridgeClosed.
    """

    def __init__(
        self,
        settings: MediaSettings,
        timer: Timer,
        *,
        sip_leg: Callable[[Callable[[str, int], None], Callable[[], None]], SipLeg],
        web_leg: Callable[[], WebLeg],
        wiring: Callable[[Callable[[Kind, Side], None]], Wiring],
        rewire: Callable[[bool, Callable[[Kind, Side], None]], Wiring],
        studio: Studio,
        clock: Callable[[], float],
        closed: Callable[[Bridge], None],
    ) -> None:
        """sip_leg(on_key, by_info), web_leg() and wiring(passed) make the parts; closed(self) is told once.

        rewire(sealed, passed): the wiring of a station that was greeted, when the browser comes.
        """
        self._settings = settings
        self._clock = clock
        self._told_closed = closed
        self._sip = sip_leg(self._key_pressed, self._picture_by_info)
        self._sip.on_codec = self._station_codec_changed
        self._seat = Seat(
            web_leg,
            connected=self._web_connected,
            lost=lambda reason: self._tell(WebLost(reason)),
            arrived=self._arrived,
            took_over=lambda agreed: self._lay(agreed.routes),
            lifted=self._lifted,
        )
        self._wiring = wiring(self._media_passed)
        self._rewire = rewire
        self._greeting = False  # the station is alone
        self._own = Programme(self._wiring, studio, timer, clock, lambda *said: self._tell(PromptEnded(*said)))
        self._watch = Watch(settings.rtp_timeout_s)
        self._patience = Patience()
        self._ceiling = Ceiling(settings.video_max_bps, clock())
        self._looking = timer.every(_LOOK_S, self._look)
        self._events: asyncio.Queue[BridgeEvent | None] = asyncio.Queue(_EVENTS)
        self._lock = asyncio.Lock()
        self._closed = False
        self._closing: asyncio.Task[None] | None = None
        self._station: Session | None = None
        self._browser: Session | None = None
        self._web_offer = ""
        self._described: Session | None = None
        self._offered: Session | None = None
        self._keys = sdes.OwnKeys()
        self._origin = Origin("kinbridge", random.getrandbits(48), 0, settings.advertised or settings.host)
        self.events_dropped = 0

    async def join(self, sip_offer: str | None, web_offer: str) -> Joined:
        """A failed join leaves the bridge as it was: another offer may be tried."""
        async with self._changing():
            if self._browser is not None:
                raise NegotiationError("this bridge has joined its sides before; use change() or rejoin()")
            self._browser, self._web_offer = sdp.parse(web_offer), web_offer
            try:
                if sip_offer is None:
                    return self._offer_first()
                station = sdp.parse(sip_offer)
                agreed = self._plan(station, self._browser)
                self._sip.reserve(each.kind for each in agreed.station)
                return await self._connect(station, agreed)
            except BaseException:
                await self._begin_again()
                raise

    async def greet(self, sip_offer: str | None) -> Joined:
        """Planned against a browser that takes everything: whichever comes, most stations need no codec."""
        async with self._changing():
            if self._browser is not None:
                raise NegotiationError("this bridge has joined its sides before; use change() or rejoin()")
            self._browser, self._greeting = negotiate.anybody(self._origin), True
            try:
                if sip_offer is None:
                    return self._offer_first()
                station = sdp.parse(sip_offer)
                agreed = self._plan(station, self._browser)
                self._sip.reserve(each.kind for each in agreed.station)
                return await self._connect(station, agreed)
            except BaseException:
                await self._begin_again()
                raise

    async def bring(self, web_offer: str, *, sealed: bool) -> str:
        """What was greeted has no pipeline yet, and so nothing that could have been tapped."""
        async with self._changing():
            if not self._greeting or self._station is None:
                raise NegotiationError("no station was greeted that waits for a browser; use join()")
            browser = sdp.parse(web_offer)
            agreed = self._plan(negotiate.restrict(self._station, codecs_of(self._sip)), browser)
            nobody, self._web_offer = self._browser, web_offer
            self._browser = browser
            try:
                answer = await self._seat.open(self._web_offer, agreed)
            except BaseException:
                self._browser = nobody
                raise
            self._greeting = False
            wiring = self._rewire(sealed, self._media_passed)
            wiring.follow(self._wiring)
            self._wiring = wiring
            self._own.move(wiring)
            self._lay(agreed.routes)
            return answer

    async def complete(self, sip_answer: str) -> Joined:
        """The station's answer to the offer that join(None) or change(None) gave."""
        async with self._changing():
            offered, browser = self._offered, self._browser
            if offered is None or browser is None:
                raise NegotiationError("there is no offer of ours to be answered")
            station = sdp.parse(sip_answer)
            negotiate.check_answer(offered, station)
            if self._seat.leg is None and not (self._greeting and self._station):
                joined = await self._connect(station, self._plan(station, browser, offered))
            else:
                self._turn(station, offered)
                joined = Joined("", self._seat.answer, self._wiring.routes)
            self._offered = None
            return replace(joined, sip_sdp=sdp.write(offered))

    async def change(self, sip_offer: str | None) -> str:
        async with self._changing():
            if self._described is None:
                raise NegotiationError("nothing is joined yet that could be changed")
            if sip_offer is None:
                offer = negotiate.offer_again(self._described, origin=self._next_origin())
                self._offered = self._renumbered(offer)
                return sdp.write(self._offered)
            self._turn(sdp.parse(sip_offer))
            return sdp.write(self._described)

    async def rejoin(self, web_offer: str) -> str:
        """A connection that works goes on until the new one does: a bad offer, or a page that fails, ends nothing."""
        async with self._changing():
            if self._station is None:
                raise NegotiationError("nobody has joined yet who could come back")
            browser = sdp.parse(web_offer)
            agreed = self._plan(negotiate.restrict(self._station, codecs_of(self._sip)), browser)
            if self._seat.leg is not None and self._seat.leg.connected:
                return await self._seat.open_beside(web_offer, agreed)
            await self._seat.drop()
            self._browser, self._web_offer = browser, web_offer
            answer = await self._seat.open(self._web_offer, agreed)
            self._lay(agreed.routes)
            return answer

    async def describe_limit(self) -> str:
        async with self._changing():
            if self._described is None:
                raise NegotiationError("nothing is joined yet that could be limited")
            offer = negotiate.limited(self._described, self._next_origin(), self._ceiling.described_bps)
            self._offered = self._renumbered(offer)
            return sdp.write(self._offered)

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

    def want_picture(self) -> None:
        self._wiring.want_picture(Side.WEB)

    async def events(self) -> AsyncIterator[BridgeEvent]:
        """Until the bridge is closed. One reader."""
        while True:
            event = await self._events.get()
            if event is None:
                return
            yield event

    def held(self) -> bool:
        return self._sip.held

    def stats(self) -> BridgeStats:
        for line in self._sip.lines():
            line.freshen()
        return judged(BridgeStats(self._wiring.stats(self._lines())), self._patience)

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
            for line in self._sip.lines():
                line.freshen()
                self._wiring.retire(line)
            await self._sip.close()
            self._tell(None)
            self._told_closed(self)

    # -- negotiation

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[None]:
        async with self._lock:
            if self._closed:
                raise BridgeClosed("the bridge was closed before")
            yield

    def _plan(self, station: Session, browser: Session, offered: Session | None = None) -> negotiate.Plan:
        return negotiate.plan(
            station, browser, offered=offered, prefer_transcode=self._settings.prefer_transcode, keys=self._keys
        )

    async def _begin_again(self) -> None:
        self._browser = self._station = self._described = None
        self._greeting = False
        await self._seat.drop()
        self._wiring.lay((), ())
        await self._sip.close()

    def _offer_first(self) -> Joined:
        assert self._browser is not None  # noqa: S101 - join() has just read it
        kinds = negotiate.wanted_kinds(self._browser)
        if Kind.AUDIO not in kinds:
            raise negotiate.browser_without_audio()
        ports = self._sip.reserve(kinds)
        origin, most_bps = self._next_origin(), self._settings.video_max_bps
        offer = negotiate.offer(self._browser, origin=origin, ports=ports, max_video_bps=most_bps)
        self._offered = self._renumbered(offer)
        return Joined(sdp.write(self._offered), None, ())

    async def _connect(self, station: Session, agreed: negotiate.Plan) -> Joined:
        """Both legs up for the first time, or the one of a station that is greeted."""
        answer = None if self._greeting else await self._seat.open(self._web_offer, agreed)
        self._apply(station, agreed)
        self._watch.begin(Side.SIP, self._clock())
        assert self._described is not None  # noqa: S101 - _apply has just written it
        return Joined(sdp.write(self._described), answer, agreed.routes)

    def _turn(self, station: Session, offered: Session | None = None) -> None:
        """The station described itself anew; the browser keeps what it has."""
        assert self._browser is not None  # noqa: S101 - callers have joined
        fixed = codecs_of(self._seat.leg) if self._seat.leg is not None else {}
        if station != self._station:
            for sip_line in self._sip.lines():
                if sip_line.key_is_worn:
                    self._keys.renew(sip_line.kind)
        was_due = self._sip.speaks
        self._apply(station, self._plan(station, negotiate.restrict(self._browser, fixed), offered))
        if self._sip.speaks and not was_due:
            self._watch.begin(Side.SIP, self._clock())

    def _apply(self, station: Session, agreed: negotiate.Plan) -> None:
        dropped = [line for line in self._sip.lines() if agreed.station_line(line.kind) is None]
        for line in dropped:
            line.freshen()
            self._wiring.retire(line)
        ports = self._sip.reserve(each.kind for each in agreed.station)
        self._sip.apply(agreed.station)
        self._station = station
        answer = negotiate.answer(
            station,
            agreed,
            origin=self._next_origin(),
            ports=ports,
            max_video_bps=self._ceiling.described_bps,
        )
        self._described = self._renumbered(answer)
        self._lay(agreed.routes)

    def _lay(self, routes: tuple[Route, ...]) -> None:
        self._wiring.lay(routes, self._lines())
        self._own.follow()

    def _next_origin(self) -> Origin:
        return replace(self._origin, version=self._origin.version + 1)

    def _renumbered(self, said: Session) -> Session:
        """The version grows only when what we say changes (RFC 3264 section 8)."""
        if self._described is not None and replace(said, origin=self._described.origin) == self._described:
            return self._described
        self._origin = said.origin
        return said

    # -- the browser's leg

    def _arrived(self, leg: WebLeg, web_offer: str) -> negotiate.Plan | None:
        """The new connection of a browser that came back is up; None: it does not fit any more, and is given up."""
        if self._station is None:
            return None
        browser = sdp.parse(web_offer)
        station = negotiate.restrict(self._station, codecs_of(self._sip))  # it may have changed since the offer
        try:
            agreed = self._plan(station, negotiate.restrict(browser, codecs_of(leg)))
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
        yield from self._sip.lines()
        if self._seat.leg is not None:
            for kind in Kind:
                line = self._seat.leg.line(kind)
                if line is not None:
                    yield line

    # -- events

    def _look(self) -> None:
        if self._station is None:
            return
        station = glimpse_of(self._sip.lines(), due=self._sip.speaks, seen=self._sees(Side.WEB))
        connected = self._seat.leg is not None and self._seat.leg.connected
        lines = (each for each in self._lines() if each.side is Side.WEB)
        browser = glimpse_of(lines, due=connected, seen=self._sees(Side.SIP))
        now_s = self._clock()
        if self._ceiling.look_at(self._sip.line(Kind.VIDEO), now_s):
            self._tell(LimitByDescription())
        for event in self._watch.look(now_s, station, browser):
            self._tell(event)
        self._patience.look(now_s, self._wiring.moments(due=self._sip.speaks and connected and not self._sip.held))

    def _sees(self, side: Side) -> bool:
        return self._wiring.target(Kind.VIDEO, side) is not None

    def _media_passed(self, kind: Kind, source: Side) -> None:
        self._tell(FirstMedia(kind, source, self._clock()))

    def _station_codec_changed(self, kind: Kind, codec: Codec) -> None:
        """Between descriptions: it sends another of the formats that it may."""
        self._wiring.lay(negotiate.arriving(self._wiring.routes, kind, codec), self._lines())

    def _key_pressed(self, digit: str, duration_ms: int) -> None:
        if self._events.qsize() >= _KEYS_UP_TO:
            self.events_dropped += 1
            return
        self._tell(DtmfKey(Side.SIP, digit, duration_ms))

    def _picture_by_info(self) -> None:
        self._tell(KeyframeByInfo())

    def _tell(self, event: BridgeEvent | None) -> None:
        """None ends the reading. When nobody reads, the oldest goes first."""
        if self._events.full():
            self._events.get_nowait()
            self.events_dropped += 1
        self._events.put_nowait(event)
