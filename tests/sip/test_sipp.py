"""Real SIP messages of an independent implementation against the real endpoint: tests/sip/scenarios, played by SIPp."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sip import (
    Answered,
    Dialog,
    DialogEvent,
    Dtmf,
    Ended,
    EndedBy,
    Info,
    Invite,
    Offered,
    Progress,
    RegistrationChanged,
    RequestsRefused,
    SipEndpoint,
    SipSettings,
    TransferRefused,
    Transport,
    Trunk,
)
from sip.description import media_kinds
from tests.sip.descriptions import GATEWAY, description
from tests.sip.stations import PATIENCE_S
from tests.support.sipp import Sipp

pytestmark = pytest.mark.interop
FACILITY = Trunk("facility", sources=("127.0.0.1",))
Script = Callable[[Invite, Dialog], Awaitable[None]]


def answer_to(offer: str | None) -> str:
    """The gateway's description with the offer's lines; its direction is the mirror of the offer's."""
    if offer is None:
        return GATEWAY
    mirrored = "recvonly" if "a=sendonly" in offer else "sendrecv"
    ours = description(30000, video="video" in media_kinds(offer), direction=mirrored)
    return ours.replace("m=video 30002", "m=video 0") if "m=video 0" in offer else ours


async def accept(invite: Invite, dialog: Dialog) -> None:
    await dialog.ring()
    await dialog.answer(answer_to(invite.sdp))


async def follow(dialog: Dialog) -> list[DialogEvent]:
    """Answers every offer; all events up to the end."""
    seen = []
    async with asyncio.timeout(PATIENCE_S):
        async for event in dialog.events():
            seen.append(event)
            if isinstance(event, Offered):
                await dialog.answer_offer(answer_to(event.sdp))
    return seen


@asynccontextmanager
async def gateway(trunk: Trunk = FACILITY) -> AsyncIterator[SipEndpoint]:
    async with SipEndpoint(SipSettings(port=0, trunks=(trunk,))) as endpoint:
        yield endpoint


def port_of(endpoint: SipEndpoint) -> int:
    return endpoint.addresses()[0][2]


async def play(scenario: str, folder: Path, script: Script, transport: str = "u1") -> tuple[Invite, list[DialogEvent]]:
    """One call of SIPp: `script` takes it, then every offer is answered. The invite, and all events."""
    async with gateway() as endpoint, asyncio.TaskGroup() as group:
        sipp = Sipp(scenario, folder, port_of(endpoint), transport)
        station = group.create_task(sipp.run())
        async with asyncio.timeout(PATIENCE_S):
            invite, dialog = await anext(endpoint.invites())
        events = group.create_task(follow(dialog))
        await script(invite, dialog)
        await station
    return invite, events.result()


def kinds(events: list[DialogEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


@pytest.mark.parametrize(("transport", "name"), [("u1", Transport.UDP), ("t1", Transport.TCP)])
async def test_answer_and_bye_of_the_station(tmp_path: Path, transport: str, name: Transport) -> None:
    invite, events = await play("answer", tmp_path, accept, transport)
    assert (invite.transport, invite.from_user, invite.from_display) == (name, "station7", "Station 7")
    assert events == [Answered(None), Ended(EndedBy.REMOTE, 200, "OK")]


async def test_cancel_while_ringing(tmp_path: Path) -> None:
    async def only_ring(invite: Invite, dialog: Dialog) -> None:
        await dialog.ring()

    _, events = await play("cancel", tmp_path, only_ring)
    assert events == [Ended(EndedBy.REMOTE, 487, "Request Terminated")]


@pytest.mark.parametrize(("scenario", "code"), [("busy", 486), ("refused", 403), ("declined", 603)])
async def test_refusals(tmp_path: Path, scenario: str, code: int) -> None:
    async def refuse(invite: Invite, dialog: Dialog) -> None:
        await dialog.reject(code)

    _, events = await play(scenario, tmp_path, refuse)
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert (ended.by, ended.code, len(events)) == (EndedBy.LOCAL, code, 1)


async def test_hold_and_resume(tmp_path: Path) -> None:
    _, events = await play("hold", tmp_path, accept)
    assert kinds(events) == ["Answered", "Offered", "Offered", "Ended"]


async def test_a_picture_is_added_and_dropped(tmp_path: Path) -> None:
    _, events = await play("add_video", tmp_path, accept)
    offers = [media_kinds(event.sdp) for event in events if isinstance(event, Offered) and event.sdp]
    assert offers == [("audio", "video"), ("audio", "video")]


async def test_update(tmp_path: Path) -> None:
    _, events = await play("update", tmp_path, accept)
    assert [event.method for event in events if isinstance(event, Offered)] == ["UPDATE"]


async def test_delayed_offer(tmp_path: Path) -> None:
    invite, events = await play("delayed_offer", tmp_path, accept)
    assert invite.sdp is None
    answers = [event.sdp for event in events if isinstance(event, Answered)]
    assert kinds(events) == ["Answered", "Offered", "Answered", "Ended"]
    assert [media_kinds(sdp) for sdp in answers if sdp] == [("audio", "video")] * 2
    assert answers[1] is not None
    assert "a=inactive" in answers[1]


async def test_keys_by_info(tmp_path: Path) -> None:
    _, events = await play("dtmf", tmp_path, accept)
    assert events[1:3] == [Dtmf("5", 160), Dtmf("#", 160)]
    assert isinstance(events[3], Info)
    assert events[3].content_type == "application/media_control+xml"
    assert kinds(events) == ["Answered", "Dtmf", "Dtmf", "Info", "Ended"]


async def test_a_transfer_is_refused_and_reported(tmp_path: Path) -> None:
    _, events = await play("refer", tmp_path, accept)
    assert kinds(events) == ["Answered", "TransferRefused", "Ended"]
    assert isinstance(events[1], TransferRefused)
    assert "third" in events[1].refer_to


async def test_we_hang_up_with_a_reason(tmp_path: Path) -> None:
    async def accept_and_end(invite: Invite, dialog: Dialog) -> None:
        await accept(invite, dialog)
        await connected.wait()
        await dialog.hang_up(reason="time limit")

    connected = asyncio.Event()

    async with gateway() as endpoint, asyncio.TaskGroup() as group:
        group.create_task(Sipp("bye_from_us", tmp_path, port_of(endpoint)).run())
        invite, dialog = await anext(endpoint.invites())
        script = group.create_task(accept_and_end(invite, dialog))
        seen = []
        async for event in dialog.events():
            seen.append(event)
            connected.set()
        await script
    assert seen == [Answered(None), Ended(EndedBy.LOCAL, 200, "OK")]


async def test_a_fifth_call_on_one_agent_is_busy(tmp_path: Path) -> None:
    async with gateway() as endpoint:
        calls = [asyncio.create_task(Sipp("cancel", tmp_path, port_of(endpoint)).run()) for _ in range(4)]
        taken = [await anext(endpoint.invites()) for _ in range(4)]
        assert endpoint.free_calls() == 0
        await Sipp("fifth", tmp_path, port_of(endpoint)).run()
        for _, dialog in taken:
            await dialog.ring()
        await asyncio.gather(*calls)
        for _, dialog in taken:
            assert kinds(await follow(dialog)) == ["Ended"]
        assert endpoint.free_calls() == 4


BY_ITSELF = [
    *("options", "message", "subscribe", "foreign_refer", "replaces"),
    *("bad_sdp", "unsupported_body", "opus_only"),
]


@pytest.mark.parametrize("scenario", BY_ITSELF)
async def test_answered_by_the_agent_itself(tmp_path: Path, scenario: str) -> None:
    async with gateway() as endpoint:
        await Sipp(scenario, tmp_path, port_of(endpoint)).run()
        assert endpoint.free_calls() == 4
        await Sipp("options", tmp_path, port_of(endpoint)).run()


async def test_a_stranger_is_refused_and_reported(tmp_path: Path) -> None:
    async with gateway(Trunk("facility", sources=("10.0.0.0/8",))) as endpoint:
        sipp = Sipp("refused", tmp_path, port_of(endpoint))
        await sipp.run()
        event = await anext(endpoint.events())
        assert event == RequestsRefused("stranger", "INVITE", "", 1)
        assert endpoint.free_calls() == 4


async def test_a_called_station_answers(tmp_path: Path) -> None:
    sipp = Sipp("called", tmp_path)
    trunk = Trunk("facility", sources=("127.0.0.1",), server=f"127.0.0.1:{sipp.port}")
    async with gateway(trunk) as endpoint, asyncio.TaskGroup() as group:
        group.create_task(sipp.run())
        dialog = await endpoint.invite("station7", GATEWAY, trunk="facility")
        seen = []
        async for event in dialog.events():
            seen.append(event)
            if isinstance(event, Answered):
                await dialog.hang_up()
    assert kinds(seen) == ["Progress", "Answered", "Ended"]
    assert seen[0] == Progress(180, None)
    assert seen[-1] == Ended(EndedBy.LOCAL, 200, "OK")


async def test_registration_with_digest(tmp_path: Path) -> None:
    sipp = Sipp("register", tmp_path)
    pbx = Trunk("pbx", server=f"127.0.0.1:{sipp.port}", username="kin7", password="s3cret", register=True)
    async with asyncio.TaskGroup() as group:
        registrar = group.create_task(sipp.run())
        async with gateway(pbx) as endpoint:
            async with asyncio.timeout(PATIENCE_S):
                event = await anext(endpoint.events())
            assert isinstance(event, RegistrationChanged)
            assert (event.registration.trunk, event.registration.registered) == ("pbx", True), sipp.trace()
        trace = await registrar
    assert "expires=300" in trace.lower() or "expires: 300" in trace.lower()


async def test_a_session_timer_below_our_minimum(tmp_path: Path) -> None:
    async with gateway() as endpoint, asyncio.TaskGroup() as group:
        group.create_task(Sipp("short_session", tmp_path, port_of(endpoint)).run())
        _, dialog = await anext(endpoint.invites())
        ended = (await follow(dialog))[-1]
    assert isinstance(ended, Ended)
    assert ended.code == 422


async def test_a_trunk_is_pinged(tmp_path: Path) -> None:
    sipp = Sipp("pinged", tmp_path)
    trunk = Trunk("pbx", server=f"127.0.0.1:{sipp.port}")
    settings = SipSettings(port=0, trunks=(trunk,), options_keepalive_s=1)
    async with asyncio.TaskGroup() as group:
        group.create_task(sipp.run())
        async with SipEndpoint(settings):
            while not sipp.trace():  # noqa: ASYNC110 - SIPp tells only its file
                await asyncio.sleep(0.1)


async def test_the_public_address_is_the_only_one_we_name(tmp_path: Path) -> None:
    sipp = Sipp("called", tmp_path)
    trunk = Trunk("facility", sources=("127.0.0.1",), server=f"127.0.0.1:{sipp.port}")
    settings = SipSettings(port=0, trunks=(trunk,), public_host="203.0.113.1")
    async with SipEndpoint(settings) as endpoint, asyncio.TaskGroup() as group:
        station = group.create_task(sipp.run())
        dialog = await endpoint.invite("station7", GATEWAY, trunk="facility")
        async for event in dialog.events():
            if isinstance(event, Answered):
                await dialog.hang_up()
    ours = [line for line in station.result().splitlines() if line.startswith(("Via:", "From:", "Contact: <sip:kin"))]
    assert any(line.startswith(f"Contact: <sip:kinbridge@203.0.113.1:{port_of(endpoint)}") for line in ours)
    assert not [line for line in ours if "127.0.0.1" in line]
