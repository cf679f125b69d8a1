"""Visits that end before or against somebody's wish: the right SIP code, the right word, and always one record."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import AudioMissing, NegotiationError
from bridge.types import Side
from gateway.call.facts import FactKind
from gateway.call.notices import Over
from gateway.errors import VisitGone
from tests.call.stage import AUDIO_OFFER, VIDEO_OFFER, stage
from tests.support.media import STATION_ANSWER


async def test_cancel_while_it_rings(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far = node.station_calls()
        ring = await node.rung()
        far.cancel()
        cdr = await node.record()
        assert (cdr.reason, cdr.sip_code, cdr.billable_s) == ("inmate_hung_up", 487, 0)
        assert node.recorder.told(Over)[0].reason == "inmate_hung_up"
        with pytest.raises(VisitGone):
            await node.accepts(ring)
        assert node.bridges == []


async def test_the_family_declines(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far = node.station_calls()
        ring = await node.rung()
        await node.visits.decline(ring.visit_id, ring.contact)
        assert (await far.final()).code == 603
        assert (await node.record()).reason == "rejected"


async def test_nobody_answers(tmp_path: Path) -> None:
    async with stage(tmp_path, ring_timeout_s=45) as node:
        far = node.station_calls()
        await node.rung()
        await node.clock.advance(44.9)
        assert node.visits.live()[0].state == "ringing"
        await node.clock.advance(0.1)
        assert (await far.final()).code == 480
        cdr = await node.record()
        assert (cdr.reason, cdr.fault) == ("no_answer", "family")


REFUSALS: list[tuple[dict[str, Any], int, str]] = [
    ({"dialled": "5552368009"}, 404, "refused_unknown_number"),
    ({"dialled": "911"}, 403, "refused_blocked"),
    ({"dialled": "5552368100", "sdp": AUDIO_OFFER}, 403, "refused_hours"),
    ({"station": "terminal-9"}, 403, "refused_unknown_station"),
    ({"sdp": "v=0\r\nm=audio nonsense"}, 488, "refused_media"),
    ({"dialled": "5552368002"}, 402, "refused_balance"),
]


@pytest.mark.parametrize(("call", "code", "word"), REFUSALS, ids=[each[2] for each in REFUSALS])
async def test_refused_attempts_leave_a_record(tmp_path: Path, call: dict[str, Any], code: int, word: str) -> None:
    async with stage(tmp_path) as node:
        far = node.station_calls(**call)
        assert (await far.final()).code == code
        cdr = await node.record()
        assert (cdr.reason, cdr.sip_code, cdr.billable_s) == (word, code, 0)
        assert node.recorder.kinds() == [FactKind.REQUESTED, FactKind.REFUSED, FactKind.RECORDED]
        assert node.recorder.rings == node.recorder.notices == []


async def test_a_broken_description_on_a_trunk_of_nobody_is_refused_for_the_trunk(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far = node.endpoint.call(sdp="broken", trunk="elsewhere")
        assert (await far.final()).code == 403
        cdr = await node.record()
        assert (cdr.reason, cdr.facility) == ("refused_unknown_station", "")


async def test_the_family_leaves(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, ring = await node.talks()
        await node.clock.advance(8)
        await node.visits.leave(ring.visit_id, ring.contact)
        assert (await far.request("BYE")).method == "BYE"
        cdr = await node.record()
        assert (cdr.reason, cdr.fault, cdr.billable_s) == ("family_left", "family", 8)


async def test_an_officer_ends_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, ring = await node.talks()
        await node.visits.end(ring.visit_id)
        assert (await far.request("BYE")).method == "BYE"
        assert (await node.record()).reason == "officer_terminated"


async def test_only_the_contact_may_answer(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.station_calls()
        ring = await node.rung()
        for stranger in (
            node.visits.accept(ring.visit_id, "family-2", "v=0"),
            node.visits.decline(ring.visit_id, "family-2"),
            node.visits.leave(ring.visit_id, ""),
            node.visits.accept("v99", ring.contact, "v=0"),
        ):
            with pytest.raises(VisitGone):
                await stranger
        assert node.visits.live()[0].state == "ringing"


async def test_of_two_pages_the_first_wins(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.station_calls()
        ring = await node.rung()
        answers = await asyncio.gather(node.accepts(ring), node.accepts(ring), return_exceptions=True)
        assert [isinstance(each, VisitGone) for each in answers] == [False, True]


async def test_an_offer_of_the_browser_without_sound(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.next_join_fails.append(AudioMissing("the offer has no audio line"))
        far = node.station_calls()
        ring = await node.rung()
        with pytest.raises(AudioMissing, match="no audio line"):
            await node.accepts(ring)
        assert (await far.final()).code == 488
        cdr = await node.record()
        assert (cdr.reason, cdr.sip_code) == ("media_failed", 488)


async def test_an_answer_of_the_station_that_does_not_fit(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far = node.station_calls(sdp=None)
        ring = await node.rung()
        accepting = asyncio.create_task(node.accepts(ring))
        assert (await far.final()).code == 200
        node.media.fails = NegotiationError("no codec in common")
        far.ack("v=0 an answer")
        with pytest.raises(NegotiationError):
            await accepting
        assert (await far.request("BYE")).method == "BYE"
        assert (await node.record()).reason == "media_failed"


async def test_a_browser_that_never_connects(tmp_path: Path) -> None:
    async with stage(tmp_path, connect_timeout_s=30) as node:
        far = node.station_calls()
        await node.accepts(await node.rung())
        await node.clock.advance(30)
        assert (await far.request("BYE")).method == "BYE"
        cdr = await node.record()
        assert (cdr.reason, cdr.fault, cdr.billable_s) == ("media_failed", "network", 0)


async def test_a_station_gone_silent(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        await node.clock.advance(30)
        node.media.stop(ago_s=20)
        node.media.silence(Side.SIP)
        assert (await far.request("BYE")).method == "BYE"
        cdr = await node.record()
        assert (cdr.reason, cdr.billable_s, cdr.unusable_s) == ("media_failed", 10, 20)


async def test_an_offer_that_cannot_be_met_leaves_the_visit_as_it_was(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, ring = await node.talks()
        assert (await far.final()).sdp == STATION_ANSWER
        node.media.fails = NegotiationError("no codec in common")
        far.reinvite(VIDEO_OFFER)
        assert (await far.final()).code == 488
        assert node.visits.view(ring.visit_id).state == "talking"


async def test_a_call_paid_as_sound_cannot_become_a_picture(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks(sdp=AUDIO_OFFER)
        assert (await far.final()).sdp == STATION_ANSWER
        far.reinvite(VIDEO_OFFER)
        assert (await far.final()).code == 488
        assert node.media.asked == ["join"]


async def test_a_delayed_offer_paid_as_sound_is_not_answered_with_a_picture(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far = node.station_calls(station="phone-1", sdp=None)
        ring = await node.rung()
        assert not ring.video
        accepting = asyncio.create_task(node.accepts(ring))
        assert (await far.final()).code == 200
        far.ack(VIDEO_OFFER)
        with pytest.raises(NegotiationError):
            await accepting
        assert (await node.record()).reason == "media_failed"


async def test_the_agent_dies(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        await node.talks()
        node.station_calls(station="terminal-2")
        await node.rung(2)
        await node.clock.advance(3)
        node.endpoint.kill_agent()
        await node.fact(FactKind.RECORDED, 2)
        cdrs = {each.visit_id: each for each in await node.accounting.cdrs()}
        assert (cdrs["v1"].reason, cdrs["v1"].billable_s) == ("trunk_error", 3)
        assert cdrs["v2"].reason == "trunk_error"
        await node.happenings.until(lambda: node.visits.live() == (), "no visit is left")
        assert node.visits.counters["agent_restarts"] == 1


async def test_the_session_timer_runs_out(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        far.session_lost()
        assert (await node.record()).reason == "trunk_error"
