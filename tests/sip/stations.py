"""A station on the far side of an endpoint: the fake one's `FarSide`, or a second real endpoint over UDP.

Both have the same few words, so that one test describes both endpoints.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from sip import (
    Answered,
    Dialog,
    DialogEvent,
    Ended,
    Endpoint,
    FakeSipEndpoint,
    FarSide,
    Offered,
    OfferRefused,
    Progress,
    SipEndpoint,
    SipSettings,
    Trunk,
)
from tests.support.baresip import free_port

PATIENCE_S = 10.0
E = TypeVar("E", bound=DialogEvent)


class Station(Protocol):
    async def call(self, sdp: str | None, from_user: str = "station7") -> None: ...
    async def called(self) -> str | None: ...
    async def rings(self) -> int: ...
    async def answered(self) -> str: ...
    async def hears_early(self) -> str | None: ...
    async def acked(self) -> str: ...
    async def refused(self) -> int: ...
    async def ring(self) -> None: ...
    async def answer(self, sdp: str) -> None: ...
    async def reject(self, code: int) -> None: ...
    async def cancel(self) -> None: ...
    async def bye(self) -> None: ...
    async def hears_bye(self) -> None: ...
    async def reinvite(self, sdp: str) -> str | int: ...
    async def reinvited(self, answer: str) -> str: ...
    async def refuses_reinvite(self) -> None: ...
    async def info(self, content_type: str, body: str) -> None: ...


class FakeStation:
    def __init__(self, endpoint: FakeSipEndpoint) -> None:
        self._endpoint = endpoint
        self.far: FarSide

    async def call(self, sdp: str | None, from_user: str = "station7") -> None:
        self.far = self._endpoint.call(sdp=sdp, from_user=from_user, acks=True)

    async def called(self) -> str | None:
        self.far = await self._endpoint.called()
        return self.far.sdp

    async def rings(self) -> int:
        return (await self.far.response()).code

    async def answered(self) -> str:
        response = await self.far.final()
        assert response.code == 200
        assert response.sdp is not None
        return response.sdp

    async def hears_early(self) -> str | None:
        return (await self.far.response()).sdp

    async def acked(self) -> str:
        sdp = (await self.far.request("ACK")).sdp
        assert sdp is not None
        return sdp

    async def refused(self) -> int:
        return (await self.far.final()).code

    async def ring(self) -> None:
        self.far.ring()

    async def answer(self, sdp: str) -> None:
        self.far.answer(sdp)

    async def reject(self, code: int) -> None:
        self.far.reject(code)

    async def cancel(self) -> None:
        self.far.cancel()

    async def bye(self) -> None:
        self.far.bye()

    async def hears_bye(self) -> None:
        await self.far.request("BYE")

    async def reinvite(self, sdp: str) -> str | int:
        self.far.reinvite(sdp)
        response = await self.far.final()
        return response.sdp or response.code

    async def reinvited(self, answer: str) -> str:
        request = await self.far.request("INVITE")
        self.far.accept(answer)
        assert request.sdp is not None
        return request.sdp

    async def refuses_reinvite(self) -> None:
        await self.far.request("INVITE")
        self.far.refuse(488)

    async def info(self, content_type: str, body: str) -> None:
        self.far.info(content_type, body)


class RealStation:
    def __init__(self, endpoint: SipEndpoint) -> None:
        self._endpoint = endpoint
        self._dialog: Dialog
        self._events: AsyncIterator[DialogEvent]

    async def call(self, sdp: str | None, from_user: str = "station7") -> None:
        self._take(await self._endpoint.invite("1001", sdp, trunk="gateway", from_user=from_user))

    async def called(self) -> str | None:
        async with asyncio.timeout(PATIENCE_S):
            invite, dialog = await anext(self._endpoint.invites())
        self._take(dialog)
        return invite.sdp

    async def rings(self) -> int:
        return (await self._next(Progress)).code

    async def answered(self) -> str:
        sdp = (await self._next(Answered)).sdp
        assert sdp is not None
        return sdp

    async def hears_early(self) -> str | None:
        return (await self._next(Progress)).sdp

    async def acked(self) -> str:
        return await self.answered()

    async def refused(self) -> int:
        return (await self._next(Ended)).code

    async def ring(self) -> None:
        await self._dialog.ring()

    async def answer(self, sdp: str) -> None:
        await self._dialog.answer(sdp)

    async def reject(self, code: int) -> None:
        await self._dialog.reject(code)

    async def cancel(self) -> None:
        await self._dialog.hang_up()

    async def bye(self) -> None:
        await self._dialog.hang_up()

    async def hears_bye(self) -> None:
        await self._next(Ended)

    async def reinvite(self, sdp: str) -> str | int:
        await self._dialog.offer(sdp)
        event = await self._next(Answered, OfferRefused)
        return event.code if isinstance(event, OfferRefused) else event.sdp or 0

    async def reinvited(self, answer: str) -> str:
        offered = await self._next(Offered)
        await self._dialog.answer_offer(answer)
        assert offered.sdp is not None
        return offered.sdp

    async def refuses_reinvite(self) -> None:
        await self._next(Offered)
        await self._dialog.refuse_offer(488)

    async def info(self, content_type: str, body: str) -> None:
        await self._dialog.send_info(content_type, body)

    def _take(self, dialog: Dialog) -> None:
        self._dialog, self._events = dialog, dialog.events()

    async def _next(self, *kinds: type[DialogEvent]) -> DialogEvent:
        return await next_of(self._events, *kinds)


async def next_of(events: AsyncIterator[DialogEvent], *kinds: type[DialogEvent]) -> DialogEvent:
    """The next event of one of these kinds; others are passed over, but the end is not."""
    async with asyncio.timeout(PATIENCE_S):
        async for event in events:
            if isinstance(event, kinds):
                return event
            assert not isinstance(event, Ended), f"ended while waiting for {kinds}: {event}"
    raise AssertionError("the dialog has no more events")


@asynccontextmanager
async def stage(kind: str) -> AsyncIterator[tuple[Endpoint, Station]]:
    """An endpoint with the trunk `facility`, and a station at its other end."""
    if kind == "fake":
        async with FakeSipEndpoint() as fake:
            yield fake, FakeStation(fake)
        return
    station_port = free_port()
    facility = Trunk("facility", sources=("127.0.0.1",), server=f"127.0.0.1:{station_port}")
    async with SipEndpoint(SipSettings(port=0, trunks=(facility,))) as gateway:
        to_gateway = Trunk("gateway", sources=("127.0.0.1",), server=f"127.0.0.1:{gateway.addresses()[0][2]}")
        async with SipEndpoint(SipSettings(port=station_port, trunks=(to_gateway,))) as station:
            yield gateway, RealStation(station)
