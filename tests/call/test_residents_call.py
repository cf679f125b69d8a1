"""A resident who is known calls: whose name the family sees, what the record says, and what officers are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gateway.admission import Admission
from gateway.billing.cdr import SCHEMA
from gateway.call.facts import FactKind
from gateway.policy.dialplan import load
from gateway.policy.pattern import Pattern
from gateway.policy.people import Barrier, People, Resident, Standing
from gateway.policy.plan import Contact
from tests.billing.stage import demo_tariffs
from tests.call.stage import FAMILY, FOLDER, Node, stage

SAM = Resident("4711", "demo-jail", "Sam Inside")
ANN = Contact("ann", "Ann Outside", "5553330001", "family-1")
STANDINGS = {("demo-jail", "4711", "ann"): Standing.APPROVED}


def knowing(node: Node, folder: Path, people: People) -> None:
    """From now on stations belong to residents; these are the people."""
    text = (FOLDER / "demo.yaml").read_text("utf-8").replace("trunks: [demo]", "trunks: [demo]\n    identify: station")
    for station in ("terminal-1", "terminal-2", "terminal-3", "terminal-4", "phone-1"):
        text = text.replace(f"id: {station}, ", f"id: {station}, resident: '4711', ")
    file = folder / "known.yaml"
    file.write_text(text, "utf-8")

    async def present() -> People:
        return people

    admission = Admission(load(file, demo_tariffs()), node.accounting._store, node.clock, present)
    node.visits._tools = replace(node.visits._tools, decide=admission)


async def test_the_family_sees_who_calls_and_the_record_says_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        knowing(node, tmp_path, People.of([SAM], [ANN], STANDINGS))
        far, ring = await node.talks(dialled=ANN.number)
        assert (ring.caller_name, ring.contact) == ("Sam Inside", "ann")
        far.bye()
        record = await node.record()
        assert (record.resident, record.contact, record.schema) == ("4711", "ann", SCHEMA)
        assert FactKind.WATCHED_NUMBER not in node.recorder.kinds()


async def test_whom_nobody_approved_is_not_rung_and_the_attempt_is_written_down(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        knowing(node, tmp_path, People.of([SAM], [ANN]))
        far = node.station_calls(dialled=ANN.number)
        record = await node.record()
        assert (record.reason, record.resident, record.sip_code) == ("refused_not_approved", "4711", 403)
        assert (await far.final()).code == 403
        assert not node.recorder.rings


async def test_a_watched_number_is_told_once_without_the_number(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        watched = Barrier("demo-jail", Pattern.parse(FAMILY), watched=True)
        knowing(node, tmp_path, People.of([SAM], [ANN], STANDINGS, [watched]))
        await node.talks()
        (fact,) = [each for each in node.recorder.facts if each.kind is FactKind.WATCHED_NUMBER]
        assert fact.visit_id
        assert fact.detail == {}


async def test_a_database_that_is_away_is_said_in_words_before_anybody_rings(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        knowing(node, tmp_path, People.of([SAM], [ANN], STANDINGS))
        await node.accounting._store.close()
        far = node.station_calls(dialled=ANN.number)
        assert (await far.final()).code == 503
