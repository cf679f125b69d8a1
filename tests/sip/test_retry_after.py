"""A 503 on the wire says when to try again."""

from __future__ import annotations

from sip import SipEndpoint, SipSettings, Trunk
from tests.support.raw_caller import HOST, RawCaller, description


async def test_a_call_that_is_too_much_is_told_when_to_try_again() -> None:
    settings = SipSettings(host=HOST, port=0, trunks=(Trunk("raw", sources=(f"{HOST}/32",)),))
    async with SipEndpoint(settings) as endpoint:
        with RawCaller(endpoint.addresses()[0][2]) as caller:
            await caller.call(description(40_000))
            _, dialog = await anext(aiter(endpoint.invites()))
            await dialog.reject(503, retry_after_s=10)
            answer = await caller.answer("INVITE")
            await caller.acknowledge(answer)
    assert (answer.code, answer.header("Retry-After")) == (503, "10")
