"""The SIP endpoint without a network: same Protocol, and a `FarSide` that a test or a rehearsal plays.

    async with FakeSipEndpoint() as endpoint:
        far = endpoint.call(sdp=OFFER)              # the station's INVITE; it comes out of endpoint.invites()
        ...
        assert (await far.response()).code == 180
        assert (await far.response()).sdp == ANSWER # the far side sends ACK by itself
        far.bye()

        dialog = await endpoint.invite("1001", OFFER, trunk="facility")
        far = await endpoint.called()               # our INVITE, as the far side got it
        far.ring(); far.answer(ANSWER)

It passes the contract suite of the real endpoint (tests/sip/test_endpoint_contract.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sip.dialog import Dialog
from sip.errors import AgentDied, DialogGone, SipBusy, SipConfigError
from sip.events import (
    AgentRestarted,
    Answered,
    DialogEvent,
    Dtmf,
    Ended,
    EndpointEvent,
    Info,
    Offered,
    OfferRefused,
    Progress,
    TransferRefused,
)
from sip.mailbox import Mailbox
from sip.message import key_press
from sip.phrases import phrase
from sip.types import EndedBy, Invite, SipSettings, Transport, Trunk

OFFER_PATIENCE_S = 2.0
"""As the real agent: an offer that is not answered by then is refused with 488."""


@dataclass(frozen=True, slots=True)
class Response:
    """What we answered to a request of the far side (`method`)."""

    method: str
    code: int
    reason: str = ""
    sdp: str | None = None
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """What we asked of the far side within a dialog: INVITE, INFO, BYE, CANCEL, or ACK with the answer to its offer."""

    method: str
    sdp: str | None = None
    content_type: str = ""
    body: str = ""
    reason: str = ""


class FarSide:
    """The other end of one dialog. Its methods send; `response()` and `request()` wait for what we sent."""

    def __init__(self, dialog: FakeDialog, *, acks: bool) -> None:
        self._dialog = dialog
        self._responses: asyncio.Queue[Response] = asyncio.Queue()
        self._requests: asyncio.Queue[Request] = asyncio.Queue()
        self.acks = acks
        self.target = ""
        self.trunk = ""
        self.from_user = ""
        self.sdp: str | None = None

    @property
    def handle(self) -> str:
        return self._dialog.handle

    @property
    def sip_call_id(self) -> str:
        return self._dialog.sip_call_id

    async def response(self) -> Response:
        """The next response we sent, in order, provisional ones too."""
        return await self._responses.get()

    async def final(self, method: str = "INVITE") -> Response:
        """The next final response to `method`; earlier ones are taken out."""
        while True:
            response = await self.response()
            if response.code >= 200 and response.method == method:
                return response

    async def request(self, method: str = "") -> Request:
        """The next request we sent; with `method`, others are taken out."""
        while True:
            request = await self._requests.get()
            if request.method == method or not method:
                return request

    # an INVITE of the far side, to us

    def ack(self, sdp: str | None = None) -> None:
        """ACK of our 200; with sdp, the answer to our offer. Else it comes by itself, unless acks=False."""
        self._dialog.came_ack(sdp)

    def cancel(self) -> None:
        """CANCEL before our final response."""
        self._dialog.came_cancel()

    # an INVITE of ours, to the far side

    def ring(self, code: int = 180, sdp: str | None = None) -> None:
        self._dialog.came(Progress(code, sdp))

    def answer(self, sdp: str) -> None:
        """200 to our INVITE."""
        self._dialog.came_answer(sdp)

    def reject(self, code: int, reason: str = "") -> None:
        """A final error to our INVITE."""
        self._dialog.finish(EndedBy.REMOTE, code, reason or phrase(code))

    # both

    def bye(self) -> None:
        self._dialog.finish(EndedBy.REMOTE, 200, "OK")

    def session_lost(self) -> None:
        """The session timer ran out: nobody refreshed it (RFC 4028)."""
        self._dialog.finish(EndedBy.TIMEOUT, 408, phrase(408))

    def reinvite(self, sdp: str | None) -> None:
        self._dialog.came_offer(Offered(sdp, "INVITE"))

    def update(self, sdp: str | None) -> None:
        """UPDATE; without sdp it only refreshes the session, and is answered 200 at once."""
        if sdp is None:
            self._sent(Response("UPDATE", 200, "OK"))
        else:
            self._dialog.came_offer(Offered(sdp, "UPDATE"))

    def accept(self, sdp: str) -> None:
        """200 to our re-INVITE."""
        self._dialog.came(Answered(sdp))

    def refuse(self, code: int = 488) -> None:
        """A final error to our re-INVITE; the session stays as it was."""
        self._dialog.came(OfferRefused(code, phrase(code)))

    def info(self, content_type: str, body: str) -> None:
        """INFO; a key press becomes Dtmf as in the real agent."""
        self._sent(Response("INFO", 200, "OK"))
        key = key_press(content_type, body)
        self._dialog.came(Dtmf(*key) if key else Info(content_type, body))

    def dtmf(self, digit: str, duration_ms: int = 160) -> None:
        """INFO with application/dtmf-relay."""
        self._sent(Response("INFO", 200, "OK"))
        self._dialog.came(Dtmf(digit, duration_ms))

    def refer(self, refer_to: str) -> None:
        self._sent(Response("REFER", 603, phrase(603)))
        self._dialog.came(TransferRefused(refer_to))

    # from the dialog

    def _sent(self, response: Response) -> None:
        self._responses.put_nowait(response)

    def _asked(self, request: Request) -> None:
        self._requests.put_nowait(request)


class FakeDialog:
    """One call of the fake endpoint, incoming (it came with an Invite) or outgoing."""

    def __init__(self, handle: str, sip_call_id: str, *, incoming: bool, offered: bool, acks: bool = True) -> None:
        self._handle = handle
        self._sip_call_id = sip_call_id
        self._incoming = incoming
        self._offered = offered
        self._mailbox = Mailbox()
        self._answered = False
        self._pending: Offered | None = None
        self._impatience: asyncio.TimerHandle | None = None
        self._dead = False
        self.far = FarSide(self, acks=acks)

    @property
    def handle(self) -> str:
        return self._handle

    @property
    def sip_call_id(self) -> str:
        return self._sip_call_id

    @property
    def ended(self) -> bool:
        return self._mailbox.ended

    def events(self) -> AsyncIterator[DialogEvent]:
        return self._mailbox.read()

    async def ring(self, code: int = 180, sdp: str | None = None) -> None:
        self._check_alive()
        self.far._sent(Response("INVITE", code, phrase(code), sdp))

    async def answer(self, sdp: str) -> None:
        self._check_alive()
        if self._answered:
            return
        self._answered = True
        self.far._sent(Response("INVITE", 200, "OK", sdp))
        if self.far.acks and self._offered:
            self.came_ack(None)

    async def reject(self, code: int, reason: str = "", *, retry_after_s: int = 0) -> None:
        self._check_alive()
        text = reason or phrase(code)
        self.far._sent(Response("INVITE", code, text, retry_after_s=retry_after_s))
        self.finish(EndedBy.LOCAL, code, text)

    async def answer_offer(self, sdp: str) -> None:
        self._check_alive()
        self._respond_offer(200, sdp)

    async def refuse_offer(self, code: int = 488) -> None:
        self._check_alive()
        self._respond_offer(code, None)

    async def offer(self, sdp: str) -> None:
        self._check_alive()
        self.far._asked(Request("INVITE", sdp))

    async def send_info(self, content_type: str, body: str) -> None:
        self._check_alive()
        self.far._asked(Request("INFO", None, content_type, body))

    async def hang_up(self, code: int = 0, reason: str = "") -> None:
        if self._mailbox.ended:
            return
        if self._answered:
            self.far._asked(Request("BYE", reason=reason))
            self.finish(EndedBy.LOCAL, 200, "OK")
        elif self._incoming:
            await self.reject(code or 603, reason)
        else:
            self.far._asked(Request("CANCEL", reason=reason))
            self.finish(EndedBy.LOCAL, 487, phrase(487))

    # what the far side does

    def came(self, event: DialogEvent) -> None:
        self._mailbox.put(event)

    def came_ack(self, sdp: str | None) -> None:
        self._mailbox.put(Answered(None if self._offered else sdp))

    def came_answer(self, sdp: str) -> None:
        self._answered = True
        if self._offered:
            self._mailbox.put(Answered(sdp))
        else:
            self.came_offer(Offered(sdp, "INVITE"))  # we called without SDP: this is the offer, our ACK answers it

    def came_cancel(self) -> None:
        if not self._answered and not self._mailbox.ended:
            self.far._sent(Response("INVITE", 487, phrase(487)))
            self.finish(EndedBy.REMOTE, 487, phrase(487))

    def came_offer(self, offered: Offered) -> None:
        if self._pending is not None:
            self.far._sent(Response(offered.method, 491, phrase(491)))  # RFC 3261 section 14.2
            return
        self._pending = offered
        loop = asyncio.get_running_loop()
        self._impatience = loop.call_later(OFFER_PATIENCE_S, self._respond_offer, 488, None)
        self._mailbox.put(offered)

    def finish(self, by: EndedBy, code: int, reason: str) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
        self._dead = by is EndedBy.AGENT
        self._mailbox.put(Ended(by, code, reason))

    def _respond_offer(self, code: int, sdp: str | None) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return  # it came too late: the far side has had its 488
        if self._impatience is not None:
            self._impatience.cancel()
        if not self._incoming and not self._offered:
            self._offered = True
            self.far._asked(Request("ACK", sdp))
            self._mailbox.put(Answered(pending.sdp))
            return
        self.far._sent(Response(pending.method, code, phrase(code), sdp))

    def _check_alive(self) -> None:
        if self._dead:
            raise AgentDied(f"the agent of dialog {self._handle} is gone")
        if self._mailbox.ended:
            raise DialogGone(f"dialog {self._handle} has ended")


class FakeSipEndpoint:
    """See the module. Trust is by `trunk` name here: `call` takes any, `invite` only those of the settings."""

    def __init__(self, settings: SipSettings | None = None) -> None:
        self._settings = settings or SipSettings(trunks=(Trunk("facility", sources=("127.0.0.1",)),))
        self._invites: asyncio.Queue[tuple[Invite, Dialog]] = asyncio.Queue()
        self._called: asyncio.Queue[FarSide] = asyncio.Queue()
        self._events: asyncio.Queue[EndpointEvent] = asyncio.Queue()
        self._dialogs: list[FakeDialog] = []
        self._count = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for dialog in self._dialogs:
            await dialog.hang_up()

    async def invites(self) -> AsyncIterator[tuple[Invite, Dialog]]:
        while True:
            yield await self._invites.get()

    async def events(self) -> AsyncIterator[EndpointEvent]:
        while True:
            yield await self._events.get()

    async def invite(self, target: str, sdp: str | None, *, trunk: str, from_user: str = "") -> FakeDialog:
        if trunk not in {each.name for each in self._settings.trunks}:
            raise SipConfigError(f"there is no trunk named {trunk!r}")
        if not self.free_calls():
            raise SipBusy("every agent has its calls")
        dialog = self._add(incoming=False, offered=sdp is not None, acks=True)
        far = dialog.far
        far.target, far.trunk, far.from_user, far.sdp = target, trunk, from_user, sdp
        self._called.put_nowait(far)
        return dialog

    def addresses(self) -> tuple[tuple[Transport, str, int], ...]:
        settings = self._settings
        return tuple(
            (transport, settings.host, settings.port + 2 * agent + (transport is Transport.TLS))
            for agent in range(settings.agents)
            for transport in settings.transports
        )

    def free_calls(self) -> int:
        room = self._settings.agents * self._settings.calls_per_agent
        return room - sum(not dialog.ended for dialog in self._dialogs)

    # the far side's hand

    def call(
        self,
        *,
        sdp: str | None,
        trunk: str = "facility",
        from_user: str = "station7",
        from_display: str = "",
        to_user: str = "1001",
        request_uri: str = "",
        asserted_identity: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        acks: bool = True,
    ) -> FarSide:
        """An INVITE to us. A full endpoint answers 486 by itself and nothing comes out of `invites()`."""
        full = not self.free_calls()
        dialog = self._add(incoming=True, offered=sdp is not None, acks=acks)
        if full:
            dialog.far._sent(Response("INVITE", 486, phrase(486)))
            dialog.finish(EndedBy.LOCAL, 486, phrase(486))
            return dialog.far
        invite = Invite(
            handle=dialog.handle,
            sip_call_id=dialog.sip_call_id,
            trunk=trunk,
            from_user=from_user,
            from_display=from_display,
            to_user=to_user,
            request_uri=request_uri or f"sip:{to_user}@{self._settings.host}",
            asserted_identity=asserted_identity,
            source="127.0.0.1:5099",
            transport=Transport.UDP,
            sdp=sdp,
            headers=headers,
        )
        self._invites.put_nowait((invite, dialog))
        return dialog.far

    async def called(self) -> FarSide:
        """The far side of our next outgoing INVITE."""
        return await self._called.get()

    def report(self, event: EndpointEvent) -> None:
        """Let `event` come out of `events()`."""
        self._events.put_nowait(event)

    def kill_agent(self, exit_code: int = -9) -> None:
        """Every live dialog ends as if its agent had died."""
        live = [dialog for dialog in self._dialogs if not dialog.ended]
        for dialog in live:
            dialog.finish(EndedBy.AGENT, 0, "agent died")
        self.report(AgentRestarted(0, exit_code, len(live)))

    def _add(self, *, incoming: bool, offered: bool, acks: bool) -> FakeDialog:
        self._dialogs = [dialog for dialog in self._dialogs if not dialog.ended]
        self._count += 1
        handle = f"fake.{self._count}"
        dialog = FakeDialog(handle, f"{handle}@far.invalid", incoming=incoming, offered=offered, acks=acks)
        self._dialogs.append(dialog)
        return dialog
