"""The bridge of a live visit: negotiation, the two legs, the wiring between them, and what it reports."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

from bridge import negotiate, sdes, sdp
from bridge.bridge import Joined
from bridge.ceiling import Ceiling
from bridge.errors import BridgeClosed, BridgeSealed, NegotiationError
from bridge.events import BridgeEvent, DtmfKey, FirstMedia, KeyframeByInfo, LimitByDescription, WebConnected, WebLost
from bridge.legs.leg import MediaLine, codecs_of
from bridge.legs.sip import SipLeg
from bridge.legs.web import WebLeg
from bridge.links.tap import Listener, Tapping
from bridge.own import Prompt, Slate
from bridge.own.program import Programme, StandIn
from bridge.own.studio import Studio
from bridge.quality import Patience, judged
from bridge.rtp.timer import Timer
from bridge.sdp import Origin, Session
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
        studio: Studio,
        clock: Callable[[], float],
        closed: Callable[[Bridge], None],
    ) -> None:
        """sip_leg(on_key, by_info), web_leg() and wiring(passed) make the parts; closed(self) is told once."""
        self._settings = settings
        self._clock = clock
        self._make_web = web_leg
        self._told_closed = closed
        self._sip = sip_leg(self._key_pressed, self._picture_by_info)
        self._sip.on_codec = self._station_codec_changed
        self._web: WebLeg | None = None
        self._coming: WebLeg | None = None  # of a browser that came back; it takes over when it is connected
        self._leaving: set[asyncio.Task[None]] = set()
        self._wiring = wiring(self._media_passed)
        self._own = Programme(self._wiring, studio, timer, clock)
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
        self._web_answer: str | None = None
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
                self._browser = self._station = self._described = None
                await self._drop_web()
                self._wiring.lay((), ())
                await self._sip.close()
                raise

    async def complete(self, sip_answer: str) -> Joined:
        """The station's answer to the offer that join(None) or change(None) gave."""
        async with self._changing():
            offered, browser = self._offered, self._browser
            if offered is None or browser is None:
                raise NegotiationError("there is no offer of ours to be answered")
            station = sdp.parse(sip_answer)
            negotiate.check_answer(offered, station)
            if self._web is None:
                joined = await self._connect(station, self._plan(station, browser, offered))
            else:
                self._turn(station, offered)
                joined = Joined("", self._web_answer, self._wiring.routes)
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
            if self._web is not None and self._web.connected:
                return await self._await_return(browser, web_offer, agreed)
            await self._drop_coming()
            await self._drop_web()
            self._browser, self._web_offer = browser, web_offer
            answer = await self._open_web(agreed)
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
            self._looking.cancel()
            self._closing = asyncio.create_task(self._close(), name="bridge-close")
        await asyncio.shield(self._closing)  # a caller that is cancelled must not leave ports behind

    async def _close(self) -> None:
        try:
            self._own.close()
            await self._drop_coming()
            await self._drop_web()
            if self._leaving:
                await asyncio.wait(self._leaving)
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
        """Both legs up for the first time."""
        answer = await self._open_web(agreed)
        self._apply(station, agreed)
        self._watch.begin(Side.SIP, self._clock())
        assert self._described is not None  # noqa: S101 - _apply has just written it
        return Joined(sdp.write(self._described), answer, agreed.routes)

    def _turn(self, station: Session, offered: Session | None = None) -> None:
        """The station described itself anew; the browser keeps what it has."""
        assert self._browser is not None  # noqa: S101 - callers have joined
        fixed = codecs_of(self._web) if self._web is not None else {}
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

    async def _open_web(self, agreed: negotiate.Plan) -> str:
        leg = self._make_web()
        leg.on_connected = lambda: self._web_connected(leg)
        leg.on_lost = lambda reason: self._web_lost(leg, reason)
        answer = await self._answer_browser(leg, self._web_offer, agreed)
        self._web, self._web_answer = leg, answer
        return answer

    async def _await_return(self, browser: Session, web_offer: str, agreed: negotiate.Plan) -> str:
        await self._drop_coming()
        leg = self._make_web()
        leg.on_connected = lambda: self._take_over(leg, browser, web_offer, answer)
        leg.on_lost = lambda _reason: self._give_up(leg)
        answer = await self._answer_browser(leg, web_offer, agreed)
        self._coming = leg
        return answer

    async def _answer_browser(self, leg: WebLeg, web_offer: str, agreed: negotiate.Plan) -> str:
        """A leg that cannot be opened is closed."""
        codecs = {each.kind: each.codec for each in agreed.browser}
        flows = {each.kind: each.flow for each in agreed.browser}
        try:
            answer = await leg.answer(web_offer, codecs, flows)
        except BaseException:
            await leg.close()
            raise
        if self._closed:
            await leg.close()
            raise BridgeClosed("the bridge was closed while the browser's answer was made")
        return answer

    def _take_over(self, leg: WebLeg, browser: Session, web_offer: str, answer: str) -> None:
        """The new connection is up: the old one goes."""
        if leg is not self._coming or self._station is None:
            return
        station = negotiate.restrict(self._station, codecs_of(self._sip))  # it may have changed since the offer
        try:
            agreed = self._plan(station, negotiate.restrict(browser, codecs_of(leg)))
        except NegotiationError:
            self._give_up(leg)
            return
        old, self._coming = self._lift_web(), None
        if old is not None:
            self._let_go(old)
        leg.on_lost = lambda reason: self._web_lost(leg, reason)
        self._web, self._web_answer = leg, answer
        self._browser, self._web_offer = browser, web_offer
        self._lay(agreed.routes)
        self._web_connected(leg)

    def _give_up(self, leg: WebLeg) -> None:
        """A page that came back and did not get there: the connection that is goes on."""
        if leg is self._coming:
            self._coming = None
            self._let_go(leg)

    def _let_go(self, leg: WebLeg) -> None:
        leaving = asyncio.create_task(leg.close(), name="web-leg-leaves")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _drop_coming(self) -> None:
        leg, self._coming = self._coming, None
        if leg is not None:
            await leg.close()

    async def _drop_web(self) -> None:
        leg = self._lift_web()
        if leg is not None:
            await leg.close()

    def _lift_web(self) -> WebLeg | None:
        leg, self._web = self._web, None
        if leg is None:
            return None
        self._wiring.lift_side(Side.WEB)
        self._own.follow()
        for kind in Kind:
            line = leg.line(kind)
            if line is not None:
                self._wiring.retire(line)
        return leg

    def _web_connected(self, leg: WebLeg) -> None:
        if leg is self._web:
            self._watch.begin(Side.WEB, self._clock())
            self._tell(WebConnected())
            self._wiring.want_pictures()
            self._own.begin_anew(Side.WEB)

    def _web_lost(self, leg: WebLeg, reason: str) -> None:
        if leg is self._web:
            self._tell(WebLost(reason))

    def _lines(self) -> Iterator[MediaLine]:
        yield from self._sip.lines()
        if self._web is not None:
            for kind in Kind:
                line = self._web.line(kind)
                if line is not None:
                    yield line

    # -- events

    def _look(self) -> None:
        if self._station is None:
            return
        station = glimpse_of(self._sip.lines(), due=self._sip.speaks, seen=self._sees(Side.WEB))
        connected = self._web is not None and self._web.connected
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
