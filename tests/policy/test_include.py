"""A dialplan in several files decides as one, and each mistake names the file and line it stands in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.documents import DocumentError
from gateway.policy.dialplan import load
from gateway.policy.plan import Dialplan
from tests.policy.test_dialplan_mistakes import Known

MAIN = """\
include: [shared/blocked.yaml, contacts.yaml]
facilities:
  - {id: jail, name: Jail, timezone: America/Chicago, trunks: [pbx]}
rules:
  - {name: family, facility: jail, dialled: _NXXNXXXXXX, tariff: {video: visit}, max_minutes: 20}
"""
BLOCKED = "rules:\n  - {name: premium, facility: jail, dialled: _900NXXXXXX, block: true}\n"
CONTACTS = 'contacts:\n  - {id: mary, name: Mary, number: "5552368001", account: mary}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shared").mkdir()
    (tmp_path / "plan.yaml").write_text(MAIN)
    (tmp_path / "shared" / "blocked.yaml").write_text(BLOCKED)
    (tmp_path / "contacts.yaml").write_text(CONTACTS)
    return tmp_path


def read(folder: Path) -> Dialplan:
    return load(folder / "plan.yaml", Known())


def complaints(folder: Path) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read(folder)
    return [str(each).removeprefix(f"{folder}{os.sep}") for each in caught.value.problems]


def test_what_is_included_comes_first(folder: Path) -> None:
    plan = read(folder)
    assert [each.name for each in plan.rules["jail"]] == ["premium", "family"]
    assert set(plan.numbers) == {"5552368001"}


def test_paths_are_relative_to_the_file_they_stand_in(folder: Path) -> None:
    (folder / "shared" / "more.yaml").write_text(BLOCKED.replace("premium", "toll-free").replace("900", "800"))
    (folder / "shared" / "blocked.yaml").write_text("include: [more.yaml]\n" + BLOCKED)
    assert [each.name for each in read(folder).rules["jail"]] == ["toll-free", "premium", "family"]


def test_a_mistake_names_the_file_it_stands_in(folder: Path) -> None:
    (folder / "contacts.yaml").write_text(
        CONTACTS + '  - {id: ann, name: Ann, number: "1", account: a, also: [marie]}\n'
    )
    (folder / "shared" / "blocked.yaml").write_text(BLOCKED.replace("facility: jail", "facility: jial"))
    assert complaints(folder) == [
        "contacts.yaml:3: contacts[1].also[0]: there is no contact 'marie'; did you mean 'mary'?",
        "shared/blocked.yaml:2: rules[0].facility: there is no facility 'jial'; did you mean 'jail'?",
    ]


def test_shapes_are_checked_in_every_file_at_once(folder: Path) -> None:
    (folder / "contacts.yaml").write_text(CONTACTS.replace("number", "nummer"))
    (folder / "shared" / "blocked.yaml").write_text(BLOCKED.replace("block:", "blok:"))
    found = complaints(folder)
    assert any(each.startswith("contacts.yaml:2: ") and "did you mean 'number'?" in each for each in found)
    assert any(each.startswith("shared/blocked.yaml:2: ") and "did you mean 'block'?" in each for each in found)


def test_a_name_that_stands_in_another_file_already(folder: Path) -> None:
    (folder / "plan.yaml").write_text(MAIN.replace("name: family", "name: premium"))
    assert complaints(folder) == [
        (
            f"plan.yaml:5: rules[0].name: 'premium' stands in {folder}/shared/blocked.yaml:2 already;"
            " each name may stand once"
        )
    ]


def test_a_rule_that_a_file_above_makes_unreachable(folder: Path) -> None:
    (folder / "shared" / "blocked.yaml").write_text(BLOCKED.replace("_900NXXXXXX", "_X!"))
    assert complaints(folder) == [
        (
            "plan.yaml:5: rules[0].dialled: never decides: 'premium' above matches all of '_NXXNXXXXXX';"
            " move this rule before it"
        )
    ]


def test_a_circle(folder: Path) -> None:
    (folder / "contacts.yaml").write_text("include: [shared/blocked.yaml]\n" + CONTACTS)
    (folder / "shared" / "blocked.yaml").write_text("include: [../plan.yaml]\n" + BLOCKED)
    assert complaints(folder)[0] == (
        "shared/blocked.yaml:1: include[0]: includes itself: plan.yaml -> blocked.yaml -> plan.yaml;"
        " take one of them away"
    )


def test_a_file_that_includes_itself(folder: Path) -> None:
    (folder / "contacts.yaml").write_text("include: [contacts.yaml]\n" + CONTACTS)
    assert complaints(folder) == [
        "contacts.yaml:1: include[0]: includes itself: contacts.yaml -> contacts.yaml; take one of them away"
    ]


@pytest.mark.parametrize("again", ["contacts.yaml", "./contacts.yaml", "shared/../contacts.yaml"])
def test_a_file_that_is_included_twice(folder: Path, again: str) -> None:
    (folder / "plan.yaml").write_text(MAIN.replace("contacts.yaml]", f"contacts.yaml, {again}]"))
    assert complaints(folder) == [
        f"plan.yaml:1: include[2]: 'contacts.yaml' is included already at {folder}/plan.yaml:1; once is enough"
    ]


def test_a_file_that_is_not_there(folder: Path) -> None:
    (folder / "contacts.yaml").unlink()
    assert complaints(folder) == [
        (
            f"plan.yaml:1: include[1]: there is no file '{folder}/contacts.yaml';"
            " the path is relative to the file in which it stands"
        )
    ]


def test_a_plan_of_includes_alone(folder: Path) -> None:
    (folder / "all.yaml").write_text("include: [plan.yaml]\n")
    assert set(load(folder / "all.yaml", Known()).rules) == {"jail"}


@pytest.mark.parametrize(("section", "lines"), [("facilities", (1, 3)), ("rules", (3, 5))])
def test_a_plan_without_what_every_plan_has(folder: Path, section: str, lines: tuple[int, int]) -> None:
    kept = MAIN.splitlines()[: lines[0]] + MAIN.splitlines()[lines[1] :]
    (folder / "plan.yaml").write_text("\n".join(kept).replace("shared/blocked.yaml, ", ""))
    assert any(f"has no `{section}`" in each for each in complaints(folder))
