"""Visit after visit through one gateway: what each took it gives back. A few in the suite, 200 by `make soak`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.gateway_process import GatewayProcess
from tests.support.talk import Talk
from tests.support.waiting import until

PLAN = Path(__file__).parent / "trunk.yaml"
MORE_THREADS = 3  # pools of threads fill up one by one; one for each visit would be more


@dataclass(frozen=True, slots=True)
class Load:
    """What the gateway's own process has open, and holds."""

    handles: int
    threads: int
    resident_kb: int

    @classmethod
    def of(cls, gateway: GatewayProcess) -> Load:
        assert gateway.process is not None
        folder = Path(f"/proc/{gateway.process.pid}")
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        return cls(
            len(os.listdir(folder / "fd")), int(status["Threads"]), int(status["VmRSS"].removesuffix("kB").strip())
        )


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    async with GatewayProcess(tmp_path, balance="500.00", dialplan=PLAN) as gateway:
        yield gateway


async def visits(gateway: GatewayProcess, count: int) -> Load:
    for _ in range(count):
        async with Talk(gateway) as talk:
            await talk.hang_up()

    async def calm() -> bool:
        return not await gateway.visits()

    await until(calm, "the end of every visit")
    return Load.of(gateway)


async def settled(gateway: GatewayProcess, handles: int) -> Load:
    """Connections of those who asked it things close a moment later."""

    async def as_before() -> Load | None:
        load = Load.of(gateway)
        return load if load.handles <= handles else None

    return await until(as_before, f"no more than {handles} open handles") or Load.of(gateway)


@pytest.mark.interop
async def test_a_few_visits_leave_nothing_open(gateway: GatewayProcess) -> None:
    before = await visits(gateway, 2)
    await visits(gateway, 4)
    after = await settled(gateway, before.handles)
    assert after.threads <= before.threads + MORE_THREADS


@pytest.mark.soak
@pytest.mark.interop
@pytest.mark.timeout(1800)
async def test_two_hundred_visits_leave_nothing_behind(gateway: GatewayProcess) -> None:
    before = await visits(gateway, 40)
    await visits(gateway, 160)
    after = await settled(gateway, before.handles)
    print(f"after 40 visits {before}, after 200 {after}")
    assert after.threads <= before.threads + MORE_THREADS
    assert after.resident_kb < before.resident_kb * 1.05 + 4096  # 25 kB a visit would be a leak
