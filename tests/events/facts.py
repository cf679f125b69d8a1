"""Facts for the tests."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.call.facts import Fact, FactKind


def fact(kind: FactKind = FactKind.RINGING, visit_id: str = "v1", **detail: str | int | bool) -> Fact:
    at = datetime(2026, 1, 5, 15, 0, 0, 123_456, tzinfo=UTC)
    return Fact(kind, "node1", visit_id, "demo-jail", "ringing", at, detail=detail)
