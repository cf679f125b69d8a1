"""The stage without media, and a client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.stage import STAFF_TOKEN, Stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage() as stage:
        yield stage


@pytest.fixture
async def staff(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with client(stage, STAFF_TOKEN) as found:
        yield found


@pytest.fixture
async def ada(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with client(stage, stage.links.sign("family-1")) as found:
        yield found


def client(stage: Stage, token: str = "") -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(base_url=stage.url, headers=headers)
