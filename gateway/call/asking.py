"""Does what the gateway's own voice wants: says it, and asks the house. Mechanical, as `effects` is."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from bridge import Media
from gateway.call import commands as c
from gateway.call import events as e
from gateway.call.books import Books
from gateway.call.tools import Tools
from gateway.call.visit import VisitState
from gateway.call.voice import spoken
from gateway.errors import StoreError
from gateway.policy.decision import Refusal

log = logging.getLogger(__name__)


class Asking:
    """media: what the station was greeted with. ask_policy(resident, dialled): the question again."""

    def __init__(
        self,
        tools: Tools,
        books: Books,
        media: Callable[[], Media],
        ask_policy: Callable[[str, str], Awaitable[e.Event]],
    ) -> None:
        self._tools = tools
        self._books = books
        self._media = media
        self._ask_policy = ask_policy
        self.acts: dict[type[c.Command], Callable[[Any, VisitState], Awaitable[e.Event | None]]] = {
            c.Speak: self._speak,
            c.Hush: self._hush,
            c.CheckPin: self._check_pin,
            c.AskPolicy: self._ask,
        }

    async def _speak(self, command: c.Speak, visit: VisitState) -> None:
        say = command.say
        self._media().say(command.to, spoken(say.phrases), say.language, say.turn)

    async def _hush(self, command: c.Hush, visit: VisitState) -> None:
        self._media().hush(command.to)

    async def _check_pin(self, command: c.CheckPin, visit: VisitState) -> e.Event:
        """Where nobody knows PINs, nobody gets in by one."""
        intent = self._books.intent
        try:
            if self._tools.check_pin is not None:
                return e.PinChecked(await self._tools.check_pin(intent.facility, command.resident, command.pin))
        except StoreError as error:
            log.warning("visit %s: no PIN could be checked (%s)", intent.visit_id, type(error).__name__)
        return e.Refused(Refusal.UNAVAILABLE)

    async def _ask(self, command: c.AskPolicy, visit: VisitState) -> e.Event:
        return await self._ask_policy(command.resident, command.dialled)
