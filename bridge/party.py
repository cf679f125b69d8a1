"""A far side that speaks SIP, station or telephone: its leg, and what it and we have described to each other."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from bridge import negotiate, phones, sdp
from bridge.errors import NegotiationError
from bridge.legs.leg import MediaLine, codecs_of
from bridge.legs.sip import SipLeg
from bridge.sdes import OwnKeys
from bridge.sdp import Origin, Session
from bridge.types import Kind, MediaSettings, Side


class Party:
    """RFC 3264 with one far side. far: as it described itself last; described: as we did, the answer to that.

    offered: an offer of ours that it has not answered yet. keys: what we seal SRTP to it with.
    """

    def __init__(self, leg: SipLeg, settings: MediaSettings) -> None:
        self.leg = leg
        self.side: Side = leg.side
        self.keys = OwnKeys()
        self.far: Session | None = None
        self.described: Session | None = None
        self.offered: Session | None = None
        self._most_bps = settings.video_max_bps
        self.origin = Origin("kinbridge", random.getrandbits(48), 0, settings.advertised or settings.host)

    @property
    def lines(self) -> Iterable[MediaLine]:
        return self.leg.lines()

    def with_its_codecs(self) -> Session | None:
        """Its description with nothing but what its lines carry; None while it has said nothing."""
        return negotiate.restrict(self.far, codecs_of(self.leg)) if self.far is not None else None

    def offer(self, browser: Session) -> str:
        """To a station that sent none, or that we call. browser: who is to be joined with it."""
        kinds = negotiate.wanted_kinds(browser)
        if Kind.AUDIO not in kinds:
            raise negotiate.browser_without_audio()
        ports = self.leg.reserve(kinds)
        return self._offer(
            negotiate.offer(browser, origin=self._next_origin(), ports=ports, max_video_bps=self._most_bps)
        )

    def offer_phone(self, station: Session | None, *, video: bool) -> str:
        """To a telephone that we call. station: who is to be joined with it; None: not known yet."""
        towards = station or phones.anything(self.origin)
        ports = self.leg.reserve(each for each in phones.kinds(towards) if video or each is Kind.AUDIO)
        return self._offer(phones.offer(towards, origin=self._next_origin(), ports=ports, max_video_bps=self._most_bps))

    def offer_again(self) -> str:
        if self.described is None:
            raise NegotiationError("nothing is joined yet that could be changed")
        return self._offer(negotiate.offer_again(self.described, origin=self._next_origin()))

    def offer_limited(self, most_bps: int) -> str:
        if self.described is None:
            raise NegotiationError("nothing is joined yet that could be limited")
        return self._offer(negotiate.limited(self.described, self._next_origin(), most_bps))

    def read_answer(self, text: str) -> tuple[Session, Session]:
        """Our offer, and what it was answered with. Raises SdpError, NegotiationError."""
        if self.offered is None:
            raise NegotiationError("there is no offer of ours to be answered")
        answered = sdp.parse(text)
        negotiate.check_answer(self.offered, answered)
        return self.offered, answered

    def renew_keys(self, far: Session) -> None:
        """Before a plan with another description of it."""
        if far != self.far:
            for line in self.leg.lines():
                if line.key_is_worn:
                    self.keys.renew(line.kind)

    def take(self, far: Session, agreed: negotiate.Plan, most_bps: int) -> tuple[MediaLine, ...]:
        """Its lines become those of the plan, and our description the answer to `far`. Gives the lines that went."""
        lines = agreed.lines(self.side)
        kinds = [each.kind for each in lines]
        dropped = tuple(each for each in self.leg.lines() if each.kind not in kinds)
        for line in dropped:
            line.freshen()
        ports = self.leg.reserve(kinds)
        if self.far is None and self.side is Side.WEB:
            self.leg.forget_early()
        self.leg.apply(lines)
        self.far = far
        self.described = self._renumbered(
            negotiate.answer(
                far, agreed, origin=self._next_origin(), ports=ports, max_video_bps=most_bps, side=self.side
            )
        )
        return dropped

    def written(self) -> str:
        """Our description."""
        assert self.described is not None  # noqa: S101 - take() has written it
        return sdp.write(self.described)

    async def begin_again(self) -> None:
        self.far = self.described = self.offered = None
        await self.leg.close()

    def _offer(self, offer: Session) -> str:
        self.offered = self._renumbered(offer)
        return sdp.write(self.offered)

    def _next_origin(self) -> Origin:
        return replace(self.origin, version=self.origin.version + 1)

    def _renumbered(self, said: Session) -> Session:
        """The version grows only when what we say changes (RFC 3264 section 8)."""
        if self.described is not None and replace(said, origin=self.described.origin) == self.described:
            return self.described
        self.origin = said.origin
        return said
