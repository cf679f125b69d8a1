"""The same test on each database.

async def test_it(database_url)                            runs twice, as [sqlite] and as [postgresql]
pytestmark = pytest.mark.usefixtures("each_database")      so does a whole file that asks stage.accounting_with
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
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


@pytest.fixture(params=["sqlite", "postgresql"])
def each_database(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where `tests.billing.stage.new_database` makes its databases."""
    if request.param == "sqlite":
        names = itertools.count(1)
        monkeypatch.setattr("tests.billing.stage.new_database", lambda: f"sqlite:///{tmp_path}/stage-{next(names)}.db")
        yield
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    made: list[str] = []

    def new_database() -> str:
        made.append(server.new_database())
        return made[-1]

    monkeypatch.setattr("tests.billing.stage.new_database", new_database)
    yield
    for url in made:
        server.drop(url)


def meddle(url: str, *statements: str) -> list[int]:
    """SQL of somebody who has the database and no scruples, past the gateway. Returns how many rows each touched."""
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            counts = [connection.execute(each).rowcount for each in statements]
        connection.close()
        return counts
    with psycopg.connect(url) as session:
        return [session.execute(each.encode()).rowcount for each in statements]


def without_trigger(url: str, table: str, verb: str) -> str:
    """SQL that takes away the trigger by which `table` refuses `verb` (update, delete, replace)."""
    of_table = "" if url.startswith("sqlite") else f" ON {table}"
    return f"DROP TRIGGER IF EXISTS {table}_no_{verb}{of_table}"
