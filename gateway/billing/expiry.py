"""Holds that expire: a visit that gives no sign of life for long is closed, and what it holds is free again.

It covers what recovery at start does not see: a node that never comes back, or comes back under another name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from gateway.billing.accounting import Accounting
from gateway.clock import Clock
from gateway.errors import StoreError

log = logging.getLogger(__name__)
LOOKS_A_TERM = 4  # how often it looks within the time after which a hold expires


async def run_expiry(
    accounting: Accounting, clock: Clock, silent_s: float, live: Callable[[], Collection[str]]
) -> None:
    """For ever. live: the visits that this process has in hand.

    While the database is away, every node falls silent. When it is back, the others get a turn to prove their visits'
    lives before these are looked at again.
    """
    was_away = False
    while True:
        await clock.sleep(silent_s / LOOKS_A_TERM)
        try:
            if was_away:
                await accounting.last_sequence()
                was_away = False
                continue
            closed = await accounting.expire(silent_s, live())
        except StoreError as error:
            was_away = True
            log.warning("no holds could be looked through (%s)", type(error).__name__)
            continue
        if closed:
            log.warning("%d visits without a sign of life are closed and recorded", len(closed))
