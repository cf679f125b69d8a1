"""The same test on each database: ask for `database_url`, and it runs twice, as [sqlite] and as [postgresql]."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One for all tests of a worker; a test gets a database of its own in it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgresql_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A new database with the tables of this version."""
    url = postgres_server.new_database()
    yield url
    postgres_server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database. SQLite's file is k.db in the test's tmp_path."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/k.db"
    url: str = request.getfixturevalue("postgresql_url")
    return url
