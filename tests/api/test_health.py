"""Alive is not ready: a node that drains or has no database gets no visits."""

from __future__ import annotations

from tests.api.conftest import client
from tests.support.stage import Stage


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


async def broken() -> bool:
    raise RuntimeError("away")


async def test_a_node_is_ready_when_every_check_passes() -> None:
    async with Stage(checks={"database": yes, "accepting": yes}) as stage, client(stage) as anyone:
        assert (await anyone.get("/healthz")).json() == {"status": "alive", "node": "node1", "version": "0.1.0"}
        answer = await anyone.get("/readyz")
        assert answer.status_code == 200
        assert answer.json() == {"ready": True, "checks": {"database": True, "accepting": True}}


async def test_a_node_that_drains_or_lacks_its_database_is_alive_but_not_ready() -> None:
    async with Stage(checks={"database": broken, "accepting": no, "trunks": yes}) as stage, client(stage) as anyone:
        assert (await anyone.get("/healthz")).status_code == 200
        answer = await anyone.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"ready": False, "checks": {"database": False, "accepting": False, "trunks": True}}
