"""How the node bears its load, for whoever has the staff's token."""

from __future__ import annotations

from bridge import Load, Pressure, Verdict
from tests.api.conftest import client
from tests.support.stage import STAFF_TOKEN, Stage


async def test_a_node_that_thins_says_so() -> None:
    load = Load(loop_lag_s=0.0123, picture_wait_s=0.2, loop_cpu=0.5, codec_cpu=0.99)
    pressure = Pressure(load, Verdict(welcome=False, step=2), worker_deaths=3, worker_hangs=1)
    async with Stage(pressure=lambda: pressure) as stage, client(stage, STAFF_TOKEN) as staff:
        answer = await staff.get("/api/v1/node")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["node"], found["live_visits"]) == ("node1", 0)
    assert found["media"] == {
        "state": "thinning to 15/s",
        "pace_fps": 15.0,
        "loop_lag_ms": 12.3,
        "loop_cpu": 0.5,
        "codec_cpu": 0.99,
        "picture_wait_ms": 200.0,
        "sound_wait_ms": 0.0,
        "worker_deaths": 3,
        "worker_hangs": 1,
        "frames_lost_with_workers": 0,
    }


async def test_strangers_do_not_learn_it() -> None:
    async with Stage() as stage, client(stage) as anyone:
        assert (await anyone.get("/api/v1/node")).status_code == 401
