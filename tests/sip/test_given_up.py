"""A call of ours that nobody answers at all: given up, it takes up a place of the library, and nobody else's."""

from __future__ import annotations

import socket

import pytest

from sip import Ended, SipBusy, SipEndpoint, SipSettings, Trunk
from tests.support.raw_caller import HOST, description


async def test_another_agent_takes_what_the_library_has_no_room_for() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hole:
        hole.bind((HOST, 0))
        trunk = Trunk("hole", sources=(HOST,), server=f"{HOST}:{hole.getsockname()[1]}")
        settings = SipSettings(host=HOST, port=0, agents=2, calls_per_agent=1, trunks=(trunk,))
        async with SipEndpoint(settings) as endpoint:
            first = await endpoint.invite("+15552368001", description(40000), trunk="hole")
            await first.hang_up()
            assert [type(each) for each in [event async for event in first.events()]] == [Ended]
            assert endpoint.free_calls() == 2
            endpoint._turn = 0  # the first agent's turn again
            second = await endpoint.invite("+15552368001", description(40000), trunk="hole")
            assert second.handle.startswith("a1.")
            with pytest.raises(SipBusy):
                await endpoint.invite("+15552368001", description(40000), trunk="hole")
