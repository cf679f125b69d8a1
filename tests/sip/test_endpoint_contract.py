"""What an endpoint is, fake or real: the same screenplay for both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sip import (
    Answered,
    Dialog,
    DialogEvent,
    DialogGone,
    Dtmf,
    Ended,
    EndedBy,
    Endpoint,
    Info,
    Invite,
    Offered,
    OfferRefused,
    Progress,
    SipBusy,
    SipConfigError,
)
from tests.sip.descriptions import GATEWAY, STATION, description, without_origin
from tests.sip.stations import PATIENCE_S, Station, next_of, stage


@pytest.fixture(params=["fake", "real"])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Endpoint, Station]]:
    async with stage(request.param) as both:
        yield both


Scene = tuple[Endpoint, Station]


async def taken(endpoint: Endpoint) -> tuple[Invite, Dialog, AsyncIterator[DialogEvent]]:
    async with asyncio.timeout(PATIENCE_S):
        invite, dialog = await anext(endpoint.invites())
    return invite, dialog, dialog.events()


async def connected(scene: Scene) -> tuple[Dialog, AsyncIterator[DialogEvent]]:
    endpoint, station = scene
    await station.call(STATION)
    _, dialog, events = await taken(endpoint)
    await dialog.answer(GATEWAY)
    await station.answered()
    await next_of(events, Answered)
    return dialog, events


async def test_a_call_rings_is_answered_and_the_station_hangs_up(scene: Scene) -> None:
    endpoint, station = scene
    await station.call(STATION, from_user="station7")
    invite, dialog, events = await taken(endpoint)
    assert (invite.trunk, invite.from_user, invite.to_user) == ("facility", "station7", "1001")
    assert (invite.handle, invite.sip_call_id) == (dialog.handle, dialog.sip_call_id)
    assert without_origin(invite.sdp) == without_origin(STATION)
    await dialog.ring()
    assert await station.rings() == 180
    await dialog.answer(GATEWAY)
    assert without_origin(await station.answered()) == without_origin(GATEWAY)
    assert await next_of(events, Answered) == Answered(None)
    await station.bye()
    assert await next_of(events, Ended) == Ended(EndedBy.REMOTE, 200, "OK")
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_we_hang_up(scene: Scene) -> None:
    dialog, events = await connected(scene)
    await dialog.hang_up(reason="time limit")
    await scene[1].hears_bye()
    assert await next_of(events, Ended) == Ended(EndedBy.LOCAL, 200, "OK")
    await dialog.hang_up()  # idempotent


async def test_the_station_gives_up_while_it_rings(scene: Scene) -> None:
    endpoint, station = scene
    await station.call(STATION)
    _, dialog, events = await taken(endpoint)
    await dialog.ring()
    await station.rings()
    await station.cancel()
    assert await next_of(events, Ended) == Ended(EndedBy.REMOTE, 487, "Request Terminated")
    with pytest.raises(DialogGone):
        await dialog.answer(GATEWAY)


@pytest.mark.parametrize("code", [403, 486, 488, 603])
async def test_a_call_is_refused(scene: Scene, code: int) -> None:
    endpoint, station = scene
    await station.call(STATION)
    _, dialog, events = await taken(endpoint)
    await dialog.reject(code)
    assert await station.refused() == code
    ended = await next_of(events, Ended)
    assert isinstance(ended, Ended)
    assert (ended.by, ended.code) == (EndedBy.LOCAL, code)


async def test_the_station_holds_and_resumes(scene: Scene) -> None:
    dialog, events = await connected(scene)
    for direction, mirrored in (("sendonly", "recvonly"), ("sendrecv", "sendrecv")):
        asked = asyncio.create_task(scene[1].reinvite(description(40000, direction=direction)))
        offered = await next_of(events, Offered)
        assert isinstance(offered, Offered)
        assert offered.sdp is not None
        assert f"a={direction}" in offered.sdp
        await dialog.answer_offer(description(30000, direction=mirrored))
        answer = await asked
        assert isinstance(answer, str)
        assert f"a={mirrored}" in answer


async def test_an_offer_of_the_station_is_refused_and_the_session_stays(scene: Scene) -> None:
    dialog, events = await connected(scene)
    asked = asyncio.create_task(scene[1].reinvite(description(40000, direction="inactive")))
    await next_of(events, Offered)
    await dialog.refuse_offer(488)
    assert await asked == 488
    await dialog.hang_up()
    await scene[1].hears_bye()
    assert (await next_of(events, Ended)).by is EndedBy.LOCAL


async def test_an_offer_that_nobody_answers_is_refused_with_488(scene: Scene) -> None:
    dialog, events = await connected(scene)
    assert await scene[1].reinvite(description(40000, direction="inactive")) == 488
    await next_of(events, Offered)
    await dialog.answer_offer(GATEWAY)  # too late: dropped without harm
    await dialog.hang_up()
    await next_of(events, Ended)


async def test_we_offer_within_the_call(scene: Scene) -> None:
    dialog, events = await connected(scene)
    held = description(30000, direction="sendonly")
    await dialog.offer(held)
    answer = description(40000, direction="recvonly")
    assert without_origin(await scene[1].reinvited(answer)) == without_origin(held)
    answered = await next_of(events, Answered)
    assert isinstance(answered, Answered)
    assert without_origin(answered.sdp) == without_origin(answer)


async def test_our_offer_within_the_call_is_refused(scene: Scene) -> None:
    dialog, events = await connected(scene)
    await dialog.offer(description(30000, direction="inactive"))
    await scene[1].refuses_reinvite()
    assert await next_of(events, OfferRefused) == OfferRefused(488, "Not Acceptable Here")


async def test_keys_and_wishes_come_by_info(scene: Scene) -> None:
    dialog, events = await connected(scene)
    await scene[1].info("application/dtmf-relay", "Signal=5\r\nDuration=200\r\n")
    assert await next_of(events, Dtmf, Info) == Dtmf("5", 200)
    await scene[1].info("application/dtmf", "#")
    assert await next_of(events, Dtmf, Info) == Dtmf("#", 160)
    await scene[1].info("application/media_control+xml", "<picture_fast_update/>")
    assert await next_of(events, Dtmf, Info) == Info("application/media_control+xml", "<picture_fast_update/>")
    await dialog.send_info("application/media_control+xml", "<picture_fast_update/>")


async def test_we_call_the_station_and_it_answers(scene: Scene) -> None:
    endpoint, station = scene
    dialog = await endpoint.invite("station7", GATEWAY, trunk="facility")
    events = dialog.events()
    assert without_origin(await station.called()) == without_origin(GATEWAY)
    await station.ring()
    assert await next_of(events, Progress) == Progress(180, None)
    await station.answer(STATION)
    answered = await next_of(events, Answered)
    assert isinstance(answered, Answered)
    assert without_origin(answered.sdp) == without_origin(STATION)
    await dialog.hang_up()
    await station.hears_bye()
    assert await next_of(events, Ended) == Ended(EndedBy.LOCAL, 200, "OK")


async def test_we_call_and_the_station_is_busy(scene: Scene) -> None:
    endpoint, station = scene
    dialog = await endpoint.invite("station7", GATEWAY, trunk="facility")
    await station.called()
    await station.reject(486)
    assert await next_of(dialog.events(), Ended) == Ended(EndedBy.REMOTE, 486, "Busy Here")


async def test_we_call_and_give_up_while_it_rings(scene: Scene) -> None:
    endpoint, station = scene
    dialog = await endpoint.invite("station7", GATEWAY, trunk="facility")
    events = dialog.events()
    await station.called()
    await station.ring()
    await next_of(events, Progress)
    await dialog.hang_up()
    ended = await next_of(events, Ended)
    assert isinstance(ended, Ended)
    assert (ended.by, ended.code) == (EndedBy.LOCAL, 487)


async def test_an_unknown_trunk_is_named(scene: Scene) -> None:
    with pytest.raises(SipConfigError, match="nowhere"):
        await scene[0].invite("station7", GATEWAY, trunk="nowhere")


async def test_there_is_room_for_four_calls(scene: Scene) -> None:
    endpoint, _ = scene
    assert endpoint.free_calls() == 4
    for _ in range(4):
        await endpoint.invite("station7", GATEWAY, trunk="facility")
    assert endpoint.free_calls() == 0
    with pytest.raises(SipBusy):
        await endpoint.invite("station7", GATEWAY, trunk="facility")


async def test_the_caller_hears_something_before_the_answer(scene: Scene) -> None:
    endpoint, station = scene
    await station.call(STATION)
    _, dialog, events = await taken(endpoint)
    await dialog.ring(183, GATEWAY)
    assert without_origin(await station.hears_early()) == without_origin(GATEWAY)
    await dialog.answer(GATEWAY)
    assert without_origin(await station.answered()) == without_origin(GATEWAY)
    assert await next_of(events, Answered) == Answered(None)


async def test_we_call_without_a_description(scene: Scene) -> None:
    endpoint, station = scene
    dialog = await endpoint.invite("station7", None, trunk="facility")
    events = dialog.events()
    assert await station.called() is None
    await station.answer(STATION)
    offered = await next_of(events, Offered)
    assert isinstance(offered, Offered)
    assert without_origin(offered.sdp) == without_origin(STATION)
    await dialog.answer_offer(GATEWAY)
    assert without_origin(await station.acked()) == without_origin(GATEWAY)
    await next_of(events, Answered)
