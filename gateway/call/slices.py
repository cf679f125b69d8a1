"""Asks the accounts for the next slice of a visit's hold, beside the visit: whatever the database does, it goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from gateway.call import commands as c
from gateway.call import events as e
from gateway.call.books import Books
from gateway.call.visit import VisitState
from gateway.errors import BillingError, StoreError

log = logging.getLogger(__name__)

EXTEND_PATIENCE_S = 4.0
"""Less than `Timeouts.ask_again_s`: a database that hangs must not take the time in which people are to be warned."""


class Slices:
    def __init__(
        self, books: Books, tell: Callable[[e.Event], None], beside: Callable[[Coroutine[Any, Any, None], str], None]
    ) -> None:
        self._books = books
        self._tell = tell
        self._beside = beside
        self.acts: dict[type[c.Command], Callable[[Any, VisitState], Awaitable[e.Event | None]]] = {
            c.ExtendHold: self._extend
        }

    async def _extend(self, command: c.ExtendHold, visit: VisitState) -> None:
        self._beside(self._ask_for_more(command.paid_s), "slice")

    async def _ask_for_more(self, paid_s: int) -> None:
        visit_id = self._books.intent.visit_id
        try:
            async with asyncio.timeout(EXTEND_PATIENCE_S):
                held_s, reach_s = await self._books.extend(paid_s)
        except (StoreError, BillingError, TimeoutError) as error:
            log.warning("visit %s: no more money could be asked for (%s)", visit_id, type(error).__name__)
            self._tell(e.HoldUnknown())
        else:
            self._tell(e.HoldGrown(held_s, reach_s))
