"""How the suite runs on two workers: what hears and sees in real time keeps to one, what only reckons goes to any."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.databases import database_url, each_database, postgres_server, postgresql_url

__all__ = ["database_url", "each_database", "postgres_server", "postgresql_url"]  # fixtures for every test

ROOT = Path(__file__).parent
REAL_TIME = frozenset({"bridge", "demo", "gateway", "interop", "sip", "web"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        room = item.path.relative_to(ROOT).parts[0]
        if room in REAL_TIME or item.get_closest_marker("interop"):
            item.add_marker(pytest.mark.xdist_group("real time"))
