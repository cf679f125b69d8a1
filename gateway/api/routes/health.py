"""Whether the process lives, and whether it should be given work."""

from __future__ import annotations

import asyncio
import logging

from fastapi import APIRouter, Response
from pydantic import BaseModel

from gateway.api.auth import Given
from gateway.api.services import Check

_log = logging.getLogger(__name__)
CHECK_TIMEOUT_S = 2.0
router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: str = "alive"
    node: str
    version: str


class Readiness(BaseModel):
    """Whether new visits are welcome, and what each check said."""

    ready: bool
    checks: dict[str, bool]


@router.get("/healthz", summary="Is the process alive?")
async def healthz(given: Given) -> Health:
    """Always 200 as long as the event loop turns. For a supervisor: no answer means restart."""
    return Health(node=given.node, version=given.version)


@router.get(
    "/readyz",
    summary="May it be given visits?",
    responses={503: {"model": Readiness, "description": "Draining, or something it needs is away"}},
)
async def readyz(given: Given, response: Response) -> Readiness:
    """False while the node drains or its database is away. For a load balancer."""
    results = await asyncio.gather(*(_passes(name, check) for name, check in given.checks.items()))
    checks = dict(zip(given.checks, results, strict=True))
    ready = all(checks.values())
    if not ready:
        response.status_code = 503
    return Readiness(ready=ready, checks=checks)


async def _passes(name: str, check: Check) -> bool:
    try:
        return await asyncio.wait_for(check(), CHECK_TIMEOUT_S)
    except Exception as error:  # noqa: BLE001 - whatever fails in a check means: not ready
        _log.warning("readiness: %s failed (%s)", name, type(error).__name__)
        return False
