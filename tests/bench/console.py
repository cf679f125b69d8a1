"""How smooth the console stays: 500 live visits in Chromium, a fact a second of each, and the time between frames.

    actor's visits -> bus -> the staff's WebSocket -> rows, patched -> requestAnimationFrame, counted by the page

Real visits say something every few seconds at most, so that this is harder than a node's busiest hour. Beside it, in
the same tab, the time between frames while nothing happens: what this machine and its browser can do at all.
"""

from __future__ import annotations

import asyncio
import hashlib
import statistics
from dataclasses import dataclass, replace
from itertools import cycle

from playwright.async_api import Page, async_playwright

from gateway.api.services import Staff
from gateway.call.facts import FactKind
from gateway.config import StaffRole
from gateway.money import Money
from tests.access.stage import house_on
from tests.support.chromium import ARGUMENTS, EXECUTABLE
from tests.support.stage import Stage

_TOKEN = "token-of-the-bench"
_OFFICER = Staff("bench", frozenset({StaffRole.OFFICER}), hashlib.sha256(_TOKEN.encode()).hexdigest())
_WARM_UP_S = 1.0
_BATCHES_PER_S = 50
_FRAMES = """seconds => new Promise(done => {
  const [times, started] = [[], performance.now()];
  let last = started;
  requestAnimationFrame(function next(now) {
    times.push(now - last);
    last = now;
    if (now - started < 1000 * seconds) requestAnimationFrame(next);
    else done(times.slice(1));
  });
})"""


@dataclass(frozen=True, slots=True)
class Frames:
    """Milliseconds between two frames of the page, in so many seconds. facts_per_s: what came over the WebSocket."""

    p50_ms: float
    p95_ms: float
    facts_per_s: float

    @classmethod
    def of(cls, times_ms: list[float], facts: int, seconds: float) -> Frames:
        p95 = statistics.quantiles(times_ms, n=20, method="inclusive")[-1]
        return cls(statistics.median(times_ms), p95, facts / seconds)


async def measure(visits: int, seconds: float) -> tuple[Frames, Frames]:
    """(busy, idle). Raises TimeoutError when the rows never come."""
    async with (
        house_on("sqlite:///:memory:") as house,
        Stage(staff=(_OFFICER,), access=house.desk, listener_limit=20 * visits) as stage,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        await _sign_in(page, stage)
        for _ in range(visits):
            stage.call()
        await page.wait_for_function("count => document.querySelectorAll('#visits li').length === count", arg=visits)
        await asyncio.sleep(_WARM_UP_S)
        idle = Frames.of(await page.evaluate(_FRAMES, seconds), 0, seconds)
        telling = asyncio.create_task(_tell(stage, visits))
        await asyncio.sleep(_WARM_UP_S)
        before = await page.evaluate("window.kinbridge.facts")
        times = await page.evaluate(_FRAMES, seconds)
        facts = await page.evaluate("window.kinbridge.facts") - before
        telling.cancel()
        await browser.close()
        return Frames.of(times, facts, seconds), idle


async def _sign_in(page: Page, stage: Stage) -> None:
    await page.goto(f"{stage.url}/console")
    await page.click("#other-way")
    await page.fill("#token", _TOKEN)
    await page.press("#token", "Enter")
    await page.wait_for_selector("#visits", state="attached")


async def _tell(stage: Stage, visits: int) -> None:
    """A fact a second of every visit, spread over it: talking and held in turn, a cent more and a second less each."""
    turns = cycle(sorted(stage.visits.plays))
    round_s = 1 / _BATCHES_PER_S
    while True:
        for _ in range(max(1, visits // _BATCHES_PER_S)):
            play = stage.visits.plays[next(turns)]
            held = play.view.state == "talking"
            play.view = replace(
                play.view, state="held" if held else "talking", held=held, media_start_at=play.view.setup_at,
                seconds_left=max(0, play.view.seconds_left - 1), charged=play.view.charged + Money.parse("0.01", "USD"),
            )  # fmt: skip
            stage.visits.publish(FactKind.HELD if held else FactKind.RESUMED, play.view)
        await asyncio.sleep(round_s)


def numbers(visits: int, seconds: float) -> dict[str, float]:
    """`web.console_frame_ms_p50` and `_p95`, and what they are to be read beside."""
    busy, idle = asyncio.run(measure(visits, seconds))
    print(
        f"console with {visits} visits, {busy.facts_per_s:.0f} facts/s: {busy.p50_ms:.1f} ms between frames, p95 "
        f"{busy.p95_ms:.1f}; while nothing happens {idle.p50_ms:.1f}, p95 {idle.p95_ms:.1f}"
    )
    return {
        "web.console_frame_ms_p50": round(busy.p50_ms, 2),
        "web.console_frame_ms_p95": round(busy.p95_ms, 2),
        "web.console_idle_frame_ms_p50": round(idle.p50_ms, 2),
        "web.console_idle_frame_ms_p95": round(idle.p95_ms, 2),
        "web.console_facts_per_s": round(busy.facts_per_s, 1),
    }


if __name__ == "__main__":
    numbers(500, 8.0)
