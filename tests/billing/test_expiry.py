"""A running gateway looks for visits without a sign of life, and goes on looking whatever the database does."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from gateway.billing.accounting import Accounting
from gateway.billing.expiry import run_expiry
from gateway.clock import ManualClock
from gateway.errors import StoreUnavailable
from gateway.store import Store
from tests.billing import stage
from tests.billing.stage import START, demo_tariffs, granted, usd
from tests.support.happenings import Happenings


class Watched(Accounting):
    """Tells when it has looked, and is away when it is told to be."""

    happenings: Happenings
    looked = 0
    away = False

    async def expire(self, silent_s, live=()):
        try:
            if self.away:
                raise StoreUnavailable("the test cut the line")
            return await super().expire(silent_s, live)
        finally:
            self.looked += 1
            self.happenings.note()


async def test_it_closes_what_is_silent_and_spares_its_own(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock(START)
    async with Store(stage.new_database()) as store:
        accounting = Watched(store, demo_tariffs(), clock=clock)
        accounting.happenings = Happenings()
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5.00"), "first")
        await granted(accounting, "mine")
        await granted(accounting, "lost", node="renamed")
        task = asyncio.create_task(run_expiry(accounting, clock, 900, lambda: {"mine"}))
        for look in range(1, 6):
            accounting.away = look == 5  # after 18 minutes
            await clock.advance(225)
            await accounting.happenings.until(lambda look=look: accounting.looked >= look, f"look {look}")
        assert await accounting.cdrs(node="renamed") == (), "not a second before its time"
        accounting.away = False
        await clock.advance(225)
        await accounting.happenings.until(lambda: accounting.looked >= 6, "the sixth look")
        (cdr,) = await accounting.cdrs(node="renamed")
        assert (cdr.visit_id, cdr.reason, cdr.total) == ("lost", "node_crash", "0.00")
        assert await accounting.cdrs() == ()
        assert "1 visits without a sign of life are closed" in caplog.text
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
