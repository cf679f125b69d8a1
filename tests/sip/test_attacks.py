"""Scanners and floods against the real stack: SIPp and plain sockets from addresses of no trunk, and of one."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from pathlib import Path

import pytest

from sip import ConferenceSeen, Dtmf, Ended, Invite, Offered, RequestsRefused, SipEndpoint, SipSettings, Trunk
from sip.types import Strangers
from tests.support.raw_caller import HOST, RawCaller, description
from tests.support.sipp import Sipp

pytestmark = pytest.mark.interop
JAIL_HOST = "127.0.0.7"
JAIL = Trunk("jail", sources=(JAIL_HOST,))
FLOOD = ("-m", "150", "-r", "1000", "-l", "150")


def settings(strangers: Strangers, trunk: Trunk = JAIL, **more: float) -> SipSettings:
    return SipSettings(port=0, trunks=(trunk,), strangers=strangers, **more)  # type: ignore[arg-type]


def port_of(endpoint: SipEndpoint) -> int:
    return endpoint.addresses()[0][2]


async def refused(endpoint: SipEndpoint, number: int) -> Counter[tuple[str, str, str]]:
    """What the endpoint reports until it has told of so many."""
    counts: Counter[tuple[str, str, str]] = Counter()
    async with asyncio.timeout(20):
        async for event in endpoint.events():
            if isinstance(event, RequestsRefused):
                counts[event.why, event.method, event.trunk] += event.number
                if counts.total() >= number:
                    return counts
    raise AssertionError("the endpoint has stopped")


async def a_call_of_the_trunk(endpoint: SipEndpoint) -> Invite:
    """The jail's call is answered as if nothing were."""
    with RawCaller(port_of(endpoint), host=JAIL_HOST) as caller:
        await caller.call(description(40_002))
        async with asyncio.timeout(10):
            invite, dialog = await anext(endpoint.invites())
        await dialog.answer(description(40_000))
        answer = await caller.answer()
        assert answer.code == 200
        await caller.acknowledge(answer)
        assert await caller.hang_up() == 200
        assert [type(each) async for each in dialog.events()][-1] is Ended
    return invite


async def test_a_flood_of_strangers_hears_nothing_and_is_counted(tmp_path: Path) -> None:
    async with SipEndpoint(settings(Strangers.SILENT)) as endpoint, asyncio.TaskGroup() as group:
        names = ("flood_options", "flood_register", "flood_invite")
        floods = [Sipp(name, tmp_path, port_of(endpoint), arguments=FLOOD) for name in names]
        for each in floods:
            group.create_task(each.run())
        counting = group.create_task(refused(endpoint, 450))
        await a_call_of_the_trunk(endpoint)
        counts = await counting
        assert "UDP message sent" in floods[0].trace()
        assert "message received" not in "".join(each.trace() for each in floods), "nothing came back"
    assert counts == {("stranger", method, ""): 150 for method in ("OPTIONS", "REGISTER", "INVITE")}


async def test_silence_is_silence_also_for_a_bye_of_no_call_and_on_tcp() -> None:
    async with SipEndpoint(settings(Strangers.SILENT)) as endpoint:
        with RawCaller(port_of(endpoint)) as stranger:
            stranger.to_tag = "guessed"
            for method in ("BYE", "OPTIONS", "INFO", "NOSUCH"):
                await stranger.say(stranger.request(method))
            reader, writer = await asyncio.open_connection(HOST, port_of(endpoint))
            writer.write(stranger.request("OPTIONS").replace("SIP/2.0/UDP", "SIP/2.0/TCP").encode())
            assert await reader.read() == b"", "the connection is closed without a word"
            writer.close()
            await refused(endpoint, 5)
            await a_call_of_the_trunk(endpoint)
            with pytest.raises(BlockingIOError):
                stranger._socket.recv(1, socket.MSG_DONTWAIT)


async def test_or_they_are_told_403() -> None:
    async with SipEndpoint(settings(Strangers.FORBIDDEN)) as endpoint:
        with RawCaller(port_of(endpoint)) as stranger:
            for method in ("OPTIONS", "REGISTER", "INVITE"):
                await stranger.say(stranger.request(method))
                answer = await stranger.answer(method)
                assert answer.code == 403
                assert "Kinbridge" not in answer.text
        counts = await refused(endpoint, 3)
        assert counts == {("stranger", method, ""): 1 for method in ("OPTIONS", "REGISTER", "INVITE")}
        await a_call_of_the_trunk(endpoint)


async def test_a_scanner_behind_a_trunk_is_turned_away_too(tmp_path: Path) -> None:
    async with SipEndpoint(settings(Strangers.SILENT)) as endpoint:
        await Sipp("flood_invite", tmp_path, port_of(endpoint), host=JAIL_HOST).run()
        assert await refused(endpoint, 1) == {("scanner", "INVITE", "jail"): 1}
        assert endpoint.free_calls() == 4


async def test_a_trunk_that_calls_too_fast_gets_503(tmp_path: Path) -> None:
    slow = Trunk("jail", sources=(JAIL_HOST,), invites_per_s=0.01)
    async with SipEndpoint(settings(Strangers.SILENT, slow)) as endpoint:
        await a_call_of_the_trunk(endpoint)
        with RawCaller(port_of(endpoint), host=JAIL_HOST) as caller:
            await caller.call(description(40_002))
            assert (await caller.answer()).code == 503
        assert await refused(endpoint, 1) == {("trunk-rate", "INVITE", "jail"): 1}


async def test_a_flood_of_pings_from_a_trunk_is_bounded(tmp_path: Path) -> None:
    async with SipEndpoint(settings(Strangers.SILENT, source_requests_per_s=0.01)) as endpoint:
        with RawCaller(port_of(endpoint), host=JAIL_HOST) as caller:
            for number, code in enumerate((200, 503, 503), start=1):
                caller.to_tag = ""
                await caller.say(caller.request("OPTIONS", sequence=number))
                assert (await caller.answer("OPTIONS")).code == code
        assert await refused(endpoint, 2) == {("source-rate", "OPTIONS", "jail"): 2}


@pytest.mark.parametrize("trusted", [True, False])
async def test_who_calls_is_believed_of_a_trunk_whose_word_counts_alone(trusted: bool) -> None:
    trunk = Trunk("jail", sources=(JAIL_HOST,), trusted_identity=trusted)
    async with SipEndpoint(settings(Strangers.SILENT, trunk)) as endpoint:
        with RawCaller(port_of(endpoint), host=JAIL_HOST, number="2368001") as caller:
            said = ("P-Asserted-Identity: <sip:9999@jail>", "Remote-Party-ID: <sip:8888@jail>;party=calling")
            await caller.say(caller.request("INVITE", body=description(40_002), headers=said))
            async with asyncio.timeout(10):
                invite, dialog = await anext(endpoint.invites())
            await dialog.reject(486)
            await caller.end_of_invite()
    assert invite.from_user == "2368001"
    assert invite.asserted_identity == ("<sip:9999@jail>" if trusted else "")
    assert invite.identity_ignored is not trusted


async def test_a_flash_and_a_conference_are_reported() -> None:
    """In a call: INFO in three spellings, and a re-INVITE of somebody who has become a conference."""
    async with SipEndpoint(settings(Strangers.SILENT)) as endpoint:
        with RawCaller(port_of(endpoint), host=JAIL_HOST) as caller:
            await caller.call(description(40_002))
            async with asyncio.timeout(10):
                _, dialog = await anext(endpoint.invites())
            await dialog.answer(description(40_000))
            await caller.acknowledge(await caller.answer())
            flashes = (
                ("application/hook-flash", ""),
                ("application/dtmf-relay", "Signal=16\r\nDuration=100\r\n"),
                ("application/dtmf-relay", "Signal=hf\r\nDuration=100\r\n"),
            )
            for kind, body in flashes:
                caller.sequence += 1
                text = caller.request("INFO", headers=(f"Content-Type: {kind}",))
                await caller.say(text.replace("Content-Length: 0", f"Content-Length: {len(body)}") + body)
                assert (await caller.answer("INFO")).code == 200
            caller.sequence += 1
            focus = f"Contact: <sip:raw@{caller.host}:{caller.port}>;isfocus"
            await caller.say(caller.request("INVITE", body=description(40_002), headers=(focus,), contact=False))
            seen = []
            async with asyncio.timeout(10):
                async for event in dialog.events():
                    seen.append(event)
                    if isinstance(event, Offered):
                        await dialog.answer_offer(description(40_000))
                        await caller.acknowledge(await caller.answer())
                        await caller.hang_up()
    assert [each for each in seen if isinstance(each, Dtmf)] == [Dtmf("!", 160), Dtmf("!", 100), Dtmf("!", 100)]
    assert seen.count(ConferenceSeen()) == 1
