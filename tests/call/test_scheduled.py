"""A visit that the house begins at its time: both sides are brought together, and it ends when it was to end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from gateway.call.facts import FactKind
from gateway.call.scheduled import Booked, Came
from sip.types import Trunk
from tests.call.stage import AUDIO_OFFER, FAMILY, Node, stage

LINES = (Trunk("demo", server="pbx.invalid"),)


class Joined:
    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1


def begin(node: Node, joined: Joined, minutes: int = 15) -> asyncio.Task[Came]:
    until = node.clock.now() + timedelta(minutes=minutes)
    booked = Booked("v-booked", "demo", "terminal-1", FAMILY, "", until)
    return asyncio.create_task(node.visits.place(booked, joined))


async def test_family_and_station_come_and_the_end_stays_where_it_was(tmp_path: Path) -> None:
    joined = Joined()
    async with stage(tmp_path, lines=LINES) as node:
        visit = begin(node, joined, minutes=5)
        ring = await node.rung()
        assert (ring.visit_id, ring.contact) == ("v-booked", "family-1")
        await node.clock.advance(120)  # the family is late
        accepting = asyncio.create_task(node.accepts(ring))
        station = await node.endpoint.called()
        assert (station.target, station.trunk, station.from_user) == ("terminal-1", "demo", FAMILY)
        station.answer(AUDIO_OFFER)
        await accepting
        node.media.connect()
        node.media.flow()
        await node.fact(FactKind.CONNECTED)
        assert joined.times == 1
        await node.clock.advance(181)
        assert await visit == Came(station=True, family=True)
        cdr = await node.record()
        assert (cdr.reason, cdr.station, cdr.dialled) == ("schedule_end", "terminal-1", FAMILY)
        assert cdr.sip_call_id == station.sip_call_id != ""
        assert (await station.request("BYE")).method == "BYE"


async def test_where_the_family_does_not_come_no_station_is_called(tmp_path: Path) -> None:
    joined = Joined()
    async with stage(tmp_path, lines=LINES) as node:
        room = node.endpoint.free_calls()
        visit = begin(node, joined)
        await node.rung()
        assert node.endpoint.free_calls() == room
        await node.clock.advance(601)
        assert await visit == Came(station=True, family=False)
        cdr = await node.record()
        assert (cdr.reason, cdr.media_start_at, joined.times) == ("no_answer", None, 0)
        assert cdr.sip_call_id == "", "there was no leg"
        assert node.endpoint.free_calls() == room


async def test_a_station_that_refuses_or_cannot_be_called(tmp_path: Path) -> None:
    joined = Joined()
    async with stage(tmp_path, lines=LINES) as node:
        visit = begin(node, joined)
        accepting = asyncio.create_task(node.accepts(await node.rung()))
        (await node.endpoint.called()).reject(486)
        assert await visit == Came(station=False, family=True)
        await asyncio.gather(accepting, return_exceptions=True)
        assert joined.times == 0


async def test_a_refusal_by_policy_calls_nobody(tmp_path: Path) -> None:
    async with stage(tmp_path, lines=LINES, deposit="0.000001") as node:
        assert await begin(node, Joined()) == Came(station=False, family=False)
        assert (await node.record()).reason == "refused_balance"
        assert node.recorder.rings == []
