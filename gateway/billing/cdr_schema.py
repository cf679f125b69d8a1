"""The record as JSON Schema (2020-12), made from the one definition: docs/cdr.schema.json is its printed form."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from gateway.billing.cdr import READABLE, SCHEMA, Cdr

AMOUNTS = frozenset({"rate_per_minute", "cap_lowered", "credited", "total", "hold_amount", "amount"})
HASHES = frozenset({"previous_hash", "hash"})
AMOUNT = r"^-?\d+\.\d{2,6}$"
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"


def json_schema() -> dict[str, Any]:
    """What a line of the JSON Lines export is: records of every schema that is still read."""
    schema = TypeAdapter(Cdr).json_schema(mode="serialization")
    hints = get_type_hints(Cdr, include_extras=True)
    for name, field in schema["properties"].items():
        field["description"] = hints[name].__metadata__[0]
        if hints[name].__origin__ in (datetime, datetime | None):
            _narrow_time(field)
    schema["properties"]["schema"]["enum"] = sorted(READABLE)
    for part in (schema, *schema["$defs"].values()):
        part["additionalProperties"] = False
        for name, field in part["properties"].items():
            field.pop("title", None)
            if name in AMOUNTS:
                field["pattern"] = AMOUNT
            if name in HASHES:
                field["pattern"] = "^[0-9a-f]{64}$"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Kinbridge call-detail record, schema {SCHEMA}",
        "description": "One line of the JSON Lines export. Times are UTC, amounts decimal text.",
        **{name: value for name, value in schema.items() if name not in ("title", "description")},
    }


def _narrow_time(field: dict[str, Any]) -> None:
    for each in field.get("anyOf", [field]):
        if each.get("type") == "string":
            each["pattern"] = TIME


def schema_text() -> str:
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
