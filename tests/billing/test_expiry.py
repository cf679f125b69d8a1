"""A running gateway looks for visits without a sign of life, and goes on looking whatever the database does."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from gateway.billing import closing
from gateway.billing.accounting import Accounting
from gateway.billing.expiry import run_expiry
from gateway.call.summary import ProofOfLife, Receipt, VisitSummary
from gateway.clock import ManualClock
from gateway.errors import StoreError, StoreUnavailable
from gateway.store import Store, Work
from tests.billing import stage
from tests.billing.stage import START, accounting_with, demo_tariffs, granted, usd
from tests.support.happenings import Happenings


class Watched(Accounting):
    """Tells when it has looked, and is away when it is told to be."""

    happenings: Happenings
    looked = 0
    away = False

    async def expire(self, silent_s, live=()):
        return await self._asked(super().expire(silent_s, live))

    async def last_sequence(self, node=None):
        return await self._asked(super().last_sequence(node))

    async def _asked(self, question):
        try:
            if self.away:
                question.close()
                raise StoreUnavailable("the test cut the line")
            return await question
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
        for look in (6, 7):
            assert await accounting.cdrs(node="renamed") == (), "others get a turn to prove that they live"
            await clock.advance(225)
            await accounting.happenings.until(lambda look=look: accounting.looked >= look, f"look {look}")
        (cdr,) = await accounting.cdrs(node="renamed")
        assert (cdr.visit_id, cdr.reason, cdr.total) == ("lost", "node_crash", "0.00")
        assert await accounting.cdrs() == ()
        assert "1 visits without a sign of life are closed" in caplog.text
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Late(Accounting):
    """Between its look and its closing, the visits' own node comes back and proves that one of them lives."""

    async def _close_crashed(self, visits, now, silent_before=None):
        await self.alive((ProofOfLife("cut-off", now, None, None, None, 0, 0),))
        return await super()._close_crashed(visits, now, silent_before)


async def test_a_sign_of_life_at_the_last_moment_counts(database_url: str) -> None:
    clock = ManualClock(START)
    async with Store(database_url) as store:
        accounting = Late(store, demo_tariffs(), clock=clock)
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5.00"), "first")
        for visit_id in ("cut-off", "lost"):
            await granted(accounting, visit_id, node="node2", max_seconds=60)
        await clock.advance(1000)
        assert [each.visit_id for each in await accounting.expire(900)] == ["lost"]
        assert [each.visit_id for each in await accounting.cdrs(node="node2")] == ["lost"]
        assert await accounting.expire(900) == []


async def test_a_visit_that_cannot_be_closed_holds_up_no_other(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = closing.close

    def spoiled(work: Work, summary: VisitSummary, *rest: Any) -> Receipt:
        if summary.visit_id == "spoiled":
            raise StoreError("refused a row")
        return whole(work, summary, *rest)

    monkeypatch.setattr(closing, "close", spoiled)
    async with accounting_with("5.00") as accounting:
        for visit_id in ("spoiled", "sound"):
            await granted(accounting, visit_id, max_seconds=60)
        assert [each.visit_id for each in await accounting.recover("node1", START)] == ["sound"]
        assert "visit spoiled cannot be recovered" in caplog.text
