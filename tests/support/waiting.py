"""Waiting for what another process does, where there is nothing to await but its effect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(check: Callable[[], Awaitable[T]], what: str, timeout_s: float = 20.0) -> T:
    """The first true value of `check`, asked ten times a second; an AssertionError that says `what` did not come."""
    value: T | None = None
    try:
        async with asyncio.timeout(timeout_s):
            while not (value := await check()):  # noqa: ASYNC110 - no event reaches us from another process
                await asyncio.sleep(0.1)
            return value
    except TimeoutError:
        raise AssertionError(f"{what} did not come within {timeout_s} s; last seen: {value!r}") from None
