"""Other rules while visits run: all at once, only sound ones, and not for those who talk already."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.call.facts import FactKind
from gateway.config import Config
from gateway.demo.facility import demo_config
from gateway.documents import DocumentError
from gateway.errors import CandidateGone, StartError
from gateway.policy.plan import Dialplan
from gateway.reloading import Rules
from tests.call.stage import FOLDER, Node, stage

VISITS = 20


def config_of(folder: Path) -> Config:
    """With files of its own, which the test may change."""
    config = demo_config(folder)
    (folder / "plan.yaml").write_text((FOLDER / "demo.yaml").read_text())
    (folder / "tariffs.yaml").write_text((FOLDER / "tariffs" / "demo.yaml").read_text())
    files = {"dialplan": str(folder / "plan.yaml"), "tariffs": (str(folder / "tariffs.yaml"),)}
    return config.model_copy(update=files)


def rules_of(node: Node, config: Config, fits: object = None) -> Rules:
    def everything_fits(plan: Dialplan) -> None:
        if fits:
            raise StartError(str(fits))

    return Rules(
        config=config,
        admission=node.admission,
        accounting=node.accounting,
        fits=everything_fits,
        facts=node.recorder,
        clock=node.clock,
    )


async def rules_in_force(node: Node, config: Config) -> Rules:
    """The stage reads its plan without rate caps; these are with them."""
    rules = rules_of(node, config)
    await rules.reload()
    return rules


def rewrite(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert text.count(old) >= 1
    Path(path).write_text(text.replace(old, new))


async def test_twenty_visits_keep_what_they_began_with(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    async with stage(tmp_path, deposit="500.00") as node:
        rules = await rules_in_force(node, config)
        talking = [await node.talks() for _ in range(VISITS)]
        rewrite(config.dialplan, "max_minutes: 20", "max_minutes: 1")
        rewrite(config.tariffs[0], 'per_minute: "0.16"', 'per_minute: "0.10"')
        candidate = await rules.read()
        assert candidate.differences == (
            "rule family: max_minutes 20 -> 1",
            "tariff demo-video: other prices, rules or dates",
        )
        assert node.admission.plan.rules["demo-jail"][-1].max_minutes == 20, "shown is not taken"
        rules.adopt(candidate.id)
        assert (await node.fact(FactKind.RULES_CHANGED, 2)).detail == {"differences": 2}
        _, late = await node.talks()
        await node.clock.advance(60)
        assert (await node.record()).visit_id == late.visit_id
        assert (await node.record()).reason == "time_limit"
        assert (await node.record()).total == "0.10"
        assert len(node.visits.live()) == VISITS
        await node.clock.advance(60)
        for far, _ in talking:
            far.bye()
        await node.record(VISITS + 1)
        old = (await node.accounting.cdrs())[1:]
        assert {(each.total, each.billable_s, each.rule) for each in old} == {("0.32", 120, "family")}


async def test_a_file_with_mistakes_changes_nothing_and_says_each(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    async with stage(tmp_path) as node:
        rules = rules_of(node, config)
        before = node.admission.plan
        rewrite(config.dialplan, "max_minutes: 20", "max_minuts: 20")
        rewrite(config.dialplan, "dialled: _900XXXXXXX", "dialled: _900[")
        with pytest.raises(DocumentError) as found:
            await rules.read()
        assert all("plan.yaml:" in str(each) for each in found.value.problems)
        assert (await node.fact(FactKind.RULES_REFUSED)).detail == {"mistakes": len(found.value.problems)}
        await rules.reload()
        assert node.admission.plan is before
        await node.talks()


async def test_what_this_node_could_not_carry_out_is_not_taken(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    async with stage(tmp_path) as node:
        with pytest.raises(StartError, match="no keys"):
            await rules_of(node, config, fits="no keys").read()


async def test_only_what_was_shown_last_can_be_taken_and_once(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    async with stage(tmp_path) as node:
        rules = await rules_in_force(node, config)
        first, second = await rules.read(), await rules.read()
        with pytest.raises(CandidateGone):
            rules.adopt(first.id)
        assert rules.adopt(second.id).differences == ()
        with pytest.raises(CandidateGone):
            rules.adopt(second.id)
