"""The dialplan shown in the docs is one that works."""

from __future__ import annotations

from pathlib import Path

from gateway.billing.tariff import load_tariffs
from gateway.documents import parse_document
from gateway.policy.dialplan import build
from gateway.policy.dialplan_entries import DialplanDocument

ROOT = Path(__file__).parents[2]


def test_the_example_in_the_docs_loads() -> None:
    text = (ROOT / "docs" / "dialplan.md").read_text("utf-8").partition("```yaml\n")[2].partition("```")[0]
    document, source = parse_document(text, "docs/dialplan.md", DialplanDocument)
    plan = build(document, source, load_tariffs([ROOT / "dialplans" / "tariffs" / "demo.yaml"]))
    assert [each.name for each in plan.rules["north"]] == ["emergency", "defender", "families"]
