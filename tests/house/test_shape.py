"""The shape of the code: names that say what is inside, and files that can be read in one sitting."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.checkout import ROOT

SOURCES = sorted(path for room in ("gateway", "sip", "bridge") for path in (ROOT / room).rglob("*.py"))
LONGEST_FILE = 450
LONGEST_FUNCTION = 60


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    assert not [str(path.relative_to(ROOT)) for path in SOURCES if path.stem in drawers]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    long = {node.name: node.end_lineno - node.lineno + 1 for node in functions if node.end_lineno is not None}
    assert not {name: lines for name, lines in long.items() if lines > LONGEST_FUNCTION}
