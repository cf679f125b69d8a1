"""A house in trouble: the database is away, there is a bug, there is no room, the node is stopped. No visit is lost."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from bridge import WebLegFailed
from gateway.call import patience
from gateway.call.books import FIRST_PAUSE_S, LONGEST_PAUSE_S, REPAIR_TRIES
from gateway.call.facts import FactKind
from gateway.call.notices import Over
from gateway.errors import StoreError, VisitGone
from tests.call.stage import FAMILY, stage
from tests.support.media import ScriptedMedia


async def test_the_database_is_away_while_a_visit_ends(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, ring = await node.talks()
        await node.clock.advance(10)
        node.line.away = True
        far.bye()
        await node.happenings.until(lambda: "close" in node.line.refused, "closing was tried")
        await node.happenings.until(lambda: bool(node.recorder.told(Over)), "the page is told at once")
        assert node.recorder.told(Over) == [Over("v1", "inmate_hung_up", 10, 10, None)]
        assert node.visits.view(ring.visit_id).state == "ending"
        with pytest.raises(VisitGone):
            await node.visits.leave(ring.visit_id, ring.contact)
        node.line.away = False
        await node.clock.advance(FIRST_PAUSE_S)
        cdr = await node.record()
        assert (cdr.reason, cdr.billable_s) == ("inmate_hung_up", 10)
        assert len(await node.accounting.cdrs()) == 1
        assert len(node.recorder.told(Over)) == 1


async def test_an_officer_hears_that_a_visit_has_ended_although_its_record_waits(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, ring = await node.talks()
        node.line.away = True
        ending = asyncio.create_task(node.visits.end(ring.visit_id))
        assert (await far.request("BYE")).method == "BYE"
        await node.happenings.until(lambda: "close" in node.line.refused, "closing was tried")
        await asyncio.wait_for(ending, 1)


async def test_an_officer_hears_that_a_visit_has_ended_although_its_record_cannot_be_written(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        _, ring = await node.talks()
        node.line.bugs = [RuntimeError("close has a bug")] * 2
        await asyncio.wait_for(node.visits.end(ring.visit_id), 1)


async def test_media_that_does_not_close_keeps_no_money(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "MEDIA_PATIENCE_S", 0.01)
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        node.media.hangs = frozenset({"close"})
        far.bye()
        assert (await node.record()).reason == "inmate_hung_up"
        assert (await node.accounting.account("family-1")).held.micros == 0


async def test_media_that_hangs_delays_no_end(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, ring = await node.talks()
        node.media.hangs = frozenset({"rejoin"})
        waiting = asyncio.create_task(node.visits.rejoin(ring.visit_id, ring.contact, "v=0"))
        await node.happenings.until(lambda: node.media.asked[-1] == "rejoin", "the media plane hangs")
        await asyncio.wait_for(node.visits.end(ring.visit_id), 5)
        assert (await far.request("BYE")).method == "BYE"
        assert (await node.record()).reason == "officer_terminated"
        with pytest.raises(WebLegFailed):
            await waiting


async def test_a_station_that_hangs_up_while_its_media_is_made_is_recorded_as_having_hung_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedMedia, "hangs", frozenset({"join"}))
    async with stage(tmp_path) as node:
        far = node.station_calls()
        ring = await node.rung(1)
        accepting = asyncio.create_task(node.accepts(ring))
        await node.happenings.until(lambda: bool(node.bridges and node.media.asked), "the media plane hangs")
        far.cancel()
        assert (await node.record()).reason == "inmate_hung_up"
        with pytest.raises(WebLegFailed):
            await accepting


async def test_the_database_is_away_during_a_visit(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, ring = await node.talks()
        node.line.away = True
        await node.clock.advance(5)
        await node.happenings.until(lambda: "alive" in node.line.refused, "a proof was lost")
        assert node.visits.view(ring.visit_id).state == "talking"
        node.line.away = False
        await node.clock.advance(5)
        far.bye()
        assert (await node.record()).billable_s == 10


async def test_the_database_is_away_when_a_visit_begins(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.line.away = True
        far = node.station_calls()
        assert (await far.final()).code == 503
        await node.happenings.until(lambda: "attempt" in node.line.refused, "its record was tried")
        node.line.away = False
        await node.clock.advance(FIRST_PAUSE_S)
        cdr = await node.record()
        assert (cdr.reason, cdr.total) == ("refused_unavailable", "0.00")
        assert node.recorder.rings == []


async def test_a_bug_still_hangs_up_and_writes_the_record(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with stage(tmp_path) as node:
        far, ring = await node.talks()
        await node.clock.advance(7)
        node.media.fails = ZeroDivisionError("a secret number: 5552368001")  # type: ignore[assignment]
        with pytest.raises(VisitGone):
            await node.visits.rejoin(ring.visit_id, ring.contact, "v=0")
        assert (await far.request("BYE")).method == "BYE"
        cdr = await node.record()
        assert (cdr.reason, cdr.fault, cdr.billable_s) == ("node_crash", "gateway", 7)
        assert node.media.closed
        assert "ZeroDivisionError" in caplog.text
        assert FAMILY not in caplog.text
        assert node.visits.live() == ()


async def test_a_bug_in_the_decision_is_an_error_to_the_station_and_a_record(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.line.bugs = [RuntimeError("authorise has a bug")]
        far = node.station_calls()
        assert (await far.final()).code == 500
        assert (await node.record()).reason == "node_crash"


async def test_a_bug_in_closing_is_tried_once_more(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        node.line.bugs = [RuntimeError("close has a bug")]
        far.bye()
        cdr = await node.record()
        assert cdr.reason == "inmate_hung_up", "the first reason stays"


async def test_a_bug_that_stays_lets_the_family_go_and_leaves_the_record_to_recovery(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        await node.clock.advance(9)
        await node.proved(1)
        node.line.bugs = [RuntimeError("close has a bug")] * 2
        far.bye()
        await node.happenings.until(lambda: bool(node.recorder.told(Over)), "the page is let go")
        assert node.recorder.told(Over) == [Over("v1", "inmate_hung_up", 9, 9, None)]
        assert await node.accounting.cdrs() == ()
        receipts = await node.accounting.recover("node1", node.clock.now())
        assert [(each.visit_id, each.reason) for each in receipts] == [("v1", "node_crash")]
        assert receipts[0].billable_s <= 9


async def test_a_database_that_refuses_a_record_is_asked_again_until_somebody_has_repaired_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        await node.clock.advance(9)
        node.line.bugs = [StoreError("the database does not give this user the rights it needs")] * 3
        far.bye()
        await node.happenings.until(lambda: bool(node.recorder.told(Over)), "the page is let go")
        await node.clock.advance(LONGEST_PAUSE_S)  # the first pauses are shorter: all three refusals come within it
        cdr = await node.record()
        assert node.line.bugs == []
        assert (cdr.reason, cdr.billable_s) == ("inmate_hung_up", 9)
        assert len(node.recorder.told(Over)) == 1
        assert caplog.text.count("somebody must repair this: the database does not give this user the rights") == 1


async def test_a_record_that_the_database_never_takes_holds_no_place_for_ever(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        node.line.bugs = [StoreError("refused a row")] * 2 * REPAIR_TRIES
        far.bye()
        for tried in range(1, 2 * REPAIR_TRIES + 1):
            left = 2 * REPAIR_TRIES - tried
            await node.happenings.until(lambda left=left: len(node.line.bugs) <= left, f"{left} refusals are left")
            await node.clock.advance(LONGEST_PAUSE_S)
        await node.happenings.until(lambda: node.visits.live() == (), "it is let go")
        assert await node.accounting.cdrs() == ()
        receipts = await node.accounting.recover("node1", node.clock.now())
        assert [(each.visit_id, each.reason) for each in receipts] == [("v1", "node_crash")]


async def test_a_database_that_refuses_the_intent_refuses_the_visit(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.line.bugs = [StoreError("the database is damaged")]
        assert (await node.station_calls().final()).code == 503
        cdr = await node.record()
        assert (cdr.reason, cdr.sip_code, node.recorder.rings) == ("refused_unavailable", 503, [])


async def test_a_node_without_power_to_spare_refuses_all_but_the_only_visit(tmp_path: Path) -> None:
    bearing = [False]
    async with stage(tmp_path, bearing=lambda: bearing[0]) as node:
        await node.talks()
        second = await node.station_calls(station="terminal-2").final()
        assert (second.code, second.retry_after_s) == (503, 10)
        assert (await node.record()).reason == "refused_overload"
        assert node.visits.counters["refused_for_load"] == 1
        bearing[0] = True
        node.station_calls(station="terminal-2")
        await node.rung(2)


async def test_a_full_node_refuses_and_records(tmp_path: Path) -> None:
    async with stage(tmp_path, max_visits=2) as node:
        await node.talks()
        node.station_calls(station="terminal-2")
        await node.rung(2)
        third = node.station_calls(station="terminal-3")
        assert (await third.final()).code == 503
        cdr = await node.record()
        assert (cdr.reason, cdr.facility) == ("refused_overload", "demo-jail")
        await node.visits.decline("v2", "family-1")
        await node.fact(FactKind.RECORDED, 2)
        node.station_calls(station="terminal-3")
        await node.rung(3)


async def test_a_flood_without_a_database_does_not_fill_the_memory(tmp_path: Path) -> None:
    async with stage(tmp_path, max_visits=1) as node:
        node.line.away = True
        for _ in range(4):
            assert (await node.station_calls().final()).code == 503
        assert (await node.station_calls().final()).code == 503
        assert node.visits.counters["unrecorded"] == 1
        node.line.away = False
        await node.clock.advance(FIRST_PAUSE_S)
        await node.fact(FactKind.RECORDED, 4)
        assert len(await node.accounting.cdrs()) == 4


async def test_draining_lets_a_visit_finish_and_takes_no_new_one(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        ringing = node.station_calls(station="terminal-2")
        await node.rung(2)
        draining = asyncio.create_task(node.visits.drain(30))
        assert (await ringing.final()).code == 503
        late = node.station_calls(station="terminal-3")
        assert (await late.final()).code == 503
        await node.clock.advance(10)
        assert not draining.done()
        far.bye()
        await draining
        reasons = sorted(each.reason for each in await node.accounting.cdrs())
        assert reasons == ["inmate_hung_up", "refused_draining", "refused_draining"]


async def test_draining_ends_what_does_not_finish(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        draining = asyncio.create_task(node.visits.drain(30))
        await node.clock.advance(30)
        assert (await far.request("BYE")).method == "BYE"
        await draining
        cdr = (await node.accounting.cdrs())[0]
        assert (cdr.reason, cdr.fault, cdr.billable_s) == ("completed", "gateway", 30)


async def test_a_whole_visit_writes_nothing_personal_to_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with stage(tmp_path) as node:
        far, ring = await node.talks(from_display="Very Private")
        far.dtmf("7")
        far.refer("sip:accomplice@example.org")
        far.info("text/plain", "private words")
        await node.fact(FactKind.TRANSFER_REFUSED)
        node.media.lose_browser()
        await node.visits.rejoin(ring.visit_id, ring.contact, "v=0 a browser's address")
        far.bye()
        await node.record()
    ours = "\n".join(each.getMessage() for each in caplog.records if each.name.startswith("gateway.call"))
    for private in (FAMILY, "Private", "accomplice", "Pod A", "Example", "private words", "browser's address"):
        assert private not in ours
