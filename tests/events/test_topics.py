"""The table of topics is complete, its document is current, and what is written keeps to its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.call.facts import FactKind
from gateway.events.topics import BY_KIND, TOPICS, document, encode, example, schema, topic
from tests.events.facts import fact

DOCS = Path(__file__).parents[2] / "docs" / "events.md"
_TYPES = {"string": str, "integer": int, "boolean": bool, "object": dict}


def violations(value: Any, rules: dict[str, Any], where: str = "") -> list[str]:
    """The part of JSON Schema that the topics use: type, const, required, properties."""
    if "const" in rules:
        return [] if value == rules["const"] else [f"{where}: {value!r} is not {rules['const']!r}"]
    if type(value) is not _TYPES[rules["type"]]:
        return [f"{where}: {value!r} is no {rules['type']}"]
    found = [f"{where}.{name} is missing" for name in rules.get("required", ()) if name not in value]
    for name, inner in rules.get("properties", {}).items():
        if name in value:
            found += violations(value[name], inner, f"{where}.{name}")
    return found


def test_every_kind_of_fact_has_its_topic() -> None:
    assert [each.kind for each in TOPICS] == list(FactKind)


@pytest.mark.parametrize("kind", FactKind)
def test_the_example_of_a_topic_keeps_to_its_schema(kind: FactKind) -> None:
    assert violations(example(kind), schema(kind)) == []


@pytest.mark.parametrize("kind", FactKind)
def test_what_is_written_keeps_to_the_schema(kind: FactKind) -> None:
    detail = {each.name: each.example for each in BY_KIND[kind].keys}
    written = json.loads(encode(fact(kind, **detail)))
    assert violations(written, schema(kind)) == []
    assert written["at"] == "2026-01-05T15:00:00.123Z"


def test_the_check_itself_sees_a_wrong_payload() -> None:
    wrong = example(FactKind.WARNED) | {"v": 2, "detail": {"seconds_left": "60"}}
    del wrong["node"]
    assert len(violations(wrong, schema(FactKind.WARNED))) == 3


def test_the_topic_names_node_visit_and_kind() -> None:
    assert topic("kinbridge", fact(FactKind.FIRST_PICTURE, "v7")) == "kinbridge/node1/visits/v7/first-picture"


def test_the_document_is_generated_from_the_table() -> None:
    assert DOCS.read_text() == document(), "run: python -m gateway.events.topics > docs/events.md"
