"""Trunks that fail, and what a telephone itself says to a call: engaged, unknown, silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.call.facts import FactKind
from tests.call.phones import PHONE_ANSWER, TELEPHONE, phoning


@pytest.mark.parametrize("code", [500, 503, 408, 403])
async def test_what_one_trunk_cannot_do_the_next_one_may(tmp_path: Path, code: int) -> None:
    async with phoning(tmp_path) as call:
        (await call.phone()).reject(code)
        second = await call.phone()
        assert (second.trunk, second.target) == ("carrier-b", TELEPHONE)
        fact = await call.node.fact(FactKind.TRUNK_FAILED)
        assert fact.detail == {"trunk": "carrier-a", "sip_code": code}
        second.answer(PHONE_ANSWER)
        assert (await call.node.fact(FactKind.ANSWERED)).detail == {"trunk": "carrier-b"}
        await call.asked()
        asked = call.node.media.asked
        assert asked.count("drop telephone") == 1, "there is one telephone at a time"
        call.station.cancel()
        cdr = await call.node.record()
        assert (cdr.trunk, cdr.out_trunk, cdr.out_sip_call_id) == ("demo", "carrier-b", second.sip_call_id)


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        (486, "busy", 600),
        (600, "busy", 600),
        (603, "rejected", 603),
        (480, "no_answer", 480),
        (404, "unreachable", 404),
        (488, "media_failed", 488),
    ],
)
async def test_what_the_telephone_says_is_said(tmp_path: Path, code: int, reason: str, told: int) -> None:
    async with phoning(tmp_path) as call:
        (await call.phone()).reject(code)
        assert (await call.station.final()).code == told
        cdr = await call.node.record()
        assert (cdr.reason, cdr.total, cdr.contact, cdr.sip_code) == (reason, "0.00", "family-1", told)
        assert await call.held() == 0
        assert FactKind.TRUNK_FAILED not in call.node.recorder.kinds()


async def test_no_trunk_takes_the_call(tmp_path: Path) -> None:
    async with phoning(tmp_path, trunks="[carrier-a, unheard-of, carrier-b]") as call:
        (await call.phone()).reject(503)
        (await call.phone()).session_lost()
        assert (await call.station.final()).code == 503
        assert (await call.node.record()).reason == "trunk_error"
        failed = [each.detail["trunk"] for each in call.node.recorder.facts if each.kind is FactKind.TRUNK_FAILED]
        assert failed == ["carrier-a", "unheard-of"]


async def test_a_trunk_that_says_nothing_is_left_for_the_next(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        first = await call.phone()
        await call.wants("offer telephone")
        await call.node.clock.advance(10)
        second = await call.phone()
        await first.request("CANCEL")
        assert second.trunk == "carrier-b"
        second.ring()
        second.answer(PHONE_ANSWER)
        await call.asked()
        assert call.node.visits.view("v1").state == "accepting", "that the first has ended changes nothing"


async def test_a_trunk_that_failed_is_tried_last_for_a_minute(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        node = call.node
        (await call.phone()).reject(503)
        (await call.phone()).reject(486)
        await node.record()
        node.station_calls()
        assert (await call.phone()).trunk == "carrier-b"
        await node.clock.advance(60)
        node.station_calls(station="terminal-2")
        assert (await call.phone()).trunk == "carrier-a"


async def test_a_trunk_that_works_again_is_the_first_again(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        node = call.node
        (await call.phone()).reject(503)
        (await call.phone()).reject(486)
        await node.record()
        again = node.station_calls()
        (await call.phone()).reject(500)
        (await call.phone()).answer(PHONE_ANSWER)
        await call.asked()
        again.cancel()
        await node.record(2)
        node.station_calls()
        assert (await call.phone()).trunk == "carrier-a"


async def test_who_rang_already_is_not_rung_again(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.phone()
        phone.ring()
        phone.reject(408)
        assert (await call.station.final()).code == 480
        assert (await call.node.record()).reason == "no_answer"


async def test_it_rings_until_the_time_is_over(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.phone()
        phone.ring(183)
        phone.ring()
        await call.wants("offer telephone")
        await call.node.clock.advance(45)
        await phone.request("CANCEL")
        assert (await call.station.final()).code == 480
        assert (await call.node.record()).reason == "no_answer"
