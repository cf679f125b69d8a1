"""An officer at the desk: signs in, sees who visits, watches one visit, writes into it and ends it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page

from gateway.api.services import Staff
from gateway.config import StaffRole
from tests.access.stage import house_on
from tests.support.family_tab import FamilyTab
from tests.support.stage import Stage
from tests.support.waiting import until
from tests.web.conftest import OnePage, Phones

pytestmark = pytest.mark.interop

TOKEN = "token-of-badge-1138"
OFFICER = Staff("badge-1138", frozenset({StaffRole.OFFICER}), hashlib.sha256(TOKEN.encode()).hexdigest())


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with house_on("sqlite:///:memory:") as house, Stage(media=True, staff=(OFFICER,), access=house.desk) as stage:
        yield stage


class Desk:
    """The console in a tab."""

    def __init__(self, tab: FamilyTab, page: OnePage) -> None:
        self.tab, self.page = tab, page

    async def sign_in(self, stage: Stage, token: str = TOKEN) -> None:
        await self.tab.open(f"{stage.url}/console")
        if not await self.page.page.is_visible("#token"):
            await self.page.page.click("#other-way")
        await self.page.page.fill("#token", token)
        await self.page.page.press("#token", "Enter")

    async def rows(self) -> list[str]:
        found: list[str] = await self.page.evaluate(
            "[...document.querySelectorAll('#visits li')].map(li => li.innerText)"
        )
        return found

    async def shows(self, selector: str, text: str = "") -> None:
        async def seen() -> bool:
            place = self.page.page.locator(selector).first
            return await place.is_visible() and text in await place.inner_text()

        await until(seen, f"{text!r} in {selector}")

    async def watching(self) -> dict[str, Any]:
        async def moving() -> dict[str, Any]:
            now: dict[str, Any] = await self.page.evaluate("window.kinbridge.watching") or {}
            times = now.get("times", {})
            return now if times.get("station") and times.get("family") else {}

        return await until(moving, "both pictures at the officer's", 30)


@pytest.fixture
async def desk(phones: Phones) -> Desk:
    return Desk(await phones.new(width=1280, height=800), phones.last)


async def talking(stage: Stage, phones: Phones) -> tuple[FamilyTab, OnePage, str]:
    """A family in the middle of a visit."""
    tab = await phones.new()
    page = phones.last
    await tab.open(stage.page())
    await tab.phase("waiting")
    visit_id = stage.call("family-1")
    await tab.phase("ringing")
    assert await tab.shows("ringing-monitored")
    await tab.click("accept")
    await tab.phase("visit")
    assert await tab.shows("visit-monitored")
    return tab, page, visit_id


async def hears_and_sees(page: Page) -> bool:
    stats = await page.evaluate("window.kinbridge.stats()")
    return sorted(each["kind"] for each in stats) == ["audio", "video", "video"]


async def test_an_officer_watches_writes_and_ends(stage: Stage, phones: Phones, desk: Desk) -> None:
    family, family_page, visit_id = await talking(stage, phones)
    await desk.sign_in(stage)
    await desk.shows("#visits li", "Terry Example")
    page = desk.page.page

    await page.click("#visits button")
    watching = await desk.watching()
    assert watching["visit"] == visit_id
    assert (watching["state"], stage.desk.written[0].officer) == ("connected", "badge-1138")
    await desk.shows("#watched-title", "Terry Example and Ada Example")
    await until(lambda: hears_and_sees(page), "sound and two pictures at the officer's")

    await page.fill("#text", "<b>Five minutes</b>")
    await page.click("#send")
    await desk.shows("#sent", "They can read it now.")
    await until(lambda: family.shows("said"), "the officer's words at the family's")
    assert await family.text("said-words") == "<b>Five minutes</b>"
    assert stage.desk.acts == [("badge-1138", "message", visit_id, 19)]
    await family.click("said-close")
    assert not await family.shows("said")

    await page.click("#end")
    await page.click("#sure button[value=no]")
    assert await family.tab.evaluate("window.kinbridge.phase") == "visit"
    await page.click("#end")
    await page.click("#really")
    await family.phase("over")
    assert stage.desk.acts[1:] == [("badge-1138", "end", visit_id, 0)]
    await desk.shows("#nobody")
    assert desk.page.complaints == []
    assert family_page.complaints == []


@pytest.mark.parametrize(
    ("monitored", "said", "short"),
    [
        (True, "This visit is recorded, and an officer can watch and listen.", "Recorded, may be monitored"),
        (False, "This visit is recorded.", "Recorded"),
    ],
)
async def test_the_family_is_told_that_it_is_recorded_before_it_accepts(
    stage: Stage, phones: Phones, monitored: bool, said: str, short: str
) -> None:
    tab = await phones.new()
    await tab.open(stage.page())
    await tab.phase("waiting")
    stage.call("family-1", recorded=True, monitored=monitored)
    await tab.phase("ringing")
    assert await tab.text("ringing-monitored") == said
    await tab.click("accept")
    await tab.phase("visit")
    assert await tab.text("visit-monitored") == short


async def test_what_may_not_be_watched_has_no_button_and_frightens_no_family(
    stage: Stage, phones: Phones, desk: Desk
) -> None:
    await desk.sign_in(stage, "wrong")
    await desk.shows("#refused", "This token is not valid")
    tab = await phones.new()
    await tab.open(stage.page())
    await tab.phase("waiting")
    stage.call("family-1", privileged=True)
    stage.call("family-2", monitored=False)
    await tab.phase("ringing")
    assert not await tab.shows("ringing-monitored")
    await tab.click("accept")
    await tab.phase("visit")
    assert not await tab.shows("visit-monitored")

    await desk.sign_in(stage)
    await desk.shows("#visits li:nth-child(1) .closed", "Privileged: nobody may watch")
    await desk.shows("#visits li:nth-child(2) .closed", "Not monitored")
    assert await desk.page.page.locator("#visits button:visible").count() == 0
    privileged, other = await desk.rows()
    assert "Ada Example" not in privileged
    assert "Ben Example" in other


async def test_watching_ends_with_the_button_and_with_the_tab(stage: Stage, phones: Phones, desk: Desk) -> None:
    family, _, visit_id = await talking(stage, phones)
    await desk.sign_in(stage)
    await desk.shows("#visits button", "Watch")
    page = desk.page.page
    await page.click("#visits button")
    await desk.watching()
    await page.click("#stop")
    await ended(stage, "officer_left")
    await desk.shows("#visits button", "Watch")

    await page.click("#visits button")
    await desk.watching()
    await page.close()
    await ended(stage, "page_closed", "officer_left")
    assert stage.desk.watchers(visit_id) == 0
    assert await family.tab.evaluate("window.kinbridge.phase") == "visit"


async def ended(stage: Stage, *reasons: str) -> None:
    async def so() -> bool:
        return stage.desk.written[-1].reason in reasons

    await until(so, f"the end of the watching by {reasons}")
