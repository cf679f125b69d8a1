"""A visit from the station's INVITE to its record, as station, family and billing see it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bridge.errors import NegotiationError
from bridge.types import Side
from gateway.call.facts import FactKind
from gateway.call.notices import Clocked, Hold, Over, Warned
from gateway.errors import VisitGone
from gateway.money import Money
from tests.call.stage import AUDIO_OFFER, HOLD_OFFER, VIDEO_OFFER, stage
from tests.support.media import OUR_OFFER, STATION_ANSWER, WEB_ANSWER


async def test_rings_talks_and_is_charged(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far = node.station_calls()
        ring = await node.rung()
        assert (ring.contact, ring.caller_name, ring.facility_name) == (
            "family-1", "Pod A terminal 1", "Demo County Jail",
        )  # fmt: skip
        assert (ring.video, ring.seconds, ring.rate_per_minute) == (True, 1200, Money.parse("0.16", "USD"))
        assert (await far.response()).code == 180
        assert node.visits.rings_for("family-1") == (ring,)
        assert node.visits.rings_for("family-2") == ()

        await node.clock.advance(5)
        assert await node.accepts(ring) == WEB_ANSWER
        answer = await far.final()
        assert (answer.code, answer.sdp) == (200, STATION_ANSWER)
        assert node.visits.rings_for("family-1") == ()
        assert node.visits.view(ring.visit_id).state == "connecting"

        await node.clock.advance(1)
        node.media.connect()
        node.media.flow()
        node.media.picture(Side.SIP)
        await node.fact(FactKind.FIRST_PICTURE)
        await node.clock.advance(20)
        view = node.visits.view(ring.visit_id)
        assert (view.state, view.charged, view.seconds_left) == ("talking", Money(53_333, "USD"), 1180)

        far.bye()
        cdr = await node.record()
        assert (cdr.reason, cdr.billable_s, cdr.total) == ("inmate_hung_up", 20, "0.053333")
        assert await node.accounting.balance("family-1") == Money(4_946_667, "USD")
        assert node.media.closed
        assert node.recorder.kinds() == [
            FactKind.REQUESTED, FactKind.RINGING, FactKind.ACCEPTED, FactKind.CONNECTED, FactKind.FIRST_PICTURE,
            FactKind.ENDED, FactKind.RECORDED,
        ]  # fmt: skip
        assert node.recorder.told(Over) == [Over("v1", "inmate_hung_up", 21, 20, Money(53_333, "USD"))]
        assert node.visits.live() == ()
        with pytest.raises(VisitGone):
            node.visits.view(ring.visit_id)


async def test_a_balance_for_37_seconds_ends_it_after_37_seconds(tmp_path: Path) -> None:
    async with stage(tmp_path, deposit="0.0987") as node:
        far, ring = await node.talks()
        assert ring.seconds == 37
        await node.clock.advance(100)
        assert (await far.request("BYE")).method == "BYE"
        cdr = await node.record()
        assert (cdr.reason, cdr.billable_s, cdr.total) == ("balance_exhausted", 37, "0.098666")
        assert cdr.media_start_at
        assert cdr.media_end_at
        assert (cdr.media_end_at - cdr.media_start_at).total_seconds() == 37
        assert node.recorder.told(Warned) == [Warned("v1", 37, "balance_exhausted")]


async def test_the_warning_comes_60_seconds_before_the_end(tmp_path: Path) -> None:
    async with stage(tmp_path, deposit="0.267") as node:
        await node.talks()
        await node.clock.advance(39.9)
        assert node.recorder.told(Warned) == []
        await node.clock.advance(0.1)
        assert node.recorder.told(Warned) == [Warned("v1", 60, "balance_exhausted")]
        await node.clock.advance(60)
        assert (await node.record()).billable_s == 100


async def test_the_time_limit_ends_it(tmp_path: Path) -> None:
    async with stage(tmp_path, deposit="50.00") as node:
        await node.talks()
        await node.clock.advance(1200)
        cdr = await node.record()
        assert (cdr.reason, cdr.billable_s) == ("time_limit", 1200)


async def test_the_end_of_the_hours_ends_it(tmp_path: Path) -> None:
    five_to_nine = datetime(2026, 1, 6, 2, 55, tzinfo=UTC)
    async with stage(tmp_path, start=five_to_nine) as node:
        far = node.station_calls(dialled="5552368100", sdp=AUDIO_OFFER)
        ring = await node.rung()
        assert (ring.seconds, ring.video) == (300, False)
        await node.clock.advance(20)
        await node.accepts(ring)
        node.media.flow()
        await node.fact(FactKind.CONNECTED)
        await node.clock.advance(280)
        assert (await far.request("BYE")).method == "BYE"
        cdr = await node.record()
        assert (cdr.reason, cdr.billable_s) == ("schedule_end", 280)
        assert cdr.end_at == five_to_nine + timedelta(minutes=5)


async def test_a_station_that_calls_on_hold(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far = node.station_calls(sdp=HOLD_OFFER)
        await node.accepts(await node.rung())
        node.media.flow()
        await node.fact(FactKind.CONNECTED)
        await node.clock.advance(10)
        view = node.visits.live()[0]
        assert (view.state, view.charged.micros) == ("held", 0)
        far.reinvite(VIDEO_OFFER)
        await node.fact(FactKind.RESUMED)
        await node.clock.advance(3)
        far.bye()
        assert (await node.record()).billable_s == 3


async def test_hold_pauses_the_meter(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        await node.clock.advance(10)
        far.reinvite(HOLD_OFFER)
        assert (await far.final()).code == 200
        assert (await far.final()).sdp == STATION_ANSWER
        await node.fact(FactKind.HELD)
        await node.clock.advance(60)
        assert node.visits.live()[0].held
        far.update(VIDEO_OFFER)
        assert (await far.final("UPDATE")).sdp == STATION_ANSWER
        await node.fact(FactKind.RESUMED)
        await node.clock.advance(5)
        far.bye()
        cdr = await node.record()
        assert (cdr.billable_s, cdr.unusable_s) == (15, 0)
        assert node.recorder.told(Hold) == [Hold("v1", True), Hold("v1", False)]
        clocks = [each.running for each in node.recorder.told(Clocked)]
        assert clocks[0] is True
        assert False in clocks


async def test_seconds_without_media_both_ways_are_not_charged(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        await node.clock.advance(12)
        node.media.stop(ago_s=2)
        await node.clock.advance(8)
        node.media.flow()
        await node.clock.advance(5)
        far.bye()
        cdr = await node.record()
        assert (cdr.billable_s, cdr.unusable_s) == (15, 10)


async def test_a_browser_that_comes_back_goes_on(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, ring = await node.talks()
        await node.clock.advance(10)
        node.media.lose_browser()
        await node.clock.advance(4)
        assert node.visits.view(ring.visit_id).state == "reconnecting"
        assert await node.visits.rejoin(ring.visit_id, ring.contact, "v=0 a new offer") == WEB_ANSWER
        node.media.connect()
        node.media.flow()
        await node.clock.advance(6)
        assert node.visits.view(ring.visit_id).state == "talking"
        far.bye()
        cdr = await node.record()
        assert (cdr.billable_s, cdr.unusable_s) == (16, 4)


async def test_a_page_that_is_reloaded_before_the_first_sound_may_come_back(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far = node.station_calls()
        ring = await node.rung()
        await node.accepts(ring)
        node.media.lose_browser()
        await node.clock.advance(5)
        assert node.visits.view(ring.visit_id).state == "connecting"
        assert await node.visits.rejoin(ring.visit_id, ring.contact, "v=0 a new offer") == WEB_ANSWER
        node.media.connect()
        node.media.flow()
        await node.fact(FactKind.CONNECTED)
        await node.clock.advance(6)
        far.bye()
        cdr = await node.record()
        assert (cdr.reason, cdr.billable_s, cdr.unusable_s) == ("inmate_hung_up", 6, 0)


async def test_a_page_that_comes_back_with_a_bad_offer_before_the_first_sound_may_try_again(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.station_calls()
        ring = await node.rung()
        await node.accepts(ring)
        node.media.fails = NegotiationError("no codec in common")
        with pytest.raises(NegotiationError):
            await node.visits.rejoin(ring.visit_id, ring.contact, "v=0 a bad offer")
        assert await node.visits.rejoin(ring.visit_id, ring.contact, "v=0 a good offer") == WEB_ANSWER


async def test_a_browser_that_stays_away_ends_it(tmp_path: Path) -> None:
    async with stage(tmp_path, reconnect_s=20) as node:
        far, _ = await node.talks()
        await node.clock.advance(10)
        node.media.lose_browser()
        await node.clock.advance(20)
        assert (await far.request("BYE")).method == "BYE"
        cdr = await node.record()
        assert (cdr.reason, cdr.billable_s, cdr.unusable_s) == ("family_left", 10, 20)


async def test_delayed_offer(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far = node.station_calls(sdp=None)
        ring = await node.rung()
        accepting = asyncio.create_task(node.accepts(ring))
        assert (await far.final()).sdp == OUR_OFFER
        assert not accepting.done()
        far.ack(VIDEO_OFFER)
        assert await accepting == WEB_ANSWER
        assert node.media.asked == ["join", "complete"]


async def test_hold_by_an_offer_that_the_station_asks_us_for(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        assert (await far.final()).sdp == STATION_ANSWER
        far.reinvite(None)
        assert (await far.final()).sdp == OUR_OFFER
        far.accept(HOLD_OFFER)
        await node.fact(FactKind.HELD)
        assert node.media.asked == ["join", "change", "complete"]
        node.media.fails = NegotiationError("an answer that does not fit")
        far.reinvite(None)
        assert (await far.final()).code == 488
        far.reinvite(None)
        assert (await far.final()).sdp == OUR_OFFER
        node.media.fails = NegotiationError("an answer that does not fit")
        far.accept(VIDEO_OFFER)
        far.dtmf("1")
        await node.fact(FactKind.DTMF)
        assert node.visits.live()[0].state == "held"


async def test_a_station_that_sends_too_much_is_told_by_a_new_offer(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        node.media.want_other_limit()
        assert (await far.request("INVITE")).sdp == OUR_OFFER
        far.accept(VIDEO_OFFER)
        far.dtmf("1")
        await node.fact(FactKind.DTMF)
        assert node.media.asked == ["join", "describe_limit", "complete"]
        node.media.want_other_limit()
        assert (await far.request("INVITE")).sdp == OUR_OFFER
        far.refuse()
        far.dtmf("2")
        await node.fact(FactKind.DTMF)
        assert node.visits.live()[0].state == "talking", "it need not listen"


async def test_pictures_are_asked_for_both_ways_by_info(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        node.media.want_picture_by_info()
        info = await far.request("INFO")
        assert info.content_type == "application/media_control+xml"
        assert "picture_fast_update" in info.body
        far.info(info.content_type, info.body)
        await node.happenings.until(lambda: "want_picture" in node.media.asked, "the browser is asked")


async def test_keys_and_a_refused_transfer_are_told_and_change_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, ring = await node.talks()
        far.dtmf("5")
        far.refer("sip:somebody@elsewhere.example")
        fact = await node.fact(FactKind.TRANSFER_REFUSED)
        assert fact.detail == {}, "where to is personal"
        assert (await node.fact(FactKind.DTMF)).detail == {"source": "sip"}
        assert node.visits.view(ring.visit_id).state == "talking"


async def test_proof_of_life_says_what_is_sure(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        await node.talks()
        for times in range(1, 6):
            await node.clock.advance(1)
            await node.proved(times)
        last = node.line.proofs[-1]
        assert last.media_start_at
        assert last.billable_s == int((last.at - last.media_start_at).total_seconds())
        assert last.billable_s >= 4


async def test_two_visits_of_one_family_never_spend_the_same_cent(tmp_path: Path) -> None:
    async with stage(tmp_path, deposit="0.20") as node:
        await node.talks()
        second = node.station_calls(station="terminal-2")
        assert (await second.final()).code == 402
        await node.clock.advance(100)
        await node.fact(FactKind.RECORDED, 2)
        assert sum(Decimal(each.total) for each in await node.accounting.cdrs()) <= Decimal("0.20")
