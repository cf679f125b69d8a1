"""The browser's place in a visit: the leg that is there, one that comes to take its place, and those that leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bridge import negotiate
from bridge.errors import BridgeClosed
from bridge.legs.web import WebLeg


class Seat:
    """leg: None while nobody sits here. answer: what its browser was answered.

    connected(), lost(reason): of the leg that is there. arrived(leg, offer): a leg that came is up; the plan by
    which it takes over, or None to give it up. took_over(plan): it sits here now. lifted(leg): it goes.
    """

    def __init__(
        self,
        make: Callable[[], WebLeg],
        *,
        connected: Callable[[], None],
        lost: Callable[[str], None],
        arrived: Callable[[WebLeg, str], negotiate.Plan | None],
        took_over: Callable[[negotiate.Plan], None],
        lifted: Callable[[WebLeg], None],
    ) -> None:
        self._make = make
        self._connected = connected
        self._lost = lost
        self._arrived = arrived
        self._took_over = took_over
        self._lifted = lifted
        self._coming: WebLeg | None = None  # of a browser that came back; it takes over when it is connected
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False
        self.leg: WebLeg | None = None
        self.answer: str | None = None

    async def open(self, web_offer: str, agreed: negotiate.Plan) -> str:
        leg = self._make()
        leg.on_connected = lambda: self._is_up(leg)
        leg.on_lost = lambda reason: self._is_lost(leg, reason)
        answer = await self._answer(leg, web_offer, agreed)
        self.leg, self.answer = leg, answer
        return answer

    async def open_beside(self, web_offer: str, agreed: negotiate.Plan) -> str:
        """The leg that is there stays until the new one is connected."""
        await self._drop_coming()
        leg = self._make()
        leg.on_connected = lambda: self._take_over(leg, web_offer, answer)
        leg.on_lost = lambda _reason: self._give_up(leg)
        answer = await self._answer(leg, web_offer, agreed)
        self._coming = leg
        return answer

    async def drop(self) -> None:
        await self._drop_coming()
        leg = self._lift()
        if leg is not None:
            await leg.close()

    async def close(self) -> None:
        self._closed = True
        await self.drop()
        if self._leaving:
            await asyncio.wait(self._leaving)

    def shut(self) -> None:
        """No leg is opened any more; what is being opened ends with BridgeClosed."""
        self._closed = True

    async def _answer(self, leg: WebLeg, web_offer: str, agreed: negotiate.Plan) -> str:
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

    def _take_over(self, leg: WebLeg, web_offer: str, answer: str) -> None:
        """The new connection is up: the old one goes."""
        if leg is not self._coming:
            return
        agreed = self._arrived(leg, web_offer)
        if agreed is None:
            self._give_up(leg)
            return
        old, self._coming = self._lift(), None
        if old is not None:
            self._let_go(old)
        leg.on_lost = lambda reason: self._is_lost(leg, reason)
        self.leg, self.answer = leg, answer
        self._took_over(agreed)
        self._connected()

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

    def _lift(self) -> WebLeg | None:
        leg, self.leg = self.leg, None
        if leg is not None:
            self._lifted(leg)
        return leg

    def _is_up(self, leg: WebLeg) -> None:
        if leg is self.leg:
            self._connected()

    def _is_lost(self, leg: WebLeg, reason: str) -> None:
        if leg is self.leg:
            self._lost(reason)
