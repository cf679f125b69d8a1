"""The console against a whole gateway with a month behind it: every section, by role, by keyboard, and harmless."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.reports.stage import CHICAGO
from tests.support.chromium import ARGUMENTS, EXECUTABLE
from tests.support.gateway_process import STAFF_TOKEN, GatewayProcess
from tests.web.filled_house import HARM, MONTH, PASSWORD, filled_house

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

EVERYTHING = ["visits", "board", "people", "records", "accounts", "charts", "rules", "audit", "node"]
OF_OFFICERS = ["visits", "board", "records", "rules", "node"]
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    async with filled_house(tmp_path / "gateway") as gateway:
        yield gateway


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        yield made
        await made.close()


class Console:
    """A tab with the console, and what its browser complained of."""

    def __init__(self, page: Page, gateway: GatewayProcess) -> None:
        self.page, self.gateway = page, gateway
        self.complaints: list[str] = []
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    @classmethod
    async def open(cls, browser: Browser, gateway: GatewayProcess, width: int = 1440, height: int = 900) -> Console:
        context = await browser.new_context(viewport={"width": width, "height": height}, locale="en-US")
        it = cls(await context.new_page(), gateway)
        await it.page.goto(f"{gateway.base}/console")
        return it

    async def sign_in(self, name: str, password: str = PASSWORD) -> None:
        """By keyboard alone."""
        await expect(self.page.locator("#name")).to_be_focused()
        await self.page.keyboard.type(name)
        await self.page.keyboard.press("Tab")
        await self.page.keyboard.type(password)
        await self.page.keyboard.press("Enter")

    async def sections(self) -> list[str]:
        await expect(self.page.locator("#sections a").first).to_be_visible()
        links = await self.page.locator("#sections a").all()
        return [(await each.get_attribute("href") or "").removeprefix("#/") for each in links]

    async def go(self, name: str) -> None:
        """When it shows what it has."""
        await self.page.click(f"#sections a[href='#/{name}']")
        await expect(self.page.locator(f"#sections a[href='#/{name}']")).to_have_attribute("aria-current", "page")
        await expect(self.page.locator("#content > *").first).to_be_attached()
        await expect(self.page.get_by_text("Loading…")).to_have_count(0)
        await expect(self.page.locator("#trouble")).to_be_hidden()

    async def harmless(self) -> None:
        """Names are text: nothing of them became an element, nothing of them ran."""
        assert await self.page.locator("#content img, #content b").count() == 0
        assert await self.page.evaluate("window.harm") is None

    async def accessible(self, where: str) -> None:
        found = await Axe().run(self.page, options=WCAG)
        told = [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found.response["violations"]]
        assert told == [], f"{where}: {told}"

    async def fits(self) -> None:
        """Nothing makes the page itself wider than the window; tables scroll by themselves."""
        assert await self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_every_section_is_there_accessible_and_harmless(browser: Browser, gateway: GatewayProcess) -> None:
    for width in (360, 1440):
        await every_section(await Console.open(browser, gateway, width), width)


async def every_section(console: Console, width: int) -> None:
    await console.accessible("at the door")
    await console.sign_in("badge-all")
    assert await console.sections() == EVERYTHING
    for name in EVERYTHING:
        await console.go(name)
        if name == "charts":
            await console.page.fill("#field-month", MONTH)
            await expect(console.page.locator("svg.chart").first).to_be_visible()
        if name == "people":
            await console.page.click(f"button:has-text('{HARM}')")
            await expect(console.page.locator(".whole h2")).to_have_text(HARM)
            await console.page.click("button:has-text('Sam Inside')")
            await expect(console.page.locator(".whole .plain li")).to_have_count(2)
        if name == "rules":
            await explain(console.page)
        await console.harmless()
        await console.fits()
        await console.accessible(f"{name}, {width} wide")
    assert console.complaints == []


async def explain(page: Page) -> None:
    await page.fill("#field-station", "terminal-1")
    await page.fill("#field-dialled", "5552369000")
    await page.click("form.filters button")
    await expect(page.locator(".path li").last).to_be_visible()


async def test_who_has_fewer_roles_sees_fewer_sections_and_a_wrong_password_none(
    browser: Browser, gateway: GatewayProcess
) -> None:
    console = await Console.open(browser, gateway)
    await console.sign_in("badge-7", "not the password of anybody")
    await expect(console.page.locator("#refused")).to_contain_text("do not belong together")
    await console.page.fill("#name", "")
    await console.page.focus("#name")
    await console.sign_in("badge-7")
    assert await console.sections() == OF_OFFICERS
    await console.page.goto(f"{gateway.base}/console#/accounts")
    assert await console.sections() == OF_OFFICERS
    await expect(console.page.locator("#title")).to_have_text("Live visits")
    await console.go("rules")
    await expect(console.page.locator("#field-station")).to_have_count(0)
    await console.page.click(".head .language")
    await expect(console.page.locator("#title")).to_have_text("Reglas")
    assert await console.page.evaluate("document.documentElement.lang") == "es"
    await console.page.click("#sign-out")
    await expect(console.page.locator("#sign-in button[type=submit]")).to_have_text("Entrar")
    await console.page.reload()
    await expect(console.page.locator("#sign-in")).to_be_visible()


async def test_what_is_done_in_the_console_is_done(browser: Browser, gateway: GatewayProcess) -> None:
    console = await Console.open(browser, gateway)
    page = console.page
    await console.sign_in("badge-all")

    await console.go("records")
    await page.fill("#field-from", "2026-10-01")
    await page.fill("#field-until", "2026-10-02")
    await page.click("form.filters button")
    await expect(page.locator("tbody tr")).to_have_count(len(await october(gateway, 2)))
    await page.click("tbody tr button")
    await expect(page.locator("dialog[open] h2")).to_contain_text("Record cdr:")
    await page.click("dialog[open] button")

    await console.go("accounts")
    before = await console.page.locator("tbody td.number").first.inner_text()
    await page.click("tbody button")
    await page.fill("#field-amount", "12.50")
    await page.click(".whole form button")
    await expect(page.locator(".whole [role=status].soft").first).to_contain_text("$12.50")
    ledger = (await gateway.get("/api/v1/accounts/family-1/ledger?limit=1000"))["items"]
    assert (ledger[-1]["kind"], ledger[-1]["amount"]["amount"], ledger[-1]["who"]) == ("deposit", "12.50", "badge-all")
    assert before != await page.locator(".whole dd").first.inner_text()

    await console.go("people")
    await page.click("button:has-text('Sam Inside')")
    await page.select_option("select[aria-label*='Mallory']", "banned")
    await expect(page.locator(".whole [role=status]").last).to_have_text("Saved.")
    whole = await gateway.get("/api/v1/people/residents/demo-jail/4711")
    assert {each["contact"]: each["standing"] for each in whole["list"]} == {"ann": "approved", "mal": "banned"}

    day = await a_booking(gateway)
    await console.go("board")
    await page.fill("#field-day", day)
    await page.click(".board .chip[data-state=approved]")
    await page.click("dialog[open] button:has-text('Cancel the booking')")
    await expect(page.locator(".board .chip[data-state=cancelled]")).to_have_count(1)
    assert console.complaints == []


async def october(gateway: GatewayProcess, days: int) -> list[dict[str, Any]]:
    """The records that the console asks for: days of the browser's own clock, which is UTC here."""
    query = f"from=2026-10-01T00:00:00Z&until=2026-10-{days + 1:02}T00:00:00Z&limit=100"
    found: list[dict[str, Any]] = (await gateway.get(f"/api/v1/cdrs?{query}"))["items"]
    return found


async def a_booking(gateway: GatewayProcess) -> str:
    """Of tomorrow or later. Its day, as the facility's wall has it."""
    now = datetime.now(UTC)
    asked = {
        "facility": "demo-jail",
        "contact": "family-1",
        "since": now + timedelta(days=1),
        "until": now + timedelta(days=3),
    }
    slots = await gateway.get(
        f"/api/v1/bookings/slots?{urlencode({name: str(value) for name, value in asked.items()})}"
    )
    wanted = {"facility": "demo-jail", "contact": "family-1", "starts_at": slots[0]["starts_at"]}
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {STAFF_TOKEN}"}) as client:
        booked = await client.post(f"{gateway.base}/api/v1/bookings", json=wanted)
        assert booked.status_code == 201, booked.text
    return str(datetime.fromisoformat(slots[0]["starts_at"]).astimezone(CHICAGO).date())
