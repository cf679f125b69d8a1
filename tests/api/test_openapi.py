"""The OpenAPI document reads well and tells the truth about errors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import client
from tests.support.stage import Stage


@pytest.fixture
async def document() -> dict[str, Any]:
    async with Stage(demo=True) as stage, client(stage) as anyone:
        found: dict[str, Any] = (await anyone.get("/openapi.json")).json()
        return found


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


async def test_every_operation_has_tag_summary_and_a_known_tag(document: dict[str, Any]) -> None:
    known = {each["name"] for each in document["tags"]}
    for name, operation in operations(document):
        assert operation.get("summary"), name
        assert set(operation["tags"]) <= known, name
        assert len(operation["tags"]) == 1, name


async def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and "readyz" not in name:
                assert list(answer["content"]) == ["application/problem+json"], f"{name} {status}"


async def test_every_way_to_come_in_is_described_and_required(document: dict[str, Any]) -> None:
    schemes = {"contactLink", "familySession", "staffToken", "staffSession", "apiKey"}
    assert schemes <= set(document["components"]["securitySchemes"])
    staff = ["staffToken", "staffSession"]
    wanted = {
        "/api/v1/family": ["contactLink", "familySession"],
        "/api/v1/visits": staff,
        "/api/v1/cdrs": [*staff, "apiKey"],
    }
    for name, operation in operations(document):
        for prefix, schemes_of_it in wanted.items():
            path = name.split(" ")[1]
            if path.startswith(prefix) and not path.endswith("/credits") and "/sign-in" not in path:
                assert operation["security"] == [{each: []} for each in schemes_of_it], name


async def test_what_any_request_of_the_staff_may_be_answered_is_described(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if {"staffSession": []} in operation.get("security", ()):
            assert {"401", "403", "503"} <= set(operation["responses"]), name


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [each for inner in value.values() for each in references(inner)]
        return [each for inner in value for each in references(inner)] if isinstance(value, list) else []

    schemas = document["components"]["schemas"]
    assert all(each.removeprefix("#/components/schemas/") in schemas for each in references(document))


async def test_the_demo_is_there_only_in_the_demo(document: dict[str, Any], stage: Stage) -> None:
    assert "/api/v1/demo/ring" in document["paths"]
    async with client(stage) as anyone:
        assert "/api/v1/demo/ring" not in (await anyone.get("/openapi.json")).json()["paths"]
        assert (await anyone.get("/demo")).status_code == 404
        assert (await anyone.post("/api/v1/demo/ring")).status_code == 404
