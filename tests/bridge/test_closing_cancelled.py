"""Whoever closes a visit may be cancelled meanwhile: ports, tasks and timers are given back all the same."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.support.bridge_stage import Stage
from tests.support.raw_peer import RawPeer


async def _settled(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


@pytest.mark.parametrize("turns", range(1, 9))
async def test_a_close_that_is_cancelled_goes_on_to_its_end(turns: int) -> None:
    async with Stage() as stage:
        await stage.join()
        closing = asyncio.create_task(stage.bridge.close())
        await _settled(turns)
        closing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await closing
        await stage.bridge.close()
        assert len(stage.plane) == 0
        assert not stage.bridge._station.leg.lines()


@pytest.mark.parametrize("turns", range(1, 6))
async def test_a_rejoin_that_is_cancelled_leaves_no_socket_of_the_old_browser(turns: int) -> None:
    async with Stage() as stage:
        await stage.join()
        leg = stage.bridge._seat.leg
        assert leg is not None
        sockets = [each.transport for each in leg._transport._connection._protocols]
        async with RawPeer() as again:
            coming_back = asyncio.create_task(stage.bridge.rejoin(await again.offer()))
            await _settled(turns)
            coming_back.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await coming_back
            await stage.bridge.close()
            assert sockets
            async with asyncio.timeout(5):
                while not all(each.is_closing() for each in sockets):  # noqa: ASYNC110 - the close has no event
                    await asyncio.sleep(0.001)
