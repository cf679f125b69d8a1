"""A visit that rings at several contacts: the first to accept has it, and the others are told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.billing.tariff import load_tariffs
from gateway.call.facts import FactKind
from gateway.call.notices import Clocked, Over, Taken
from gateway.documents import DocumentError
from gateway.errors import VisitGone
from gateway.policy.dialplan import load
from tests.call.stage import FOLDER, Node, stage

OFFER = "v=0 the browser's offer"


def plan(folder: Path, also: str = "[family-2, family-3]") -> Path:
    text = (FOLDER / "demo.yaml").read_text("utf-8")
    ada = 'number: "5552368001", account: family-1'
    assert ada in text
    file = folder / "several.yaml"
    file.write_text(text.replace(ada, f"{ada}, also: {also}"), "utf-8")
    return file


def told(node: Node, contact: str) -> list[str]:
    return [type(notice).__name__ for who, notice in node.recorder.notices if who == contact]


async def test_the_first_to_accept_has_it_and_the_others_hear_so(tmp_path: Path) -> None:
    async with stage(tmp_path, plan=plan(tmp_path)) as node:
        node.station_calls()
        await node.rung(3)
        rings = node.recorder.rings
        assert [each.contact for each in rings] == ["family-1", "family-2", "family-3"]
        visit = rings[0].visit_id
        assert node.visits.rings_for("family-3") == (rings[2],)
        await node.visits.accept(visit, "family-2", OFFER)
        assert [who for who, notice in node.recorder.notices if isinstance(notice, Taken)] == ["family-1", "family-3"]
        assert [node.visits.rings_for(each.contact) for each in rings] == [(), (), ()]
        for loser in ("family-1", "family-3"):
            for wish in (node.visits.accept(visit, loser, OFFER), node.visits.rejoin(visit, loser, OFFER)):
                with pytest.raises(VisitGone):
                    await wish
            with pytest.raises(VisitGone):
                await node.visits.leave(visit, loser)
        assert (node.visits.view(visit).contact, node.visits.view(visit).contact_name) == ("family-2", "Ben Example")
        node.media.connect()
        node.media.flow()
        await node.fact(FactKind.CONNECTED)
        await node.clock.advance(10)
        await node.visits.leave(visit, "family-2")
        cdr = await node.record()
    assert (cdr.contact, cdr.account, cdr.reason, cdr.billable_s) == ("family-2", "family-1", "family_left", 10)
    assert Over.__name__ in told(node, "family-2")
    assert set(told(node, "family-1")) == {Taken.__name__}, "what it costs is nobody's business who did not come"
    assert Clocked.__name__ in told(node, "family-2")


async def test_of_two_who_accept_at_once_one_has_it(tmp_path: Path) -> None:
    async with stage(tmp_path, plan=plan(tmp_path)) as node:
        node.station_calls()
        visit = (await node.rung(3)).visit_id
        answers = await asyncio.gather(
            *(node.visits.accept(visit, f"family-{number}", OFFER) for number in (3, 1, 2)), return_exceptions=True
        )
        assert sorted(type(each) is VisitGone for each in answers) == [False, True, True]
        assert node.visits.view(visit).contact == "family-3"
        assert len(node.bridges) == 1


async def test_it_rings_on_until_the_last_one_declines(tmp_path: Path) -> None:
    async with stage(tmp_path, plan=plan(tmp_path)) as node:
        far = node.station_calls()
        visit = (await node.rung(3)).visit_id
        await node.visits.decline(visit, "family-1")
        with pytest.raises(VisitGone):
            await node.visits.accept(visit, "family-1", OFFER)
        await node.visits.decline(visit, "family-3")
        assert node.visits.view(visit).state == "ringing"
        await node.visits.decline(visit, "family-2")
        assert (await far.final()).code == 603
        cdr = await node.record()
    assert (cdr.reason, cdr.contact) == ("rejected", "family-1"), "nobody came: it is the one who was dialled"


async def test_when_nobody_answers_all_are_told_that_it_is_over(tmp_path: Path) -> None:
    async with stage(tmp_path, plan=plan(tmp_path), ring_timeout_s=45) as node:
        node.station_calls()
        await node.rung(3)
        await node.clock.advance(45)
        assert (await node.record()).reason == "no_answer"
    assert [who for who, notice in node.recorder.notices if isinstance(notice, Over)] == [
        "family-1",
        "family-2",
        "family-3",
    ]


@pytest.mark.parametrize(
    ("also", "said"), [("[family-9]", "family-9"), ("[family-1]", "is this contact itself"), ("family-2", "tuple")]
)
def test_who_cannot_be_rung_is_told_when_the_plan_is_loaded(tmp_path: Path, also: str, said: str) -> None:
    with pytest.raises(DocumentError, match=said) as raised:
        load(plan(tmp_path, also), load_tariffs([FOLDER / "tariffs" / "demo.yaml"]))
    assert "contacts[0].also" in str(raised.value)
