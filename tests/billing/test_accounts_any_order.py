"""Whatever happens to accounts, in whatever order: tests/billing/any_order.py does it, books_checks.py looks."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from gateway.store import Store
from tests.billing.any_order import Town

Make = Callable[[], Town]


@pytest.fixture(params=["sqlite", "postgresql"])
async def town(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes towns, each with a new database of its own."""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        return partial(Town, tmp_path, server.new_database, server.drop)
    empty, names = tmp_path / "empty.db", itertools.count(1)
    async with Store(f"sqlite:///{empty}"):
        pass

    def new_database() -> str:
        copy = shutil.copy(empty, tmp_path / f"{next(names)}.db")
        return f"sqlite:///{copy}"

    return partial(Town, tmp_path, new_database, lambda url: Path(url.removeprefix("sqlite:///")).unlink())


def run(town: Make, examples: int, steps: int) -> None:
    unhurried = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(town, settings=unhurried)


def test_the_books_add_up_in_any_order(town: Make) -> None:
    run(town, examples=6, steps=25)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_books_add_up_in_any_order_for_long(town: Make) -> None:
    run(town, examples=200, steps=60)
