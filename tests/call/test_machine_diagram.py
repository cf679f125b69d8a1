"""The page in docs shows the machine that runs."""

from __future__ import annotations

from pathlib import Path

from gateway.call.diagram import page


def test_docs_show_the_table() -> None:
    drawn = Path(__file__).parents[2] / "docs" / "call-machine.md"
    assert drawn.read_text("utf-8") == page(), "draw it anew: python -m gateway.call.diagram > docs/call-machine.md"
