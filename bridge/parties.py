"""Who is in a visit and speaks SIP: the station, and perhaps a telephone; and how they are planned to be joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from bridge import negotiate, phones
from bridge.errors import NegotiationError
from bridge.events import BridgeEvent, DtmfKey, KeyframeByInfo
from bridge.legs.leg import MediaLine
from bridge.legs.sip import SipLeg
from bridge.party import Party
from bridge.paths import join, join_phones
from bridge.sdp import Session
from bridge.types import MediaSettings, Peer, Route, Side

LegMaker = Callable[[Peer, Callable[[str, int], None], Callable[[], None]], SipLeg]
"""make(peer, on_key, by_info)"""


class Parties:
    """telephone: None while none is called. tell: what their legs report; turned: one sends another format now."""

    def __init__(
        self,
        settings: MediaSettings,
        make: LegMaker,
        tell: Callable[[BridgeEvent], None],
        turned: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._make = make
        self._tell = tell
        self._turned = turned
        self.station = self.new(Peer.STATION)
        self.telephone: Party | None = None

    def new(self, peer: Peer) -> Party:
        leg = self._make(peer, partial(self._key, peer.side), lambda: self._tell(KeyframeByInfo(peer.side)))
        leg.on_codec = lambda _kind, _codec: self._turned()
        return Party(leg, self._settings)

    def __iter__(self) -> Iterator[Party]:
        yield self.station
        if self.telephone is not None:
            yield self.telephone

    @property
    def called(self) -> Party:
        """The telephone. Raises NegotiationError when there is none."""
        if self.telephone is None:
            raise NegotiationError("no telephone is called for this visit; use offer_telephone()")
        return self.telephone

    async def call(self, *, video: bool) -> str:
        """Our offer for a telephone."""
        telephone = self.new(Peer.TELEPHONE)
        try:
            offer = telephone.offer_phone(self.station.with_its_codecs(), video=video)
        except BaseException:
            await telephone.leg.close()
            raise
        self.telephone = telephone
        return offer

    def drop(self) -> Party:
        """The telephone, to be closed; another may be called."""
        telephone, self.telephone = self.called, None
        return telephone

    async def close(self) -> None:
        for party in self:
            await party.leg.close()

    def speak(self) -> bool:
        """Whether sound is due from each, and none holds."""
        return all(each.leg.speaks and not each.leg.held for each in self)

    def held(self, side: Side) -> bool:
        return any(each.leg.held for each in self if each.side is side)

    def lines(self) -> Iterator[MediaLine]:
        for party in self:
            yield from party.leg.lines()

    def freshen(self) -> None:
        for party in self:
            for line in party.leg.lines():
                line.freshen()

    def plan(self, station: Session, browser: Session, offered: Session | None = None) -> negotiate.Plan:
        """With this browser, or with the telephone when one has answered. offered: what `station` answers."""
        telephone = self.telephone.with_its_codecs() if self.telephone is not None else None
        if telephone is not None:
            return self._plan_phones(station, telephone, {Side.SIP: offered} if offered else {})
        return negotiate.plan(
            station,
            browser,
            offered=offered,
            prefer_transcode=self._settings.prefer_transcode,
            keys=self.station.keys,
        )

    def plan_telephone(self, telephone: Session, offered: Session | None = None) -> negotiate.Plan:
        """With the station as it is, or with any while there is none. offered: what `telephone` answers."""
        station = self.station.with_its_codecs() or phones.anything(self.station.origin)
        return self._plan_phones(station, telephone, {Side.WEB: offered} if offered else {})

    def plan_both(self) -> negotiate.Plan:
        """As they are. Raises NegotiationError unless both have described themselves."""
        station, telephone = self.station.with_its_codecs(), self.called.with_its_codecs()
        if station is None or telephone is None:
            raise NegotiationError("a station that was greeted and a telephone that answered can be connected")
        return self._plan_phones(station, telephone, {})

    def as_they_come(self, routes: tuple[Route, ...]) -> tuple[Route, ...]:
        """Of the formats that it may send, each sends one; it need not be the one that was agreed first."""
        pair = join if self.telephone is None else join_phones
        for party in self:
            for line in party.leg.lines():
                routes = negotiate.arriving(routes, line.kind, line.side, line.heard, pair)
        return routes

    def _plan_phones(self, station: Session, telephone: Session, offered: Mapping[Side, Session]) -> negotiate.Plan:
        keys = {each.side: each.keys for each in self}
        prefer = self._settings.prefer_transcode
        return phones.plan(station, telephone, offered=offered, keys=keys, prefer_transcode=prefer)

    def _key(self, side: Side, digit: str, duration_ms: int) -> None:
        self._tell(DtmfKey(side, digit, duration_ms))
