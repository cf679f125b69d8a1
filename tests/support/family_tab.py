"""The family's page in a real browser, seen through what the page itself shows (window.kinbridge).

async with ChromiumTab() as tab:
    await tab.open(link)
    await tab.phase("ringing")
    await tab.click("accept")
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from playwright.async_api import Page

from tests.support.chromium import Chromium
from tests.support.firefox_page import FirefoxPage
from tests.support.waiting import until


class Tab(Protocol):
    """One tab of one browser."""

    async def open(self, url: str) -> None: ...

    async def evaluate(self, expression: str) -> Any: ...

    async def screenshot(self, path: Path) -> None: ...


class FamilyTab:
    """What a person does on the page, and what diagnostics it gives."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab

    async def open(self, url: str) -> None:
        await self.tab.open(url)

    async def phase(self, *wanted: str, timeout_s: float = 30.0) -> str:
        async def reached() -> str | None:
            now = await self.tab.evaluate("window.kinbridge?.phase ?? ''")
            return str(now) if now in wanted else None

        found = await until(reached, f"the page's phase {' or '.join(wanted)}", timeout_s)
        assert found is not None
        return found

    async def click(self, identifier: str) -> None:
        await self.tab.evaluate(f"void document.getElementById('{identifier}').click()")

    async def shows(self, identifier: str) -> bool:
        """Whether an element is there to be seen: it and all around it."""
        return bool(await self.tab.evaluate(f"document.getElementById('{identifier}').checkVisibility()"))

    async def text(self, identifier: str) -> str:
        return str(await self.tab.evaluate(f"document.getElementById('{identifier}').textContent.trim()"))

    async def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.tab.evaluate("window.kinbridge.stats()")) or {}
        return found

    async def stats_when(self, name: str, at_least: float, timeout_s: float = 30.0) -> dict[str, Any]:
        """The statistics as soon as the figure `name` is no less than `at_least`."""

        async def grown() -> dict[str, Any] | None:
            now = await self.stats()
            return now if now.get(name, 0) >= at_least else None

        found = await until(grown, f"{name} of {at_least} in the browser", timeout_s)
        assert found is not None
        return found


class ChromiumTab:
    """A page of its own Chromium, with Chromium's moving test camera."""

    def __init__(self, width: int = 412, height: int = 800, chromium: Chromium | None = None) -> None:
        self._size = {"width": width, "height": height}
        self._chromium = chromium or Chromium()
        self._page: Page | None = None

    async def __aenter__(self) -> FamilyTab:
        await self._chromium.__aenter__()
        self._page = (await self._chromium.page()).page
        await self._page.set_viewport_size({"width": self._size["width"], "height": self._size["height"]})
        return FamilyTab(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._chromium.__aexit__(kind, error, trace)

    async def open(self, url: str) -> None:
        assert self._page is not None
        await self._page.goto(url)

    async def reload(self) -> None:
        assert self._page is not None
        await self._page.reload()

    async def evaluate(self, expression: str) -> Any:
        assert self._page is not None
        return await self._page.evaluate(expression)

    async def screenshot(self, path: Path) -> None:
        assert self._page is not None
        await self._page.screenshot(path=path)


class FirefoxTab:
    """A page of its own Firefox ESR, with Firefox's fake camera."""

    def __init__(self) -> None:
        self._page = FirefoxPage()

    async def __aenter__(self) -> FamilyTab:
        await self._page.__aenter__()
        return FamilyTab(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._page.__aexit__(kind, error, trace)

    async def open(self, url: str) -> None:
        await self._page.goto(url)

    async def evaluate(self, expression: str) -> Any:
        return await self._page.evaluate(expression)

    async def screenshot(self, path: Path) -> None:
        await self._page.screenshot(path)
