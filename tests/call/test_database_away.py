"""A real PostgreSQL that goes away in the middle of visits and comes back: stopped, and stopped where it stands.

Visits go on, nothing is lost, nobody is charged for what he did not have; new visits are refused in words. The minute
is the clock's, so that it passes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.call.books import LONGEST_PAUSE_S
from gateway.call.facts import FactKind
from gateway.call.notices import Over
from gateway.call.registry import Visits
from tests.billing.stage import assert_books_and_chain_sound
from tests.call.stage import Node, stage
from tests.support.postgres import PostgresServer
from tests.support.waiting import until

AWAY_S = 60
LIMIT_S = 0.5  # for an answer


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as found:
        yield found


def goes_away(server: PostgresServer, how: str) -> None:
    (server.stop if how == "stopped" else server.freeze)()


def comes_back(server: PostgresServer, how: str) -> None:
    (server.start if how == "stopped" else server.thaw)()


def lost(visits: Visits) -> int:
    return visits.counters["proofs_lost"]


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_the_database_is_away_for_a_minute_in_mid_visit(tmp_path: Path, server: PostgresServer, how: str) -> None:
    url = f"{server.new_database()}?connect_timeout=2"
    async with stage(tmp_path, url=url, answer_within_s=LIMIT_S) as node:
        staying, _ = await node.talks(station="terminal-1")
        leaving, _ = await node.talks(station="terminal-2")
        await node.clock.advance(10)
        await node.proved(1)
        await asyncio.to_thread(goes_away, server, how)

        await a_minute_passes(node)
        assert {each.state for each in node.visits.live()} == {"talking"}
        refused = node.station_calls(station="terminal-3")
        assert (await refused.final()).code == 503
        leaving.bye()
        await node.happenings.until(lambda: bool(node.recorder.told(Over)), "the page of who left is told at once")
        assert node.recorder.told(Over)[0].charged is None  # nobody knows yet

        await asyncio.to_thread(comes_back, server, how)
        await records(node, 2)
        await node.clock.advance(30)
        staying.bye()
        await records(node, 3)
        cdrs = {each.station: each for each in await node.accounting.cdrs()}
        told = {name: (str(each.reason), each.billable_s) for name, each in cdrs.items()}
        assert told["terminal-2"] == ("inmate_hung_up", 10 + AWAY_S)
        assert told["terminal-3"] == ("refused_unavailable", 0)
        assert told["terminal-1"][0] == "inmate_hung_up"
        assert told["terminal-1"][1] >= 10 + AWAY_S + 30
        assert (await node.accounting.account("family-1")).held.micros == 0
        assert len(await node.accounting.cdrs()) == 3
        await assert_books_and_chain_sound(node.accounting)
        assert node.recorder.rings[2:] == []


async def a_minute_passes(node: Node) -> None:
    """At the end of it, at the latest, a proof of life was tried and lost."""
    before = lost(node.visits)
    for _ in range(AWAY_S):
        await node.clock.advance(1)

    async def one_more() -> bool:
        return lost(node.visits) > before

    await until(one_more, "a lost proof of life")


async def records(node: Node, number: int) -> None:
    """What waits for the database tries again by the clock; a thawed server first finds its old sessions gone."""

    async def written() -> bool:
        await node.clock.advance(LONGEST_PAUSE_S)
        return node.recorder.kinds().count(FactKind.RECORDED) >= number

    await until(written, f"the record number {number}")
