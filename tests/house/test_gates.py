"""The gates of the house: what `make lint` runs, run as tests too."""

from __future__ import annotations

import pytest

from tests.house.checkout import run_checker


def test_imports_go_along_the_arrows() -> None:
    run_checker("lint-imports", "--no-logo")


@pytest.mark.timeout(300)  # without a cache mypy reads the stubs of every library first
def test_types_are_strict() -> None:
    run_checker("mypy")


def test_style() -> None:
    run_checker("ruff", "check", ".")


def test_format() -> None:
    run_checker("ruff", "format", "--check", ".")
