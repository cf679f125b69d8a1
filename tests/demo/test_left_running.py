"""`kinbridge run`: the page is there, its button makes the terminal call, and Ctrl-C ends all of it."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path

import httpx
import pytest

from gateway.demo.peer import Event, peer
from tests.support.waiting import until


@pytest.mark.timeout(120)
async def test_the_button_makes_the_terminal_call_whoever_pressed_it(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "run", "--port", "0", "--output", str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
    found = re.match(r"Open (http://127\.0\.0\.1:\d+)/demo ", line)
    assert found, line
    told: list[Event] = []
    async with httpx.AsyncClient(base_url=found[1], timeout=20) as client:
        assert (await client.get("/demo")).status_code == 200
        page = (await client.post("/api/v1/demo/ring")).json()["family_url"]
        assert (await client.post("/api/v1/demo/ring")).status_code == 503, "it can call once at a time"
        orders = {"origin": found[1], "token": page.rsplit("/", 1)[1], "picture": str(tmp_path / "family-saw.png")}
        async with peer("gateway.demo.family", orders, told.append):

            async def sees() -> bool:
                return any(event.kind == "first_picture" for event in told)

            await until(sees, f"the family's first picture (it told {[each.kind for each in told]})", 60)
            process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(process.wait(), 40) == 0
    assert (tmp_path / "terminal-saw.png").exists()
