"""Does what the call machine wants of a family's telephone: it calls, joins, hangs up. Mechanical, as `effects` is."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from bridge import BridgeError, Kind, Media, NegotiationError, Path, Route, Side
from gateway.call import commands as c
from gateway.call import events as e
from gateway.call import sip_codes
from gateway.call.patience import Patience
from gateway.call.summary import Legs, VisitIntent
from gateway.call.tools import Tools
from gateway.call.translate import PICTURE_BODY, PICTURE_CONTENT_TYPE
from gateway.call.trunk_codecs import within
from gateway.call.visit import VisitState
from gateway.policy.decision import Medium, Terms
from sip import Dialog, SipError

log = logging.getLogger(__name__)


class Telephone:
    """media, terms: of the visit. listen(dialog, attempt): to what the telephone says.

    paid(sdp): without what was not paid for; raises NegotiationError.
    """

    def __init__(
        self,
        tools: Tools,
        visit_id: str,
        patience: Patience,
        media: Callable[[], Media],
        terms: Callable[[], Terms | None],
        *,
        listen: Callable[[Dialog, int], None],
        paid: Callable[[str | None], str | None],
    ) -> None:
        self._tools = tools
        self._visit_id = visit_id
        self._patience = patience
        self._media = media
        self._terms = terms
        self._listen = listen
        self._paid = paid
        self._dialog: Dialog | None = None
        self._trunk = self._sip_call_id = ""
        self._offered = False
        self.joined = False
        self.acts: dict[type[c.Command], Callable[[Any, VisitState], Awaitable[e.Event | None]]] = {
            c.CallPhone: self._call,
            c.CompletePhone: self._complete,
            c.ChangePhone: self._change,
            c.RefusePhoneOffer: self._refuse_offer,
            c.AskPhoneForPicture: self._ask,
            c.AskStationForKeyframe: self._ask_station,
            c.HangUpPhone: self._hang_up,
        }

    @property
    def trunk(self) -> str:
        """By which it was called last; empty: by none yet."""
        return self._trunk

    def legs(self, intent: VisitIntent, station: Dialog) -> Legs:
        """station: its dialog, which knows its Call-ID late where we call the station."""
        return Legs("" if intent.sip_call_id else station.sip_call_id, self._trunk, self._sip_call_id)

    async def connect(self) -> e.Event | None:
        """Station and telephone hear each other from now on; again changes nothing."""
        terms = self._terms()
        sealed = terms is None or terms.privileged
        try:
            routes = await self._patience.wait(self._media().connect_telephone(sealed=sealed))
        except (BridgeError, TimeoutError) as error:
            return self._refused(error)
        self.joined = True
        return e.PhoneJoined(picture=_sends_picture(routes))

    async def _call(self, command: c.CallPhone, visit: VisitState) -> e.Event | None:
        """A trunk that was tried before is left first: there is one telephone at a time."""
        await self._leave()
        self._trunk, self._sip_call_id, terms = command.trunk, "", self._terms()
        if terms is None or self._tools.place is None:
            return e.PhoneEnded(0, command.attempt)
        try:
            video = terms.medium is Medium.VIDEO
            offer = await self._patience.wait(self._media().offer_telephone(video=video))
            self._offered = True
            self._dialog = await self._tools.place(terms.telephone, self._allowed(offer), trunk=command.trunk)
        except (BridgeError, TimeoutError) as error:
            return self._refused(error)
        except SipError as error:
            log.warning("visit %s: trunk %s took no call (%s)", self._visit_id, command.trunk, type(error).__name__)
            return e.PhoneEnded(0, command.attempt)
        self._sip_call_id = self._dialog.sip_call_id
        self._listen(self._dialog, command.attempt)
        return None

    def _allowed(self, sdp: str) -> str:
        """Without codecs that the telephone's trunk may not use."""
        return within(sdp, self._tools.codecs.get(self._trunk, ()))

    async def _leave(self) -> None:
        dialog, self._dialog = self._dialog, None
        if self._trunk:
            self._tools.trunks.failed(self._trunk, self._tools.clock.monotonic())
        if dialog is not None:
            await self._to_phone(dialog.hang_up())
        if self._offered:
            self._offered = False
            await self._media().drop_telephone()

    async def _complete(self, command: c.CompletePhone, visit: VisitState) -> e.Event | None:
        try:
            if command.sdp is None:
                raise NegotiationError("the telephone answered without a description")
            self._tools.trunks.works(self._trunk)
            await self._patience.wait(self._media().complete_telephone(self._allowed(command.sdp)))
        except (BridgeError, TimeoutError) as error:
            return self._refused(error)
        return e.PhoneReady()

    async def _change(self, command: c.ChangePhone, visit: VisitState) -> e.Event | None:
        dialog = self._dialog
        if dialog is None:
            return None
        try:
            offer = self._paid(command.sdp)
            answer = await self._patience.wait(
                self._media().change_telephone(None if offer is None else self._allowed(offer))
            )
        except (BridgeError, TimeoutError) as error:
            log.info("visit %s: the telephone's offer was refused (%s)", self._visit_id, type(error).__name__)
            await self._to_phone(dialog.refuse_offer(sip_codes.NOT_ACCEPTABLE))
            return None
        await self._to_phone(dialog.answer_offer(self._allowed(answer)))
        held = self._media().held(Side.WEB)
        if visit.phone is None or held == visit.phone.held:
            return None
        return e.PhoneHeld() if held else e.PhoneResumed()

    async def _refuse_offer(self, command: c.RefusePhoneOffer, visit: VisitState) -> None:
        if self._dialog is not None:
            await self._to_phone(self._dialog.refuse_offer(sip_codes.NOT_ACCEPTABLE))

    async def _ask(self, command: c.AskPhoneForPicture, visit: VisitState) -> None:
        if self._dialog is not None:
            await self._to_phone(self._dialog.send_info(PICTURE_CONTENT_TYPE, PICTURE_BODY))

    async def _ask_station(self, command: c.AskStationForKeyframe, visit: VisitState) -> None:
        self._media().want_picture(Side.WEB)

    async def _hang_up(self, command: c.HangUpPhone, visit: VisitState) -> None:
        if self._dialog is not None:
            await self._to_phone(self._dialog.hang_up())

    async def _to_phone(self, act: Awaitable[None]) -> None:
        """A dialog that is gone says so itself."""
        try:
            await act
        except SipError as error:
            log.info("visit %s: the telephone was gone (%s)", self._visit_id, type(error).__name__)

    def _refused(self, error: BridgeError | TimeoutError) -> e.MediaRefused | None:
        """None: the visit's end waits in the queue, with a reason of its own."""
        log.info("visit %s: no media with the telephone (%s)", self._visit_id, type(error).__name__)
        return None if isinstance(error, TimeoutError) and self._patience.is_over else e.MediaRefused()


def _sends_picture(routes: Iterable[Route]) -> bool:
    return any(each.kind is Kind.VIDEO and each.source is Side.WEB and each.path is not Path.NONE for each in routes)
