"""Two whole visits at once on one account: real media, real families, and together they talk exactly what it pays."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bridge.sdp import parse
from gateway.app import Gateway
from gateway.billing.cdr import Cdr
from gateway.config import BillingConfig
from gateway.demo.facility import DIALPLANS, Pair, Price, demo_config, fund, pairs
from gateway.demo.peer import peer
from gateway.demo.station import Station
from sip import FakeSipEndpoint
from tests.gateway.test_whole_visit import Family, answered
from tests.support.waiting import until

SECONDS = 16


def shared(folder: Path) -> str:
    """The demo's dialplan, where the second family's visits are paid by the first one's account."""
    plan = folder / "shared.yaml"
    text = (DIALPLANS / "demo.yaml").read_text("utf-8")
    assert "account: family-2" in text
    plan.write_text(text.replace("account: family-2", "account: family-1"), "utf-8")
    return str(plan)


async def both_records(gateway: Gateway) -> tuple[Cdr, ...]:
    async def recorded() -> tuple[Cdr, ...] | None:
        found = await gateway.accounting.cdrs()
        return found if len(found) == 2 else None

    found = await until(recorded, "both records", 60)
    assert found is not None
    return found


@pytest.mark.timeout(120)
async def test_they_share_it_to_the_last_second(tmp_path: Path) -> None:
    endpoint = FakeSipEndpoint()
    config = demo_config(tmp_path, warning_s=3).model_copy(
        update={"dialplan": shared(tmp_path), "billing": BillingConfig(slice_s=10, least_slice_s=5)}
    )
    first, second = pairs(config, 2)
    balance = Price.read().paying_for(SECONDS)
    async with Gateway(config, endpoint=endpoint) as gateway:
        await fund(gateway.accounting, first, balance, key="first")
        async with AsyncExitStack() as stack:
            waiting = [await wait(stack, gateway, each, tmp_path) for each in (first, second)]
            families = await asyncio.gather(
                *(talk(endpoint, each, *who) for each, who in zip((first, second), waiting, strict=True))
            )
            await asyncio.gather(*(each.tells("warned") for each in families))
            await asyncio.gather(*(each.tells("over") for each in families))
        cdrs = await both_records(gateway)
        account = await gateway.accounting.account(first.account)
        assert await gateway.accounting.verify_books() == ()

    assert [each.reason for each in cdrs] == ["balance_exhausted"] * 2
    assert sum(each.billable_s for each in cdrs) == SECONDS
    assert all(each.billable_s >= 5 for each in cdrs)
    spent = sum(each.charged.micros for each in cdrs)
    assert (account.balance.micros, account.held.micros) == (balance.micros - spent, 0)
    assert 0 <= account.balance.micros < Price.read().of(1).micros + 2


async def wait(stack: AsyncExitStack, gateway: Gateway, pair: Pair, folder: Path) -> tuple[Family, Station]:
    """A family that will accept, and a station that will call; they stay until the stack is left."""
    family = Family()
    orders = {
        "origin": f"http://127.0.0.1:{gateway.http_port}",
        "token": gateway.token(pair.contact),
        "picture": str(folder / f"{pair.contact}.png"),
    }
    await stack.enter_async_context(peer("gateway.demo.family", orders, family.events.append))
    station = await stack.enter_async_context(Station("127.0.0.1"))
    await family.tells("waiting")
    return family, station


async def talk(endpoint: FakeSipEndpoint, pair: Pair, family: Family, station: Station) -> Family:
    """Both call in the same instant: whoever came seconds later would find that the first one has it all."""
    far = endpoint.call(sdp=station.offer(), trunk="demo", from_user=pair.station, to_user=pair.number)
    station.start(parse(await answered(far)))
    return family
