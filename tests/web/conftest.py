"""The pages in a real Chromium, against the real application with an actor as call control and a real WebRTC peer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.support.chromium import ARGUMENTS, EXECUTABLE
from tests.support.family_tab import FamilyTab
from tests.support.stage import Stage


class OnePage:
    """A tab for FamilyTab. complaints: what the browser's console called an error; a broken policy shows here."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def open(self, url: str) -> None:
        await self.page.goto(url)

    async def evaluate(self, expression: str) -> Any:
        return await self.page.evaluate(expression)

    async def screenshot(self, path: Path) -> None:
        await self.page.screenshot(path=path)


class Phones:
    """Phones 360 pixels wide, as many as a test needs."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.last: OnePage

    async def new(self, *, camera: bool = True, width: int = 360, height: int = 740) -> FamilyTab:
        """camera false: this browser's person refuses the camera and allows the microphone."""
        context = await self._browser.new_context(viewport={"width": width, "height": height})
        await context.grant_permissions(["microphone", "camera"] if camera else ["microphone"])
        self.last = OnePage(await context.new_page())
        return FamilyTab(self.last)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage(media=True, demo=True) as stage:
        yield stage


@pytest.fixture
async def phones() -> AsyncIterator[Phones]:
    arguments = [each for each in ARGUMENTS if "fake-ui" not in each]  # permissions are given as a person gives them
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=arguments)
        yield Phones(browser)
        await browser.close()
