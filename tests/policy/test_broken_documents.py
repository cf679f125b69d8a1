"""Whatever stands in the file: a plan, or what is wrong with its place. Never anything else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.documents import DocumentError, Problem
from tests.policy.test_dialplan_mistakes import SOUND, complaints, read

SCRAPS = [
    "911",
    "null",
    "[]",
    "{}",
    "-1",
    "true",
    "2026-02-30",
    "'_[5-'",
    "daily",
    "!!int ",
    "&a ",
    "*a",
    "\x00",
    "0x",
    "1:9",
]


@pytest.mark.parametrize(
    ("wrong", "right", "line", "says"),
    [
        ("name: Mary", "name: M\x00ary", 4, "the character 0x0 may not stand there"),
        ("max_minutes: 20", "max_minutes: !!int many", 6, "cannot be read as int"),
        ("max_minutes: 20", "max_minutes: 2026-02-30", 6, "the calendar has no such day"),
        ("max_minutes: 20", "{a: b}: 20", 6, "cannot be a key"),
        ("max_minutes: 20", "max_minutes: *twenty", 6, "is not YAML"),
        ("max_minutes: 20", "max_minutes: 20, max_minutes: 30", 6, "stands here twice"),
    ],
)
def test_what_yaml_itself_refuses_has_its_line_too(wrong: str, right: str, line: int, says: str) -> None:
    assert wrong in SOUND
    (found,) = complaints(SOUND.replace(wrong, right))
    assert found.startswith(f"plan.yaml:{line}: "), found
    assert says in found


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(0, len(SOUND)), st.integers(0, 9), st.sampled_from(["", *SCRAPS]) | st.text(max_size=3))
    )
)
def test_any_change_of_a_plan_is_a_plan_or_a_mistake_with_words(changes: list[tuple[int, int, str]]) -> None:
    text = SOUND
    for place, length, scrap in changes:
        text = text[:place] + scrap + text[place + length :]
    problems: tuple[Problem, ...] | None = None
    try:
        read(text)
    except DocumentError as error:
        problems = error.problems
    assert problems is None or (problems and all(each.message for each in problems))
