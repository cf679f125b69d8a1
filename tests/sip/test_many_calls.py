"""Call after call on one agent: the library must give back what each took (it has 254 places in its mixer)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sip import Dialog, SipEndpoint, SipSettings, Trunk
from tests.support.raw_caller import HOST, RawCaller, description

CALLS = 270
FASTER_THAN_ANY = 10_000  # calls a second: no gate may turn one of them away, however quick the machine is


@pytest.fixture
async def endpoint() -> AsyncIterator[SipEndpoint]:
    trunk = Trunk("facility", sources=(HOST,), invites_per_s=FASTER_THAN_ANY)
    settings = SipSettings(host=HOST, port=0, trunks=(trunk,), source_requests_per_s=FASTER_THAN_ANY)
    async with SipEndpoint(settings) as endpoint:
        taking = asyncio.create_task(take_all(endpoint), name="take all calls")
        yield endpoint
        taking.cancel()


async def take_all(endpoint: SipEndpoint) -> None:
    async with asyncio.TaskGroup() as group:
        async for _, dialog in endpoint.invites():
            group.create_task(take(dialog), name="call")


async def take(dialog: Dialog) -> None:
    await dialog.answer(description(40_000))
    async for _ in dialog.events():
        pass


async def test_an_agent_takes_any_number_of_calls(endpoint: SipEndpoint) -> None:
    port = endpoint.addresses()[0][2]
    for number in range(CALLS):
        with RawCaller(port) as caller:
            await caller.call(description(40_002))
            answer = await caller.answer()
            await caller.acknowledge(answer)
            assert answer.code == 200, f"call {number}"
            assert await caller.hang_up() == 200
