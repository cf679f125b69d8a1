"""The record's JSON Schema is made from its one definition, printed in the docs, and holds for real records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gateway.billing.cdr import as_json
from gateway.billing.cdr_schema import json_schema, schema_text
from tests.billing.stage import accounting_with, granted, summary

pytestmark = pytest.mark.usefixtures("each_database")

PRINTED = Path(__file__).parents[2] / "docs" / "cdr.schema.json"


def test_the_printed_schema_is_that_of_the_code() -> None:
    assert PRINTED.read_text(encoding="utf-8") == schema_text(), "kinbridge cdr schema > docs/cdr.schema.json"
    Draft202012Validator.check_schema(json_schema())


async def test_a_record_is_what_the_schema_says() -> None:
    async with accounting_with("5.00") as accounting:
        await granted(accounting, "v1")
        await accounting.close(summary("v1", 30))
        (cdr,) = await accounting.cdrs()
    record = json.loads(json.dumps(as_json(cdr)))
    validator = Draft202012Validator(json_schema())
    assert list(validator.iter_errors(record)) == []
    for name, wrong in {
        "total": 0.08,
        "billable_s": "30",
        "end_at": "2026-01-05 15:00",
        "hash": "x",
        "more": 1,
    }.items():
        assert not validator.is_valid({**record, name: wrong}), name


@pytest.mark.parametrize("missing", ["cdr_id", "sequence", "total"])
def test_what_every_record_has_is_required(missing: str) -> None:
    assert missing in json_schema()["required"]
