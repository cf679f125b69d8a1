"""A family on a phone: it rings, they accept, both pictures move, money and time are seen, and it ends."""

from __future__ import annotations

import pytest

from gateway.call.notices import Low
from gateway.clock import ManualClock
from gateway.money import Money
from tests.support.family_tab import FamilyTab
from tests.support.stage import Stage
from tests.support.waiting import until
from tests.web.conftest import Phones

pytestmark = pytest.mark.interop


async def state(tab: FamilyTab, name: str, wanted: object) -> None:
    async def reached() -> bool:
        return bool(await tab.tab.evaluate(f"window.kinbridge.state.{name}") == wanted)

    await until(reached, f"{name} = {wanted!r} on the page")


async def texts(tab: FamilyTab, identifier: str, wanted: str) -> None:
    async def reached() -> bool:
        return await tab.shows(identifier) and wanted in await tab.text(identifier)

    await until(reached, f"{wanted!r} in #{identifier}")


async def visit(stage: Stage, phones: Phones, *, video: bool = True, query: str = "") -> tuple[FamilyTab, str]:
    """A phone in the middle of a visit."""
    tab = await phones.new()
    await tab.open(stage.page(query=query))
    await tab.phase("waiting")
    visit_id = stage.call("family-1", video=video)
    await tab.phase("ringing")
    await tab.click("accept")
    await tab.phase("visit")
    await state(tab, "link", "connected")
    return tab, visit_id


@pytest.mark.parametrize(
    ("rate", "at_most", "label", "text"),
    [
        ("0.12", "5.00", "It costs at most", "$5.00"),  # a price for the visit and one for its minutes
        ("0.16", "0.00", "A minute costs", "Nothing"),  # all within the free allowance
    ],
)
async def test_a_price_that_is_not_by_the_minute_is_told_before_anybody_accepts(
    stage: Stage, phones: Phones, rate: str, at_most: str, label: str, text: str
) -> None:
    tab = await phones.new()
    await tab.open(stage.page())
    await tab.phase("waiting")
    stage.call("family-1", rate=rate, at_most=at_most)
    await tab.phase("ringing")
    assert (await tab.text("ringing-rate-label"), await tab.text("ringing-rate")) == (label, text)


async def not_shown(tab: FamilyTab, name: str) -> bool:
    return not await tab.shows(name)


async def test_a_visit_from_ring_to_receipt(stage: Stage, phones: Phones) -> None:
    tab = await phones.new()
    await tab.open(stage.page())
    await tab.phase("waiting")
    assert await tab.text("waiting-title") == "Hello Ada, we will ring here"

    visit_id = stage.call("family-1", seconds=1200)
    await tab.phase("ringing")
    assert await tab.text("ringing-title") == "Terry Example"
    assert await tab.text("ringing-place") == "Demo County Jail"
    assert await tab.text("ringing-rate") == "$0.16"
    assert await tab.text("ringing-lasts") == "20 min"

    await tab.click("accept")
    await tab.phase("visit")
    await state(tab, "picture", "moving")
    assert not await tab.shows("slate")
    seen = await tab.stats_when("framesDecoded", 30)
    assert seen["totalAudioEnergy"] > 0
    assert (await tab.stats_when("framesSent", 10))["audioPacketsSent"] > 0

    stage.clock(visit_id, 754, "9.849999")
    await texts(tab, "time-left", "12:3")
    assert await tab.text("money-left") == "$9.84 left"
    stage.warn(visit_id, 60, "balance_exhausted")
    await texts(tab, "banner", "Then the money is used up.")
    stage.clock(visit_id, 300, "0.80")  # somebody paid in: the end is put off
    await until(lambda: not_shown(tab, "banner"), "the warning is taken back")
    stage.warn(visit_id, 60, "balance_exhausted")
    await texts(tab, "banner", "Then the money is used up.")

    await stage.visits.finish(visit_id, "balance_exhausted", talked_s=61, unusable_s=4)
    stage.doorbell.tell("family-1", Low(visit_id, Money(4_000, "USD")))
    await tab.phase("over")
    assert await tab.text("over-reason") == "The money on the account is used up."
    assert await tab.text("over-duration") == "1 min 5 s"
    assert await tab.text("over-charged") == "$0.16"
    assert "4 s" in await tab.text("over-fine")
    await texts(tab, "over-low", "The account is low: $0.00 left for the next visit.")
    assert phones.last.complaints == []

    await tab.click("again")
    await tab.phase("waiting")


async def test_declining_tells_the_gateway_and_waits_on(stage: Stage, phones: Phones) -> None:
    tab = await phones.new()
    await tab.open(stage.page())
    await tab.phase("waiting")
    visit_id = stage.call("family-1")
    await tab.phase("ringing")
    await tab.click("decline")
    await tab.phase("waiting")
    await until(lambda: said(stage, ("decline", visit_id)), "the decline")


async def test_hanging_up_ends_the_visit_and_says_what_it_cost(stage: Stage, phones: Phones) -> None:
    tab, visit_id = await visit(stage, phones)
    await tab.click("hangup")
    await tab.phase("over")
    assert await tab.text("over-reason") == "You hung up."
    assert ("leave", visit_id) in stage.visits.said


async def test_a_missed_visit_is_told(stage: Stage, phones: Phones) -> None:
    tab = await phones.new()
    await tab.open(stage.page())
    await tab.phase("waiting")
    visit_id = stage.call("family-1")
    await tab.phase("ringing")
    await stage.visits.finish(visit_id, "no_answer")
    await tab.phase("waiting")
    await texts(tab, "note", "You missed a visit from Terry Example.")


async def test_without_a_camera_talking_goes_on(stage: Stage, phones: Phones) -> None:
    tab = await phones.new(camera=False)
    await tab.open(stage.page())
    await tab.phase("waiting")
    visit_id = stage.call("family-1")
    await tab.phase("ringing")
    await tab.click("accept")
    await tab.phase("visit")
    await texts(tab, "trouble", "Your camera is not available")
    await state(tab, "picture", "moving")
    assert (await tab.stats_when("audioPacketsSent", 20))["framesSent"] == 0
    far = stage.visits.play(visit_id).far
    assert far is not None
    assert "m=video" in far.offer


async def test_a_call_from_a_phone_shows_a_slate_and_no_black(stage: Stage, phones: Phones) -> None:
    tab, _ = await visit(stage, phones, video=False)
    await texts(tab, "slate", "Sound only")
    assert not await tab.shows("camera")
    assert not await tab.shows("own-frame")
    assert (await tab.stats_when("totalAudioEnergy", 0.001))["framesDecoded"] == 0


async def test_a_hold_is_seen_and_so_is_its_end(stage: Stage, phones: Phones) -> None:
    tab, visit_id = await visit(stage, phones)
    stage.clock(visit_id, 100, running=False)
    stage.hold(visit_id)
    await texts(tab, "slate", "On hold")
    stage.hold(visit_id, held=False)
    await state(tab, "held", False)
    await state(tab, "picture", "moving")
    assert not await tab.shows("slate")


async def test_mute_and_camera_off_reach_the_tracks(stage: Stage, phones: Phones) -> None:
    tab, _ = await visit(stage, phones)
    await tab.click("mute")
    await tab.click("camera")
    assert await tab.tab.evaluate("document.getElementById('mute').getAttribute('aria-pressed')") == "true"
    sent = "document.getElementById('own').srcObject.getTracks().map(each => each.enabled)"
    assert await tab.tab.evaluate(sent) == [False, False]
    before = await tab.stats()
    after = await tab.stats_when("audioPacketsSent", before["audioPacketsSent"] + 50)
    assert after["framesSent"] - before["framesSent"] <= 2, "a camera that is off sends nothing, not black"
    await tab.click("mute")
    await tab.click("camera")
    assert await tab.tab.evaluate(sent) == [True, True]


async def test_a_page_that_is_reloaded_in_mid_visit_comes_back_by_itself(stage: Stage, phones: Phones) -> None:
    tab, visit_id = await visit(stage, phones)
    await phones.last.page.reload()
    await tab.phase("visit")
    await state(tab, "picture", "moving")
    assert stage.visits.said == [("accept", visit_id), ("rejoin", visit_id)]


async def test_another_page_of_the_family_offers_the_way_back(stage: Stage, phones: Phones) -> None:
    tab, visit_id = await visit(stage, phones)
    await tab.open("about:blank")
    await tab.open(stage.page())
    await tab.phase("waiting")
    await texts(tab, "waiting-title", "Your visit goes on")
    await tab.click("rejoin")
    await tab.phase("visit")
    await state(tab, "picture", "moving")
    assert stage.visits.said == [("accept", visit_id), ("rejoin", visit_id)]


async def test_a_lost_transport_comes_back_by_itself(stage: Stage, phones: Phones) -> None:
    tab, visit_id = await visit(stage, phones)
    far = stage.visits.play(visit_id).far
    assert far is not None
    await far.close()
    await until(lambda: said(stage, ("rejoin", visit_id)), "the rejoin", 40)
    await state(tab, "link", "connected")
    await state(tab, "picture", "moving")


async def test_the_events_socket_comes_back_by_itself(stage: Stage, phones: Phones) -> None:
    tab = await phones.new()
    await tab.open(stage.page())
    await tab.phase("waiting")
    await stage.stop_serving()
    await texts(tab, "trouble", "Trying again")
    await stage.serve_again()
    await state(tab, "socket", "open")
    stage.call("family-1")
    await tab.phase("ringing")
    assert not await tab.shows("trouble")


async def test_a_visit_that_ended_while_the_socket_was_away_ends_here_too(stage: Stage, phones: Phones) -> None:
    tab, visit_id = await visit(stage, phones)
    await stage.stop_serving()
    await stage.visits.finish(visit_id, "inmate_hung_up", 30)
    await stage.serve_again()
    await tab.phase("over")
    assert await tab.text("over-reason") == "It ended while you were away."


async def test_two_tabs_ring_and_one_takes_it(stage: Stage, phones: Phones) -> None:
    one, two = await phones.new(), await phones.new()
    for tab in (one, two):
        await tab.open(stage.page())
        await tab.phase("waiting")
    stage.call("family-1")
    for tab in (one, two):
        await tab.phase("ringing")
    await one.click("accept")
    await one.phase("visit")
    await two.phase("waiting")
    await texts(two, "note", "Taken on another page")


async def test_the_last_page_has_the_visit_and_the_other_lets_go(stage: Stage, phones: Phones) -> None:
    first, _ = await visit(stage, phones)
    second = await phones.new()
    await second.open(stage.page())
    await second.phase("waiting")
    await second.click("rejoin")
    await second.phase("visit")
    await first.phase("waiting")
    await texts(first, "note", "Taken on another page")
    assert await first.shows("rejoin")
    await second.stats_when("framesDecoded", 10)
    assert await second.phase("visit") == "visit"


async def test_closing_the_tab_is_known_at_once(stage: Stage, phones: Phones) -> None:
    await visit(stage, phones)
    assert stage.doorbell.pages("family-1") == 1
    await phones.last.page.close()

    async def gone() -> bool:
        return stage.doorbell.pages("family-1") == 0

    await until(gone, "the end of the page's socket", 5)


async def test_one_video_codec_can_be_asked_for(stage: Stage, phones: Phones) -> None:
    tab, visit_id = await visit(stage, phones, query="?video=VP8")
    far = stage.visits.play(visit_id).far
    assert far is not None
    video = far.offer.split("m=video")[1]
    assert "VP8/90000" in video
    assert not [each for each in ("H264/", "VP9/", "AV1/") if each in video]
    assert (await tab.stats_when("framesDecoded", 5))["codecs"]["videoIn"] == "VP8"


async def test_a_failure_to_join_is_told_with_its_remedy(stage: Stage, phones: Phones) -> None:
    tab = await phones.new()
    await tab.open(stage.page())
    await tab.phase("waiting")
    stage.visits.fails_with = RuntimeError("inside")
    visit_id = stage.call("family-1")
    await tab.phase("ringing")
    await tab.click("accept")
    await until(lambda: said(stage, ("accept", visit_id)), "the accept")
    await tab.phase("waiting")
    await texts(tab, "note", "Something failed here. Try again in a few seconds.")


@pytest.mark.parametrize("token", ["forged", "expired"])
async def test_a_link_that_opens_nothing_gets_a_page_for_people(phones: Phones, token: str) -> None:
    clock = ManualClock()
    async with Stage(clock=clock) as stage:
        link = stage.page() if token == "expired" else f"{stage.url}/family/{token}"
        await clock.advance(31 * 24 * 3600)
        tab = await phones.new()
        await tab.open(link)
        assert await tab.text("refused-title") == "This link does not work any more"


async def test_an_open_page_whose_link_ends_says_so(phones: Phones) -> None:
    clock = ManualClock()
    async with Stage(clock=clock) as stage:
        tab = await phones.new()
        await tab.open(stage.page())
        await tab.phase("waiting")
        await clock.advance(31 * 24 * 3600)
        await stage.stop_serving()
        await stage.serve_again()
        await tab.phase("refused")
        assert await tab.text("refused-title") == "This link is too old"


async def test_the_keyboard_alone_takes_and_ends_a_visit(stage: Stage, phones: Phones) -> None:
    tab = await phones.new()
    await tab.open(stage.page())
    await tab.phase("waiting")
    visit_id = stage.call("family-1")
    await tab.phase("ringing")
    keyboard = phones.last.page.keyboard
    await keyboard.press("Enter")  # Accept has the focus
    await tab.phase("visit")
    for _ in range(3):
        await keyboard.press("Tab")
    await keyboard.press("Enter")
    await tab.phase("over")
    assert ("leave", visit_id) in stage.visits.said


@pytest.mark.parametrize(("width", "height"), [(320, 568), (360, 740), (740, 360), (1440, 900)])
async def test_nothing_is_cut_off_and_everything_can_be_touched(
    stage: Stage, phones: Phones, width: int, height: int
) -> None:
    tab = await phones.new(width=width, height=height)
    await tab.open(stage.page())
    await tab.phase("waiting")
    assert await too_wide(tab) is False
    stage.call("family-1", privileged=True)
    await tab.phase("ringing")
    assert await too_wide(tab) is False
    assert await reachable(tab, "accept", "decline") == []
    await tab.click("accept")
    await tab.phase("visit")
    assert await too_wide(tab) is False
    assert await reachable(tab, "mute", "camera", "hangup") == []


async def test_the_demo_page_sends_the_visitor_to_a_ringing_page(stage: Stage, phones: Phones) -> None:
    tab = await phones.new()
    await tab.open(f"{stage.url}/demo")
    await tab.click("ring")
    await phones.last.page.wait_for_url("**/family/**")
    await tab.phase("ringing")
    assert phones.last.complaints == []


async def said(stage: Stage, what: tuple[str, str]) -> bool:
    return what in stage.visits.said


async def too_wide(tab: FamilyTab) -> bool:
    return bool(await tab.tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


async def reachable(tab: FamilyTab, *identifiers: str) -> list[str]:
    """Those of the buttons that are smaller than 44 pixels, outside of the screen, or under something else."""
    script = """identifiers => identifiers.filter(id => {
        const box = document.getElementById(id).querySelector("span").getBoundingClientRect();
        const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
        const top = document.elementFromPoint(x, y);
        return box.width < 44 || box.height < 44 || !top?.closest(`#${id}`);
    })"""
    page = tab.tab.page  # type: ignore[attr-defined]  # OnePage of this room
    found: list[str] = await page.evaluate(script, list(identifiers))
    return found
