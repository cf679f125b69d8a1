"""kill -9 in mid-visit: after the restart exactly one CDR each, charged no further than the last proof of life."""

import random
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.billing.rating import charge
from gateway.call.summary import Legs
from gateway.errors import StoreError
from tests.billing.stage import (
    START,
    accounting_on,
    assert_books_and_chain_sound,
    at,
    demo_tariffs,
    granted,
    proof,
    summary,
    usd,
)

ROOT = Path(__file__).parents[2]


def run_until_killed(lines: int, *arguments: str) -> list[str]:
    """Starts the doomed node and kills it -9 after it told so many lines. Returns all that it told."""
    command = [sys.executable, "-m", "tests.billing.doomed_node", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        told = []
        while len(told) < lines:
            line = process.stdout.readline()
            assert line, "the doomed node ended by itself"
            told.append(line.strip())
        process.kill()
        told += [each for each in process.stdout.read().split("\n") if each]
    assert process.returncode == -9
    return told


@pytest.mark.parametrize("proofs", [1, 25])
async def test_a_killed_node_leaves_exactly_one_record_for_each_visit(database_url, proofs):
    told = int(run_until_killed(proofs, database_url, "talk")[-1])

    async with accounting_on(database_url) as accounting:
        receipts = {each.visit_id: each for each in await accounting.recover("node1", START + timedelta(hours=1))}
        assert await accounting.recover("node1", START + timedelta(hours=2)) == []

        assert set(receipts) == {"talking", "ringing", "refused"}
        talking = receipts["talking"]
        assert talking.reason == "node_crash"
        assert talking.billable_s in (told, told + 1)  # it may have died between writing a proof and telling of it
        tariff = demo_tariffs().in_force("demo-video", START)
        assert talking.charged == charge(tariff, talking.billable_s).total
        assert (receipts["ringing"].charged.micros, receipts["refused"].charged.micros) == (0, 0)

        cdrs = {each.visit_id: each for each in await accounting.cdrs()}
        assert sorted(each.sequence for each in cdrs.values()) == [1, 2, 3, 4]
        assert cdrs["finished"].reason == "family_left"
        assert cdrs["talking"].end_at == at(5 + talking.billable_s)
        assert cdrs["talking"].fault == "gateway"
        account = await accounting.account("family-1")
        assert account.held == usd("0")
        assert account.balance == usd("500.00") - usd("0.16") - talking.charged
        await assert_books_and_chain_sound(accounting)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kills", "most"), [(4, 60), pytest.param(25, 25, marks=pytest.mark.soak)])
async def test_nodes_killed_again_and_again_among_many_visits_lose_and_double_nothing(database_url, kills, most):
    """Some 150 visits of four nodes in the suite, some 500 of twenty-five in the soak."""
    chance, begun = random.Random(kills), []
    for run in range(kills):
        begun += run_until_killed(chance.randint(1, most), database_url, "churn", f"run{run}")

    async with accounting_on(database_url) as accounting:
        await accounting.recover("node1", START + timedelta(hours=1))
        cdrs = await accounting.cdrs(limit=10_000)
        seen = [each.visit_id for each in cdrs]
        assert len(seen) == len(set(seen))
        assert set(begun) <= set(seen)
        assert [each.sequence for each in cdrs] == list(range(1, len(cdrs) + 1))
        finished, crashed = usd("0.08"), (usd("0"), usd("0.053333"))  # 30 s; before or after the proof of 20 s
        assert {each.reason for each in cdrs} == {"family_left", "node_crash"}
        assert all(each.charged == finished for each in cdrs if each.reason == "family_left")
        assert all(each.charged in crashed for each in cdrs if each.reason == "node_crash")
        total = sum((each.charged for each in cdrs), usd("0"))
        account = await accounting.account("family-1")
        assert (account.balance, account.held) == (usd("500.00") - total, usd("0"))
        await assert_books_and_chain_sound(accounting)


async def test_closing_after_the_recovery_returns_the_record_of_the_recovery(database_url):
    """A slow second process that still believes in the visit changes nothing."""
    async with accounting_on(database_url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5"), key="k")
        await granted(accounting, "v1")
        await accounting.alive((proof("v1", 10),))
        (recovered,) = await accounting.recover("node1", START + timedelta(hours=1))

        await accounting.alive((proof("v1", 500),))
        assert await accounting.close(summary("v1", 500)) == recovered
        assert recovered.billable_s == 10


async def test_the_record_of_a_crash_names_the_legs_that_were_proven(database_url):
    """Those that only came to be after the intent: the station's, where we called it, and the telephone's."""
    async with accounting_on(database_url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5"), key="k")
        await granted(accounting, "v1", sip_call_id="")
        await granted(accounting, "v2", max_seconds=60)
        out = Legs("called@us", "carrier", "out@us")
        await accounting.alive((replace(proof("v1", 10), legs=out), proof("v2", 10)))
        await accounting.recover("node1", START + timedelta(hours=1))
        cdrs = {each.visit_id: each for each in await accounting.cdrs()}
        told = [(each.sip_call_id, each.out_trunk, each.out_sip_call_id) for _, each in sorted(cdrs.items())]
        assert told == [("called@us", "carrier", "out@us"), ("v2@pbx", "", "")]


async def test_recovery_leaves_the_visits_of_other_nodes_alone(database_url):
    async with accounting_on(database_url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5"), key="k")
        await granted(accounting, "mine")
        await granted(accounting, "theirs", node="node2", max_seconds=60)

        assert [each.visit_id for each in await accounting.recover("node1", START)] == ["mine"]
        assert (await accounting.account("family-1")).held == usd("0.16")


async def test_a_proof_beyond_the_hold_is_charged_to_the_hold_only(database_url):
    async with accounting_on(database_url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("0.10"), key="k")
        await granted(accounting, "v1")
        await accounting.alive((proof("v1", 900),))
        (receipt,) = await accounting.recover("node1", START + timedelta(hours=1))
        assert receipt.billable_s == 37


async def test_a_gateway_that_is_started_twice_does_not_end_the_visits_of_the_first(database_url):
    async with accounting_on(database_url) as first:
        assert await first.recover("node1", START) == []
        await first.open_account("family-1")
        await first.deposit("family-1", usd("5"), key="k")
        await granted(first, "live")

        async with accounting_on(database_url) as second:
            with pytest.raises(StoreError, match="another gateway runs as node node1 on this database"):
                await second.recover("node1", START)
            assert await second.recover("node2", START) == []

        assert (await first.close(summary("live", 60))).reason == "family_left"
    async with accounting_on(database_url) as after:
        assert await after.recover("node1", START) == []
